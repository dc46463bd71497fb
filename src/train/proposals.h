// Questions with answers that a generating model proposes, for a person to confirm. Part of train.h, which includes it.
//
// Contents: what is kept | reading | deciding | proposing
//
// They lie in archive.db (question_proposals), so that erasing a record takes them along in its own transaction. A proposal carries
// the label of the version it was drawn from. Whether it still stands is not kept but seen: by a view in which the record's version in
// force no longer says the quote it is withdrawn, and a person who does not see the newer version goes on seeing it.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "answer/answer.h"
#include "archive/archive.h"
#include "base/base.h"
#include "search/search.h"

namespace sillok::train {

enum class ProposalState : uint8_t { kPending, kConfirmed, kRejected, kWithdrawn };
std::string_view to_string(ProposalState state);
// kInvalid names the states there are.
Result<ProposalState> proposal_state(std::string_view text);

// What a confirmed pair is for. Never both: a question that was learned measures nothing.
enum class ProposalUse : uint8_t { kTeaching, kMeasuring };
std::string_view to_string(ProposalUse use);  // "teaching", "measuring"

struct Proposal {
  std::string id;                // of record and passage
  std::string question, answer;  // as decided, if they were edited
  std::string quote;             // the sentence or row that says the answer, verbatim
  std::string passage;           // the text it was drawn from
  archive::Version version;      // in which the quote stands, as the view sees it: the one in force, or else the one it was drawn from
  std::string anchor;            // where it stands in that version
  uint32_t rank = 0;             // of the record when the question is searched for by who sees what has its label
  std::string model;             // what proposed it, name and hash
  Micros made = 0;
  ProposalState state = ProposalState::kPending;
  ProposalUse use = ProposalUse::kTeaching;  // of a confirmed one
  bool edited = false;
  std::string person;            // who decided
  Micros decided = 0;
};

// ---- reading: what the view sees, oldest first
struct ProposalQuery {
  ProposalState state = ProposalState::kPending;
  std::string after;             // the id that the last page ended with
  size_t limit = 100;
};
struct ProposalPage {
  std::vector<Proposal> proposals;
  uint64_t total = 0;            // in that state, on all pages
  std::string next;              // id to go on after; "" at the end
};
// kNotFound where `after` names nothing that the view sees.
Result<ProposalPage> proposals(const archive::View& view, const ProposalQuery& query);
Result<Proposal> proposal(const archive::View& view, std::string_view id);

// ---- deciding
struct ProposalDecision {
  bool confirm = false;
  std::optional<std::string> question, answer;  // as edited; the passage must say the answer all the same
  ProposalUse use = ProposalUse::kTeaching;
  std::string person;
};
// Why a confirmation is refused, edited or not. kNearGold: to teach with, while a gold question asks nearly the same.
enum class ProposalFault : uint8_t { kNone, kBadlyPut, kGivesAway, kNotSaid, kNearGold };
struct DecidedProposal {
  Proposal proposal;
  ProposalFault refused = ProposalFault::kNone;  // then nothing was changed
  std::string why;                               // a line for a person
};
// A pending one becomes confirmed or rejected. With kMeasuring it is added to `gold` (release::gold_file), by change_gold, marked "origin":"proposed".
// kNotFound where the view sees none, kConflict where it was decided or withdrawn.
Result<DecidedProposal> decide_proposal(const archive::View& view, const fs::path& gold, std::string_view id, const ProposalDecision& decision);

// ---- proposing (propose.cc)
struct ProposeOptions {
  std::string ceiling;               // see label_ceiling
  std::vector<std::string> sources;  // only records read from these files or from below these folders; none: all
  uint32_t count = 50;               // passages asked at most
  uint64_t seed = 1;                 // of which passages
  fs::path gold;                     // gold questions that exist; need not be there
  std::function<bool()> cancelled;   // asked often; what was kept stays
};
struct ProposeStep {
  std::string name;                  // what the step leaves out
  uint64_t passages = 0;             // left after it
};
// What became of the passages that were asked; the numbers add up.
struct ProposeReport {
  std::vector<ProposeStep> steps;    // in order; the first is all passages in force under the ceiling
  uint64_t asked = 0;
  uint64_t too_long = 0;             // for the model
  uint64_t malformed = 0;            // what came back is no question with an answer
  uint64_t badly_put = 0;            // too short or long, in another language, or speaking of "this document"
  uint64_t gives_away = 0;           // the question holds the answer
  uint64_t not_supported = 0;        // the passage does not say the answer
  uint64_t near_copies = 0;          // of a gold question or an earlier proposal
  uint64_t not_found_again = 0;      // searching for the question does not lead back to the record
  uint64_t kept = 0;
  uint64_t waiting = 0;              // proposals under the ceiling that wait for a person now
  std::string ceiling, model;
  std::string stopped;               // why before its time; "" = it was not
};
// Asks the model about passages that have no question yet, and keeps what holds, one by one: killed anywhere, the next call goes on with
// the passages that this model was not asked about. The order of passages is that of the seed, spread over sources and records. Checks of a
// passage's question look only at what has no label beyond the passage's own. A model that fails in the middle ends it (`stopped`); kInvalid
// or the model's own error where it fails at once.
using ProposeProgress = std::function<void(const ProposeReport& so_far, uint64_t of)>;
Result<ProposeReport> propose(const archive::Archive& archive, const search::Searcher& searcher, answer::Generator& generator,
                              const ProposeOptions& options, const ProposeProgress& progress);

}  // namespace sillok::train

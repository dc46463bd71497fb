// Private to train: the rows of question_proposals.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "evaluate/evaluate.h"
#include "store/store.h"
#include "train/curate.h"
#include "train/proposals.h"

namespace sillok::train {

// Of record, label and passage: the same on every machine, and nothing in it tells how many others there are. With the label, for a hidden
// version that says the same as a visible one has a question of its own, and takes none from it.
std::string passage_key(std::string_view record, std::string_view label, std::string_view text);

struct KnownQuestion {
  std::string question, label;   // label: who may see it
};

class ProposalStore {
 public:
  static Result<ProposalStore> open(const fs::path& home);

  Result<std::set<std::string>> ids() const;                         // of all proposals, in any state
  Result<std::set<std::string>> asked(const std::string& model) const;  // passages
  Result<std::vector<KnownQuestion>> questions() const;              // of all proposals
  // That the model was asked about the passage, and what was kept of it; one transaction. Nothing where the version was erased meanwhile.
  Status keep(const std::string& passage, const std::string& model, int64_t version_id, const std::optional<Proposal>& kept);

  store::Database& db() { return db_; }

 private:
  explicit ProposalStore(store::Database db) : db_(std::move(db)) {}
  mutable store::Database db_;
};

// Gold questions near which nothing may be taught, as far as the view sees them and their records. A file that is not there or empty holds none.
Result<std::vector<evaluate::GoldQuestion>> gold_seen(const archive::View& view, const fs::path& gold);

// What a question must hold to, a model's or a person's: kNone, kBadlyPut or kGivesAway.
struct QuestionVerdict {
  ProposalFault fault = ProposalFault::kNone;
  std::string why;  // for a person
};
QuestionVerdict judge_question(std::string_view passage, std::string_view question, std::string_view answer);

}  // namespace sillok::train

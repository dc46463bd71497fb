// Proposed questions as somebody sees them, and a person's word on them.
#include "train/proposals.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "text/text.h"
#include "train/gold_file.h"
#include "train/proposal_store.h"

namespace sillok::train {
namespace {

using Json = nlohmann::ordered_json;

constexpr uint64_t kLongestGold = 256 << 20;  // bytes of a gold file
constexpr size_t kShortestQuestion = 6, kLongestQuestion = 200, kLongestAnswer = 300;  // code points; as asked of the model (answer/draft.cc)

// What is known of a proposal before its words are read.
struct Head {
  std::string id, record, label;
  int64_t version_id = 0;
  Micros made = 0;
  Day from = kDayMin, to = kDayMax;  // of its version, for who sees everything
};

// Whether a view sees a proposal, and whether the record still says its quote there.
class Seer {
 public:
  Seer(const archive::View& view, store::Database& db) : view_(view), db_(db) {}

  // Those in the state, oldest first.
  Result<std::vector<Head>> heads(ProposalState state) {
    std::vector<Head> all, seen;
    const auto kept = static_cast<int64_t>(state == ProposalState::kWithdrawn ? ProposalState::kPending : state);
    {
      SILLOK_ASSIGN(store::Cursor rows, db_.query("SELECT p.id, r.key, v.label, v.id, p.made, v.valid_from, v.valid_to FROM question_proposals p "
                                                  "JOIN versions v ON v.id = p.version_id JOIN records r ON r.id = v.record_id "
                                                  "WHERE p.state = ? AND v.erased = 0 ORDER BY p.made, p.id",
                                                  kept));
      for (;;) {
        SILLOK_ASSIGN(const bool more, rows.next());
        if (!more) break;
        if (!view_.sees(rows.view(2))) continue;
        all.push_back({rows.text(0), rows.text(1), rows.text(2), rows.integer(3), rows.integer(4), rows.day(5), rows.day(6)});
      }
    }
    for (Head& head : all) {
      if (state == ProposalState::kPending || state == ProposalState::kWithdrawn) {
        SILLOK_ASSIGN(const bool now, stands(head));
        if (now != (state == ProposalState::kPending)) continue;
      }
      seen.push_back(std::move(head));
    }
    return seen;
  }

  Result<Proposal> read(const std::string& id) {
    Proposal p;
    int64_t version_id = 0;
    {
      SILLOK_ASSIGN(store::Cursor row, db_.query("SELECT version_id, passage, question, answer, quote, anchor, rank, model, made, state, measuring, edited, person, decided "
                                                 "FROM question_proposals WHERE id = ?",
                                                 id));
      SILLOK_ASSIGN(const bool found, row.next());
      if (!found) return no_proposal(id);
      version_id = row.integer(0);
      p.id = id, p.passage = row.text(1), p.question = row.text(2), p.answer = row.text(3), p.quote = row.text(4), p.anchor = row.text(5);
      p.rank = static_cast<uint32_t>(row.integer(6));
      p.model = row.text(7), p.made = row.integer(8);
      p.state = row.integer(9) == 1 ? ProposalState::kConfirmed : row.integer(9) == 2 ? ProposalState::kRejected : ProposalState::kPending;
      p.use = row.integer(10) != 0 ? ProposalUse::kMeasuring : ProposalUse::kTeaching;
      p.edited = row.integer(11) != 0;
      p.person = row.text(12), p.decided = row.integer(13);
    }
    const auto drawn_from = view_.version(version_id);
    if (!drawn_from || drawn_from->erased) return no_proposal(id);
    p.version = *drawn_from;
    if (in_force(p.version.valid_from, p.version.valid_to)) return p;
    SILLOK_ASSIGN(const auto now, later(p.version.record, p.quote));
    if (now) p.version = now->first, p.anchor = now->second;
    else if (p.state == ProposalState::kPending) p.state = ProposalState::kWithdrawn;
    return p;
  }

  static tl::unexpected<Error> no_proposal(std::string_view id) {
    return fail(ErrorCode::kNotFound, "there is no proposed question '" + shorten(clean_utf8(id), 60) + "'");
  }

 private:
  static bool in_force(Day from, Day to) { return from <= today() && today() < to; }

  Result<bool> stands(const Head& head) {
    // In force for all is in force for everybody who sees it: hidden versions can only take others' place.
    if (in_force(head.from, head.to)) return true;
    const auto version = view_.version(head.version_id);
    if (version && in_force(version->valid_from, version->valid_to)) return true;
    SILLOK_ASSIGN(const std::string quote, db_.text_or("", "SELECT quote FROM question_proposals WHERE id = ?", head.id));
    SILLOK_ASSIGN(const auto now, later(head.record, quote));
    return now.has_value();
  }

  // The version in force if it says the quote, and where.
  Result<std::optional<std::pair<archive::Version, std::string>>> later(const std::string& record, const std::string& quote) {
    std::optional<std::pair<archive::Version, std::string>> none;
    const auto now = view_.version_as_of(record, today());
    if (!now || now->erased) return none;
    if (!document_ || document_id_ != now->id) {
      auto document = view_.document(now->id);
      if (!document) return none;
      document_ = std::move(*document);
      document_id_ = now->id;
    }
    for (const documents::Block& block : document_->blocks) {
      bool says = evaluate::contains_answer(block.text, {quote});
      for (size_t row = 0; row < block.table.rows.size() && !says; ++row) says = evaluate::contains_answer(documents::row_text(block.table, row), {quote});
      if (says) return std::make_optional(std::pair(*now, documents::to_string(block.anchor)));
    }
    return none;
  }

  const archive::View& view_;
  store::Database& db_;
  std::optional<documents::Document> document_;  // the last one looked into: proposals of a record come together
  int64_t document_id_ = 0;
};

// The confirmed pair as a gold question. Written over where it is there already: a kill may have come between file and row.
Status add_to_gold(const fs::path& path, const Proposal& p) {
  const Json gold = {{"id", "p" + p.id},
                     {"question", p.question},
                     {"answers", Json::array({p.answer})},
                     {"records", Json::array({p.version.record})},
                     {"anchor", p.anchor},
                     {"person", p.person},
                     {"created", format_micros(p.decided)},
                     {"origin", "proposed"},
                     {"model", p.model}};
  GoldLine added{gold.dump(-1, ' ', false, Json::error_handler_t::replace), "p" + p.id, false};
  return change_gold(path, [&](std::vector<GoldLine>& lines) -> Status {
    const auto there = std::find_if(lines.begin(), lines.end(), [&](const GoldLine& line) { return line.id == added.id; });
    if (there != lines.end()) there->text = std::move(added.text);
    else lines.push_back(std::move(added));
    return {};
  });
}

// The pair as the person left it, with the quote that says its answer. What does not hold is refused as it would be of a model.
Status take_edit(const archive::View& view, const ProposalDecision& decision, const fs::path& gold, DecidedProposal& decided) {
  Proposal& p = decided.proposal;
  const auto refuse = [&](ProposalFault fault, std::string why) {
    decided.refused = fault;
    decided.why = std::move(why);
    return Status();
  };
  const auto changed = [&](const std::optional<std::string>& given, std::string& text) {
    if (!given || collapse_spaces(clean_utf8(*given)) == text) return false;
    text = collapse_spaces(clean_utf8(*given));
    return true;
  };
  const bool question = changed(decision.question, p.question), answer = changed(decision.answer, p.answer);
  p.edited = question || answer;
  if (p.edited) {
    const QuestionVerdict verdict = judge_question(p.passage, p.question, p.answer);
    if (verdict.fault != ProposalFault::kNone) return refuse(verdict.fault, verdict.why);
    search::PassageResult passage;
    passage.title = p.version.title, passage.record = p.version.record, passage.text = p.passage;
    const auto unit = answer::saying_unit(passage, p.question, p.answer);
    if (!unit) return refuse(ProposalFault::kNotSaid, "the passage does not say this answer; use its words, or reject the question");
    if (answer) p.quote = p.passage.substr(unit->begin, unit->end - unit->begin);
  }
  if (decision.use != ProposalUse::kTeaching) return {};
  SILLOK_ASSIGN(const std::vector<evaluate::GoldQuestion> known, gold_seen(view, gold));
  for (const evaluate::GoldQuestion& q : known) {
    GoldCopies copies;
    copies.add(q.question);
    if (!copies.in(p.question)) continue;
    return refuse(ProposalFault::kNearGold, "the gold question \"" + shorten(q.question, 80) + "\" asks nearly the same, and what is measured must not be taught");
  }
  return {};
}

}  // namespace

std::string passage_key(std::string_view record, std::string_view label, std::string_view text) {
  constexpr size_t kDigits = 16;
  return sha256_hex(std::string(record) + '\0' + std::string(label) + '\0' + collapse_spaces(text)).substr(0, kDigits);
}

std::string_view to_string(ProposalState state) {
  switch (state) {
    case ProposalState::kPending: return "pending";
    case ProposalState::kConfirmed: return "confirmed";
    case ProposalState::kRejected: return "rejected";
    case ProposalState::kWithdrawn: return "withdrawn";
  }
  return "unknown";
}

Result<ProposalState> proposal_state(std::string_view text) {
  for (const ProposalState state : {ProposalState::kPending, ProposalState::kConfirmed, ProposalState::kRejected, ProposalState::kWithdrawn}) {
    if (to_string(state) == text) return state;
  }
  return fail(ErrorCode::kInvalid, "a proposed question is pending, confirmed, rejected or withdrawn, not '" + shorten(clean_utf8(text), 40) + "'");
}

std::string_view to_string(ProposalUse use) { return use == ProposalUse::kTeaching ? "teaching" : "measuring"; }

QuestionVerdict judge_question(std::string_view passage, std::string_view question, std::string_view answer) {
  const auto badly_put = [](std::string why) { return QuestionVerdict{ProposalFault::kBadlyPut, std::move(why)}; };
  const size_t length = to_utf32(question).size(), answer_length = to_utf32(answer).size();
  if (length < kShortestQuestion || length > kLongestQuestion) return badly_put("a question has 6 to 200 characters");
  if (answer_length == 0 || answer_length > kLongestAnswer) return badly_put("an answer has 1 to 300 characters");
  const answer::Tongue tongue = answer::main_tongue(passage);
  const bool same_script = tongue == answer::Tongue::kKorean || judge(passage).script == judge(question).script;
  if (answer::main_tongue(question) != tongue || !same_script) return badly_put("the question is in another language than the passage");
  const std::string asked = text::fold(collapse_spaces(question));
  // Who asks has no document before him.
  for (const std::string_view words : {"이 문서", "이 글", "위 글", "윗글", "위 문서", "인용문", "이 지문", "위 지문", "본문", "this document", "this passage", "the passage",
                                       "this text", "the text above", "the quotation", "this record"}) {
    if (asked.find(words) != std::string::npos) return badly_put("the question speaks of \"" + std::string(words) + "\", which nobody has before him who asks it");
  }
  std::string_view said = asked;
  while (!said.empty() && (said.back() == '?' || said.back() == '.' || said.back() == ' ')) said.remove_suffix(1);
  if (evaluate::contains_answer(passage, {std::string(said)})) return badly_put("the question is copied from the passage");
  if (evaluate::contains_answer(question, {std::string(answer)})) return {ProposalFault::kGivesAway, "the question holds its answer"};
  return {};
}

Result<ProposalStore> ProposalStore::open(const fs::path& home) {
  SILLOK_ASSIGN(store::Database db, store::Database::open(home / "archive.db", store::Database::Mode::kExisting));
  return ProposalStore(std::move(db));
}

Result<std::set<std::string>> ProposalStore::ids() const {
  std::set<std::string> out;
  SILLOK_ASSIGN(store::Cursor rows, db_.query("SELECT id FROM question_proposals"));
  for (;;) {
    SILLOK_ASSIGN(const bool more, rows.next());
    if (!more) return out;
    out.insert(rows.text(0));
  }
}

Result<std::set<std::string>> ProposalStore::asked(const std::string& model) const {
  std::set<std::string> out;
  SILLOK_ASSIGN(store::Cursor rows, db_.query("SELECT passage FROM asked_passages WHERE model = ?", model));
  for (;;) {
    SILLOK_ASSIGN(const bool more, rows.next());
    if (!more) return out;
    out.insert(rows.text(0));
  }
}

Result<std::vector<KnownQuestion>> ProposalStore::questions() const {
  std::vector<KnownQuestion> out;
  SILLOK_ASSIGN(store::Cursor rows, db_.query("SELECT p.question, v.label FROM question_proposals p JOIN versions v ON v.id = p.version_id"));
  for (;;) {
    SILLOK_ASSIGN(const bool more, rows.next());
    if (!more) return out;
    out.push_back({rows.text(0), rows.text(1)});
  }
}

Status ProposalStore::keep(const std::string& passage, const std::string& model, int64_t version_id, const std::optional<Proposal>& kept) {
  store::Transaction transaction(db_);
  SILLOK_TRY(transaction.begin());
  SILLOK_TRY(db_.run("INSERT OR IGNORE INTO asked_passages(passage, model, version_id) SELECT ?1, ?2, id FROM versions WHERE id = ?3 AND erased = 0", passage, model,
                     version_id));
  if (kept) {
    const Proposal& p = *kept;
    SILLOK_TRY(db_.run("INSERT OR IGNORE INTO question_proposals(id, version_id, passage, question, answer, quote, anchor, rank, model, made, state, measuring, edited, "
                       "person, decided) SELECT ?1, id, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 0, 0, 0, '', 0 FROM versions WHERE id = ?2 AND erased = 0",
                       passage, version_id, p.passage, p.question, p.answer, p.quote, p.anchor, p.rank, model, p.made));
  }
  return transaction.commit();
}

Result<std::vector<evaluate::GoldQuestion>> gold_seen(const archive::View& view, const fs::path& gold) {
  std::vector<evaluate::GoldQuestion> seen;
  std::error_code error;
  if (gold.empty() || !fs::exists(gold, error)) return seen;
  SILLOK_ASSIGN(const std::string text, read_file(gold, kLongestGold));
  if (trim(text).empty()) return seen;
  SILLOK_ASSIGN(seen, evaluate::load_gold(gold));
  std::erase_if(seen, [&](const evaluate::GoldQuestion& q) {
    return (!q.label.empty() && !view.sees(q.label)) || (!q.records.empty() && view.versions(q.records.front()).empty());
  });
  return seen;
}

Result<ProposalPage> proposals(const archive::View& view, const ProposalQuery& query) {
  SILLOK_ASSIGN(ProposalStore store, ProposalStore::open(view.archive().home()));
  Seer seer(view, store.db());
  SILLOK_ASSIGN(const std::vector<Head> heads, seer.heads(query.state));
  ProposalPage page;
  page.total = heads.size();
  auto at = heads.begin();
  if (!query.after.empty()) {
    // The one named may have been decided since: its place is that of its time and id.
    SILLOK_ASSIGN(const Proposal last, proposal(view, query.after));
    at = std::find_if(heads.begin(), heads.end(), [&](const Head& h) { return std::pair(h.made, h.id) > std::pair(last.made, last.id); });
  }
  for (; at != heads.end() && page.proposals.size() < query.limit; ++at) {
    SILLOK_ASSIGN(Proposal p, seer.read(at->id));
    page.proposals.push_back(std::move(p));
  }
  if (at != heads.end() && !page.proposals.empty()) page.next = page.proposals.back().id;
  return page;
}

Result<Proposal> proposal(const archive::View& view, std::string_view id) {
  SILLOK_ASSIGN(ProposalStore store, ProposalStore::open(view.archive().home()));
  return Seer(view, store.db()).read(std::string(id));
}

Result<DecidedProposal> decide_proposal(const archive::View& view, const fs::path& gold, std::string_view id, const ProposalDecision& decision) {
  SILLOK_ASSIGN(ProposalStore store, ProposalStore::open(view.archive().home()));
  DecidedProposal done;
  Proposal& p = done.proposal;
  SILLOK_ASSIGN(p, Seer(view, store.db()).read(std::string(id)));
  if (p.state == ProposalState::kWithdrawn) {
    return fail(ErrorCode::kConflict, "'" + p.version.record + "' no longer says what the question '" + p.id + "' was drawn from; it is withdrawn");
  }
  const auto decided_before = [&] { return fail(ErrorCode::kConflict, "the proposed question '" + p.id + "' was decided already"); };
  if (p.state != ProposalState::kPending) return decided_before();
  if (decision.confirm) SILLOK_TRY(take_edit(view, decision, gold, done));
  if (done.refused != ProposalFault::kNone) return done;
  p.state = decision.confirm ? ProposalState::kConfirmed : ProposalState::kRejected;
  p.use = decision.use;
  p.person = decision.person;
  p.decided = now_micros();
  const bool measuring = decision.confirm && p.use == ProposalUse::kMeasuring;
  store::Transaction transaction(store.db());
  SILLOK_TRY(transaction.begin());
  SILLOK_TRY(store.db().run("UPDATE question_proposals SET question = ?2, answer = ?3, quote = ?4, state = ?5, measuring = ?6, edited = ?7, person = ?8, decided = ?9 "
                            "WHERE id = ?1 AND state = 0",
                            p.id, p.question, p.answer, p.quote, static_cast<int64_t>(p.state), measuring, p.edited, p.person, p.decided));
  if (store.db().rows_changed() == 0) return decided_before();
  // The file before the row: a kill in between leaves a question that is measured and waits, and near-copies of measured ones are not taught.
  if (measuring) SILLOK_TRY(add_to_gold(gold, p));
  SILLOK_TRY(transaction.commit());
  return done;
}

}  // namespace sillok::train

// Proposing questions: passages that have none yet, spread over sources and records -> one question each from the model -> what does
// not hold is left out and counted -> the rest is kept for a person.
#include <algorithm>
#include <map>
#include <tuple>
#include <unordered_map>

#include "train/ceiling.h"
#include "train/data_rows.h"
#include "train/proposal_store.h"

namespace sillok::train {
namespace {

constexpr size_t kFoundAgain = 5;      // the record must be among the first so many: an answer is written from the first six
constexpr uint64_t kFirstTries = 20;   // a model of whose first answers none is a question is not asked on

// The file itself, or a file below the folder.
bool is_at(const std::string& file, const std::string& path) { return file == path || (file.starts_with(path) && file[path.size()] == '/'); }

class Proposer {
 public:
  Proposer(const archive::Archive& archive, const search::Searcher& searcher, answer::Generator& generator, const ProposeOptions& options,
           govern::Clearance ceiling, ProposalStore store)
      : archive_(archive), searcher_(searcher), generator_(generator), options_(options), ceiling_(std::move(ceiling)), store_(std::move(store)),
        answerer_(archive, searcher, 0) {}

  Result<ProposeReport> run(const ProposeProgress& progress) {
    report_.ceiling = archive_.settings().lattice.text(ceiling_);
    report_.model = generator_.name();
    SILLOK_TRY(gather());
    spread();
    for (const Row& row : rows_) {
      if (report_.asked >= options_.count) break;
      if (options_.cancelled && options_.cancelled()) report_.stopped = "stopped";
      if (!report_.stopped.empty()) break;
      if (progress) progress(report_, std::min<uint64_t>(options_.count, rows_.size()));
      SILLOK_TRY(ask(row));
      if (report_.asked == kFirstTries && report_.malformed == kFirstTries) {
        report_.stopped = "none of its first " + std::to_string(kFirstTries) + " replies is a question with an answer; choose a model that follows instructions";
      }
    }
    SILLOK_ASSIGN(const ProposalPage waiting, proposals(archive::View(archive_, ceiling_), {ProposalState::kPending, "", 0}));
    report_.waiting = waiting.total;
    return std::move(report_);
  }

 private:
  // ---- which passages

  void note(std::string name) { report_.steps.push_back({std::move(name), rows_.size()}); }

  template <typename Unwanted>
  void leave_out(std::string name, Unwanted&& unwanted) {
    std::erase_if(rows_, unwanted);
    note(std::move(name));
  }

  Status gather() {
    SILLOK_TRY(searcher_.passages(ceiling_, [&](const search::LearningPassage& p) {
      rows_.push_back({std::string(p.text), std::string(p.title), std::string(p.context), std::string(p.record), std::string(p.label), p.version_id, p.ordinal});
    }));
    note("passages in force under the ceiling");
    if (rows_.empty()) return fail(ErrorCode::kNotFound, "no record in force has a label up to " + report_.ceiling + ": there is nothing to ask about");
    SILLOK_TRY(keep_sources());
    const DataOptions usual;  // a dataset's own thresholds: what is not fit to learn from is not fit to ask about
    leave_out("too short, hardly any letters, or repeated lines", [&](const Row& row) {
      const TextQuality quality = judge(row.text);
      return quality.characters < usual.min_characters || quality.letters < usual.min_letters || quality.repeated_lines > usual.max_repeated;
    });
    leave_out("with personal data", [](const Row& row) {
      const std::string all = row.title + "\n" + row.context + "\n" + row.text;
      return govern::mask_personal(all) != all;
    });
    // By label: that a hidden record says the same must not take a question away from one that is not hidden.
    std::set<std::string> texts;
    leave_out("copies of another passage", [&](const Row& row) { return !texts.insert(row.label + '\0' + collapse_spaces(row.text)).second; });
    return leave_out_asked();
  }

  Status leave_out_asked() {
    // By label, as with near-copies: a gold question that the passage's reader may not see takes nothing away from him.
    std::map<std::string, std::unordered_map<std::string, std::vector<evaluate::GoldQuestion>>> gold;  // label, record
    for (const Row& row : rows_) {
      const auto [by_record, added] = gold.try_emplace(row.label);
      if (!added) continue;
      SILLOK_ASSIGN(govern::Clearance own, archive_.settings().lattice.parse(row.label));
      SILLOK_ASSIGN(const std::vector<evaluate::GoldQuestion> seen, gold_seen(archive::View(archive_, std::move(own)), options_.gold));
      for (const evaluate::GoldQuestion& q : seen) {
        for (const std::string& record : q.records) by_record->second[record].push_back(q);
      }
    }
    leave_out("with a gold question", [&](const Row& row) {
      const auto& by_record = gold.at(row.label);
      const auto found = by_record.find(row.record);
      return found != by_record.end() && std::any_of(found->second.begin(), found->second.end(),
                                                     [&](const auto& q) { return !q.answers.empty() && evaluate::contains_answer(row.text, q.answers); });
    });
    SILLOK_ASSIGN(std::set<std::string> done, store_.ids());
    SILLOK_ASSIGN(const std::set<std::string> asked, store_.asked(report_.model));
    done.insert(asked.begin(), asked.end());
    leave_out("with a proposed question, or asked of this model before", [&](const Row& row) { return done.contains(passage_key(row.record, row.label, row.text)); });
    return {};
  }

  // Where a record was read from; of a member, its container.
  const std::string& file_of(int64_t version_id) {
    const auto [found, added] = files_.try_emplace(version_id);
    if (added) {
      if (const auto version = archive_.version(version_id)) found->second = version->source_path.substr(0, version->source_path.find("::"));
    }
    return found->second;
  }

  Status keep_sources() {
    if (options_.sources.empty()) return {};
    std::vector<std::string> wanted;
    for (const std::string& source : options_.sources) {
      std::error_code error;
      std::string path = fs::weakly_canonical(source, error).string();
      while (path.size() > 1 && path.ends_with('/')) path.pop_back();
      if (std::none_of(rows_.begin(), rows_.end(), [&](const Row& row) { return is_at(file_of(row.version), path); })) {
        return fail(ErrorCode::kNotFound, "nothing in force under the ceiling was read from " + shorten(clean_utf8(source), 200) + "; `sillok records` shows what there is");
      }
      wanted.push_back(std::move(path));
    }
    leave_out("of other sources", [&](const Row& row) {
      const std::string& file = file_of(row.version);
      return std::none_of(wanted.begin(), wanted.end(), [&](const std::string& path) { return is_at(file, path); });
    });
    return {};
  }

  // A passage of each source in turn, within a source of each record in turn; which first is drawn from the seed.
  void spread() {
    const auto drawn = [&](std::string_view what) { return hash64(what, options_.seed); };
    struct Place {
      uint64_t turn = 0, source = 0, own = 0;  // turn: how many of its source come before
      size_t row = 0;
    };
    std::vector<Place> places;
    std::map<std::string, std::map<std::string, std::vector<size_t>>> sources;  // file's folder, record
    for (size_t i = 0; i < rows_.size(); ++i) {
      const std::string& file = file_of(rows_[i].version);
      sources[fs::path(file).parent_path().string()][rows_[i].record].push_back(i);
    }
    for (auto& [folder, records] : sources) {
      std::vector<Place> own;
      for (auto& [record, rows] : records) {
        std::sort(rows.begin(), rows.end(), [&](size_t a, size_t b) {
          const uint64_t x = drawn(record + std::to_string(rows_[a].ordinal)), y = drawn(record + std::to_string(rows_[b].ordinal));
          return x != y ? x < y : rows_[a].ordinal < rows_[b].ordinal;
        });
        for (size_t i = 0; i < rows.size(); ++i) own.push_back({i, 0, drawn(record), rows[i]});
      }
      std::sort(own.begin(), own.end(), [](const Place& a, const Place& b) { return std::tuple(a.turn, a.own, a.row) < std::tuple(b.turn, b.own, b.row); });
      for (size_t i = 0; i < own.size(); ++i) places.push_back({i, drawn(folder), 0, own[i].row});
    }
    std::sort(places.begin(), places.end(), [](const Place& a, const Place& b) { return std::tuple(a.turn, a.source, a.row) < std::tuple(b.turn, b.source, b.row); });
    std::vector<Row> ordered;
    ordered.reserve(rows_.size());
    for (const Place& place : places) ordered.push_back(std::move(rows_[place.row]));
    rows_ = std::move(ordered);
  }

  // ---- one passage

  Status ask(const Row& row) {
    const auto around = searcher_.around(row.version, row.ordinal, 0, ceiling_);
    if (around.empty()) return {};  // erased since
    search::PassageResult passage = around.front();
    auto draft = answer::draft_question(generator_, passage, options_.cancelled);
    if (!draft) {
      if (report_.asked == 0) return fail(draft.error());
      report_.stopped = draft.error().message;
      return {};
    }
    if (draft->state == answer::Draft::State::kCancelled) return {};
    if (draft->state == answer::Draft::State::kTooLong) {
      ++report_.too_long;  // not remembered: the model may be given more context
      return {};
    }
    ++report_.asked;
    std::optional<Proposal> kept;
    if (draft->state == answer::Draft::State::kMalformed) {
      ++report_.malformed;
    } else {
      SILLOK_ASSIGN(kept, examine(row, passage, *draft));
    }
    return store_.keep(passage_key(row.record, row.label, row.text), report_.model, row.version, kept);
  }

  // What holds, as a proposal; else it is counted why not.
  Result<std::optional<Proposal>> examine(const Row& row, search::PassageResult& passage, const answer::Draft& draft) {
    std::optional<Proposal> none;
    const QuestionVerdict verdict = judge_question(passage.text, draft.question, draft.answer);
    if (verdict.fault != ProposalFault::kNone) {
      ++(verdict.fault == ProposalFault::kBadlyPut ? report_.badly_put : report_.gives_away);
      return none;
    }
    const auto unit = answer::saying_unit(passage, draft.question, draft.answer);
    if (!unit) {
      ++report_.not_supported;
      return none;
    }
    SILLOK_ASSIGN(const GoldCopies* known, known_to(row.label));
    if (known->in(draft.question)) {
      ++report_.near_copies;
      return none;
    }
    SILLOK_ASSIGN(const uint32_t rank, found_again(row, draft.question));
    if (rank == 0) {
      ++report_.not_found_again;
      return none;
    }
    Proposal proposal;
    proposal.passage = passage.text;
    proposal.question = draft.question;
    proposal.answer = draft.answer;
    proposal.quote = passage.text.substr(unit->begin, unit->end - unit->begin);
    passage.units.resize(1);
    passage.units.front().begin = unit->begin, passage.units.front().end = unit->end;
    const auto quote = answerer_.quote(passage, 0, 0);
    if (!quote) return none;  // erased since; keep() finds no version either
    proposal.anchor = quote->anchor;
    proposal.rank = rank;
    proposal.made = now_micros();
    ++report_.kept;
    const govern::Lattice& lattice = archive_.settings().lattice;
    for (auto& [label, questions] : known_) {
      const auto seen = lattice.parse(label);
      if (seen && lattice.dominates(*seen, row.label)) questions.add(draft.question);
    }
    return proposal;
  }

  // The record's place when the question is searched for by who sees what has its label and no more; 0: not among the first.
  Result<uint32_t> found_again(const Row& row, const std::string& question) const {
    SILLOK_ASSIGN(govern::Clearance own, archive_.settings().lattice.parse(row.label));
    search::Request request;
    request.query = question;
    request.limit = kFoundAgain;
    request.clearance = std::move(own);
    const auto found = searcher_.search(request);
    if (!found) return 0U;  // a question that reads as a filter that makes no sense
    for (size_t i = 0; i < found->results.size(); ++i) {
      if (found->results[i].record == row.record) return static_cast<uint32_t>(i + 1);
    }
    return 0U;
  }

  // What may not be asked about twice, for passages of one label: what is seen with just that label, so that no proposal tells, by being
  // left out, of a question about a hidden record.
  Result<const GoldCopies*> known_to(const std::string& label) {
    const auto [found, added] = known_.try_emplace(label);
    if (added) {
      const govern::Lattice& lattice = archive_.settings().lattice;
      SILLOK_ASSIGN(govern::Clearance own, lattice.parse(label));
      SILLOK_ASSIGN(const std::vector<KnownQuestion> proposed, store_.questions());
      for (const KnownQuestion& each : proposed) {
        if (lattice.dominates(own, each.label)) found->second.add(each.question);
      }
      SILLOK_ASSIGN(const std::vector<evaluate::GoldQuestion> gold, gold_seen(archive::View(archive_, std::move(own)), options_.gold));
      for (const evaluate::GoldQuestion& each : gold) found->second.add(each.question);
    }
    return &found->second;
  }

  const archive::Archive& archive_;
  const search::Searcher& searcher_;
  answer::Generator& generator_;
  const ProposeOptions& options_;
  govern::Clearance ceiling_;
  ProposalStore store_;
  answer::Answerer answerer_;
  std::vector<Row> rows_;
  std::unordered_map<int64_t, std::string> files_;
  std::map<std::string, GoldCopies> known_;  // by label
  ProposeReport report_;
};

}  // namespace

Result<ProposeReport> propose(const archive::Archive& archive, const search::Searcher& searcher, answer::Generator& generator,
                              const ProposeOptions& options, const ProposeProgress& progress) {
  SILLOK_ASSIGN(govern::Clearance ceiling, label_ceiling(archive, options.ceiling));
  SILLOK_ASSIGN(ProposalStore store, ProposalStore::open(archive.home()));
  return Proposer(archive, searcher, generator, options, std::move(ceiling), std::move(store)).run(progress);
}

}  // namespace sillok::train

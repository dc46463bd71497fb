// Lessons of how to answer: a question, passages, and their sentences that answer it, cited, or that none of them does.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "answer/answer.h"
#include "evaluate/evaluate.h"
#include "text/text.h"
#include "train/ceiling.h"
#include "train/curate.h"
#include "train/data_rows.h"
#include "train/proposal_store.h"

namespace sillok::train {
namespace {

using Json = nlohmann::ordered_json;
using Passage = search::PassageResult;

constexpr size_t kShown = 3;               // passages of a lesson
constexpr uint64_t kUnansweredOf = 10;     // one heading in so many is asked for where it is not
constexpr size_t kAnswerBytes = 400;       // of the sentences of an answer from a heading
constexpr size_t kMostSentence = 1200;     // bytes; longer ones are tables without marks

bool korean(std::string_view text) { return answer::tongue_of(text) == answer::Tongue::kKorean; }

std::vector<std::string> sentences_of(std::string_view text) {
  std::vector<std::string> all;
  for (const text::Span span : text::sentences(text)) {
    std::string sentence = collapse_spaces(text.substr(span.begin, span.end - span.begin));
    if (!sentence.empty() && sentence.size() <= kMostSentence) all.push_back(std::move(sentence));
  }
  return all;
}

// The first sentence that holds the words, white space and case aside; "" if none does.
std::string sentence_with(std::string_view text, std::string_view words) {
  const std::string wanted = text::fold(collapse_spaces(words));
  if (wanted.empty()) return {};
  for (std::string& sentence : sentences_of(text)) {
    if (text::fold(sentence).find(wanted) != std::string::npos) return std::move(sentence);
  }
  return {};
}

class Maker {
 public:
  Maker(const archive::Archive& archive, const search::Searcher& searcher, const DataOptions& options, const govern::Clearance& ceiling,
        const std::vector<Row>& rows)
      : archive_(archive), searcher_(searcher), options_(options), ceiling_(ceiling), rows_(rows) {
    for (size_t i = 0; i < rows.size(); ++i) by_record_[rows[i].record].push_back(i);
  }

  Result<Lessons> run() {
    for (const char* source : {"gold", "confirmed", "heading", "link", "no answer"}) lessons_.counts[source] = 0;
    if (rows_.empty()) return std::move(lessons_);
    SILLOK_TRY(from_gold());
    SILLOK_TRY(from_confirmed());
    from_headings();
    from_links();
    return std::move(lessons_);
  }

 private:
  Passage passage_of(const Row& row) const {
    Passage passage;
    passage.version_id = row.version;
    passage.record = row.record, passage.title = row.title, passage.context = row.context, passage.label = row.label, passage.text = row.text;
    passage.ordinal = row.ordinal;
    if (const auto version = archive_.version(row.version)) {
      passage.version = version->number, passage.valid_from = version->valid_from, passage.valid_to = version->valid_to;
    }
    return passage;
  }

  // Other records' passages, drawn from the seed and the row.
  std::vector<Passage> others(const Row& about, size_t count) const {
    std::vector<Passage> chosen;
    for (uint64_t draw = 0; draw < 20 * count && chosen.size() < count; ++draw) {
      const Row& row = rows_[hash64(key_of(about) + std::to_string(draw), options_.seed) % rows_.size()];
      const bool known = std::any_of(chosen.begin(), chosen.end(), [&](const Passage& p) { return p.record == row.record; });
      if (row.record != about.record && !known) chosen.push_back(passage_of(row));
    }
    return chosen;
  }

  static std::string key_of(const Row& row) { return row.record + '\0' + std::to_string(row.version) + '\0' + std::to_string(row.ordinal); }

  void add(std::string_view source, std::string_view record, const std::string& question, const std::vector<Passage>& shown, const std::string& answer) {
    const answer::WritingPrompt prompt = answer::writing_prompt(question, shown);
    std::set<std::string> labels;
    Json versions = Json::array();
    for (const Passage& passage : shown) {
      labels.insert(passage.label);
      lessons_.versions.insert(passage.version_id);
      versions.push_back(passage.version_id);
    }
    lessons_.labels.insert(labels.begin(), labels.end());
    const govern::Lattice& lattice = archive_.settings().lattice;
    const Json messages = {{{"role", "system"}, {"content", prompt.system}}, {{"role", "user"}, {"content", prompt.user}}, {{"role", "assistant"}, {"content", answer}}};
    const Json line{{"messages", messages}, {"source", source}, {"record", record}, {"versions", versions}, {"label", joined(lattice, in_order(lattice, labels))}};
    std::string json = line.dump(-1, ' ', false, Json::error_handler_t::replace);
    if (!seen_.insert(hash64(prompt.user)).second) return;
    ++lessons_.counts[std::string(source)];
    lessons_.lines.push_back({std::string(record), std::string(source) + '\0' + prompt.user, std::move(json)});
  }

  // The right passage among others, at a place drawn for it; the answer is told that place.
  void add_among(std::string_view source, const Row& row, const std::string& question, const std::vector<std::string>& sentences) {
    std::vector<Passage> shown = others(row, kShown - 1);
    const size_t place = hash64(question, options_.seed) % (shown.size() + 1);
    shown.insert(shown.begin() + static_cast<std::ptrdiff_t>(place), passage_of(row));
    std::string answer;
    for (const std::string& sentence : sentences) answer += (answer.empty() ? "" : " ") + sentence + " [" + std::to_string(place + 1) + "]";
    add(source, row.record, question, shown, answer);
  }

  Status from_gold() {
    if (options_.taught.empty()) return {};
    SILLOK_ASSIGN(const std::vector<evaluate::GoldQuestion> taught, evaluate::load_gold(options_.taught));
    GoldCopies kept_out;
    if (!options_.gold.empty()) {
      SILLOK_ASSIGN(const std::vector<evaluate::GoldQuestion> gold, evaluate::load_gold(options_.gold));
      for (const evaluate::GoldQuestion& q : gold) kept_out.add(q.question);
    }
    for (const evaluate::GoldQuestion& q : taught) {
      if (kept_out.in(q.question)) continue;
      SILLOK_ASSIGN(std::vector<Passage> found, found_for(q.question));
      if (!q.answerable) {
        if (found.size() > kShown) found.resize(kShown);
        if (!found.empty()) add("no answer", found[0].record, q.question, found, std::string(answer::kNoAnswer));
        continue;
      }
      teach(q, found);
    }
    return {};
  }

  // What curation left out, evidence of gold questions among it, is not shown.
  Result<std::vector<Passage>> found_for(const std::string& question) const {
    search::Request request;
    request.query = question;
    request.clearance = ceiling_;
    auto found = searcher_.search(request);
    if (!found) return fail(found.error().in("the question \"" + shorten(question, 40) + "\""));
    search::mask_personal(*found);
    std::erase_if(found->results, [&](const Passage& p) { return !by_record_.contains(p.record); });
    return std::move(found->results);
  }

  // Pairs that a model proposed and a person confirmed to teach with. What is measured stays out whatever the options say: the home's
  // own gold questions too, for one may have been added after the pair was confirmed.
  Status from_confirmed() {
    const archive::View view(archive_, ceiling_);
    GoldCopies kept_out;
    for (const fs::path& gold : {options_.gold, options_.measured}) {
      SILLOK_ASSIGN(const std::vector<evaluate::GoldQuestion> measured, gold_seen(archive::View(archive_, std::nullopt), gold));
      for (const evaluate::GoldQuestion& q : measured) kept_out.add(q.question);
    }
    SILLOK_ASSIGN(const ProposalPage confirmed, proposals(view, {ProposalState::kConfirmed, "", SIZE_MAX}));
    for (const Proposal& p : confirmed.proposals) {
      if (p.use != ProposalUse::kTeaching || kept_out.in(p.question)) continue;
      // The passage as it is in force now, in which the quote may no longer stand.
      const auto places = by_record_.find(p.version.record);
      if (places == by_record_.end()) continue;
      const auto says = std::find_if(places->second.begin(), places->second.end(), [&](size_t i) { return evaluate::contains_answer(rows_[i].text, {p.quote}); });
      if (says == places->second.end()) continue;
      const Row& row = rows_[*says];
      // Word for word the whole sentence is taught, as from gold questions; what is put in other words, as the person confirmed it.
      const std::string said = evaluate::contains_answer(p.quote, {p.answer}) ? collapse_spaces(p.quote) : p.answer;
      SILLOK_ASSIGN(std::vector<Passage> shown, found_for(p.question));
      auto right = std::find_if(shown.begin(), shown.end(), [&](const Passage& f) { return f.version_id == row.version && f.ordinal == row.ordinal; });
      if (right == shown.end()) {
        add_among("confirmed", row, p.question, {said});
        continue;
      }
      const auto place = static_cast<size_t>(right - shown.begin());
      if (place >= kShown) std::swap(shown[kShown - 1], shown[place]);
      if (shown.size() > kShown) shown.resize(kShown);
      add("confirmed", row.record, p.question, shown, said + " [" + std::to_string(std::min(place, kShown - 1) + 1) + "]");
    }
    return {};
  }

  // The first passage of the question's records that holds an accepted answer, and what was found before or beside it.
  void teach(const evaluate::GoldQuestion& q, const std::vector<Passage>& found) {
    for (size_t i = 0; i < found.size(); ++i) {
      const bool right = q.records.empty() || std::find(q.records.begin(), q.records.end(), found[i].record) != q.records.end();
      for (const std::string& accepted : q.answers) {
        const std::string sentence = right ? sentence_with(found[i].text, accepted) : "";
        if (sentence.empty()) continue;
        std::vector<Passage> shown(found.begin(), found.begin() + static_cast<std::ptrdiff_t>(std::min(kShown, found.size())));
        if (i >= shown.size()) shown.back() = found[i];
        add("gold", found[i].record, q.question, shown, sentence + " [" + std::to_string(std::min(i + 1, shown.size())) + "]");
        return;
      }
    }
  }

  void from_headings() {
    std::set<std::string> asked;
    for (const Row& row : rows_) {
      const std::string heading = collapse_spaces(row.context);
      if (row.context.empty() || row.context == row.title || !asked.insert(row.record + '\0' + heading).second) continue;
      std::vector<std::string> answer;
      size_t bytes = 0;
      for (std::string& sentence : sentences_of(row.text)) {
        bytes += sentence.size();
        if (!answer.empty() && bytes > kAnswerBytes) break;
        answer.push_back(std::move(sentence));
      }
      if (answer.empty()) continue;
      const std::string question = korean(heading) ? "‘" + heading + "’에는 무엇이라고 되어 있습니까?" : "What does “" + heading + "” say?";
      add_among("heading", row, question, answer);
      if (hash64(question, options_.seed + 2) % kUnansweredOf != 0) continue;
      if (const std::vector<Passage> shown = others(row, kShown); !shown.empty()) add("no answer", row.record, question, shown, std::string(answer::kNoAnswer));
    }
  }

  void from_links() {
    for (const auto& [record, places] : by_record_) {
      std::set<std::string> asked;
      for (const archive::Link& link : archive_.links(record, today())) {
        const auto target = by_record_.find(link.to_record);
        if (link.kind != archive::LinkKind::kReference || link.from_record != record || link.to_record == record || target == by_record_.end()) continue;
        const std::string from = collapse_spaces(rows_[places.front()].title), to = collapse_spaces(rows_[target->second.front()].title);
        if (from.empty() || to.empty() || !asked.insert(link.to_record).second) continue;
        for (const size_t i : places) {
          const std::string sentence = sentence_with(rows_[i].text, link.words);
          if (sentence.empty()) continue;
          add_among("link", rows_[i],
                    korean(from) ? "‘" + from + "’은(는) ‘" + to + "’을(를) 어떤 내용에서 인용합니까?" : "What does “" + from + "” say with reference to “" + to + "”?", {sentence});
          break;
        }
      }
    }
  }

  const archive::Archive& archive_;
  const search::Searcher& searcher_;
  const DataOptions& options_;
  const govern::Clearance& ceiling_;
  const std::vector<Row>& rows_;
  std::map<std::string, std::vector<size_t>> by_record_;
  std::set<uint64_t> seen_;
  Lessons lessons_;
};

}  // namespace

Result<Lessons> make_lessons(const archive::Archive& archive, const search::Searcher& searcher, const DataOptions& options,
                             const govern::Clearance& ceiling, const std::vector<Row>& rows) {
  return Maker(archive, searcher, options, ceiling, rows).run();
}

}  // namespace sillok::train

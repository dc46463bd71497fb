#include <algorithm>
#include <chrono>

#include "evaluate/metrics.h"
#include "evaluate/statistics.h"
#include "text/text.h"

namespace sillok::evaluate {
namespace {

double ms_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

std::vector<size_t> ranks_of(const std::vector<std::string>& records, const search::Response& response) {
  std::vector<size_t> ranks(records.size(), 0);
  for (size_t r = 0; r < records.size(); ++r) {
    for (size_t i = 0; i < response.results.size() && ranks[r] == 0; ++i) {
      if (response.results[i].record == records[r]) ranks[r] = i + 1;
    }
  }
  return ranks;
}

std::string language_of(std::string_view question) {
  const std::pair<std::string_view, std::pair<char32_t, char32_t>> alphabets[] = {
      {"greek", {0x370, 0x3FF}}, {"cyrillic", {0x400, 0x52F}}, {"hebrew", {0x590, 0x5FF}}, {"arabic", {0x600, 0x6FF}}, {"devanagari", {0x900, 0x97F}}, {"thai", {0xE00, 0xE7F}}};
  std::map<std::string, size_t> letters;
  for (size_t i = 0; i < question.size();) {
    const char32_t c = decode_utf8(question, i);
    switch (text::script_of(c)) {
      case text::Script::kHangul: ++letters["ko"]; break;
      case text::Script::kHan: ++letters[c >= 0x3040 && c <= 0x30FF ? "ja" : "zh"]; break;
      case text::Script::kAlphabet:
      case text::Script::kBare: {
        const auto found = std::find_if(std::begin(alphabets), std::end(alphabets), [c](const auto& a) { return c >= a.second.first && c <= a.second.second; });
        ++letters[found != std::end(alphabets) ? std::string(found->first) : c < 0x250 ? "latin" : "other"];
        break;
      }
      default: break;
    }
  }
  // Any kana makes it Japanese, a fifth of Hangul Korean: names and terms in Latin letters stand in both.
  size_t all = 0;
  for (const auto& [name, count] : letters) all += count;
  if (letters.contains("ja")) return "ja";
  if (letters.contains("ko") && 5 * letters["ko"] >= all) return "ko";
  const auto most = std::max_element(letters.begin(), letters.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  return most == letters.end() ? "" : most->first;
}

std::string age_of(const archive::Version& version, Day asked) {
  constexpr Day kYear = 365;
  const Day from = version.valid_from != kDayMin ? version.valid_from : static_cast<Day>(version.recorded / 86'400'000'000);
  const Day age = asked - from;
  return age < kYear ? "under 1 year" : age < 5 * kYear ? "1 to 5 years" : "5 years or more";
}

void tell_kinds(const archive::View& view, const GoldQuestion& gold, Outcome& outcome) {
  if (std::string language = language_of(gold.question); !language.empty()) outcome.kinds["language"] = std::move(language);
  const Day asked = gold.as_of == kDayMax ? today() : gold.as_of;
  for (const std::string& record : gold.records) {
    for (const archive::Version& version : view.versions(record)) {
      if (version.erased || version.valid_from > asked || version.valid_to <= asked) continue;
      outcome.kinds["label"] = version.label;
      outcome.kinds["age"] = age_of(version, asked);
      return;
    }
  }
}

Result<Outcome> ask_one(const answer::Answerer& answerer, const search::Searcher& searcher, const GoldQuestion& gold, const Asking& asking) {
  constexpr size_t kRanked = 20;
  Outcome outcome;
  outcome.id = gold.id;
  outcome.question = gold.question;
  outcome.category = gold.category;
  outcome.answerable = gold.answerable;

  answer::AskRequest request;
  request.question = gold.question;
  request.as_of = gold.as_of;
  request.clearance = asking.clearance;
  request.threshold = asking.threshold;
  const auto start = std::chrono::steady_clock::now();
  SILLOK_ASSIGN(const answer::Answer answer, answerer.ask(request));
  outcome.ask_ms = ms_since(start);
  outcome.search_ms = answer.search_ms;
  if (!answer.quotes.empty()) {
    outcome.given_at = {answer.quotes[0].record, answer.quotes[0].version, answer.quotes[0].anchor};
  }
  outcome.answered = answer.answerable;
  outcome.confidence = answer.confidence;
  outcome.given = answer.text;
  for (size_t i = 0; i < answer.quotes.size(); ++i) {
    if (!contains_answer(answer.quotes[i].text, gold.answers)) continue;
    outcome.in_quotes = true;
    outcome.in_first |= i == 0;
  }
  if (answer.answerable) {
    const auto& records = gold.records;
    outcome.cited_right = records.empty() ? outcome.in_first : std::find(records.begin(), records.end(), outcome.given_at.record) != records.end();
  }
  if (gold.answerable && answer.answerable) {
    outcome.exact = exact_match(answer.text, gold.answers) ? 1 : 0;
    outcome.f1 = f1(answer.text, gold.answers);
  }

  // Deeper than asking looks, for recall. After it and untimed: the answer's time is that of a question asked afresh.
  search::Request query;
  query.query = gold.question;
  query.limit = kRanked;
  query.as_of = gold.as_of;
  query.clearance = asking.clearance;
  SILLOK_ASSIGN(const search::Response response, searcher.search(query));
  outcome.ranks = ranks_of(gold.records, response);
  return outcome;
}

// The text without its citations and the mark of what is not confirmed.
std::string plain_text(const answer::Written& written) {
  std::string out;
  for (size_t i = 0; i < written.text.size(); ++i) {
    size_t end = i + 1;
    if (written.text[i] == '[') {
      while (end < written.text.size() && written.text[end] >= '0' && written.text[end] <= '9') ++end;
      if (end > i + 1 && end < written.text.size() && written.text[end] == ']') {
        i = end;
        continue;
      }
    }
    out += written.text[i];
  }
  return collapse_spaces(out);
}

// Records of the citations in what was shown, each citation of a sentence counted.
void count_citations(const GoldQuestion& gold, const answer::Written& written, Outcome::Writing& w) {
  std::vector<std::string> cited;
  for (const answer::WrittenSentence& sentence : written.sentences) {
    ++w.sentences;
    if (!sentence.supported) continue;
    ++w.supported;
    for (const uint32_t n : sentence.cites) {
      for (const answer::Quote& quote : written.answer.quotes) {
        if (quote.n != n) continue;
        cited.push_back(quote.record);
        break;
      }
    }
  }
  w.cites = cited.size();
  const auto is_gold = [&](const std::string& record) { return std::find(gold.records.begin(), gold.records.end(), record) != gold.records.end(); };
  w.cites_right = static_cast<size_t>(std::count_if(cited.begin(), cited.end(), is_gold));
  for (const std::string& record : gold.records) w.records_cited += std::find(cited.begin(), cited.end(), record) != cited.end() ? 1 : 0;
}

Status write_one(const answer::Answerer& answerer, const GoldQuestion& gold, const Asking& asking, Outcome& outcome) {
  answer::WriteRequest request;
  request.ask.question = gold.question;
  request.ask.as_of = gold.as_of;
  request.ask.clearance = asking.clearance;
  request.ask.threshold = asking.threshold;
  request.max_tokens = asking.writer.max_tokens;
  request.seed = asking.writer.seed;
  request.encoder = asking.writer.encoder;
  request.client = "evaluate";
  const auto start = std::chrono::steady_clock::now();
  SILLOK_ASSIGN(const answer::Written written, answer::write(answerer, *asking.writer.generator, request));
  Outcome::Writing& w = outcome.writing;
  w.asked = true;
  w.ms = ms_since(start);
  w.written = written.written;
  w.why = written.why;
  count_citations(gold, written, w);
  if (!written.written) return {};
  w.text = written.text;
  const std::string text = plain_text(written);
  w.holds = contains_answer(text, gold.answers);
  w.exact = exact_match(text, gold.answers) ? 1 : 0;
  w.f1 = f1(text, gold.answers);
  return {};
}

}  // namespace

Result<Report> run(const archive::Archive& archive, const answer::Answerer& answerer, const search::Searcher& searcher,
                   const std::vector<GoldQuestion>& gold, const Asking& asking) {
  Report report;
  const archive::View view(archive, asking.clearance);
  const answer::Generator* const generator = asking.writer.generator;
  if (generator != nullptr) report.model = generator->name() + (asking.writer.encoder == nullptr ? "" : ", checked by " + asking.writer.encoder->name());
  for (size_t i = 0; i < gold.size(); ++i) {
    auto outcome = ask_one(answerer, searcher, gold[i], asking);
    if (!outcome) return fail(outcome.error().in("question " + gold[i].id));
    if (generator != nullptr) {
      if (const auto written = write_one(answerer, gold[i], asking, *outcome); !written) return fail(written.error().in("question " + gold[i].id));
    }
    tell_kinds(view, gold[i], *outcome);
    report.outcomes.push_back(std::move(*outcome));
    if (asking.progress) asking.progress(i + 1, gold.size());
  }
  std::map<std::string, std::vector<const Outcome*>> groups;
  std::map<std::string, std::map<std::string, std::vector<const Outcome*>>> kinds;
  std::vector<const Outcome*> all;
  for (const Outcome& outcome : report.outcomes) {
    all.push_back(&outcome);
    for (const auto& [kind, value] : outcome.kinds) kinds[kind][value].push_back(&outcome);
    if (!outcome.category.empty()) groups[outcome.category].push_back(&outcome);
  }
  report.all = summarise(all);
  const auto right = std::count_if(report.outcomes.begin(), report.outcomes.end(),
                                   [](const Outcome& outcome) { return outcome.answerable && outcome.in_quotes; });
  report.answer_rate = share(static_cast<size_t>(right), report.all.answerable);
  for (const auto& [category, outcomes] : groups) report.by_category[category] = summarise(outcomes);
  for (const auto& [kind, values] : kinds) {
    for (const auto& [value, outcomes] : values) report.by_kind[kind][value] = summarise(outcomes);
  }
  report.threshold = asking.threshold.value_or(answerer.threshold());
  report.finished = now_micros();
  return report;
}

}  // namespace sillok::evaluate

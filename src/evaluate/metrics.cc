#include "evaluate/metrics.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "text/text.h"

namespace sillok::evaluate {
namespace {

// Lower case, punctuation and English articles out, words apart.
std::vector<std::string> normal_words(std::string_view text) {
  std::vector<std::string> words;
  const std::string folded = text::fold(text);
  std::string word;
  const auto close = [&] {
    if (!word.empty() && word != "a" && word != "an" && word != "the") words.push_back(word);
    word.clear();
  };
  for (size_t i = 0; i < folded.size();) {
    const char32_t c = decode_utf8(folded, i);
    if (text::script_of(c) == text::Script::kNone) {
      close();
    } else {
      append_utf8(word, c);
    }
  }
  close();
  return words;
}

std::vector<std::string> units_of(std::string_view text) {
  const std::vector<std::string> words = normal_words(text);
  const bool syllables = std::any_of(words.begin(), words.end(), [](const std::string& word) {
    size_t i = 0;
    const text::Script script = text::script_of(decode_utf8(word, i));
    return script == text::Script::kHangul || script == text::Script::kHan || script == text::Script::kBare;
  });
  if (!syllables) return words;
  std::vector<std::string> characters;
  for (const std::string& word : words) {
    for (size_t i = 0; i < word.size();) {
      const size_t begin = i;
      decode_utf8(word, i);
      characters.push_back(word.substr(begin, i - begin));
    }
  }
  return characters;
}

double percentile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const auto at = static_cast<size_t>(std::ceil(share * static_cast<double>(values.size())));
  return values[std::min(values.size() - 1, at == 0 ? 0 : at - 1)];
}

WritingMetrics summarise_writing(const std::vector<const Outcome*>& outcomes) {
  WritingMetrics m;
  std::vector<double> ms;
  double answerable = 0, unanswerable = 0, cites = 0, cites_right = 0, records = 0, records_cited = 0, sentences = 0, supported = 0, silent = 0, silent_rightly = 0;
  for (const Outcome* o : outcomes) {
    const Outcome::Writing& w = o->writing;
    if (!w.asked) continue;
    ++m.questions;
    ms.push_back(w.ms);
    sentences += static_cast<double>(w.sentences);
    supported += static_cast<double>(w.supported);
    (o->answerable ? answerable : unanswerable) += 1;
    if (!w.written) {
      ++silent;
      silent_rightly += o->answerable ? 0 : 1;
    }
    if (!o->answerable) continue;
    m.written += w.written ? 1 : 0;
    m.answer_rate += w.holds ? 1 : 0;
    m.em += w.exact;
    m.f1 += w.f1;
    if (!w.written || o->ranks.empty()) continue;
    cites += static_cast<double>(w.cites);
    cites_right += static_cast<double>(w.cites_right);
    records += static_cast<double>(o->ranks.size());
    records_cited += static_cast<double>(w.records_cited);
  }
  const auto percent = [](double part, double of) { return of > 0 ? 100 * part / of : 0; };
  for (double* sum : {&m.written, &m.answer_rate, &m.em, &m.f1}) *sum = percent(*sum, answerable);
  m.citation_precision = percent(cites_right, cites);
  m.citation_recall = percent(records_cited, records);
  m.supported_sentences = percent(supported, sentences);
  m.abstention_precision = percent(silent_rightly, silent);
  m.abstention_recall = percent(silent_rightly, unanswerable);
  m.latency_ms_p50 = percentile(ms, 0.50);
  m.latency_ms_p99 = percentile(ms, 0.99);
  return m;
}

}  // namespace

bool exact_match(std::string_view given, const std::vector<std::string>& answers) {
  const std::string plain = join(normal_words(given), " ");
  return std::any_of(answers.begin(), answers.end(),
                     [&](const std::string& answer) { return join(normal_words(answer), " ") == plain; });
}

double f1(std::string_view given, const std::vector<std::string>& answers) {
  double best = 0;
  const std::vector<std::string> said = units_of(given);
  for (const std::string& answer : answers) {
    const std::vector<std::string> wanted = units_of(answer);
    if (wanted.empty() && said.empty()) return 1;  // "A" and "the" are nothing but articles; as SQuAD's script has it
    std::map<std::string, int> left;
    for (const std::string& unit : wanted) ++left[unit];
    int common = 0;
    for (const std::string& unit : said) {
      if (left[unit]-- > 0) ++common;
    }
    if (common == 0) continue;
    const double precision = common / static_cast<double>(said.size());
    const double recall = common / static_cast<double>(wanted.size());
    best = std::max(best, 2 * precision * recall / (precision + recall));
  }
  return best;
}

bool contains_answer(std::string_view text, const std::vector<std::string>& answers) {
  const std::string plain = collapse_spaces(text::fold(text));
  return std::any_of(answers.begin(), answers.end(), [&](const std::string& answer) {
    const std::string wanted = collapse_spaces(text::fold(answer));
    return !wanted.empty() && plain.find(wanted) != plain.npos;
  });
}

// The probability that an answerable question has the higher confidence (Mann-Whitney), ties counted half.
double auroc(const std::vector<Outcome>& outcomes) {
  std::vector<std::pair<double, bool>> sorted;
  for (const Outcome& o : outcomes) sorted.emplace_back(o.confidence, o.answerable);
  std::sort(sorted.begin(), sorted.end());
  double wins = 0, positives = 0, negatives = 0;
  for (size_t i = 0; i < sorted.size();) {
    double p = 0, n = 0;
    size_t j = i;
    for (; j < sorted.size() && sorted[j].first == sorted[i].first; ++j) (sorted[j].second ? p : n) += 1;
    wins += p * (negatives + n / 2);
    positives += p;
    negatives += n;
    i = j;
  }
  return positives > 0 && negatives > 0 ? wins / (positives * negatives) : std::nan("");
}

Metrics summarise(const std::vector<const Outcome*>& outcomes) {
  Metrics m;
  std::vector<double> ask_ms, search_ms;
  std::vector<Outcome> copies;
  double with_records = 0, answered = 0, abstained = 0, abstained_rightly = 0;
  for (const Outcome* o : outcomes) {
    copies.push_back(*o);
    ++m.questions;
    ask_ms.push_back(o->ask_ms);
    search_ms.push_back(o->search_ms);
    if (!o->answered) {
      ++abstained;
      abstained_rightly += o->answerable ? 0 : 1;
    }
    if (!o->answerable) continue;
    ++m.answerable;
    m.answer_rate += o->in_quotes ? 1 : 0;
    m.answer_rate_1 += o->in_first ? 1 : 0;
    m.em += o->exact;
    m.f1 += o->f1;
    answered += o->answered ? 1 : 0;
    m.citation_support += o->answered && o->cited_right ? 1 : 0;
    if (o->ranks.empty()) continue;
    ++with_records;
    const auto recall = [&](size_t k) {
      const auto found = std::count_if(o->ranks.begin(), o->ranks.end(), [&](size_t r) { return r > 0 && r <= k; });
      return static_cast<double>(found) / static_cast<double>(std::min(k, o->ranks.size()));
    };
    m.recall_at_1 += recall(1);
    m.recall_at_5 += recall(5);
    m.recall_at_20 += recall(20);
    size_t first = 0;
    for (size_t r : o->ranks) {
      if (r > 0 && (first == 0 || r < first)) first = r;
    }
    if (first > 0 && first <= 10) m.mrr_10 += 1.0 / static_cast<double>(first);
  }
  const auto share = [](double& sum, double count) { sum = count > 0 ? 100 * sum / count : 0; };
  const auto answerable = static_cast<double>(m.answerable);
  for (double* sum : {&m.answer_rate, &m.answer_rate_1, &m.em, &m.f1}) share(*sum, answerable);
  for (double* sum : {&m.recall_at_1, &m.recall_at_5, &m.recall_at_20, &m.mrr_10}) share(*sum, with_records);
  share(m.citation_support, answered);
  m.abstention_precision = abstained > 0 ? 100 * abstained_rightly / abstained : 0;
  const double unanswerable = static_cast<double>(m.questions) - answerable;
  m.abstention_recall = unanswerable > 0 ? 100 * abstained_rightly / unanswerable : 0;
  m.auroc_answerable = auroc(copies);
  m.writing = summarise_writing(outcomes);
  m.latency_ms_p50 = percentile(ask_ms, 0.50);
  m.latency_ms_p99 = percentile(ask_ms, 0.99);
  m.search_latency_ms_p50 = percentile(search_ms, 0.50);
  m.search_latency_ms_p99 = percentile(search_ms, 0.99);
  return m;
}

Result<double> choose_threshold(const std::vector<Outcome>& outcomes) {
  if (std::isnan(auroc(outcomes))) {
    return fail(ErrorCode::kInvalid,
                "a threshold needs gold questions of both kinds: with an answer and with \"answerable\": false");
  }
  // Below the threshold: abstain. A right answer kept counts 1; so does abstaining where there is none.
  std::vector<const Outcome*> sorted;
  for (const Outcome& o : outcomes) sorted.push_back(&o);
  std::sort(sorted.begin(), sorted.end(), [](auto* a, auto* b) { return a->confidence < b->confidence; });
  double score = 0;
  for (const Outcome* o : sorted) score += o->answerable && o->in_quotes ? 1 : 0;
  double best = score, threshold = 0;
  for (size_t i = 0; i < sorted.size(); ++i) {
    const Outcome& o = *sorted[i];
    score += o.answerable ? (o.in_quotes ? -1 : 0) : 1;
    const bool last_of_value = i + 1 == sorted.size() || sorted[i + 1]->confidence > o.confidence;
    if (last_of_value && score > best) {
      best = score;
      threshold = i + 1 == sorted.size() ? o.confidence + 1e-6 : (o.confidence + sorted[i + 1]->confidence) / 2;
    }
  }
  return threshold;
}

}  // namespace sillok::evaluate

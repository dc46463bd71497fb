#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>

#include "answer/answer.h"
#include "answer/parts.h"
#include "answer/span.h"

namespace sillok::answer {
namespace {

constexpr size_t kPassages = 6;      // passages quoted from: the first holds the answer for 93, the first six for 99 of 100
constexpr size_t kClosest = 3;       // where one might look, when the records do not answer
constexpr std::string_view kThresholdFile = "answer.json";

// The anchor of the block that holds the words: closer than the passage's, which is its first block's.
std::string locate(const documents::Document& document, const search::PassageResult& passage, std::string_view words) {
  for (const documents::Block& block : document.blocks) {
    if (!block.anchor.path.empty() && passage.context.find(block.anchor.path) == passage.context.npos) continue;
    if (block.text.find(words) != block.text.npos) {
      documents::Anchor anchor = block.anchor;
      // A block of several source lines: count those before the words.
      if (anchor.line > 0) {
        const auto before = static_cast<std::ptrdiff_t>(block.text.find(words));
        anchor.line += static_cast<uint32_t>(std::count(block.text.begin(), block.text.begin() + before, '\n'));
      }
      return documents::to_string(anchor);
    }
    for (size_t row = 0; row < block.table.rows.size(); ++row) {
      if (documents::row_text(block.table, row) != words) continue;
      documents::Anchor anchor = block.anchor;
      const uint32_t line = block.table.rows[row].line;
      if (!anchor.sheet.empty() && line > 0) {
        const size_t digits = anchor.cell.find_first_of("0123456789");
        anchor.cell = anchor.cell.substr(0, digits) + std::to_string(line);
      } else if (line > 0) {
        anchor.line = line;
      }
      return documents::to_string(anchor);
    }
  }
  return passage.anchor;
}

Quote make_quote(const search::PassageResult& passage, const search::Unit& unit, double score) {
  Quote quote;
  quote.text = passage.text.substr(unit.begin, unit.end - unit.begin);
  quote.record = passage.record;
  quote.title = passage.title;
  quote.anchor = passage.anchor;
  quote.label = passage.label;
  quote.format = passage.format;
  quote.version = passage.version;
  quote.version_id = passage.version_id;
  quote.valid_from = passage.valid_from;
  quote.valid_to = passage.valid_to;
  quote.score = score;
  return quote;
}

// One number for one place: quotes from the same anchor of the same version share it.
void number_quotes(std::vector<Quote>& quotes) {
  uint32_t next = 1;
  for (size_t i = 0; i < quotes.size(); ++i) {
    for (size_t k = 0; k < i && quotes[i].n == 0; ++k) {
      if (quotes[k].version_id == quotes[i].version_id && quotes[k].anchor == quotes[i].anchor) quotes[i].n = quotes[k].n;
    }
    if (quotes[i].n == 0) quotes[i].n = next++;
  }
}

struct Evidence {
  const search::PassageResult* passage;
  size_t unit = 0;
  double score = 0;
};

// The units to quote: those chosen, and after the unit that names the second record what that says.
std::vector<Evidence> in_order(const search::Response& response, const std::vector<Candidate>& chosen, const std::optional<SecondStep>& step,
                               size_t count) {
  std::vector<Evidence> order;
  const auto add = [&](const search::PassageResult& passage, size_t unit, double score) {
    const bool there = std::any_of(order.begin(), order.end(), [&](const Evidence& e) {
      return e.passage->version_id == passage.version_id && e.passage->ordinal == passage.ordinal && e.unit == unit;
    });
    if (!there) order.push_back({&passage, unit, score});
  };
  const auto add_chosen = [&](const Candidate& c) { add(response.results[c.passage], c.unit, c.score); };
  if (!chosen.empty()) add_chosen(chosen[0]);
  if (step) {
    if (count > 2 || step->near) add(step->source, step->source_unit, 0);
    add(step->passage, step->unit, step->score);
  }
  for (const Candidate& c : chosen) add_chosen(c);
  return order;
}

// The passages that the second step went over, if they are not among those searched first.
void add_passages(const SecondStep& step, std::vector<search::PassageResult>& passages) {
  for (const search::PassageResult* passage : {&step.source, &step.passage}) {
    const bool there = std::any_of(passages.begin(), passages.end(), [&](const search::PassageResult& p) {
      return p.version_id == passage->version_id && p.ordinal == passage->ordinal;
    });
    if (!there) passages.push_back(*passage);
  }
}

// What the marked words say: of the second record if that was needed, else of the first quote.
std::string answer_text(const std::vector<Quote>& quotes, const std::optional<SecondStep>& step) {
  const auto words = [](const Quote& q) { return q.span ? q.text.substr(q.span->begin, q.span->end - q.span->begin) : q.text; };
  for (const Quote& q : quotes) {
    if (step && step->near && q.version_id == step->passage.version_id && q.score == step->score && q.span) return words(q);
  }
  return words(quotes[0]);
}

}  // namespace

double load_threshold(const fs::path& home) {
  const auto bytes = read_file(home / kThresholdFile, 1 << 16);
  if (!bytes) return kDefaultThreshold;
  const auto json = nlohmann::json::parse(*bytes, nullptr, false);
  const auto found = json.is_object() ? json.find("threshold") : json.end();
  if (!json.is_object() || found == json.end() || !found->is_number()) return kDefaultThreshold;
  return found->get<double>();
}

Answerer::Answerer(const archive::Archive& archive, const search::Searcher& searcher)
    : archive_(archive), searcher_(searcher), threshold_(load_threshold(archive.home())) {}

std::optional<Quote> Answerer::quote(const search::PassageResult& passage, size_t unit, double score) const {
  Quote made = make_quote(passage, passage.units[unit], score);
  const auto document = archive_.document(made.version_id);
  if (!document) return std::nullopt;
  made.anchor = locate(*document, passage, made.text);
  return made;
}

Result<Answer> Answerer::ask(const AskRequest& request) const {
  search::Request query;
  query.query = request.question;
  query.limit = kPassages;
  query.per_record = false;
  query.as_of = request.as_of;
  query.clearance = request.clearance;
  query.up_to = request.up_to;
  query.labels = request.labels;
  query.evidence = true;
  Answer answer;
  const auto start = std::chrono::steady_clock::now();
  SILLOK_ASSIGN(search::Response response, searcher_.search(query));
  answer.search_ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  answer.notes = response.notes;
  answer.kind = kind_of(response.text);
  const QuestionForm form = question_form(response.text, answer.kind);
  std::vector<Candidate> chosen = rank_units(response, form, answer.kind), rest;
  if (const size_t most = std::max(request.quotes, kClosest); chosen.size() > most) {
    rest.assign(std::make_move_iterator(chosen.begin() + static_cast<std::ptrdiff_t>(most)), std::make_move_iterator(chosen.end()));
    chosen.resize(most);
  }
  const auto step = request.quotes > 1 ? second_step(archive_, searcher_, query, response, form, chosen, answer.kind) : std::nullopt;
  if (!chosen.empty()) answer.confidence = confidence(features(response, form, chosen, answer.kind, step ? &*step : nullptr));

  std::vector<Quote> quotes;
  std::vector<std::vector<float>> matched;  // of each quote: the rarity of each word of the question that it matches
  const auto quote = [&](const search::PassageResult& passage, size_t unit, double score) {
    // The archive may have erased the version since the search: then nothing of it is shown.
    auto made = this->quote(passage, unit, score);
    if (!made) return;
    if (const auto span = find_span(form, answer.kind, made->text)) made->span = span->span;
    quotes.push_back(std::move(*made));
    matched.push_back(passage.units[unit].found);
    for (size_t i = 0; i < matched.back().size() && i < response.words.size(); ++i) matched.back()[i] *= response.words[i].rarity;
  };
  for (const Evidence& evidence : in_order(response, chosen, step, request.quotes)) quote(*evidence.passage, evidence.unit, evidence.score);
  if (request.further) {
    for (const Candidate& c : rest) {
      if (auto made = this->quote(response.results[c.passage], c.unit, c.score)) answer.further.push_back(std::move(*made));
    }
  }
  answer.passages = std::move(response.results);
  if (step) add_passages(*step, answer.passages);
  answer.answerable = !quotes.empty() && answer.confidence >= request.threshold.value_or(threshold_);
  if (answer.answerable) {
    if (quotes.size() > request.quotes) {
      if (request.further) answer.further.insert(answer.further.begin(), quotes.begin() + static_cast<std::ptrdiff_t>(request.quotes), quotes.end());
      quotes.resize(request.quotes);
    }
    number_quotes(quotes);
    answer.quotes = std::move(quotes);
    answer.text = answer_text(answer.quotes, step);
    answer.conflicts = find_conflicts(answer.quotes, matched, answer.kind);
  } else {
    if (quotes.size() > kClosest) quotes.resize(kClosest);
    number_quotes(quotes);
    answer.closest = std::move(quotes);
  }
  return answer;
}

Status save_threshold(const fs::path& home, double threshold, std::string_view chosen_on) {
  const nlohmann::json json = {{"threshold", threshold}, {"chosen_on", chosen_on}, {"written", format_micros(now_micros())}};
  return write_file_atomic(home / kThresholdFile, json.dump(2) + "\n");
}

}  // namespace sillok::answer

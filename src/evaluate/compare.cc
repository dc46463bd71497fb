// Two reports over the same questions: which is better, how sure that is, and what changed question by question.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>

#include "evaluate/statistics.h"

namespace sillok::evaluate {
namespace {

using nlohmann::ordered_json;

// What a report keeps of a question.
struct Line {
  std::string id, question, category;
  bool answerable = true, answered = false, right = false, right_first = false;
  std::optional<double> support;    // share of what was cited that supports; none: nothing was, or the report is older than the figure
  bool asked_to_write = false;
  bool shown_right = false;         // of the text written if one was, else of the quotes
  double exact = 0, f1 = 0;
  size_t rank = 0;  // best rank of a gold record; 0 = none
  bool has_records = false;
  Place at;
};
struct Loaded {
  std::vector<Line> lines;
  ordered_json settings;  // figures of the whole that may explain a difference
};

Line line_of(const ordered_json& json) {
  Line line;
  line.id = json.at("id").get<std::string>();
  line.question = json.at("question").get<std::string>();
  line.category = json.value("category", "");
  line.answerable = json.at("answerable").get<bool>();
  line.answered = json.at("answered").get<bool>();
  line.right = json.at("right").get<bool>();
  line.right_first = json.at("right_first").get<bool>();
  if (line.answered && json.contains("cited_right")) line.support = json["cited_right"].get<bool>() ? 1 : 0;
  line.asked_to_write = json.contains("written");
  const bool written = json.value("written", false);
  line.shown_right = written ? json.value("written_right", false) : line.right;
  if (const auto sentences = json.value("sentences", size_t{0}); written && sentences > 0) {
    line.support = static_cast<double>(json.value("supported", size_t{0})) / static_cast<double>(sentences);
  }
  line.exact = json.value("exact", 0.0);
  line.f1 = json.value("f1", 0.0);
  for (const auto& rank : json.at("ranks")) {
    line.has_records = true;
    const auto value = rank.get<size_t>();
    if (value > 0 && (line.rank == 0 || value < line.rank)) line.rank = value;
  }
  if (json.contains("given_at")) {
    const auto& at = json["given_at"];
    line.at = {at.at("record").get<std::string>(), at.at("version").get<uint32_t>(), at.at("anchor").get<std::string>()};
  }
  return line;
}

Result<Loaded> load(const fs::path& path) {
  SILLOK_ASSIGN(const std::string bytes, read_file(path));
  const auto wrong = [&](const std::string& what) {
    return fail(ErrorCode::kInvalid, path.string() + ": " + what + "; give a report that `sillok evaluate` wrote (--report FILE)");
  };
  Loaded loaded;
  try {
    const ordered_json json = ordered_json::parse(bytes);
    if (!json.is_object() || !json.contains("outcomes")) return wrong("no outcomes of questions in it");
    for (const auto& outcome : json["outcomes"]) loaded.lines.push_back(line_of(outcome));
    for (const char* name : {"program", "archive_change", "threshold", "model", "release", "gold", "finished"}) {
      if (json.contains(name)) loaded.settings[name] = json[name];
    }
  } catch (const nlohmann::json::exception& error) {
    return wrong(std::string("not a report (") + error.what() + ")");
  }
  return loaded;
}

// One figure over pairs of lines. `of` gives what a line counts for, 0 to 1.
template <typename Counts, typename Of>
Difference difference(std::string name, const std::vector<std::pair<const Line*, const Line*>>& pairs, const Counts& counts,
                      const Of& of) {
  Difference result;
  result.figure = std::move(name);
  std::vector<double> change;
  double before = 0, after = 0;
  for (const auto& [a, b] : pairs) {
    if (!counts(*a)) continue;
    const double x = of(*a), y = of(*b);
    before += x;
    after += y;
    change.push_back(100 * (y - x));
    result.worse += y < x ? 1 : 0;
    result.better += y > x ? 1 : 0;
  }
  result.questions = change.size();
  if (change.empty()) return result;
  const auto count = static_cast<double>(change.size());
  result.before = 100 * before / count;
  result.after = 100 * after / count;
  result.change = bootstrap_mean(change);
  result.p = mcnemar(result.worse, result.better);
  return result;
}

std::string place_text(const Place& at) {
  if (at.record.empty()) return "no answer";
  return at.record + " version " + std::to_string(at.version) + (at.anchor.empty() ? "" : " " + at.anchor);
}

// The nearest cause that the two reports show for an answer that changed.
std::string cause(const Line& before, const Line& after) {
  if (after.at.record.empty() && !before.at.record.empty()) return "now refused";
  if (before.at.record.empty() && !after.at.record.empty()) return "was refused";
  if (before.at.record != after.at.record) return "answered from another record";
  if (before.at.version != after.at.version) return "the record has a new version";
  if (before.at.anchor != after.at.anchor) return "answered from another place of the record";
  return before.rank != after.rank ? "the record moved in the ranking" : "other quotes, or another threshold";
}

}  // namespace

Result<Comparison> compare(const fs::path& before, const fs::path& after) {
  SILLOK_ASSIGN(const Loaded a, load(before));
  SILLOK_ASSIGN(const Loaded b, load(after));
  std::map<std::string, const Line*> later;
  for (const Line& line : b.lines) later[line.id] = &line;
  Comparison result;
  std::vector<std::pair<const Line*, const Line*>> pairs;
  for (const Line& line : a.lines) {
    const auto found = later.find(line.id);
    // A question reworded under its old id is another question.
    if (found == later.end() || found->second->question != line.question || found->second->answerable != line.answerable) {
      ++result.only_before;
      continue;
    }
    pairs.emplace_back(&line, found->second);
  }
  result.questions = pairs.size();
  result.only_after = b.lines.size() - pairs.size();
  if (pairs.empty()) {
    return fail(ErrorCode::kInvalid, before.string() + " and " + after.string() +
                                         " share no question; compare reports over one gold file");
  }
  const auto answerable = [](const Line& line) { return line.answerable; };
  const auto unanswerable = [](const Line& line) { return !line.answerable; };
  const auto has_records = [](const Line& line) { return line.answerable && line.has_records; };
  const bool writes = std::any_of(pairs.begin(), pairs.end(), [](const auto& pair) { return pair.first->asked_to_write || pair.second->asked_to_write; });
  const auto right = [writes](const Line& line) { return (writes ? line.shown_right : line.right) ? 1.0 : 0.0; };
  result.figures.push_back(difference("answer_rate", pairs, answerable, right));
  result.figures.push_back(difference("answer_rate_1", pairs, answerable, [](const Line& l) { return l.right_first ? 1.0 : 0.0; }));
  result.figures.push_back(difference("em", pairs, answerable, [](const Line& l) { return l.exact; }));
  result.figures.push_back(difference("f1", pairs, answerable, [](const Line& l) { return l.f1; }));
  result.figures.push_back(difference("recall_at_1", pairs, has_records, [](const Line& l) { return l.rank == 1 ? 1.0 : 0.0; }));
  result.figures.push_back(difference("mrr_10", pairs, has_records, [](const Line& l) {
    return l.rank > 0 && l.rank <= 10 ? 1.0 / static_cast<double>(l.rank) : 0.0;
  }));
  result.figures.push_back(difference("abstention_recall", pairs, unanswerable, [](const Line& l) { return l.answered ? 0.0 : 1.0; }));
  std::vector<std::pair<const Line*, const Line*>> supported;
  for (const auto& pair : pairs) {
    if (pair.first->answerable && pair.first->support && pair.second->support) supported.push_back(pair);
  }
  result.figures.push_back(difference("citation_support", supported, answerable, [](const Line& l) { return *l.support; }));
  std::erase_if(result.figures, [](const Difference& d) { return d.questions == 0; });

  std::map<std::string, std::vector<std::pair<const Line*, const Line*>>> groups;
  for (const auto& pair : pairs) {
    if (!pair.first->category.empty()) groups[pair.first->category].push_back(pair);
  }
  for (const auto& [category, of_category] : groups) {
    Difference d = difference("answer_rate", of_category, answerable, right);
    if (d.questions > 0) result.by_category[category] = std::move(d);
  }
  for (const auto& [x, y] : pairs) {
    const bool was = x->answerable ? right(*x) > 0 : !x->answered, is = y->answerable ? right(*y) > 0 : !y->answered;
    if (was == is) continue;
    (is ? result.improved : result.regressed)
        .push_back({x->id, x->question, x->category, place_text(x->at), place_text(y->at), cause(*x, *y)});
  }
  for (auto item = a.settings.begin(); item != a.settings.end(); ++item) {
    if (item.key() == "finished" || !b.settings.contains(item.key())) continue;
    if (b.settings[item.key()] != item.value()) {
      result.settings.push_back(item.key() + ": " + item.value().dump() + " -> " + b.settings[item.key()].dump());
    }
  }
  const Difference& main = result.figures.front();
  // Over answerable questions if there are any, else over the others.
  result.verdict = main.p >= kSignificance ? Verdict::kNoDifference : main.better > main.worse ? Verdict::kBetter : Verdict::kWorse;
  return result;
}

std::string_view to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::kBetter: return "better";
    case Verdict::kWorse: return "worse";
    case Verdict::kNoDifference: return "no difference shown";
  }
  return "unknown";
}

namespace {

double rounded(double value) { return std::round(value * 10000) / 10000; }

ordered_json json_of(const Difference& d) {
  return {{"figure", d.figure}, {"questions", d.questions}, {"before", rounded(d.before)}, {"after", rounded(d.after)},
          {"change", rounded(d.change.mean)}, {"interval_95", {rounded(d.change.low), rounded(d.change.high)}},
          {"better", d.better}, {"worse", d.worse}, {"p", rounded(d.p)}};
}
ordered_json json_of(const std::vector<Change>& changes) {
  ordered_json list = ordered_json::array();
  for (const Change& c : changes) {
    ordered_json line = {{"id", c.id}, {"question", c.question}};
    if (!c.category.empty()) line["category"] = c.category;
    line["before"] = c.before;
    line["after"] = c.after;
    line["cause"] = c.cause;
    list.push_back(std::move(line));
  }
  return list;
}

}  // namespace

std::string to_json(const Comparison& comparison) {
  ordered_json json;
  json["verdict"] = std::string(to_string(comparison.verdict));
  json["questions"] = comparison.questions;
  json["only_before"] = comparison.only_before;
  json["only_after"] = comparison.only_after;
  json["figures"] = ordered_json::array();
  for (const Difference& d : comparison.figures) json["figures"].push_back(json_of(d));
  for (const auto& [category, d] : comparison.by_category) json["by_category"][category] = json_of(d);
  json["settings_changed"] = comparison.settings;
  json["regressed"] = json_of(comparison.regressed);
  json["improved"] = json_of(comparison.improved);
  return json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string to_text(const Comparison& comparison) {
  char buffer[512];
  std::string out;
  for (const Difference& d : comparison.figures) {
    std::snprintf(buffer, sizeof buffer, "%-18s %6.2f -> %6.2f  %+.2f (95 %%: %+.2f to %+.2f)  %zu better, %zu worse, p %.4f\n",
                  d.figure.c_str(), d.before, d.after, d.change.mean, d.change.low, d.change.high, d.better, d.worse, d.p);
    out += buffer;
  }
  for (const auto& [category, d] : comparison.by_category) {
    std::snprintf(buffer, sizeof buffer, "  %-16s %6.2f -> %6.2f  (%zu questions, p %.4f)\n", category.c_str(), d.before, d.after,
                  d.questions, d.p);
    out += buffer;
  }
  for (const std::string& setting : comparison.settings) out += "changed: " + setting + "\n";
  for (const auto& [title, changes] : {std::pair{"regressed", &comparison.regressed}, {"improved", &comparison.improved}}) {
    for (const Change& c : *changes) {
      out += std::string(title) + " " + c.id + ": " + c.question + "\n    " + c.before + " -> " + c.after + " (" + c.cause + ")\n";
    }
  }
  if (comparison.only_before + comparison.only_after > 0) {
    out += "left out: " + std::to_string(comparison.only_before) + " questions only in the first report, " +
           std::to_string(comparison.only_after) + " only in the second\n";
  }
  out += "verdict: " + std::string(to_string(comparison.verdict)) + " on " + std::to_string(comparison.questions) + " questions\n";
  return out;
}

}  // namespace sillok::evaluate

#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "evaluate/evaluate.h"

namespace sillok::evaluate {
namespace {

using nlohmann::ordered_json;

double rounded(double value) { return std::round(value * 1000) / 1000; }

ordered_json json_of(const Metrics& m) {
  ordered_json json;
  json["questions"] = m.questions;
  json["answerable"] = m.answerable;
  const std::pair<const char*, double> figures[] = {
      {"answer_rate", m.answer_rate}, {"answer_rate_1", m.answer_rate_1}, {"citation_support", m.citation_support}, {"em", m.em}, {"f1", m.f1},
      {"recall_at_1", m.recall_at_1}, {"recall_at_5", m.recall_at_5}, {"recall_at_20", m.recall_at_20},
      {"mrr_10", m.mrr_10}, {"abstention_precision", m.abstention_precision},
      {"abstention_recall", m.abstention_recall}};
  for (const auto& [name, value] : figures) json[name] = rounded(value);
  json["auroc_answerable"] = std::isnan(m.auroc_answerable) ? ordered_json() : ordered_json(rounded(m.auroc_answerable));
  json["latency_ms_p50"] = rounded(m.latency_ms_p50);
  json["latency_ms_p99"] = rounded(m.latency_ms_p99);
  json["search_latency_ms_p50"] = rounded(m.search_latency_ms_p50);
  json["search_latency_ms_p99"] = rounded(m.search_latency_ms_p99);
  if (const WritingMetrics& w = m.writing; w.questions > 0) {
    json["writing"] = {{"questions", w.questions}, {"written", rounded(w.written)}, {"answer_rate", rounded(w.answer_rate)}, {"em", rounded(w.em)}, {"f1", rounded(w.f1)},
                       {"citation_precision", rounded(w.citation_precision)}, {"citation_recall", rounded(w.citation_recall)},
                       {"supported_sentences", rounded(w.supported_sentences)}, {"abstention_precision", rounded(w.abstention_precision)},
                       {"abstention_recall", rounded(w.abstention_recall)}, {"latency_ms_p50", rounded(w.latency_ms_p50)}, {"latency_ms_p99", rounded(w.latency_ms_p99)}};
  }
  return json;
}

}  // namespace

std::string to_json(const Report& report, Outcomes outcomes) {
  ordered_json json = json_of(report.all);
  json["answer_rate_95"] = {rounded(report.answer_rate.low), rounded(report.answer_rate.high)};
  json["threshold"] = rounded(report.threshold);
  json["archive_change"] = report.archive_change;
  json["gold"] = report.gold;
  json["home"] = report.home;
  if (!report.as.empty()) json["as"] = report.as;
  if (!report.model.empty()) json["model"] = report.model;
  if (!report.release.empty()) json["release"] = report.release;
  json["finished"] = format_micros(report.finished);
  for (const auto& [category, metrics] : report.by_category) json["by_category"][category] = json_of(metrics);
  for (const auto& [kind, values] : report.by_kind) {
    for (const auto& [value, metrics] : values) json["by_" + kind][value] = json_of(metrics);
  }
  if (outcomes != Outcomes::kNone) {
    for (const Outcome& o : report.outcomes) {
      ordered_json line;
      line["id"] = o.id;
      line["question"] = o.question;
      if (!o.category.empty()) line["category"] = o.category;
      for (const auto& [kind, value] : o.kinds) line[kind] = value;
      line["answerable"] = o.answerable;
      line["answered"] = o.answered;
      line["right"] = o.in_quotes;
      line["right_first"] = o.in_first;
      line["cited_right"] = o.cited_right;
      line["exact"] = rounded(o.exact);
      line["f1"] = rounded(o.f1);
      line["confidence"] = rounded(o.confidence);
      line["ranks"] = o.ranks;
      if (!o.given_at.record.empty()) {
        line["given_at"] = {{"record", o.given_at.record}, {"version", o.given_at.version}, {"anchor", o.given_at.anchor}};
      }
      if (o.writing.asked) {
        line["written"] = o.writing.written;
        line["written_right"] = o.writing.holds;
        line["sentences"] = o.writing.sentences;
        line["supported"] = o.writing.supported;
        if (!o.writing.why.empty()) line["why"] = o.writing.why;
      }
      if (outcomes == Outcomes::kWords) {
        line["given"] = o.given;
        if (o.writing.asked) line["text"] = o.writing.text;
      }
      json["outcomes"].push_back(std::move(line));
    }
  }
  return json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string to_text(const Report& report) {
  const Metrics& m = report.all;
  char buffer[1024];
  std::snprintf(buffer, sizeof buffer,
                "questions            %zu (%zu answerable)\n"
                "answer rate          %.1f %%  (95 %%: %.1f to %.1f; first quote alone %.1f %%)\n"
                "marked span          EM %.1f, F1 %.1f\n"
                "records found        recall@1 %.1f, @5 %.1f, @20 %.1f, MRR@10 %.1f\n"
                "abstaining           precision %.1f %%, recall %.1f %%, AUROC %.3f, threshold %.2f\n"
                "time per question    p50 %.2f ms, p99 %.2f ms (of it searching %.2f and %.2f ms)\n",
                m.questions, m.answerable, m.answer_rate, report.answer_rate.low, report.answer_rate.high, m.answer_rate_1, m.em, m.f1, m.recall_at_1, m.recall_at_5,
                m.recall_at_20, m.mrr_10, m.abstention_precision, m.abstention_recall, m.auroc_answerable,
                report.threshold, m.latency_ms_p50, m.latency_ms_p99, m.search_latency_ms_p50, m.search_latency_ms_p99);
  std::string out = buffer;
  if (const WritingMetrics& w = m.writing; w.questions > 0) {
    std::snprintf(buffer, sizeof buffer,
                  "written              %.1f %% of the answerable, right %.1f %%, EM %.1f, F1 %.1f (%s)\n"
                  "citations            precision %.1f %%, recall %.1f %%; sentences supported %.1f %%\n"
                  "not written          precision %.1f %%, recall %.1f %%; time p50 %.0f ms, p99 %.0f ms\n",
                  w.written, w.answer_rate, w.em, w.f1, shorten(report.model, 60).c_str(), w.citation_precision, w.citation_recall, w.supported_sentences,
                  w.abstention_precision, w.abstention_recall, w.latency_ms_p50, w.latency_ms_p99);
    out += buffer;
  }
  const auto tell = [&](const std::map<std::string, Metrics>& groups) {
    for (const auto& [name, c] : groups) {
      if (c.answerable > 0) std::snprintf(buffer, sizeof buffer, "  %-18s %.1f %% of %zu\n", name.c_str(), c.answer_rate, c.answerable);
      else std::snprintf(buffer, sizeof buffer, "  %-18s refused %.1f %% of %zu\n", name.c_str(), c.abstention_recall, c.questions);
      out += buffer;
    }
  };
  tell(report.by_category);
  for (const auto& [kind, values] : report.by_kind) {
    if (values.size() < 2) continue;  // The whole, once more.
    out += "by " + kind + "\n";
    tell(values);
  }
  return out;
}

}  // namespace sillok::evaluate

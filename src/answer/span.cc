#include "answer/span.h"

#include <algorithm>

#include "text/text.h"

namespace sillok::answer {
namespace {

using search::Match;

// Why and how ask for a sentence, not for words in one.
bool asks_for_sentence(std::string_view folded) {
  for (std::string_view cue : {"왜 ", "왜?", "어떻게", "이유", "방법", "why ", "warum ", "wie kann", "почему", "зачем", "neden ", "niçin", "nasıl",
                               "为什么", "怎么", "如何", "なぜ"}) {
    if (folded.find(cue) != folded.npos) return true;
  }
  if (!folded.starts_with("how ")) return false;
  for (std::string_view measured : {"many", "much", "old", "long", "far", "tall", "high", "often", "large", "big", "heavy", "deep", "wide", "fast", "soon",
                                    "few", "thick", "hot", "cold"}) {
    if (folded.substr(4).starts_with(measured)) return false;
  }
  return true;
}

// "…인가?", "…은?": a sentence that asks, not words to look for.
bool is_question(const QuestionForm& form, Kind kind) {
  const std::string_view folded = trim(form.folded);
  return kind != Kind::kAny || folded.ends_with("?") || folded.ends_with("？") || folded.ends_with("은") || folded.ends_with("는");
}

struct Cell {
  std::string_view header, value;
  size_t begin = 0;  // of value in the row
};

// The cells of a row as tables are given in passages: "header: value | header: value".
std::vector<Cell> cells_of(std::string_view row) {
  std::vector<Cell> cells;
  for (size_t begin = 0; begin <= row.size();) {
    size_t end = row.find(" | ", begin);
    if (end == row.npos) end = row.size();
    const std::string_view cell = row.substr(begin, end - begin);
    const size_t colon = cell.find(": ");
    Cell c;
    c.begin = begin + (colon == cell.npos ? 0 : colon + 2);
    if (colon != cell.npos) c.header = cell.substr(0, colon);
    c.value = row.substr(c.begin, end - c.begin);
    cells.push_back(c);
    begin = end + 3;
  }
  return cells;
}

// How far the words are those of the question, 0..1.
double share_known(const QuestionForm& form, std::string_view words) {
  double known = 0, all = 0;
  for (const Word& word : words_in(form, words)) {
    if (word.small) continue;
    const double letters = static_cast<double>(word.folded.size());
    known += letters * static_cast<double>(word.known);
    all += letters;
  }
  return all > 0 ? known / all : 0;
}

bool fits(Asked asked, const std::vector<Value>& values) {
  const auto any = [&](auto... types) {
    return std::any_of(values.begin(), values.end(), [&](const Value& v) { return ((v.type == types) || ...); });
  };
  using Type = Value::Type;
  switch (asked) {
    case Asked::kYear:
    case Asked::kDate: return any(Type::kYear, Type::kDay, Type::kFullDate);
    case Asked::kNumber: return any(Type::kAmount, Type::kBareNumber);
    default: return true;
  }
}

// The cell under the header that the question names, of the kind it asks for, and not one that it already gives.
std::optional<FoundSpan> find_cell(const QuestionForm& form, std::string_view row) {
  constexpr double kLeast = 0.3;      // a header hardly named, and nothing of the kind
  constexpr double kKind = 0.5;       // a date or a number where one is asked for, nothing else counted
  constexpr double kGiven = 1.0;      // the question says it itself: "M16" of "M16 볼트는 …"
  constexpr double kCounted = 0.6;    // "N·m" in "토크(N·m)"
  double best = kLeast;
  std::optional<FoundSpan> found;
  const bool typed = form.asked == Asked::kYear || form.asked == Asked::kDate || form.asked == Asked::kNumber;
  for (const Cell& cell : cells_of(row)) {
    if (trim(cell.value).empty()) continue;
    const bool fitting = fits(form.asked, values_in(cell.value, form.counters));
    double score = cell.header.empty() ? 0 : share_known(form, cell.header);
    if (typed && !fitting) continue;
    if (typed) score += kKind;
    if (!form.head.empty() && text::fold(cell.header).find(to_utf8(form.head)) != std::string::npos) score += kCounted;
    if (holds_any(cell.header, form.counters) || (fitting && holds_any(cell.value, form.counters))) {
      score += kCounted;
    }
    score -= kGiven * share_known(form, cell.value);
    if (score <= best) continue;
    best = score;
    constexpr double kScale = 8;  // to what the model gives a clear span
    found = FoundSpan{{cell.begin, cell.begin + cell.value.size()}, kScale * score};
  }
  return found;
}

}  // namespace

Writing writing_of(std::string_view unit) {
  bool han = false;
  for (size_t i = 0; i < unit.size();) {
    const text::Script script = text::script_of(decode_utf8(unit, i));
    if (script == text::Script::kHangul) return Writing::kHangul;
    han |= script == text::Script::kHan || script == text::Script::kBare;
  }
  return han ? Writing::kHan : Writing::kAlphabet;
}

std::optional<ScoredSpan> best_span(const QuestionForm& form, std::string_view unit) {
  const Writing writing = writing_of(unit);
  std::optional<ScoredSpan> best;
  each_span(form, unit, [&](const SpanCandidate& candidate) {
    double score = 0;
    for (const Mark& mark : candidate.marks) score += static_cast<double>(mark.value) * mark_weight(writing, mark.id, form.asked);
    if (!best || score > best->score) best = ScoredSpan{candidate.span, score};
  });
  return best;
}

bool holds_kind(const QuestionForm& form, Kind kind, std::string_view unit) {
  if (kind != Kind::kDate && kind != Kind::kNumber) return false;
  const std::vector<Value> values = values_in(unit, form.counters);
  return std::any_of(values.begin(), values.end(), [&](const Value& value) {
    if (form.text.find(unit.substr(value.span.begin, value.span.end - value.span.begin)) != form.text.npos) return false;
    const bool day = value.type == Value::Type::kYear || value.type == Value::Type::kDay || value.type == Value::Type::kFullDate;
    if (kind == Kind::kDate) return day;
    return !day && value.type != Value::Type::kLabel && (value.counts || form.counters.empty());
  });
}

std::optional<FoundSpan> find_span(const QuestionForm& form, Kind kind, std::string_view unit) {
  if (unit.find(" | ") != unit.npos) return find_cell(form, unit);
  if (asks_for_sentence(form.folded) || !is_question(form, kind)) return std::nullopt;
  // A date or an amount is asked for: nothing else will do.
  if ((kind == Kind::kDate || kind == Kind::kNumber) && !fits(form.asked, values_in(unit, form.counters))) return std::nullopt;
  const auto best = best_span(form, unit);
  return best ? std::optional<FoundSpan>({best->span, best->score}) : std::nullopt;
}

}  // namespace sillok::answer

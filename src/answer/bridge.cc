// From a first record to a second: what the evidence names (a document, a machine, a lot, an article) leads on, and the
// question is asked again of the records that this name leads to.
#include <algorithm>
#include <unordered_map>

#include "answer/parts.h"
#include "answer/span.h"
#include "text/text.h"

namespace sillok::answer {
namespace {

constexpr size_t kMaxBridges = 4;       // names followed, nearest to the evidence first
constexpr size_t kMaxSources = 2;       // records whose links are read
constexpr size_t kPassages = 6;         // looked at behind each name
constexpr uint32_t kAround = 1;         // passages before and after the evidence that may name it, too

struct Bridge {
  std::string words;    // as the evidence writes it
  std::string record;   // where a link leads; "" = whatever holds the words
  std::string heading;  // of the section linked to; "" = the whole record
  std::string paragraph;  // "②" of "제14조제2항"; "" = any
  size_t source = 0, unit = 0;  // where the evidence names it
  bool near = false;    // in a unit that was chosen
};

// A passage of the evidence, or beside it in the same version.
struct Source {
  search::PassageResult passage;
  std::vector<bool> chosen;  // by unit
};

std::string_view unit_text(const search::PassageResult& passage, size_t unit) {
  const search::Unit& u = passage.units[unit];
  return std::string_view(passage.text).substr(u.begin, u.end - u.begin);
}

bool is_identifier_character(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '/' || c == '.';
}

// WS-102, H2405-03, RS-25-02216: capitals and digits joined by a hyphen.
std::vector<std::string> identifiers_in(std::string_view text) {
  constexpr size_t kShortest = 4, kLongest = 32;
  std::vector<std::string> found;
  for (size_t i = 0; i < text.size();) {
    if (!is_identifier_character(text[i])) {
      ++i;
      continue;
    }
    size_t end = i;
    while (end < text.size() && is_identifier_character(text[end])) ++end;
    std::string_view word = text.substr(i, end - i);
    while (!word.empty() && (word.back() == '-' || word.back() == '.' || word.back() == '/' || word.back() == '_')) word.remove_suffix(1);
    const bool capital = !word.empty() && word[0] >= 'A' && word[0] <= 'Z';
    const bool digit = std::any_of(word.begin(), word.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (capital && digit && word.find('-') != word.npos && word.find('.') == word.npos && word.size() >= kShortest && word.size() <= kLongest) {
      found.emplace_back(word);
    }
    i = end;
  }
  return found;
}

// "②" for "제14조제2항".
std::string paragraph_sign(std::string_view target) {
  const size_t end = target.rfind("항");
  if (end == target.npos || end == 0) return "";
  const char digit = target[end - 1];
  if (digit < '1' || digit > '9' || (end >= 2 && target[end - 2] >= '0' && target[end - 2] <= '9')) return "";
  return to_utf8(std::u32string(1, static_cast<char32_t>(0x2460 + digit - '1')));
}

// A unit about the name: a row with a cell that is the name and nothing else, or a sentence that begins with it.
bool is_about(std::string_view row, std::string_view name) {
  if (row.find(" | ") == row.npos) return row.starts_with(name) && (row.size() == name.size() || !is_identifier_character(row[name.size()]));
  for (size_t at = row.find(name); at != row.npos; at = row.find(name, at + 1)) {
    const std::string_view before = row.substr(0, at), after = row.substr(at + name.size());
    const bool begins = before.empty() || before.ends_with(": ") || before.ends_with(" | ");
    if (begins && (after.empty() || after.starts_with(" | "))) return true;
  }
  return false;
}

class Follower {
 public:
  Follower(const archive::Archive& archive, const search::Searcher& searcher, const search::Request& request,
           const search::Response& response, const QuestionForm& form, const std::vector<Candidate>& chosen, Kind kind)
      : archive_(archive), searcher_(searcher), request_(request), response_(response), form_(form), chosen_(chosen), kind_(kind) {}

  std::optional<SecondStep> run() {
    if (chosen_.empty() || !leaves_open()) return std::nullopt;
    find_bridges();
    std::optional<SecondStep> best;
    for (const Bridge& bridge : bridges_) {
      auto step = follow(bridge);
      if (step && (!best || step->score > best->score)) best = std::move(step);
    }
    return best;
  }

 private:
  // The units chosen lack what is asked for, or leave much of the question unsaid.
  bool leaves_open() const {
    constexpr double kMuch = 0.25;  // of the rarity of the question's words
    const search::PassageResult& passage = response_.results[chosen_[0].passage];
    const search::Unit& unit = passage.units[chosen_[0].unit];
    if ((kind_ == Kind::kDate || kind_ == Kind::kNumber) && !holds_kind(form_, kind_, unit_text(passage, chosen_[0].unit))) return true;
    double all = 0, open = 0;
    for (size_t i = 0; i < response_.words.size(); ++i) {
      if (!response_.words[i].content) continue;
      const auto rarity = static_cast<double>(response_.words[i].rarity);
      all += rarity;
      open += rarity * (1 - static_cast<double>(unit.found[i]));
    }
    return open > kMuch * all;
  }

  void find_bridges() {
    for (const Candidate& candidate : chosen_) add_source(candidate.passage);
    add_source(0);
    add_neighbours();
    // First what the chosen units name, then what stands elsewhere in their passages.
    for (const bool near : {true, false}) {
      for (size_t i = 0; i < sources_.size(); ++i) {
        by_links(i, near);
        by_names(i, near);
      }
    }
  }

  void add_source(size_t p) {
    const search::PassageResult& passage = response_.results[p];
    for (const Source& other : sources_) {
      if (other.passage.version_id == passage.version_id && other.passage.ordinal == passage.ordinal) return;
    }
    Source source{passage, std::vector<bool>(passage.units.size(), false)};
    for (const Candidate& c : chosen_) {
      if (c.passage == p) source.chosen[c.unit] = true;
    }
    sources_.push_back(std::move(source));
  }

  // The passages beside the best evidence: a cause or a footnote often stands in the next section.
  void add_neighbours() {
    const search::PassageResult best = sources_[0].passage;
    for (search::PassageResult& passage : searcher_.around(best.version_id, best.ordinal, kAround, request_.clearance)) {
      const bool there = std::any_of(sources_.begin(), sources_.end(), [&](const Source& s) {
        return s.passage.version_id == passage.version_id && s.passage.ordinal == passage.ordinal;
      });
      if (there) continue;
      size_t begin = 0;
      for (std::string_view line : split(passage.text, '\n')) {
        for (const text::Span span : text::sentences(line)) {
          search::Unit unit;
          unit.begin = begin + span.begin;
          unit.end = begin + span.end;
          unit.found.resize(response_.words.size());
          passage.units.push_back(std::move(unit));
        }
        begin += line.size() + 1;
      }
      std::vector<bool> none(passage.units.size(), false);
      sources_.push_back({std::move(passage), std::move(none)});
    }
  }

  // Which record a link leads to depends on all records that the asker may see, so who asks of some of them only goes by
  // the names in the text alone.
  bool sees_everything() const {
    return !request_.labels || std::all_of(archive_.labels().begin(), archive_.labels().end(), [&](const archive::LabelName& label) {
      return std::find(request_.labels->begin(), request_.labels->end(), label.name) != request_.labels->end();
    });
  }

  const std::vector<archive::Link>& links_of(const std::string& record) {
    if (!sees_everything()) return no_links_;
    const auto known = links_.find(record);
    if (known != links_.end()) return known->second;
    if (links_.size() >= kMaxSources) return no_links_;
    return links_[record] = archive::View(archive_, request_.clearance, request_.up_to).links(record, request_.as_of == kDayMax ? today() : request_.as_of);
  }

  void by_links(size_t source, bool near) {
    const std::string& record = sources_[source].passage.record;
    for (const archive::Link& link : links_of(record)) {
      if (link.kind != archive::LinkKind::kReference && link.kind != archive::LinkKind::kHyperlink) continue;
      if (link.from_record != record || link.from_version != sources_[source].passage.version_id) continue;
      if (link.to_record.empty() || link.to_record == record) continue;
      Bridge bridge;
      bridge.words = link.target;
      bridge.record = link.to_record;
      constexpr std::string_view kStep = " › ";
      const size_t last = link.to_anchor.rfind(kStep);
      bridge.heading = last == link.to_anchor.npos ? link.to_anchor : link.to_anchor.substr(last + kStep.size());
      if (!bridge.heading.empty()) bridge.paragraph = paragraph_sign(link.target);
      place(std::move(bridge), link.words, source, near);
    }
  }

  void by_names(size_t source, bool near) {
    const Source& from = sources_[source];
    for (size_t u = 0; u < from.chosen.size(); ++u) {
      if (from.chosen[u] != near) continue;
      for (const std::string& name : identifiers_in(unit_text(from.passage, u))) {
        Bridge bridge;
        bridge.words = name;
        place(std::move(bridge), name, source, near);
      }
    }
  }

  // Keeps the bridge if a unit of the source holds `words`, the question does not, and it is new.
  void place(Bridge bridge, const std::string& words, size_t source, bool near) {
    if (bridges_.size() >= kMaxBridges || words.empty()) return;
    const Source& from = sources_[source];
    if (from.passage.context.find(bridge.words) != std::string::npos) return;  // the record's own name
    for (size_t u = 0; u < from.chosen.size(); ++u) {
      if (from.chosen[u] != near || unit_text(from.passage, u).find(words) == std::string_view::npos) continue;
      if (text::fold(response_.text).find(text::fold(bridge.words)) != std::string::npos) return;
      for (const Bridge& other : bridges_) {
        if (other.words == bridge.words && other.record == bridge.record) return;
      }
      bridge.source = source;
      bridge.unit = u;
      bridge.near = near;
      bridges_.push_back(std::move(bridge));
      return;
    }
  }

  // The question again, of the record linked to or of the passages that hold the name.
  std::optional<SecondStep> follow(const Bridge& bridge) {
    const std::string& filter = bridge.record.empty() ? bridge.words : bridge.record;
    if (filter.find('"') != filter.npos) return std::nullopt;
    search::Request again = request_;
    again.query = response_.text + (bridge.record.empty() ? " \"" + filter + "\"" : " record:\"" + filter + "\"");
    again.limit = kPassages;
    auto found = searcher_.search(again);
    if (!found) return std::nullopt;
    const search::PassageResult& from = sources_[bridge.source].passage;
    std::optional<SecondStep> best;
    for (size_t p = 0; p < found->results.size(); ++p) {
      const search::PassageResult& passage = found->results[p];
      if (passage.record == from.record) continue;
      if (!bridge.record.empty() && passage.record != bridge.record) continue;  // the filter is a prefix
      for (size_t u = 0; u < passage.units.size(); ++u) {
        const double score = rate(bridge, *found, passage, u);
        if (score < kLeast || (best && score <= best->score)) continue;
        best = SecondStep{from, bridge.unit, passage, u, score, bridge.near};
      }
    }
    return best;
  }

  // How far the unit says what the first evidence leaves open: the question's words, those that stand beside the asked
  // thing twice, those that the evidence has at a third; and something of the kind asked for.
  double rate(const Bridge& bridge, const search::Response& found, const search::PassageResult& passage, size_t u) const {
    constexpr double kSaid = 0.3, kKey = 2.0, kKind = 0.3, kCounted = 0.15, kSection = 0.5, kNear = 0.3, kItself = 0.3;
    const search::Unit& unit = passage.units[u];
    const std::string_view words = unit_text(passage, u);
    if (bridge.record.empty() && words.find(bridge.words) == words.npos && passage.context.find(bridge.words) == passage.context.npos) return 0;
    const search::Unit& evidence = sources_[bridge.source].passage.units[bridge.unit];
    double all = 0, covered = 0;
    for (size_t i = 0; i < response_.words.size() && i < found.words.size(); ++i) {
      if (!response_.words[i].content) continue;
      const std::string_view word = std::string_view(response_.text).substr(response_.words[i].begin, response_.words[i].end - response_.words[i].begin);
      double weight = static_cast<double>(response_.words[i].rarity);
      weight *= 1 - (1 - kSaid) * static_cast<double>(evidence.found[i]);
      const std::string folded = text::fold(word);
      for (const std::u32string& key : form_.keys) {
        if (key.size() >= 2 && folded.starts_with(to_utf8(key))) weight *= kKey;
      }
      all += weight;
      covered += weight * static_cast<double>(unit.found[i]);
    }
    double score = all > 0 ? covered / all : 0;
    if (kind_ == Kind::kDate || kind_ == Kind::kNumber) {
      const bool fits = holds_kind(form_, kind_, words);
      const bool counted = kind_ == Kind::kNumber && !form_.counters.empty();
      // Any number is no sign; one of what is counted is.
      if (!fits) score -= kKind;
      else if (kind_ == Kind::kDate || counted) score += counted ? kKind + kCounted : kKind;
    }
    if (bridge.near) score += kNear;
    if (bridge.record.empty() && is_about(words, bridge.words)) score += kItself;
    if (!bridge.heading.empty() && passage.context.find(bridge.heading) != passage.context.npos) {
      score += bridge.paragraph.empty() || words.starts_with(bridge.paragraph) ? kSection : kSection / 2;
    }
    return score;
  }

  static constexpr double kLeast = 0.7;

  const archive::Archive& archive_;
  const search::Searcher& searcher_;
  const search::Request& request_;
  const search::Response& response_;
  const QuestionForm& form_;
  const std::vector<Candidate>& chosen_;
  Kind kind_;
  std::unordered_map<std::string, std::vector<archive::Link>> links_;
  const std::vector<archive::Link> no_links_;
  std::vector<Source> sources_;
  std::vector<Bridge> bridges_;
};

}  // namespace

std::optional<SecondStep> second_step(const archive::Archive& archive, const search::Searcher& searcher, const search::Request& request,
                                      const search::Response& response, const QuestionForm& form, const std::vector<Candidate>& chosen, Kind kind) {
  return Follower(archive, searcher, request, response, form, chosen, kind).run();
}

}  // namespace sillok::answer

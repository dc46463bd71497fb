// Gold questions that the records have outlived: found by the versions that held their answers, answered anew from the version
// in force, and changed only by a person.
#include <algorithm>
#include <cmath>
#include <map>

#include "release/parts.h"
#include "text/text.h"
#include "train/train.h"

namespace sillok::release {
namespace {

constexpr size_t kLongestUnit = 4000;   // code points of a block compared; a longer one is cut: the comparison is quadratic
constexpr double kAlike = 0.3;          // share of character pairs that two texts have in common to be one text changed

fs::path marks_path(const fs::path& home) { return folder_of(home) / "superseded.json"; }

// What is known between rounds: the marks, and which version each question was last looked at with.
struct Kept {
  std::vector<Mark> marks;
  std::map<std::string, std::string> seen;  // question's id to what was looked at
};

Json json_of(const Mark& m) {
  return {{"id", m.id}, {"question", m.question}, {"answers", m.answers}, {"record", m.record}, {"version_before", m.version_before}, {"version_now", m.version_now},
          {"proposed", m.proposed}, {"proposed_from", m.proposed_from}, {"anchor", m.anchor}, {"state", to_string(m.state)}, {"person", m.person}, {"found", m.found}};
}

Mark mark_from(const Json& json) {
  Mark m;
  m.id = json.at("id").get<std::string>();
  m.question = json.at("question").get<std::string>();
  m.answers = json.at("answers").get<std::vector<std::string>>();
  m.record = json.at("record").get<std::string>();
  m.version_before = json.at("version_before").get<uint32_t>();
  m.version_now = json.at("version_now").get<uint32_t>();
  m.proposed = json.at("proposed").get<std::string>();
  m.proposed_from = json.at("proposed_from").get<std::string>();
  m.anchor = json.at("anchor").get<std::string>();
  const std::string state = json.at("state").get<std::string>();
  m.state = state == "accepted" ? MarkState::kAccepted : state == "rejected" ? MarkState::kRejected : MarkState::kOpen;
  m.person = json.at("person").get<std::string>();
  m.found = json.at("found").get<Micros>();
  return m;
}

// A file that cannot be read is as none: all of it can be found again.
Kept load_kept(const fs::path& home) {
  Kept kept;
  const auto text = read_file(marks_path(home), 1ull << 30);
  if (!text) return kept;
  try {
    const Json json = Json::parse(*text);
    for (const Json& each : json.at("marks")) kept.marks.push_back(mark_from(each));
    kept.seen = json.at("seen").get<std::map<std::string, std::string>>();
  } catch (const std::exception&) {
    return Kept{};
  }
  return kept;
}

Status save_kept(const fs::path& home, const Kept& kept) {
  Json json = {{"marks", Json::array()}, {"seen", kept.seen}};
  for (const Mark& m : kept.marks) json["marks"].push_back(json_of(m));
  std::error_code error;
  fs::create_directories(folder_of(home), error);
  return write_file_atomic(marks_path(home), canonical(json) + "\n");
}

// A block or table row, with where it stands.
struct Unit { std::string text, anchor; };

std::vector<Unit> units_of(const documents::Document& document) {
  std::vector<Unit> out;
  for (const documents::Block& block : document.blocks) {
    if (!block.text.empty()) out.push_back({block.text, documents::to_string(block.anchor)});
    for (size_t row = 0; row < block.table.rows.size(); ++row) out.push_back({documents::row_text(block.table, row), documents::to_string(block.anchor)});
  }
  return out;
}

bool holds(const std::vector<Unit>& units, const std::vector<std::string>& answers) {
  return std::any_of(units.begin(), units.end(), [&](const Unit& unit) { return evaluate::contains_answer(unit.text, answers); });
}

// Pairs of neighbouring characters, sorted.
std::vector<uint64_t> pairs_of(std::u32string_view text) {
  std::vector<uint64_t> pairs;
  for (size_t i = 0; i + 1 < text.size(); ++i) pairs.push_back((uint64_t{text[i]} << 32) | text[i + 1]);
  std::sort(pairs.begin(), pairs.end());
  return pairs;
}

// Dice's coefficient.
double likeness(const std::vector<uint64_t>& a, const std::vector<uint64_t>& b) {
  if (a.empty() || b.empty()) return 0;
  std::vector<uint64_t> common;
  std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(common));
  return 2 * static_cast<double>(common.size()) / static_cast<double>(a.size() + b.size());
}

std::u32string cut(std::string_view text) {
  std::u32string wide = to_utf32(collapse_spaces(text));
  if (wide.size() > kLongestUnit) wide.resize(kLongestUnit);
  return wide;
}

// The new answer from the version that superseded the old one: the unit that the old one became, and what stands in it where
// the answer stood; if that shows nothing, what the whole archive answers now.
void propose_answer(Mark& mark, const std::vector<Unit>& before, const std::vector<Unit>& after, const answer::Answerer& answerer) {
  for (const Unit& old : before) {
    const auto held = std::find_if(mark.answers.begin(), mark.answers.end(), [&](const std::string& a) { return evaluate::contains_answer(old.text, {a}); });
    if (held == mark.answers.end()) continue;
    const std::vector<uint64_t> pairs = pairs_of(cut(old.text));
    const Unit* best = nullptr;
    double most = kAlike;
    for (const Unit& unit : after) {
      const double alike = likeness(pairs, pairs_of(cut(unit.text)));
      if (alike > most) {
        most = alike;
        best = &unit;
      }
    }
    if (best == nullptr) continue;
    std::string moved = moved_answer(old.text, *held, best->text);
    if (moved.empty()) continue;
    mark.proposed = std::move(moved);
    mark.proposed_from = best->text;
    mark.anchor = best->anchor;
    return;
  }
  answer::AskRequest request;
  request.question = mark.question;
  const auto asked = answerer.ask(request);
  if (!asked || !asked->answerable) return;
  mark.proposed = asked->text;
  mark.proposed_from = asked->quotes[0].text;
  mark.anchor = asked->quotes[0].anchor;
}

class Marker {
 public:
  // `quoted`: by question's id, the record from which the release in force answered it rightly.
  Marker(const archive::Archive& archive, const search::Searcher& searcher, double threshold, std::map<std::string, std::string> quoted)
      : archive_(archive), answerer_(archive, searcher, threshold), kept_(load_kept(archive.home())), quoted_(std::move(quoted)) {}

  Result<std::vector<Mark>> run(const std::vector<evaluate::GoldQuestion>& gold) {
    Kept next;
    for (const evaluate::GoldQuestion& question : gold) SILLOK_TRY(look(question, next));
    SILLOK_TRY(save_kept(archive_.home(), next));
    return next.marks;
  }

 private:
  // Where the answers stood: the gold records, or where the release in force quoted them from.
  std::vector<std::string> evidence_of(const evaluate::GoldQuestion& question) const {
    if (!question.records.empty()) return question.records;
    const auto quoted = quoted_.find(question.id);
    return quoted == quoted_.end() ? std::vector<std::string>() : std::vector<std::string>{quoted->second};
  }

  Status look(const evaluate::GoldQuestion& question, Kept& next) {
    if (!question.answerable || question.answers.empty() || question.as_of != kDayMax) return {};
    const std::vector<std::string> records = evidence_of(question);
    std::string looked = sha256_hex(question.question + "\n" + join(question.answers, "\n"));
    std::vector<archive::Version> now;
    for (const std::string& record : records) {
      const auto version = archive_.version_as_of(record, today());
      looked += " " + record + ":" + std::to_string(version ? version->id : 0);
      if (version) now.push_back(*version);
    }
    if (now.empty()) return {};
    const auto same_id = [&](const Mark& m) { return m.id == question.id; };
    const auto marked = std::find_if(kept_.marks.begin(), kept_.marks.end(), same_id);
    next.seen[question.id] = looked;
    if (const auto seen = kept_.seen.find(question.id); seen != kept_.seen.end() && seen->second == looked) {
      if (marked != kept_.marks.end() && marked->state != MarkState::kAccepted) next.marks.push_back(*marked);
      return {};
    }
    for (const archive::Version& version : now) {
      const auto document = archive_.document(version.id);
      if (document && holds(units_of(*document), question.answers)) return {};
    }
    for (const archive::Version& version : now) {
      SILLOK_ASSIGN(const bool found, supersedes(question, version, next));
      if (found) break;
    }
    return {};
  }

  // Whether an earlier version of the record held the answer; then it is marked.
  Result<bool> supersedes(const evaluate::GoldQuestion& question, const archive::Version& version, Kept& next) {
    const std::vector<archive::Version> all = archive_.versions(version.record);
    for (auto before = all.rbegin(); before != all.rend(); ++before) {
      if (before->id == version.id || before->erased || before->valid_from > version.valid_from) continue;
      const auto old = archive_.document(before->id);
      if (!old) continue;
      const std::vector<Unit> old_units = units_of(*old);
      if (!holds(old_units, question.answers)) continue;
      Mark mark;
      mark.id = question.id;
      mark.question = question.question;
      mark.answers = question.answers;
      mark.record = version.record;
      mark.version_before = before->number;
      mark.version_now = version.number;
      mark.found = now_micros();
      SILLOK_ASSIGN(const documents::Document document, archive_.document(version.id));
      propose_answer(mark, old_units, units_of(document), answerer_);
      next.marks.push_back(std::move(mark));
      return true;
    }
    return false;
  }

  const archive::Archive& archive_;
  answer::Answerer answerer_;
  Kept kept_;
  std::map<std::string, std::string> quoted_;
};

// Of the report of the release in force.
std::map<std::string, std::string> quoted_records(const fs::path& home) {
  std::map<std::string, std::string> out;
  const auto current = read_current(home);
  if (!current || current->id.empty()) return out;
  const auto release = load(home, current->id);
  const Result<std::string> text = release ? load_report(home, *release) : fail(release.error());
  if (!text) return out;
  const Json report = Json::parse(*text);
  for (const Json& outcome : report.value("outcomes", Json::array())) {
    if (outcome.value("right_first", false) && outcome.contains("given_at")) out[outcome.value("id", "")] = outcome["given_at"].value("record", "");
  }
  return out;
}

// The marked question's line in the gold file, changed.
Status change_answer(const fs::path& path, const Mark& mark, const std::string& answer, const Act& act) {
  return train::change_gold(path, [&](std::vector<train::GoldLine>& lines) -> Status {
    for (train::GoldLine& line : lines) {
      if (line.id != mark.id) continue;
      nlohmann::ordered_json json = nlohmann::ordered_json::parse(line.text, nullptr, false);
      if (!json.is_object() || json.value("question", "") != mark.question) continue;
      json["superseded"].push_back({{"answers", json.value("answers", nlohmann::ordered_json::array())}, {"version", mark.version_before},
                                    {"accepted", format_micros(now_micros())}, {"person", act.person}});
      json["answers"] = answer.empty() ? nlohmann::ordered_json::array() : nlohmann::ordered_json::array({answer});
      json["answerable"] = !answer.empty();
      line.text = json.dump(-1, ' ', false, Json::error_handler_t::replace);
      return {};
    }
    return fail(ErrorCode::kNotFound, path.string() + " has no question '" + mark.id + "' with those words any more; refresh again");
  });
}

Result<Mark> decide(const archive::Archive& archive, std::string_view id, MarkState state, const std::string& answer, const fs::path& gold, const Act& act) {
  SILLOK_ASSIGN(const FileLock held, lock(archive.home()));
  Kept kept = load_kept(archive.home());
  const auto mark = std::find_if(kept.marks.begin(), kept.marks.end(), [&](const Mark& m) { return m.id == id && m.state == MarkState::kOpen; });
  if (mark == kept.marks.end()) return fail(ErrorCode::kNotFound, "no gold question '" + shorten(clean_utf8(id), 60) + "' waits for an answer; `sillok refresh --pending` lists those that do");
  Json details = {{"act", state == MarkState::kAccepted ? "accept answer" : "reject answer"}, {"record", mark->record}, {"version", mark->version_now}};
  SILLOK_TRY(note(archive.home(), act, mark->id, "", details));
  if (state == MarkState::kAccepted) SILLOK_TRY(change_answer(gold, *mark, answer, act));
  mark->state = state;
  mark->person = act.person;
  mark->proposed = state == MarkState::kAccepted ? answer : mark->proposed;
  const Mark decided = *mark;
  SILLOK_TRY(save_kept(archive.home(), kept));
  return decided;
}

}  // namespace

std::string_view to_string(MarkState state) {
  switch (state) {
    case MarkState::kOpen: return "open";
    case MarkState::kAccepted: return "accepted";
    case MarkState::kRejected: return "rejected";
  }
  return "unknown";
}

// The longest common subsequence of the two texts' characters tells what stayed; the new answer is what stands between the
// nearest characters that stayed before and after the old one.
std::string moved_answer(std::string_view before_text, std::string_view answer_text, std::string_view after_text) {
  const std::u32string a = cut(before_text), b = cut(after_text), answer = cut(answer_text);
  const size_t begin = a.find(answer);
  if (answer.empty() || begin == a.npos) return {};
  const size_t end = begin + answer.size(), width = b.size() + 1;
  std::vector<uint16_t> length((a.size() + 1) * width, 0);  // of the common subsequence of what follows
  for (size_t i = a.size(); i-- > 0;) {
    for (size_t k = b.size(); k-- > 0;) {
      length[i * width + k] = a[i] == b[k] ? static_cast<uint16_t>(length[(i + 1) * width + k + 1] + 1)
                                           : std::max(length[(i + 1) * width + k], length[i * width + k + 1]);
    }
  }
  size_t from = 0, to = b.size();
  bool right = false;
  for (size_t i = 0, k = 0; i < a.size() && k < b.size() && !right;) {
    if (a[i] == b[k]) {
      if (i < begin) from = k + 1;
      if (i >= end) {
        to = k;
        right = true;
      }
      ++i;
      ++k;
    } else if (length[(i + 1) * width + k] >= length[i * width + k + 1]) {
      ++i;
    } else {
      ++k;
    }
  }
  if (from >= to) return {};
  const std::string moved(trim(to_utf8(std::u32string_view(b).substr(from, to - from))));
  // Far longer than the old one: a sentence rewritten, not an answer changed.
  return to_utf32(moved).size() > 3 * answer.size() + 20 ? std::string() : moved;
}

Result<std::vector<Mark>> mark_superseded(const archive::Archive& archive, const search::Searcher& searcher, const fs::path& gold) {
  SILLOK_ASSIGN(const auto questions, evaluate::load_gold(gold));
  SILLOK_ASSIGN(const InForce now, in_force(archive.home()));
  return Marker(archive, searcher, now.threshold, quoted_records(archive.home())).run(questions);
}

std::vector<Mark> marks(const fs::path& home) { return load_kept(home).marks; }

Result<Mark> accept(const archive::Archive& archive, const fs::path& gold, std::string_view id, const std::optional<std::string>& answer, const Act& act) {
  std::string taken;
  if (answer) {
    taken = *answer;
  } else {
    for (const Mark& m : marks(archive.home())) {
      if (m.id == id && m.state == MarkState::kOpen) taken = m.proposed;
    }
  }
  return decide(archive, id, MarkState::kAccepted, taken, gold, act);
}

Result<Mark> reject(const archive::Archive& archive, std::string_view id, const Act& act) {
  return decide(archive, id, MarkState::kRejected, "", {}, act);
}

}  // namespace sillok::release

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "evaluate/evaluate.h"
#include "train/ceiling.h"
#include "train/curate.h"
#include "train/data_rows.h"
#include "train/train.h"

namespace sillok::train {
namespace {

using Json = nlohmann::ordered_json;

// What is left after a step, and how much that is.
class Yield {
 public:
  Yield(std::vector<Row>& rows, std::vector<DataStep>& steps) : rows_(rows), steps_(steps) {}
  void note(std::string name) {
    uint64_t bytes = 0;
    for (const Row& row : rows_) bytes += row.text.size();
    steps_.push_back({std::move(name), rows_.size(), bytes});
  }
  template <typename Unwanted>
  void leave_out(std::string name, Unwanted&& unwanted) {
    std::erase_if(rows_, unwanted);
    note(std::move(name));
  }

 private:
  std::vector<Row>& rows_;
  std::vector<DataStep>& steps_;
};

std::string shown(double value) {
  std::string text = std::to_string(value);
  while (text.ends_with('0')) text.pop_back();
  if (text.ends_with('.')) text.pop_back();
  return text;
}

Status curate(const DataOptions& o, std::vector<Row>& rows, std::vector<DataStep>& steps) {
  Yield yield(rows, steps);
  yield.note("passages in force under the ceiling");
  uint64_t masked = 0;
  for (Row& row : rows) {
    std::string text = govern::mask_personal(row.text);
    masked += text == row.text ? 0 : 1;
    row.text = std::move(text);
    row.title = govern::mask_personal(row.title);
    row.context = govern::mask_personal(row.context);
    row.quality = judge(row.text);
  }
  yield.note("personal data masked, in " + std::to_string(masked) + " passages");
  yield.leave_out("shorter than " + std::to_string(o.min_characters) + " characters",
                  [&](const Row& r) { return r.quality.characters < o.min_characters; });
  yield.leave_out("fewer letters than a share of " + shown(o.min_letters), [&](const Row& r) { return r.quality.letters < o.min_letters; });
  yield.leave_out("more repeated lines than a share of " + shown(o.max_repeated),
                  [&](const Row& r) { return r.quality.repeated_lines > o.max_repeated; });
  if (!o.scripts.empty()) {
    yield.leave_out("most letters of another script", [&](const Row& r) {
      return std::find(o.scripts.begin(), o.scripts.end(), r.quality.script) == o.scripts.end();
    });
  }
  if (!o.gold.empty()) {
    SILLOK_ASSIGN(const std::vector<evaluate::GoldQuestion> gold, evaluate::load_gold(o.gold));
    GoldCopies copies;
    std::set<std::string> records;
    for (const evaluate::GoldQuestion& q : gold) {
      copies.add(q.question);
      records.insert(q.records.begin(), q.records.end());
    }
    yield.leave_out("evidence of gold questions", [&](const Row& r) { return records.contains(r.record); });
    yield.leave_out("near-copies of gold questions", [&](const Row& r) { return copies.in(r.text); });
  }
  // The first in order of record is kept, so that the outcome does not depend on when a copy came.
  std::set<uint64_t> exact;
  yield.leave_out("exact copies", [&](const Row& r) { return !exact.insert(hash64(collapse_spaces(r.text))).second; });
  NearCopies near(o.near_duplicate);
  yield.leave_out("near-copies, similarity of " + shown(o.near_duplicate) + " or more", [&](const Row& r) {
    Signature signature = sign(r.text);
    if (near.has(signature)) return true;
    near.add(std::move(signature));
    return false;
  });
  return {};
}

std::string_view split_of(std::string_view record, const DataOptions& o) {
  // By record: passages of one record tell of each other.
  const double place = static_cast<double>(hash64(record, o.seed) >> 11) / static_cast<double>(1ull << 53);
  if (place < o.test) return "test";
  return place < o.test + o.validation ? "validation" : "train";
}

std::vector<Line> lines_of(const std::vector<Row>& rows) {
  std::vector<Line> lines;
  for (const Row& row : rows) {
    const Json line{{"text", row.text}, {"title", row.title}, {"record", row.record}, {"version", row.version}, {"label", row.label}};
    lines.push_back({row.record, row.record + '\0' + std::to_string(row.version) + '\0' + std::to_string(row.ordinal), line.dump(-1, ' ', false, Json::error_handler_t::replace)});
  }
  return lines;
}

Status check_options(const DataOptions& o) {
  if (!o.taught.empty() && !o.instructions) return fail(ErrorCode::kInvalid, "questions to teach with go into instructions; add --instructions");
  if (o.out.empty()) return fail(ErrorCode::kInvalid, "name a folder to write the dataset to");
  const auto share = [](double v) { return v >= 0 && v <= 1; };
  if (!share(o.validation) || !share(o.test) || o.validation + o.test >= 1) {
    return fail(ErrorCode::kInvalid, "validation and test must be shares that leave something to train on");
  }
  if (!share(o.near_duplicate) || !share(o.min_letters) || !share(o.max_repeated)) {
    return fail(ErrorCode::kInvalid, "similarity, letters and repeated lines are shares between 0 and 1");
  }
  return {};
}

Json options_json(const DataOptions& o, const std::string& ceiling) {
  return {{"ceiling", ceiling},
          {"gold", o.gold.filename().string()},
          {"taught", o.taught.filename().string()},
          {"seed", o.seed},
          {"near_duplicate", o.near_duplicate},
          {"min_characters", o.min_characters},
          {"min_letters", o.min_letters},
          {"max_repeated", o.max_repeated},
          {"scripts", o.scripts},
          {"validation", o.validation},
          {"test", o.test}};
}

}  // namespace

Result<DataReport> make_dataset(const archive::Archive& archive, const search::Searcher& searcher, const DataOptions& options,
                                const Progress& progress) {
  SILLOK_TRY(check_options(options));
  SILLOK_ASSIGN(const govern::Clearance ceiling, label_ceiling(archive, options.ceiling));
  const govern::Lattice& lattice = archive.settings().lattice;
  DataReport report;
  std::vector<Row> rows;
  SILLOK_TRY(searcher.passages(ceiling, [&](const search::LearningPassage& p) {
    rows.push_back({std::string(p.text), std::string(p.title), std::string(p.context), std::string(p.record), std::string(p.label), p.version_id, p.ordinal});
  }));
  if (progress) progress("curating", 0, rows.size());
  SILLOK_TRY(curate(options, rows, report.steps));
  Lessons content;
  if (options.instructions) {
    SILLOK_ASSIGN(content, make_lessons(archive, searcher, options, ceiling, rows));
    report.lessons = content.counts;
  } else {
    content.lines = lines_of(rows);
    for (const Row& row : rows) content.labels.insert(row.label), content.versions.insert(row.version);
  }
  report.labels = in_order(lattice, content.labels);
  report.label = joined(lattice, report.labels);
  std::sort(content.lines.begin(), content.lines.end(), [&](const Line& a, const Line& b) {
    const uint64_t x = hash64(a.key, options.seed + 1), y = hash64(b.key, options.seed + 1);
    return x != y ? x < y : a.key < b.key;
  });

  std::map<std::string, std::string> files{{"train", ""}, {"validation", ""}, {"test", ""}};
  for (const Line& line : content.lines) {
    const std::string split(split_of(line.record, options));
    ++report.splits[split];
    files[split] += line.json + "\n";
  }
  Json manifest{{"made_by", options.instructions ? "sillok train data --instructions" : "sillok train data"},
                {"label", report.label},
                {"labels", report.labels},
                {"change", archive.last_change()}};
  manifest["options"] = options_json(options, lattice.text(ceiling));
  for (const DataStep& step : report.steps) manifest["yield"].push_back({{"step", step.name}, {"passages", step.passages}, {"bytes", step.bytes}});
  if (options.instructions) manifest["lessons"] = report.lessons;
  std::error_code made;
  fs::create_directories(options.out, made);
  if (made) return fail(ErrorCode::kIo, options.out.string() + " cannot be made: " + made.message());
  for (const auto& [name, bytes] : files) {
    SILLOK_TRY(write_file_atomic(options.out / (name + ".jsonl"), bytes));
    manifest["files"][name + ".jsonl"] = {{"sha256", sha256_hex(bytes)}, {options.instructions ? "lessons" : "passages", report.splits[name]}, {"bytes", bytes.size()}};
  }
  manifest["versions"] = content.versions;
  const std::string bytes = manifest.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
  report.manifest = options.out / "manifest.json";
  SILLOK_TRY(write_file_atomic(report.manifest, bytes));
  report.hash = sha256_hex(bytes);
  SILLOK_TRY(keep_made(archive.home(), {"dataset", report.manifest, report.hash, report.labels, {content.versions.begin(), content.versions.end()}, now_micros(), {}}));
  return report;
}

}  // namespace sillok::train

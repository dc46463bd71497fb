#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <tuple>

#include "evaluate/evaluate.h"
#include "train/ceiling.h"
#include "train/curate.h"
#include "train/train.h"

namespace sillok::train {
namespace {

using Json = nlohmann::ordered_json;

struct Row {
  std::string text, title, record, label;
  int64_t version = 0;
  uint32_t ordinal = 0;
};

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
  yield.leave_out("shorter than " + std::to_string(o.min_characters) + " characters",
                  [&](const Row& r) { return judge(r.text).characters < o.min_characters; });
  yield.leave_out("fewer letters than a share of " + shown(o.min_letters), [&](const Row& r) { return judge(r.text).letters < o.min_letters; });
  yield.leave_out("more repeated lines than a share of " + shown(o.max_repeated),
                  [&](const Row& r) { return judge(r.text).repeated_lines > o.max_repeated; });
  if (!o.scripts.empty()) {
    yield.leave_out("most letters of another script", [&](const Row& r) {
      return std::find(o.scripts.begin(), o.scripts.end(), judge(r.text).script) == o.scripts.end();
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

std::string_view split_of(const Row& row, const DataOptions& o) {
  // By record: passages of one record tell of each other.
  const double place = static_cast<double>(hash64(row.record, o.seed) >> 11) / static_cast<double>(1ull << 53);
  if (place < o.test) return "test";
  return place < o.test + o.validation ? "validation" : "train";
}

// In an order drawn from the seed and the row alone.
uint64_t place_of(const Row& row, uint64_t seed) { return hash64(row.record + '\0' + std::to_string(row.version) + '\0' + std::to_string(row.ordinal), seed + 1); }

Status check_options(const DataOptions& o) {
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
    rows.push_back({std::string(p.text), std::string(p.title), std::string(p.record), std::string(p.label), p.version_id, p.ordinal});
  }));
  if (progress) progress("curating", 0, rows.size());
  SILLOK_TRY(curate(options, rows, report.steps));
  std::set<std::string> present;
  for (const Row& row : rows) present.insert(row.label);
  report.labels = in_order(lattice, present);
  report.label = joined(lattice, report.labels);
  std::sort(rows.begin(), rows.end(), [&](const Row& a, const Row& b) {
    const uint64_t x = place_of(a, options.seed), y = place_of(b, options.seed);
    return x != y ? x < y : std::tie(a.record, a.version, a.ordinal) < std::tie(b.record, b.version, b.ordinal);
  });

  std::map<std::string, std::string> files{{"train", ""}, {"validation", ""}, {"test", ""}};
  std::set<int64_t> versions;
  for (const Row& row : rows) {
    const std::string split(split_of(row, options));
    ++report.splits[split];
    versions.insert(row.version);
    const Json line{{"text", row.text}, {"title", row.title}, {"record", row.record}, {"version", row.version}, {"label", row.label}};
    files[split] += line.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  }
  Json manifest{{"made_by", "sillok train data"}, {"label", report.label}, {"labels", report.labels}, {"change", archive.last_change()}};
  manifest["options"] = options_json(options, lattice.text(ceiling));
  for (const DataStep& step : report.steps) manifest["yield"].push_back({{"step", step.name}, {"passages", step.passages}, {"bytes", step.bytes}});
  std::error_code made;
  fs::create_directories(options.out, made);
  if (made) return fail(ErrorCode::kIo, options.out.string() + " cannot be made: " + made.message());
  for (const auto& [name, bytes] : files) {
    SILLOK_TRY(write_file_atomic(options.out / (name + ".jsonl"), bytes));
    manifest["files"][name + ".jsonl"] = {{"sha256", sha256_hex(bytes)}, {"passages", report.splits[name]}, {"bytes", bytes.size()}};
  }
  manifest["versions"] = versions;
  const std::string bytes = manifest.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
  report.manifest = options.out / "manifest.json";
  SILLOK_TRY(write_file_atomic(report.manifest, bytes));
  report.hash = sha256_hex(bytes);
  return report;
}

Result<std::vector<std::string>> stale_records(const archive::Archive& archive, const fs::path& manifest_or_model) {
  SILLOK_ASSIGN(const std::string bytes, read_file(manifest_or_model, search::kMaxRetrieverBytes));
  std::vector<int64_t> versions;
  std::vector<std::string> labels;
  if (const Json manifest = Json::parse(bytes, nullptr, false); manifest.is_object() && manifest.contains("versions") && manifest.contains("labels")) {
    try {
      versions = manifest["versions"].get<std::vector<int64_t>>();
      labels = manifest["labels"].get<std::vector<std::string>>();
    } catch (const Json::exception&) {
      return fail(ErrorCode::kInvalid, manifest_or_model.string() + ": its versions or labels are no lists of numbers and names");
    }
  } else {
    auto model = search::decode_retriever(bytes);
    if (!model) return fail(ErrorCode::kInvalid, manifest_or_model.string() + " is neither the manifest of a dataset nor a retriever");
    versions = std::move(model->versions);
    labels = std::move(model->labels);
  }
  const govern::Lattice& lattice = archive.settings().lattice;
  const auto covered = [&](const std::string& label) {
    return std::any_of(labels.begin(), labels.end(), [&](const std::string& learned) {
      const auto clearance = lattice.parse(learned);
      return clearance && lattice.dominates(*clearance, label);
    });
  };
  std::vector<std::string> stale;
  for (int64_t id : versions) {
    const auto version = archive.version(id);
    if (!version) {
      stale.push_back("version " + std::to_string(id) + " is not in this archive");
      continue;
    }
    const std::string name = version->record + ", version " + std::to_string(version->number);
    if (version->erased) stale.push_back(name + ": erased");
    else if (!covered(version->label)) stale.push_back(name + ": has the label " + version->label + " now");
    else if (version->valid_to <= today()) stale.push_back(name + ": no longer in force");
  }
  return stale;
}

}  // namespace sillok::train

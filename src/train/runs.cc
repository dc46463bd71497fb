#include "train/runs.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <nlohmann/json.hpp>

namespace sillok::train {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kEnterWaitMs = 10'000;
constexpr int kProbeWaitMs = 2'000;       // somebody who lists the runs holds a run's lock for an instant
constexpr Micros kFlush = 500'000;        // a point is written at most so much later: a small model makes a thousand steps a second
constexpr size_t kMostKept = 2'000;       // points in a file: four times what is shown, 300 KB
constexpr uint64_t kMaxAccount = 1 << 20;
constexpr uint64_t kMaxCurve = 8 << 20;
constexpr uint64_t kTail = 4096;          // of a file of points: the last of them is in it

fs::path list_folder(const fs::path& home) { return home / "models" / "training"; }

bool is_id(std::string_view text) {
  return !text.empty() && text.size() <= 64 && text.front() == 't' &&
         std::all_of(text.begin(), text.end(), [](char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || c == '-'; });
}

// Readers share the lock, so that they never take one another for the run.
bool is_held(const fs::path& lock) {
  const Descriptor file{::open(lock.c_str(), O_RDONLY | O_CLOEXEC)};
  return file.fd >= 0 && ::flock(file.fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

std::string line_of(const RunPoint& p) {
  Json line = {{"step", p.step}, {"loss", p.loss}, {"rate", p.rate}, {"tokens_per_s", p.tokens_per_s}, {"seconds", p.seconds},
               {"seconds_left", p.seconds_left}, {"joules", p.joules}, {"energy", p.energy_estimated ? "estimated" : "measured"}};
  return line.dump() + "\n";
}

RunPoint read_point(std::string_view text) {
  const Json line = Json::parse(text);
  RunPoint p;
  p.step = line.at("step").get<uint64_t>();
  p.loss = line.at("loss").get<double>();
  p.rate = line.at("rate").get<double>();
  p.tokens_per_s = line.at("tokens_per_s").get<double>();
  p.seconds = line.at("seconds").get<double>();
  p.seconds_left = line.at("seconds_left").get<double>();
  p.joules = line.at("joules").get<double>();
  p.energy_estimated = line.at("energy").get<std::string>() != "measured";
  return p;
}

// What stands behind the last line end is being written, or was when the machine stopped.
Result<std::vector<RunPoint>> read_points(const fs::path& path) {
  std::vector<RunPoint> points;
  const auto text = read_file(path, kMaxCurve);
  if (!text && text.error().code == ErrorCode::kNotFound) return points;
  if (!text) return fail(text.error());
  const std::string_view whole = std::string_view(*text).substr(0, text->rfind('\n') + 1);
  try {
    for (const std::string_view line : split(whole, '\n')) {
      if (!line.empty()) points.push_back(read_point(line));
    }
  } catch (const Json::exception&) {
    return fail(ErrorCode::kInvalid, path.string() + ": line " + std::to_string(points.size() + 1) + " is damaged");
  }
  return points;
}

Result<std::optional<RunPoint>> last_point(const fs::path& path) {
  const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (file.fd < 0) return std::optional<RunPoint>();
  const off_t size = ::lseek(file.fd, 0, SEEK_END), from = std::max<off_t>(0, size - static_cast<off_t>(kTail));
  std::string tail(static_cast<size_t>(size - from), '\0');
  const ssize_t count = ::pread(file.fd, tail.data(), tail.size(), from);
  if (count < 0) return fail_errno("cannot read " + path.string());
  tail.resize(static_cast<size_t>(count));
  const size_t end = tail.rfind('\n');
  if (end == tail.npos || end == 0) return std::optional<RunPoint>();
  const size_t before = tail.rfind('\n', end - 1), begin = before == tail.npos ? 0 : before + 1;
  try {
    return std::optional<RunPoint>(read_point(std::string_view(tail).substr(begin, end - begin)));
  } catch (const Json::exception&) {
    return fail(ErrorCode::kInvalid, path.string() + ": the last line is damaged");
  }
}

constexpr std::string_view kStates[] = {"running", "interrupted", "finished", "failed"};

// Without the points. kNotFound where there is no such run.
Result<TrainingRun> read_account(const fs::path& home, std::string_view id) {
  const fs::path folder = list_folder(home) / id;
  // Before the account: a run writes how it ended while it still holds the lock.
  const bool held = is_held(folder / "lock");
  const auto text = read_file(folder / "run.json", kMaxAccount);
  if (!text && text.error().code == ErrorCode::kNotFound) return fail(ErrorCode::kNotFound, "there is no training run '" + std::string(id) + "'");
  if (!text) return fail(text.error());
  TrainingRun run;
  try {
    const Json json = Json::parse(*text);
    run.id = id;
    run.kind = json.at("kind").get<std::string>();
    run.base = json.at("base").get<std::string>();
    run.data = json.at("data").get<std::string>();
    run.out = json.at("out").get<std::string>();
    run.labels = json.at("labels").get<std::vector<std::string>>();
    run.label = json.at("label").get<std::string>();
    run.started = json.at("started").get<int64_t>();
    run.ended = json.at("ended").get<int64_t>();
    run.steps = json.at("steps").get<uint64_t>();
    run.ranks = json.at("ranks").get<uint32_t>();
    run.error = json.at("error").get<std::string>();
    const auto state = std::find(std::begin(kStates), std::end(kStates), json.at("state").get<std::string>());
    if (state == std::end(kStates)) return fail(ErrorCode::kInvalid, (folder / "run.json").string() + " has a state of another program version");
    run.state = static_cast<RunState>(state - std::begin(kStates));
  } catch (const Json::exception&) {
    return fail(ErrorCode::kInvalid, (folder / "run.json").string() + " is damaged; remove the folder, the run's own files are not in it");
  }
  if (run.state == RunState::kRunning && !held) run.state = RunState::kInterrupted;
  return run;
}

std::vector<std::string> ids_of(const fs::path& home) {
  std::vector<std::string> ids;
  std::error_code error;
  for (fs::directory_iterator it(list_folder(home), error), end; !error && it != end; it.increment(error)) {
    std::string name = it->path().filename().string();
    if (is_id(name)) ids.push_back(std::move(name));
  }
  std::sort(ids.rbegin(), ids.rend());  // they begin with the time
  return ids;
}

std::string new_id(const fs::path& out) {
  const Micros now = now_micros();
  std::string time = format_micros(now);  // 2026-03-01T09:30:00Z
  std::erase_if(time, [](char c) { return c == '-' || c == ':' || c == 'Z'; });
  std::replace(time.begin(), time.end(), 'T', '-');
  char digits[8];
  std::snprintf(digits, sizeof digits, "-%04x", static_cast<unsigned>(hash64(out.string(), static_cast<uint64_t>(now)) & 0xFFFF));
  return "t" + time + digits;
}

// Room for one more. A run that nobody holds has ended or was interrupted; whoever enters holds the lock of the list, so none begins now.
void forget_oldest(const fs::path& home) {
  const std::vector<std::string> ids = ids_of(home);
  for (size_t i = RunAccount::kMostRuns - 1; i < ids.size(); ++i) {
    std::error_code ignored;  // tried again by the next run
    const fs::path folder = list_folder(home) / ids[i];
    if (!is_held(folder / "lock")) fs::remove_all(folder, ignored);
  }
}

}  // namespace

std::string_view to_string(RunState state) { return kStates[static_cast<size_t>(state)]; }

std::vector<RunPoint> thinned(const std::vector<RunPoint>& points, size_t most) {
  if (points.size() <= most || most == 0) return points;
  const size_t group = (points.size() + most - 1) / most;
  std::vector<RunPoint> fewer;
  uint64_t before = 0;  // the step of the point before
  // The first group is the short one: the last point ends a whole one.
  size_t end = points.size() % group == 0 ? group : points.size() % group;
  for (size_t begin = 0; begin < points.size(); begin = end, end += group) {
    RunPoint merged = points[end - 1];
    double sum = 0;
    const uint64_t from = before;
    for (size_t i = begin; i < end; ++i) {
      sum += points[i].loss * static_cast<double>(points[i].step - before);
      before = points[i].step;
    }
    if (before > from) merged.loss = sum / static_cast<double>(before - from);
    fewer.push_back(merged);
  }
  return fewer;
}

TrainingRuns list_runs(const fs::path& home) {
  TrainingRuns list;
  for (const std::string& id : ids_of(home)) {
    auto run = read_account(home, id);
    if (run) {
      auto last = last_point(list_folder(home) / id / "curve.jsonl");
      if (last) run->last = *last;
      else list.problems.push_back(last.error().message);
      list.runs.push_back(std::move(*run));
    } else if (run.error().code != ErrorCode::kNotFound) {  // else it was killed before it was on the list
      list.problems.push_back(run.error().message);
    }
  }
  std::stable_sort(list.runs.begin(), list.runs.end(), [](const TrainingRun& a, const TrainingRun& b) { return a.started > b.started; });
  return list;
}

Result<TrainingRun> load_run(const fs::path& home, std::string_view id, size_t most_points) {
  if (!is_id(id)) return fail(ErrorCode::kNotFound, "there is no training run '" + shorten(clean_utf8(id), 64) + "'");
  SILLOK_ASSIGN(TrainingRun run, read_account(home, id));
  SILLOK_ASSIGN(const std::vector<RunPoint> points, read_points(list_folder(home) / id / "curve.jsonl"));
  if (!points.empty()) run.last = points.back();
  run.curve = thinned(points, most_points);
  return run;
}

bool may_see(const govern::Lattice& lattice, const govern::Clearance& clearance, const TrainingRun& run) {
  return (run.label.empty() || lattice.dominates(clearance, run.label)) &&
         std::all_of(run.labels.begin(), run.labels.end(), [&](const std::string& label) { return lattice.dominates(clearance, label); });
}

std::string to_json(const TrainingRun& run, Curve curve) {
  const auto text_or_null = [](const std::string& text) { return text.empty() ? Json() : Json(text); };
  const std::optional<RunPoint>& last = run.last;
  Json json = {{"id", run.id}, {"kind", run.kind}, {"base", text_or_null(run.base)}, {"data", run.data.string()}, {"out", run.out.string()},
               {"label", text_or_null(run.label)}, {"started", format_micros(run.started)},
               {"ended", run.ended > 0 ? Json(format_micros(run.ended)) : Json()}, {"state", to_string(run.state)},
               {"step", last ? last->step : 0}, {"steps", run.steps}, {"loss", last ? Json(last->loss) : Json()},
               {"tokens_per_s", last ? Json(last->tokens_per_s) : Json()}, {"seconds", last ? last->seconds : 0.0},
               {"seconds_left", last && run.state == RunState::kRunning ? Json(last->seconds_left) : Json()},
               {"joules", last ? last->joules : 0.0}, {"energy", !last || last->energy_estimated ? "estimated" : "measured"},
               {"ranks", run.ranks}, {"error", text_or_null(run.error)}};
  if (curve == Curve::kTold) {
    json["curve"] = Json::array();
    for (const RunPoint& p : run.curve) {
      json["curve"].push_back({{"step", p.step}, {"loss", p.loss}, {"rate", p.rate}, {"tokens_per_s", p.tokens_per_s}, {"seconds", p.seconds}, {"joules", p.joules}});
    }
  }
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

void RunAccount::describe(const fs::path& home, TrainingRun run, bool resume) {
  std::error_code error;
  if (home.empty() || !fs::exists(home / "archive.db", error)) return;
  home_ = home;
  run_ = std::move(run);
  run_.data = fs::absolute(run_.data, error).lexically_normal();
  run_.out = fs::absolute(run_.out, error).lexically_normal();
  resume_ = resume;
}

void RunAccount::begin(uint64_t done, uint64_t steps) {
  if (home_.empty()) return;
  run_.steps = steps;
  const Status entered = enter(done);
  open_ = entered.has_value();
  if (!entered) run_.id.clear();
  check(entered);
}

Status RunAccount::enter(uint64_t done) {
  std::error_code error;
  fs::create_directories(list_folder(home_), error);
  if (error) return fail(ErrorCode::kIo, list_folder(home_).string() + ": cannot be made: " + error.message());
  SILLOK_ASSIGN(const FileLock list, FileLock::acquire(list_folder(home_) / "lock", kEnterWaitMs));
  run_.started = now_micros();
  const std::string known(trim(read_file(run_.out / "run", kMaxAccount).value_or("")));
  if (resume_ && is_id(known)) {
    const auto before = read_account(home_, known);
    // A copy of the folder is another run than the one it was copied from; a folder that was moved is the same.
    const bool same = before && (before->out == run_.out || !fs::exists(before->out / "run", error));
    if (same && before->state != RunState::kRunning) {
      run_.id = known;
      run_.started = before->started;
      SILLOK_ASSIGN(points_, read_points(list_folder(home_) / known / "curve.jsonl"));
      if (!points_.empty()) earlier_seconds_ = points_.back().seconds, earlier_joules_ = points_.back().joules;
      std::erase_if(points_, [&](const RunPoint& p) { return p.step > done; });
    }
  }
  if (run_.id.empty()) {
    forget_oldest(home_);
    run_.id = new_id(run_.out);
  }
  folder_ = list_folder(home_) / run_.id;
  fs::create_directories(folder_, error);
  if (error) return fail(ErrorCode::kIo, folder_.string() + ": cannot be made: " + error.message());
  SILLOK_ASSIGN(lock_, FileLock::acquire(folder_ / "lock", kProbeWaitMs));
  // A retriever's is a file: it is begun anew, never gone on with.
  if (fs::is_directory(run_.out, error)) SILLOK_TRY(write_file_atomic(run_.out / "run", run_.id + "\n"));
  SILLOK_TRY(keep_points(true));
  return keep_state("running");
}

void RunAccount::add(RunPoint point) {
  if (!open_) return;
  point.seconds += earlier_seconds_;
  point.joules += earlier_joules_;
  points_.push_back(point);
  unwritten_ += line_of(point);
  if (points_.size() > kMostKept) {
    // All but the last are merged: what its step was is told until the next one is there.
    points_.pop_back();
    points_ = thinned(points_, kMostKept / 2);
    points_.push_back(point);
    check(keep_points(true));
  } else if (now_micros() - flushed_ >= kFlush) {
    check(keep_points(false));
  }
}

void RunAccount::end(const Error* failure) {
  if (!open_) return;
  check(keep_points(false));
  run_.ended = now_micros();
  if (failure != nullptr) run_.error = failure->message;
  if (open_) check(keep_state(failure != nullptr ? "failed" : "finished"));
  open_ = false;
  lock_ = FileLock();
}

Status RunAccount::keep_state(std::string_view state) {
  const Json json = {{"kind", run_.kind}, {"base", run_.base}, {"data", run_.data.string()}, {"out", run_.out.string()},
                     {"labels", run_.labels}, {"label", run_.label}, {"started", run_.started}, {"ended", run_.ended},
                     {"state", state}, {"steps", run_.steps}, {"ranks", run_.ranks}, {"error", run_.error}};
  return write_file_atomic(folder_ / "run.json", json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

// What is new at the end of the file; or the whole file anew.
Status RunAccount::keep_points(bool all) {
  flushed_ = now_micros();
  std::string lines;
  std::swap(lines, unwritten_);
  if (all) {
    lines.clear();
    for (const RunPoint& p : points_) lines += line_of(p);
    return write_file_atomic(folder_ / "curve.jsonl", lines);
  }
  if (lines.empty()) return {};
  const Descriptor file{::open((folder_ / "curve.jsonl").c_str(), O_WRONLY | O_APPEND | O_CLOEXEC)};
  if (file.fd < 0) return fail_errno("cannot write " + (folder_ / "curve.jsonl").string());
  return write_all(file.fd, lines, folder_ / "curve.jsonl");
}

void RunAccount::check(const Status& status) {
  if (status) return;
  problem_ = "the home's list of training runs does not follow this run: " + status.error().message;
  open_ = false;
}

}  // namespace sillok::train

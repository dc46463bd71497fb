#include "server/jobs.h"

#include <sodium.h>

#include <algorithm>

namespace sillok::server {
namespace {

constexpr size_t kFilesAtOnce = 16;      // read by one call of Archive::add: what a cancel waits for at most
constexpr int kBusyWaitMs = 500;         // while another process writes to the home

// Where the kernel's confinement refuses moving between folders (Linux before 5.19), by copying.
void move_file(const fs::path& from, const fs::path& to, std::error_code& error) {
  fs::rename(from, to, error);
  if (error != std::errc::cross_device_link) return;
  fs::copy_file(from, to, fs::copy_options::overwrite_existing, error);
  std::error_code ignored;
  if (!error) fs::remove(from, ignored);
}

std::string_view to_string(JobState state) {
  switch (state) {
    case JobState::kWaiting: return "waiting";
    case JobState::kRunning: return "running";
    case JobState::kDone: return "done";
    case JobState::kFailed: return "failed";
    default: return "cancelled";
  }
}

Json manifest_json(const Job& job) {
  Json files = Json::array();
  for (const auto& file : job.files) files.push_back({{"name", file.name}, {"stored", file.stored}});
  return {{"id", job.id}, {"person", job.person}, {"label", job.label}, {"record", job.record}, {"created", job.created}, {"files", std::move(files)}};
}

Result<Job> read_manifest(const fs::path& path) {
  SILLOK_ASSIGN(const std::string text, read_file(path, 256 << 20));
  try {
    const Json json = Json::parse(text);
    Job job;
    job.kind = "add";
    job.id = json.at("id").get<std::string>();
    job.person = json.at("person").get<std::string>();
    job.label = json.at("label").get<std::string>();
    job.record = json.at("record").get<std::string>();
    job.created = json.at("created").get<Micros>();
    for (const Json& file : json.at("files")) job.files.push_back({file.at("name").get<std::string>(), file.at("stored").get<std::string>(), false});
    job.total = job.files.size();
    return job;
  } catch (const Json::exception& error) {
    return fail(ErrorCode::kInvalid, path.string() + ": " + error.what());
  }
}

Json job_json(const Job& job) {
  Json failed = Json::array();
  for (const auto& failure : job.failed) failed.push_back({{"path", failure.path}, {"reason", failure.reason}});
  return {{"id", job.id}, {"kind", job.kind}, {"state", to_string(job.state)}, {"done", job.done}, {"total", job.total}, {"message", job.message},
          {"failed", std::move(failed)}, {"records", job.records}, {"person", job.person}, {"created", format_micros(job.created)}};
}

}  // namespace

struct Jobs::Task {
  Job job;
  govern::Identity who;
  std::atomic<bool> cancelled{false};
};

Jobs::Jobs(App& app) : app_(app), thread_([this] { run(); }) {}

Jobs::~Jobs() {
  {
    const std::lock_guard guard(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

// Time first, so that ids sort by it; then enough chance that nobody guesses another's.
std::string Jobs::new_id() {
  unsigned char random[6];
  randombytes_buf(random, sizeof random);
  char text[40];
  std::snprintf(text, sizeof text, "j%013llx%02x%02x%02x%02x%02x%02x", static_cast<unsigned long long>(now_micros()), random[0], random[1], random[2],
                random[3], random[4], random[5]);
  return text;
}

fs::path Jobs::folder(const std::string& id) const { return app_.archive.home() / "uploads" / id; }

Status Jobs::resume() {
  const fs::path root = app_.archive.home() / "uploads";
  std::error_code error;
  fs::create_directories(root, error);
  if (error) return fail(ErrorCode::kIo, "cannot make " + root.string() + ": " + error.message());
  std::vector<fs::path> folders;
  for (const auto& entry : fs::directory_iterator(root, error)) folders.push_back(entry.path());
  std::sort(folders.begin(), folders.end());
  for (const fs::path& folder : folders) {
    if (folder.filename() == "files") continue;
    if (!fs::exists(folder / "job.json", error)) {
      fs::remove_all(folder, error);
      continue;
    }
    auto job = read_manifest(folder / "job.json");
    if (!job) return fail(job.error().in("an acknowledged upload cannot be taken up"));
    auto task = std::make_shared<Task>();
    // One that was put in place, and perhaps not added yet, goes back; those that were added are gone from both.
    for (auto& file : job->files) {
      const fs::path stored = folder / file.stored, placed = root / "files" / file.name;
      if (!fs::exists(stored, error) && fs::exists(placed, error)) move_file(placed, stored, error);
      file.done = !fs::exists(stored, error);
    }
    job->done = static_cast<uint64_t>(std::count_if(job->files.begin(), job->files.end(), [](const Job::File& file) { return file.done; }));
    task->job = std::move(*job);
    task->who.person.name = task->job.person;
    task->who.how = "upload taken up again";
    enqueue(std::move(task));
  }
  return {};
}

void Jobs::enqueue(std::shared_ptr<Task> task) {
  const std::lock_guard guard(mutex_);
  while (tasks_.size() >= kKept) {
    const auto finished = std::find_if(tasks_.begin(), tasks_.end(), [](const auto& entry) {
      return entry.second->job.state != JobState::kWaiting && entry.second->job.state != JobState::kRunning;
    });
    if (finished == tasks_.end()) break;
    tasks_.erase(finished);
  }
  tasks_.emplace(task->job.id, task);
  queue_.push_back(std::move(task));
  wake_.notify_all();
}

Status Jobs::add_upload(Job job) {
  job.kind = "add";
  job.total = job.files.size();
  SILLOK_TRY(write_file_atomic(folder(job.id) / "job.json", dump(manifest_json(job))));
  SILLOK_TRY(sync_directory(folder(job.id).parent_path()));
  auto task = std::make_shared<Task>();
  task->who.person.name = job.person;
  task->who.how = "upload";
  task->job = std::move(job);
  enqueue(std::move(task));
  return {};
}

Result<std::string> Jobs::evaluate(const govern::Identity& who) {
  auto task = std::make_shared<Task>();
  task->job.id = new_id();
  task->job.kind = "evaluate";
  task->job.person = who.person.name;
  task->job.created = now_micros();
  task->who = who;
  const std::string id = task->job.id;
  enqueue(std::move(task));
  return id;
}

std::vector<Job> Jobs::list() const {
  const std::lock_guard guard(mutex_);
  std::vector<Job> jobs;
  for (auto it = tasks_.rbegin(); it != tasks_.rend(); ++it) jobs.push_back(it->second->job);
  return jobs;
}

std::optional<Job> Jobs::find(const std::string& id) const {
  const std::lock_guard guard(mutex_);
  const auto found = tasks_.find(id);
  if (found == tasks_.end()) return std::nullopt;
  return found->second->job;
}

bool Jobs::cancel(const std::string& id) {
  const std::lock_guard guard(mutex_);
  const auto found = tasks_.find(id);
  if (found == tasks_.end()) return false;
  found->second->cancelled = true;
  return true;
}

Jobs::Counts Jobs::counts() const {
  const std::lock_guard guard(mutex_);
  Counts counts;
  for (const auto& [id, task] : tasks_) {
    counts.waiting += task->job.state == JobState::kWaiting;
    counts.running += task->job.state == JobState::kRunning;
  }
  return counts;
}

void Jobs::finish(Task& task, JobState state, const std::string& message) {
  const std::lock_guard guard(mutex_);
  task.job.state = state;
  task.job.message = message;
}

void Jobs::run() {
  for (;;) {
    std::shared_ptr<Task> task;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stop_ || !queue_.empty(); });
      if (stop_) return;
      task = std::move(queue_.front());
      queue_.pop_front();
      task->job.state = JobState::kRunning;
    }
    try {
      task->job.kind == "add" ? run_add(task) : run_evaluation(task);
    } catch (const std::exception& error) {
      finish(*task, JobState::kFailed, error.what());
    }
  }
}

// ---------------------------------------------------------------------------------------------
// Adding

void Jobs::run_add(const std::shared_ptr<Task>& task) {
  const size_t count = task->job.files.size();
  size_t at = 0;
  for (size_t step = 1; at < count; step = kFilesAtOnce) {  // one first: its record can be found at once
    if (task->cancelled) break;
    {
      const std::lock_guard guard(mutex_);
      if (stop_) return;  // taken up again at the next start
    }
    const size_t end = std::min(count, at + step);
    if (!add_some(*task, at, end)) return;
    at = end;
  }
  std::error_code ignored;
  fs::remove_all(folder(task->job.id), ignored);
  const bool cancelled = at < count;
  const size_t failed = task->job.failed.size();
  std::string message = cancelled ? "cancelled; what was added before stays" : "";
  if (!cancelled && failed > 0) message = std::to_string(failed) + " could not be read";
  finish(*task, cancelled ? JobState::kCancelled : (failed > 0 && task->job.records.empty() ? JobState::kFailed : JobState::kDone), message);
}

// Moves files [from, to) to the place under whose path the archive knows them, and adds them. The same name again is a
// new version of the record, as with any folder. False if it ended early.
bool Jobs::add_some(Task& task, size_t from, size_t to) {
  const fs::path place = app_.archive.home() / "uploads" / "files";
  std::error_code error;
  std::vector<fs::path> paths;
  std::vector<std::pair<fs::path, std::string>> shown;  // path below `place` and the name as sent
  for (size_t i = from; i < to; ++i) {
    const Job::File& file = task.job.files[i];
    if (file.done) continue;
    const fs::path target = place / file.name;
    fs::create_directories(target.parent_path(), error);
    move_file(folder(task.job.id) / file.stored, target, error);
    if (error) {
      const std::lock_guard guard(mutex_);
      task.job.failed.push_back({file.name, "cannot be put in place: " + error.message()});
      continue;
    }
    paths.push_back(target);
    shown.emplace_back(target, file.name);
  }
  archive::AddOptions options;
  options.label = task.job.label;
  if (task.job.files.size() == 1) options.record = task.job.record;
  const int64_t before = app_.archive.last_change();
  Result<archive::AddReport> report = archive::AddReport{};
  for (;;) {
    report = app_.archive.add(paths, options);
    if (report || report.error().code != ErrorCode::kConflict || task.cancelled) break;
    std::unique_lock lock(mutex_);
    task.job.message = "another process is writing to the home; waiting for it";
    if (wake_.wait_for(lock, std::chrono::milliseconds(kBusyWaitMs), [this] { return stop_; })) break;
  }
  const auto name_of = [&](const std::string& path) {
    for (const auto& [target, name] : shown) {
      if (path == target.string() || path.starts_with(target.string() + "::")) return name + path.substr(target.string().size());
    }
    return path;
  };
  if (!report) {
    // Back, so that the next start tries again.
    for (size_t i = from; i < to; ++i) {
      const Job::File& file = task.job.files[i];
      if (!file.done) move_file(place / file.name, folder(task.job.id) / file.stored, error);
    }
    if (task.cancelled) {
      fs::remove_all(folder(task.job.id), error);
      finish(task, JobState::kCancelled, "cancelled");
    } else {
      finish(task, JobState::kFailed, report.error().message);
    }
    return false;
  }
  for (const auto& [target, name] : shown) fs::remove(target, error);  // the archive has its bytes
  std::vector<std::string> records;
  std::string label;
  const Status listed = app_.archive.changes_after(before, [&](const archive::Version& version) -> Status {
    // Another writer may have come between: only what was read from these files is this job's.
    const bool ours = std::any_of(shown.begin(), shown.end(), [&](const auto& each) {
      return version.source_path == each.first.string() || version.source_path.starts_with(each.first.string() + "::");
    });
    if (ours && std::find(records.begin(), records.end(), version.record) == records.end()) records.push_back(version.record);
    return {};
  });
  const Status indexed = app_.refresh();
  govern::Identity who = task.who;
  for (const std::string& record : records) {
    const auto version = app_.archive.version_as_of(record, kDayMax - 1);
    (void)app_.record(who, "add", record, version ? version->label : "", {{"job", task.job.id}});
  }
  const std::lock_guard guard(mutex_);
  for (size_t i = from; i < to; ++i) task.job.files[i].done = true;
  task.job.done = to;
  task.job.message.clear();
  if (!indexed) task.job.message = "added, but not to be found yet: " + indexed.error().message;
  if (!listed) task.job.message = listed.error().message;
  for (const auto& failure : report->failed) task.job.failed.push_back({name_of(failure.path), failure.reason});
  for (std::string& record : records) task.job.records.push_back(std::move(record));
  return true;
}

void Jobs::run_evaluation(const std::shared_ptr<Task>& task) {
  const auto done = server::run_evaluation(app_, task->who.person.clearance, [&](size_t asked, size_t total) {
    const std::lock_guard guard(mutex_);
    task->job.done = asked;
    task->job.total = total;
  });
  finish(*task, done ? JobState::kDone : JobState::kFailed, done ? *done : done.error().message);
}

// ---------------------------------------------------------------------------------------------
// Routes

namespace {

bool may_see(const Request& request, const Job& job) {
  return job.person == request.identity.person.name || request.identity.may(govern::Scope::kSystem);
}

Response no_job(const std::string& id) { return error_response(Surface::kNative, 404, "not_found", "there is no job '" + shorten(clean_utf8(id), 60) + "'"); }

}  // namespace

Response list_jobs(App& app, Request& request) {
  Json jobs = Json::array();
  for (const Job& job : app.jobs->list()) {
    if (may_see(request, job)) jobs.push_back(job_json(job));
  }
  return json_response({{"jobs", std::move(jobs)}});
}

Response show_job(App& app, Request& request) {
  const auto job = app.jobs->find(request.captures[0]);
  if (!job || !may_see(request, *job)) return no_job(request.captures[0]);
  return json_response(job_json(*job));
}

Response cancel_job(App& app, Request& request) {
  const auto job = app.jobs->find(request.captures[0]);
  if (!job || !may_see(request, *job)) return no_job(request.captures[0]);
  app.jobs->cancel(job->id);
  Response response;
  response.status = 204;
  return response;
}

}  // namespace sillok::server

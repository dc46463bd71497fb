// Private to server: work that outlives its request: reading what was uploaded, asking the gold questions.
#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <thread>

#include "server/app.h"

namespace sillok::server {

enum class JobState : uint8_t { kWaiting, kRunning, kDone, kFailed, kCancelled };

struct Job {
  std::string id, kind, person, message;  // kind: "add", "evaluate"
  JobState state = JobState::kWaiting;
  uint64_t done = 0, total = 0;
  std::vector<archive::Failure> failed;
  std::vector<std::string> records;       // what it added or changed
  Micros created = 0;
  // of "add"
  std::string label, record;
  struct File {
    std::string name;                     // as sent, cleaned: the record's key comes from it
    std::string stored;                   // file in the job's folder
    bool done = false;
  };
  std::vector<File> files;
};

// Jobs of this run, and uploads of earlier ones that a restart interrupted. An upload is a folder home/uploads/ID with
// its files and job.json; job.json is written last, so a folder with it was acknowledged and one without was not.
// Finished jobs are kept in memory, the last kKept of them.
class Jobs {
 public:
  static constexpr size_t kKept = 500;
  explicit Jobs(App& app);
  ~Jobs();  // stops after the files at hand; the rest goes on at the next start
  // Takes up interrupted uploads; throws away what was never acknowledged.
  Status resume();

  static std::string new_id();
  fs::path folder(const std::string& id) const;
  // The job's files are in folder(id), synced. Durable when it returns.
  Status add_upload(Job job);
  Result<std::string> evaluate(const govern::Identity& who);

  std::vector<Job> list() const;          // newest first
  std::optional<Job> find(const std::string& id) const;
  bool cancel(const std::string& id);
  struct Counts {
    size_t waiting = 0, running = 0;
  };
  Counts counts() const;

 private:
  struct Task;
  void run();
  void run_add(const std::shared_ptr<Task>& task);
  void run_evaluation(const std::shared_ptr<Task>& task);
  bool add_some(Task& task, size_t from, size_t to);
  void enqueue(std::shared_ptr<Task> task);
  void finish(Task& task, JobState state, const std::string& message);

  App& app_;
  mutable std::mutex mutex_;  // guards all below, and Task::job
  std::condition_variable wake_;
  std::map<std::string, std::shared_ptr<Task>> tasks_;  // by id: in order of making
  std::deque<std::shared_ptr<Task>> queue_;
  bool stop_ = false;
  std::thread thread_;
};

// gold.cc: asks the gold questions and keeps the figures; gives the evaluation's id.
Result<std::string> run_evaluation(App& app, const govern::Clearance& clearance, const std::function<void(size_t done, size_t total)>& progress);

}  // namespace sillok::server

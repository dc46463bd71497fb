// Following folders: inotify says when to look, add finds out what changed. A rescan now and then covers what inotify
// cannot see (network file systems, more folders than the system lets one watch).
#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <set>

#include "archive/scan.h"
#include "archive/state.h"

namespace sillok::archive {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr int kStopPollMs = 100;          // how soon stop() is heeded
constexpr milliseconds kQuiet{300};       // a burst of changes is over after this long without one,
constexpr milliseconds kLongestWait{2000};  // or taken up after this long all the same
constexpr milliseconds kRescan{300'000};  // where every folder is watched
constexpr milliseconds kRescanBlind{10'000};  // where some could not be
constexpr uint32_t kEvents = IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF |
                             IN_MOVE_SELF | IN_ATTRIB | IN_ONLYDIR;

class Watcher {
 public:
  explicit Watcher(fs::path home) : home_(std::move(home)), fd_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {}
  ~Watcher() {
    if (fd_ >= 0) ::close(fd_);
  }
  bool sees_everything() const { return fd_ >= 0 && !blind_; }

  // Watches all folders below the paths; those watched already stay so.
  void follow(const std::vector<fs::path>& paths) {
    blind_ = false;
    if (fd_ < 0) return;
    for (const fs::path& given : paths) {
      std::error_code error;
      const fs::path root = fs::canonical(given, error);
      if (error) {
        blind_ = true;
        continue;
      }
      if (!fs::is_directory(root, error)) {
        watch(root.parent_path());
        continue;
      }
      watch(root);
      const auto options = fs::directory_options::skip_permission_denied;
      for (fs::recursive_directory_iterator it(root, options, error), end; !error && it != end; it.increment(error)) {
        if (it->is_symlink(error) || !it->is_directory(error)) continue;
        if (skipped_by_name(it->path().filename().native()) || it->path() == home_) {
          it.disable_recursion_pending();
        } else {
          watch(it->path());
        }
      }
    }
  }

  // Waits a little; whether anything happened that an add should look at.
  bool wait() {
    pollfd poll_fd{fd_, POLLIN, 0};
    if (::poll(&poll_fd, fd_ >= 0 ? 1 : 0, kStopPollMs) <= 0) return false;
    bool happened = false;
    alignas(inotify_event) char buffer[16384];
    for (;;) {
      const ssize_t size = ::read(fd_, buffer, sizeof buffer);
      if (size <= 0) return happened;
      for (ssize_t at = 0; at < size;) {
        const auto* event = reinterpret_cast<const inotify_event*>(buffer + at);
        at += static_cast<ssize_t>(sizeof(inotify_event) + event->len);
        if ((event->mask & IN_Q_OVERFLOW) != 0 || event->len == 0 || !skipped_by_name(event->name)) happened = true;
      }
    }
  }

 private:
  void watch(const fs::path& folder) {
    if (::inotify_add_watch(fd_, folder.c_str(), kEvents) < 0) blind_ = true;
  }

  fs::path home_;
  int fd_;
  bool blind_ = false;
};

}  // namespace

Status Archive::watch(const std::vector<fs::path>& paths, const AddOptions& options,
                      const std::function<void(const AddReport&)>& after_each, const std::function<bool()>& stop) {
  Watcher watcher(state_->home);
  Clock::time_point first_change = Clock::now() - kLongestWait, last_change = first_change, last_add{};
  bool dirty = true;
  while (!stop()) {
    const auto now = Clock::now();
    if (!dirty && now - last_add > (watcher.sees_everything() ? kRescan : kRescanBlind)) {
      dirty = true;
      first_change = last_change = now - kLongestWait;
    }
    if (dirty && (now - last_change >= kQuiet || now - first_change >= kLongestWait)) {
      watcher.follow(paths);  // Before looking, so that no change falls between.
      auto report = run_add(*state_, paths, options, false);
      if (!report && report.error().code != ErrorCode::kConflict) return fail(report.error());
      last_add = Clock::now();
      dirty = !report.has_value();  // Another writer was at work: once more.
      first_change = last_change = last_add;
      if (report && after_each) after_each(*report);
    }
    if (watcher.wait()) {
      last_change = Clock::now();
      if (!dirty) first_change = last_change;
      dirty = true;
    }
  }
  return {};
}

}  // namespace sillok::archive

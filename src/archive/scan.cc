#include "archive/scan.h"

#include <sys/stat.h>

#include <algorithm>
#include <set>

#include "text/text.h"

namespace sillok::archive {
namespace {

// Folders within folders; deeper trees are a mistake or an attack.
constexpr int kMaxDepth = 128;

bool is_below(const fs::path& path, const fs::path& folder) {
  const std::string& p = path.native();
  const std::string& f = folder.native();
  return p == f || (p.starts_with(f) && (f.ends_with('/') || p[f.size()] == '/'));
}

class Walk {
 public:
  Walk(Scan& scan, const fs::path& home, const fs::path& root) : scan_(scan), home_(home), root_(root) {}

  void folder(const fs::path& path, int depth) {
    if (is_below(path, home_)) {
      ++scan_.skipped;
      return;
    }
    std::error_code error;
    std::vector<fs::directory_entry> entries;
    fs::directory_iterator it(path, error);
    for (; !error && it != fs::directory_iterator(); it.increment(error)) entries.push_back(*it);
    if (error || depth > kMaxDepth) {
      scan_.unreadable.push_back(path);
      scan_.failed.push_back({clean_utf8(path.string()), error ? "cannot list the folder: " + error.message()
                                                               : "folders are nested more than 128 deep"});
      return;
    }
    for (const fs::directory_entry& entry : entries) visit(entry, depth);
  }

  void take(const fs::path& path, std::string name) {
    FoundFile file{path, std::move(name)};
    if (stat_file(file)) {
      scan_.files.push_back(std::move(file));
    } else {
      ++scan_.skipped;
    }
  }

 private:
  void visit(const fs::directory_entry& entry, int depth) {
    const fs::path& path = entry.path();
    std::error_code error;
    const fs::file_type type = entry.symlink_status(error).type();
    if (skipped_by_name(path.filename().native())) {
      ++scan_.skipped;
    } else if (type == fs::file_type::directory) {
      folder(path, depth + 1);
    } else if (type == fs::file_type::regular) {
      take(path, key_from(path.lexically_relative(root_).generic_string()));
    } else if (type == fs::file_type::symlink) {
      symlink(path);
    } else {
      ++scan_.skipped;
    }
  }

  // Links are never followed. One within the tree leads to what is found anyway; one out of it is told.
  void symlink(const fs::path& path) {
    std::error_code error;
    const fs::path target = fs::canonical(path, error);
    if (!error && is_below(target, root_)) {
      ++scan_.skipped;
      return;
    }
    scan_.failed.push_back({clean_utf8(path.string()),
                            error ? "a symbolic link that leads nowhere"
                                  : "a symbolic link out of the folder; add " + clean_utf8(target.string()) +
                                        " itself if it is wanted"});
  }

  Scan& scan_;
  const fs::path& home_;
  const fs::path& root_;
};

}  // namespace

std::string key_from(std::string_view written) { return text::nfc(clean_utf8(written)); }

bool skipped_by_name(std::string_view name) {
  return name.starts_with('.') || name.starts_with("~$") || name == "Thumbs.db" || name == "desktop.ini";
}

bool stat_file(FoundFile& file) {
  struct stat info {};
  if (::lstat(file.path.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return false;
  file.size = info.st_size;
  file.mtime_ns = int64_t{info.st_mtim.tv_sec} * 1'000'000'000 + info.st_mtim.tv_nsec;
  file.inode = static_cast<int64_t>(info.st_ino);
  return true;
}

bool Scan::covers(const fs::path& path) const {
  for (const fs::path& folder : unreadable) {
    if (is_below(path, folder)) return false;
  }
  return std::any_of(roots.begin(), roots.end(), [&](const fs::path& root) { return is_below(path, root); });
}

Scan scan(const std::vector<fs::path>& paths, const fs::path& home) {
  Scan found;
  std::set<fs::path> seen;
  for (const fs::path& given : paths) {
    std::error_code error;
    const fs::path root = fs::canonical(given, error);
    if (error) {
      const bool missing = given.empty() || error == std::errc::no_such_file_or_directory ||
                           error == std::errc::not_a_directory;
      std::error_code ignored;  // "" has no absolute form
      found.failed.push_back({clean_utf8(fs::absolute(given, ignored).lexically_normal().string()),
                              missing ? "there is no such file or folder" : error.message()});
      continue;
    }
    found.roots.push_back(root);
    Scan below;
    Walk walk(below, home, root);
    if (fs::is_directory(root, error)) {
      walk.folder(root, 0);
    } else if (fs::is_regular_file(root, error)) {
      walk.take(root, key_from(root.filename().string()));
    } else {
      below.failed.push_back({clean_utf8(root.string()), "neither a file nor a folder"});
    }
    std::sort(below.files.begin(), below.files.end(),
              [](const FoundFile& a, const FoundFile& b) { return a.path.native() < b.path.native(); });
    for (FoundFile& file : below.files) {
      if (seen.insert(file.path).second) found.files.push_back(std::move(file));
    }
    found.failed.insert(found.failed.end(), below.failed.begin(), below.failed.end());
    found.unreadable.insert(found.unreadable.end(), below.unreadable.begin(), below.unreadable.end());
    found.skipped += below.skipped;
  }
  return found;
}

}  // namespace sillok::archive

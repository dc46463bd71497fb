// Private to archive: which files the given paths hold.
#pragma once

#include "archive/archive.h"

namespace sillok::archive {

struct FoundFile {
  fs::path path;     // absolute
  std::string name;  // relative to the path given, valid UTF-8; a single file's base name
  int64_t size = 0, mtime_ns = 0, inode = 0;
};

struct Scan {
  std::vector<FoundFile> files;       // by root in the order given, then by path, byte order; each file once
  std::vector<Failure> failed;        // folders that could not be listed, links out of the tree, missing paths
  std::vector<fs::path> roots;        // absolute paths that exist
  std::vector<fs::path> unreadable;   // folders below which nothing is known
  uint64_t skipped = 0;               // by rule: hidden, office lock files, Thumbs.db, links inside the tree, devices
  // Whether a file at this path would have been found.
  bool covers(const fs::path& path) const;
};

Scan scan(const std::vector<fs::path>& paths, const fs::path& home);
// Size, time and inode as they are now; false if there is no regular file.
bool stat_file(FoundFile& file);
// Whether a file or folder of this name is left out wherever it lies below a root.
bool skipped_by_name(std::string_view name);

}  // namespace sillok::archive

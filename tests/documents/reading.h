// What the reader tests share: reading bytes in process, and through the sandbox from a temporary
// file.
#pragma once

#include <gtest/gtest.h>

#include <fstream>

#include "documents/reader.h"

namespace sillok::documents {

struct Reading {
  Status status;
  std::vector<Item> items;
};

inline Reading read_bytes(std::string_view bytes, std::string_view name,
                          const ReadLimits& limits = {}) {
  Reading reading;
  reading.status = read_in_process(bytes, name, limits,
                                   [&](Item&& item) { reading.items.push_back(std::move(item)); });
  return reading;
}

// A file that is gone when the test is.
class TemporaryFile {
 public:
  TemporaryFile(const std::string& name, std::string_view bytes) {
    std::string pattern = ::testing::TempDir() + "sillok-read-XXXXXX";
    directory_ = mkdtemp(pattern.data());
    path_ = directory_ / name;
    std::ofstream(path_, std::ios::binary)
        .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  }
  ~TemporaryFile() {
    std::error_code ignored;
    fs::remove_all(directory_, ignored);
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path directory_, path_;
};

}  // namespace sillok::documents

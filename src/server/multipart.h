// Private to server: multipart/form-data (RFC 7578), taken apart as it arrives; never more than a header in memory.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/base.h"

namespace sillok::server {

// The boundary of a Content-Type, "" if it is no multipart/form-data with one.
std::string multipart_boundary(std::string_view content_type);

class MultipartParser {
 public:
  struct Part {
    std::string name, file_name;  // file_name "": a plain field
    bool is_file = false;
  };
  struct Sink {
    std::function<Status(const Part&)> begin;
    std::function<Status(std::string_view)> data;
    std::function<Status()> end;
  };
  MultipartParser(std::string boundary, Sink sink) : delimiter_("\r\n--" + std::move(boundary)), sink_(std::move(sink)), held_("\r\n") {}
  Status write(std::string_view bytes);
  Status finish() const;  // kInvalid if the last boundary is missing

 private:
  enum class At : uint8_t { kPreamble, kBoundary, kHeaders, kData, kEnd };
  Status step(bool& more);
  Status headers(std::string_view text);

  static constexpr size_t kMaxHeaders = 8 << 10;
  std::string delimiter_;
  Sink sink_;
  std::string held_;
  At at_ = At::kPreamble;
};

}  // namespace sillok::server

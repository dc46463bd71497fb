#include "server/multipart.h"

namespace sillok::server {
namespace {

// Value of a parameter of a header, unquoted: name="a \"b\".txt".
std::string parameter(std::string_view header, std::string_view name) {
  size_t at = 0;
  while ((at = header.find(';', at)) != header.npos) {
    ++at;
    while (at < header.size() && header[at] == ' ') ++at;
    const size_t equals = header.find('=', at);
    if (equals == header.npos) return {};
    const bool wanted = ascii_lower(header.substr(at, equals - at)) == name;
    at = equals + 1;
    std::string value;
    if (at < header.size() && header[at] == '"') {
      for (++at; at < header.size() && header[at] != '"'; ++at) {
        // Browsers escape a quote as %22; others with a backslash. A lone backslash is part of a Windows path.
        if (header[at] == '\\' && at + 1 < header.size() && (header[at + 1] == '"' || header[at + 1] == '\\')) ++at;
        value += header[at];
      }
    } else {
      const size_t end = header.find(';', at);
      value = std::string(trim(header.substr(at, end == header.npos ? end : end - at)));
      at = end == header.npos ? header.size() : end;
    }
    if (wanted) return value;
  }
  return {};
}

}  // namespace

std::string multipart_boundary(std::string_view content_type) {
  if (!starts_with_nocase(content_type, "multipart/form-data")) return {};
  std::string boundary = parameter(content_type, "boundary");
  return boundary.size() <= 70 ? boundary : std::string();  // RFC 2046
}

Status MultipartParser::write(std::string_view bytes) {
  held_ += bytes;
  for (bool more = true; more;) SILLOK_TRY(step(more));
  return {};
}

Status MultipartParser::finish() const {
  if (at_ == At::kEnd) return {};
  return fail(ErrorCode::kInvalid, "the form is cut off: its last boundary is missing");
}

// Takes what it can from held_; `more` false when further bytes are needed.
Status MultipartParser::step(bool& more) {
  more = false;
  switch (at_) {
    case At::kEnd:
      held_.clear();  // an epilogue means nothing
      return {};
    case At::kPreamble:
    case At::kData: {
      const size_t found = held_.find(delimiter_);
      // A delimiter may be cut at the end of what is here.
      const size_t safe = found != held_.npos ? found : (held_.size() >= delimiter_.size() ? held_.size() - delimiter_.size() + 1 : 0);
      if (at_ == At::kData && safe > 0) SILLOK_TRY(sink_.data(std::string_view(held_).substr(0, safe)));
      held_.erase(0, safe);
      if (found == held_.npos) return {};
      if (found != std::string::npos) {
        held_.erase(0, delimiter_.size());
        if (at_ == At::kData) SILLOK_TRY(sink_.end());
        at_ = At::kBoundary;
        more = true;
      }
      return {};
    }
    case At::kBoundary: {
      if (held_.size() < 2) return {};
      if (held_.starts_with("--")) {
        at_ = At::kEnd;
      } else {
        const size_t line = held_.find("\r\n");
        if (line == held_.npos && held_.size() < 256) return {};
        if (line == held_.npos || !trim(std::string_view(held_).substr(0, line)).empty()) {
          return fail(ErrorCode::kInvalid, "the form's boundary is followed by other text");
        }
        held_.erase(0, line + 2);
        at_ = At::kHeaders;
      }
      more = true;
      return {};
    }
    case At::kHeaders: {
      const bool none = held_.starts_with("\r\n");
      const size_t end = none ? 0 : held_.find("\r\n\r\n");
      if (!none && end == held_.npos) {
        if (held_.size() > kMaxHeaders) return fail(ErrorCode::kInvalid, "a part of the form has more than 8 KiB of headers");
        return {};
      }
      const std::string text = held_.substr(0, end);
      // The line end before the data stays: the data may be empty and its delimiter begins with one.
      held_.erase(0, none ? 2 : end + 4);
      SILLOK_TRY(headers(text));
      at_ = At::kData;
      more = true;
      return {};
    }
  }
  return {};
}

Status MultipartParser::headers(std::string_view text) {
  Part part;
  for (std::string_view line : split(text, '\n')) {
    line = trim(line);
    if (!starts_with_nocase(line, "content-disposition:")) continue;
    part.name = parameter(line, "name");
    part.file_name = parameter(line, "filename");
    part.is_file = ascii_lower(line).find("filename=") != std::string::npos;
  }
  if (part.name.empty()) return fail(ErrorCode::kInvalid, "a part of the form has no name");
  return sink_.begin(part);
}

}  // namespace sillok::server

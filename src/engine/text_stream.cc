#include "engine/text_stream.h"

#include <algorithm>

#include "base/base.h"

namespace sillok::engine {
namespace {

// Bytes of an unfinished UTF-8 character at the end of text, 0 if it ends whole (or malformed beyond hope).
size_t unfinished(std::string_view text) {
  for (size_t back = 1; back <= std::min<size_t>(3, text.size()); ++back) {
    const auto byte = static_cast<uint8_t>(text[text.size() - back]);
    if ((byte & 0xC0) == 0x80) continue;
    const size_t wants = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1;
    return wants > back ? back : 0;
  }
  return 0;
}

// Malformed bytes become U+FFFD; everything else, control characters too, stays.
std::string well_formed(std::string_view bytes) {
  if (is_valid_utf8(bytes)) return std::string(bytes);
  std::string text;
  for (size_t i = 0; i < bytes.size();) append_utf8(text, decode_utf8(bytes, i));
  return text;
}

}  // namespace

TextStream::TextStream(const std::vector<std::string>& stops) {
  for (const std::string& stop : stops) {
    if (!stop.empty()) stops_.push_back(stop);
  }
}

size_t TextStream::held(std::string_view text) const {
  size_t most = unfinished(text);
  for (const std::string& stop : stops_) {
    for (size_t n = std::min(stop.size() - 1, text.size()); n > most; --n) {
      if (text.ends_with(std::string_view(stop).substr(0, n))) {
        most = n;
        break;
      }
    }
  }
  return most;
}

std::string TextStream::add(std::string_view bytes) {
  if (stopped_) return {};
  pending_ += bytes;
  size_t end = pending_.npos;
  for (const std::string& stop : stops_) end = std::min(end, pending_.find(stop));
  if (end != pending_.npos) {
    stopped_ = true;
  } else {
    end = pending_.size() - held(pending_);
  }
  std::string text = well_formed(std::string_view(pending_).substr(0, end));
  pending_.erase(0, end);
  return text;
}

std::string TextStream::finish() {
  if (stopped_) return {};
  std::string text = well_formed(pending_);
  pending_.clear();
  return text;
}

}  // namespace sillok::engine

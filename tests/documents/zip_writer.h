// Makes small ZIP archives in memory for tests; members are stored uncompressed.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sillok::documents::testing {

// CRC-32 (IEEE), bit by bit: tests need no speed.
inline uint32_t zip_crc(std::string_view bytes) {
  uint32_t crc = 0xFFFFFFFFu;
  for (const char byte : bytes) {
    crc ^= static_cast<uint8_t>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xEDB88320u : 0u);
  }
  return ~crc;
}

class ZipWriter {
 public:
  // Adds a member. `method`, `flags`: as in the format (0 stored; 8 if `data` is raw deflate
  // already, then give the plain text as `plain`).
  ZipWriter& add(std::string_view name, std::string_view data, uint16_t flags = 0x800,
                 uint16_t method = 0, std::string_view plain = {}) {
    const std::string_view original = method == 0 ? data : plain;
    Member member{std::string(name),
                  static_cast<uint32_t>(bytes_.size()),
                  zip_crc(original),
                  static_cast<uint32_t>(data.size()),
                  static_cast<uint32_t>(original.size()),
                  flags,
                  method};
    bytes_ += "PK\3\4";
    header(bytes_, member);
    put(bytes_, static_cast<uint32_t>(member.name.size()), 2);
    put(bytes_, 0, 2);
    bytes_ += member.name;
    bytes_ += data;
    members_.push_back(std::move(member));
    return *this;
  }

  // The archive so far, with its directory; `directory` = false leaves it out, as a cut-off file
  // would.
  std::string finish(bool directory = true) const {
    std::string out = bytes_;
    if (!directory) return out;
    for (const Member& member : members_) {
      out += "PK\1\2";
      put(out, 20, 2);
      header(out, member);
      put(out, static_cast<uint32_t>(member.name.size()), 2);
      put(out, 0, 2);
      put(out, 0, 2);
      put(out, 0, 2);
      put(out, 0, 2);
      put(out, 0, 4);
      put(out, member.offset, 4);
      out += member.name;
    }
    const auto size = static_cast<uint32_t>(out.size() - bytes_.size());
    out += "PK\5\6";
    put(out, 0, 4);
    put(out, static_cast<uint32_t>(members_.size()), 2);
    put(out, static_cast<uint32_t>(members_.size()), 2);
    put(out, size, 4);
    put(out, static_cast<uint32_t>(bytes_.size()), 4);
    put(out, 0, 2);
    return out;
  }

 private:
  struct Member {
    std::string name;
    uint32_t offset, crc, packed, size;
    uint16_t flags, method;
  };

  static void put(std::string& out, uint32_t value, int width) {
    for (int i = 0; i < width; ++i) out += static_cast<char>(value >> (8 * i) & 0xFF);
  }
  // What local and central headers share: version, flags, method, time, date, CRC, sizes.
  static void header(std::string& out, const Member& member) {
    put(out, 20, 2);
    put(out, member.flags, 2);
    put(out, member.method, 2);
    put(out, 0, 4);
    put(out, member.crc, 4);
    put(out, member.packed, 4);
    put(out, member.size, 4);
  }

  std::string bytes_;
  std::vector<Member> members_;
};

}  // namespace sillok::documents::testing

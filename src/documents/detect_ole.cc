// What an OLE compound file ([MS-CFB]) is, by the names in its root storage. Only the directory is
// read:
//   header: +30 u16 sector shift, +48 u32 first directory sector, +76 u32 x 109 the first FAT
//   sectors directory entry, 128 bytes: +0 name UTF-16LE, +64 u16 name bytes, +66 u8 type, +68 u32
//   left, +72 u32 right, +76 u32 child
#include <cstring>
#include <set>
#include <vector>

#include "documents/detect.h"

namespace sillok::documents {
namespace {

constexpr uint32_t kNone = 0xFFFFFFFF;
constexpr size_t kMaxDirectorySectors = 4096;
constexpr size_t kEntryBytes = 128;

uint32_t u32(std::string_view bytes, size_t at) {
  uint32_t value = kNone;
  if (at + sizeof value <= bytes.size()) std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

class Directory {
 public:
  explicit Directory(std::string_view bytes) : bytes_(bytes) {
    const unsigned shift = bytes.size() > 31 ? static_cast<uint8_t>(bytes[30]) : 0;
    if (shift != 9 && shift != 12) return;
    sector_bytes_ = size_t{1} << shift;
    uint32_t sector = u32(bytes, 48);
    while (sector < kNone - 5 && sectors_.size() < kMaxDirectorySectors) {
      sectors_.push_back(sector);
      sector = next(sector);
    }
  }

  std::set<std::string> root_names() const {
    std::set<std::string> names;
    std::set<uint32_t> seen;
    std::vector<uint32_t> todo = {entry_u32(0, 76)};
    while (!todo.empty()) {
      const uint32_t index = todo.back();
      todo.pop_back();
      if (index == kNone || entry(index).empty() || !seen.insert(index).second) continue;
      names.insert(name(index));
      todo.push_back(entry_u32(index, 68));
      todo.push_back(entry_u32(index, 72));
    }
    return names;
  }

 private:
  uint32_t next(uint32_t sector) const {
    const size_t per_sector = sector_bytes_ / 4, fat = sector / per_sector;
    if (fat >= 109)
      return sector + 1;  // Beyond the header's list: directories there are rarely cut up.
    const size_t at =
        (size_t{u32(bytes_, 76 + 4 * fat)} + 1) * sector_bytes_ + 4 * (sector % per_sector);
    return u32(bytes_, at);
  }
  std::string_view entry(uint32_t index) const {
    const size_t per_sector = sector_bytes_ == 0 ? 0 : sector_bytes_ / kEntryBytes;
    if (per_sector == 0 || index / per_sector >= sectors_.size()) return {};
    const size_t at = (size_t{sectors_[index / per_sector]} + 1) * sector_bytes_ +
                      index % per_sector * kEntryBytes;
    return at + kEntryBytes <= bytes_.size() ? bytes_.substr(at, kEntryBytes) : std::string_view();
  }
  uint32_t entry_u32(uint32_t index, size_t at) const { return u32(entry(index), at); }
  std::string name(uint32_t index) const {
    const std::string_view e = entry(index);
    const size_t size = std::min<size_t>(static_cast<uint8_t>(e[64]), 64);
    return utf16le_to_utf8({reinterpret_cast<const uint8_t*>(e.data()), size >= 2 ? size - 2 : 0});
  }

  std::string_view bytes_;
  size_t sector_bytes_ = 0;
  std::vector<uint32_t> sectors_;
};

}  // namespace

std::string detect_ole(std::string_view bytes) {
  const std::set<std::string> names = Directory(bytes).root_names();
  const auto has = [&](const char* name) { return names.contains(name); };
  if (has("EncryptedPackage")) return "encrypted-office";
  if (has("FileHeader") && (has("DocInfo") || has("BodyText") || has("ViewText"))) return "hwp";
  if (has("WordDocument")) return "doc";
  if (has("Workbook") || has("Book")) return "xls";
  if (has("PowerPoint Document")) return "ppt";
  if (has("__properties_version1.0")) return "msg";
  if (has("VisioDocument")) return "visio";
  if (has("FileHeader")) return "hwp";
  return "ole";
}

}  // namespace sillok::documents

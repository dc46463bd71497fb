// A ZIP archive in memory (PKWARE APPNOTE 6.3): members are found through the central directory at
// the end and inflated on demand. Nothing is ever written to disk, so a member's path cannot lead
// anywhere.
//
// End of central directory (EOCD), searched from the back:
//   0 "PK\5\6"  4 disk  6 disk of directory  8 entries here  10 entries  12 directory size
//   16 directory offset  20 comment length  22 comment
// ZIP64: locator "PK\6\7" 20 bytes before the EOCD, 8: offset of "PK\6\6", 24 entries, 40 size, 48
// offset Central entry: 0 "PK\1\2"  8 flags  10 method  16 CRC-32  20 compressed size  24 size  28
// name length
//   30 extra length  32 comment length  42 local header offset  46 name
// Local header: 0 "PK\3\4"  6 flags  8 method  14 CRC-32  18 compressed size  22 size  26 name
// length
//   28 extra length  30 name, extra, data; then, with flag 8, "PK\7\8", CRC-32, both sizes
#include <zlib.h>

#include <algorithm>
#include <unordered_map>

#include "documents/reader.h"

namespace sillok::documents {
namespace {

constexpr std::string_view kLocal("PK\3\4", 4);
constexpr std::string_view kCentral("PK\1\2", 4);
constexpr std::string_view kEnd("PK\5\6", 4);
constexpr std::string_view kEnd64("PK\6\6", 4);
constexpr std::string_view kLocator64("PK\6\7", 4);
constexpr std::string_view kDescriptor("PK\7\x8", 4);
constexpr uint16_t kFlagEncrypted = 1;
constexpr uint16_t kFlagDescriptor = 8;
constexpr uint16_t kFlagUtf8 = 0x800;
constexpr size_t kMaxMembers = 1'000'000;  // as many as a file may give items
constexpr size_t kChunk = 64 << 10;        // the budget is charged at least this often
constexpr uint64_t kMaxRatio = 1032;       // deflate cannot expand by more

struct Member {
  std::string name;
  uint64_t local = 0;       // offset of the local header
  uint64_t compressed = 0;  // sizes by the directory
  uint64_t size = 0;
  uint32_t crc = 0;
  uint16_t method = 0;
  uint16_t flags = 0;
};

// Little-endian number at an offset; the caller has checked that it lies inside.
uint64_t number(std::string_view bytes, size_t offset, size_t width) {
  uint64_t value = 0;
  for (size_t i = width; i-- > 0;) value = value << 8 | static_cast<uint8_t>(bytes[offset + i]);
  return value;
}
uint16_t u16(std::string_view bytes, size_t offset) {
  return static_cast<uint16_t>(number(bytes, offset, 2));
}
uint32_t u32(std::string_view bytes, size_t offset) {
  return static_cast<uint32_t>(number(bytes, offset, 4));
}

bool holds(std::string_view bytes, uint64_t offset, uint64_t count) {
  return offset <= bytes.size() && count <= bytes.size() - offset;
}
bool is_at(std::string_view bytes, uint64_t offset, std::string_view signature) {
  return holds(bytes, offset, signature.size()) &&
         bytes.substr(static_cast<size_t>(offset), signature.size()) == signature;
}

uint32_t crc_of(std::string_view bytes) {
  return static_cast<uint32_t>(
      crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

// Calls use(id, data) for each extra field.
template <typename Use>
void each_extra(std::string_view extra, Use use) {
  while (extra.size() >= 4) {
    const size_t length = u16(extra, 2);
    if (length > extra.size() - 4) return;
    use(u16(extra, 0), extra.substr(4, length));
    extra.remove_prefix(4 + length);
  }
}

// UTF-8 by the flag, by the Info-ZIP extra field, or because it is; otherwise the sender's code
// page.
std::string member_name(std::string_view raw, std::string_view extra, uint16_t flags) {
  std::string name(raw);
  each_extra(extra, [&](uint16_t id, std::string_view data) {
    if (id == 0x7075 && data.size() > 5 && u32(data, 1) == crc_of(raw)) name = data.substr(5);
  });
  if (!is_valid_utf8(name)) {
    name = (flags & kFlagUtf8) != 0 ? clean_utf8(name) : decode_text(name);
  }
  // Some Windows programs separate folders by backslashes, against the specification.
  if (name.find('/') == std::string::npos) std::replace(name.begin(), name.end(), '\\', '/');
  return name;
}

// Sizes and offset that did not fit 32 bits stand in extra field 1, in this order.
void apply_zip64(std::string_view extra, Member& member) {
  each_extra(extra, [&](uint16_t id, std::string_view data) {
    if (id != 1) return;
    for (uint64_t* field : {&member.size, &member.compressed, &member.local}) {
      if (*field != UINT32_MAX || data.size() < 8) continue;
      *field = number(data, 0, 8);
      data.remove_prefix(8);
    }
  });
}

struct Directory {
  uint64_t offset = 0;
  uint64_t size = 0;
  uint64_t end = 0;  // where the directory must end at the latest: the record that describes it
};

Directory locate_directory(std::string_view bytes, size_t end) {
  Directory directory{u32(bytes, end + 16), u32(bytes, end + 12), end};
  if (end < 20 || !is_at(bytes, end - 20, kLocator64)) return directory;
  const uint64_t end64 = number(bytes, end - 20 + 8, 8);
  if (!is_at(bytes, end64, kEnd64) || !holds(bytes, end64, 56)) return directory;
  const auto at = static_cast<size_t>(end64);
  return {number(bytes, at + 48, 8), number(bytes, at + 40, 8), end64};
}

}  // namespace

struct ZipArchive::State {
  std::string_view bytes;
  Budget* budget = nullptr;
  std::vector<Member> members;
  std::vector<std::string> names;
  std::unordered_map<std::string, size_t> by_name;
  bool repaired = false;

  bool read_directory(size_t end);
  bool read_entries(uint64_t offset, uint64_t limit, uint64_t base);
  Result<bool> walk_local_headers();
  Result<uint64_t> read_local_header(uint64_t offset);
  Result<uint64_t> find_data_end(uint64_t data, Member& member);
  void index_names();
  Result<std::string_view> stored_bytes(const Member& member) const;
  Result<std::string> inflate(std::string_view packed, uint64_t declared, size_t* used) const;
};

// Reads the directory described at `end`; false if it is not one. Archives with something put in
// front (self-extracting ones) are off by a constant, which the distance to the end record tells.
bool ZipArchive::State::read_directory(size_t end) {
  if (!holds(bytes, end, 22)) return false;
  const Directory directory = locate_directory(bytes, end);
  if (directory.size == 0 && u16(bytes, end + 10) == 0) return true;  // an empty archive
  if (is_at(bytes, directory.offset, kCentral) &&
      read_entries(directory.offset, directory.end, 0)) {
    return true;
  }
  if (directory.size > directory.end) return false;
  const uint64_t actual = directory.end - directory.size;
  if (actual < directory.offset || !is_at(bytes, actual, kCentral)) return false;
  return read_entries(actual, directory.end, actual - directory.offset);
}

// False if an entry is cut off or none is there; `base` is added to every local offset.
bool ZipArchive::State::read_entries(uint64_t offset, uint64_t limit, uint64_t base) {
  members.clear();
  while (offset < limit && is_at(bytes, offset, kCentral) && members.size() < kMaxMembers) {
    if (!holds(bytes, offset, 46)) return false;
    const auto at = static_cast<size_t>(offset);
    const size_t name_size = u16(bytes, at + 28);
    const size_t extra_size = u16(bytes, at + 30);
    const size_t comment_size = u16(bytes, at + 32);
    if (!holds(bytes, offset + 46, name_size + extra_size + comment_size)) return false;
    Member member;
    member.flags = u16(bytes, at + 8);
    member.method = u16(bytes, at + 10);
    member.crc = u32(bytes, at + 16);
    member.compressed = u32(bytes, at + 20);
    member.size = u32(bytes, at + 24);
    member.local = u32(bytes, at + 42);
    const std::string_view extra = bytes.substr(at + 46 + name_size, extra_size);
    apply_zip64(extra, member);
    if (member.local > bytes.size()) return false;
    member.local += base;
    member.name = member_name(bytes.substr(at + 46, name_size), extra, member.flags);
    members.push_back(std::move(member));
    offset += 46 + name_size + extra_size + comment_size;
  }
  return !members.empty();
}

// Without a directory: member after member from the front. True if the walk ended at the first
// record of a (damaged) directory, which proves that no member is missing.
Result<bool> ZipArchive::State::walk_local_headers() {
  members.clear();
  uint64_t offset = 0;
  while (is_at(bytes, offset, kLocal) && members.size() < kMaxMembers) {
    const auto next = read_local_header(offset);
    if (!next) {
      if (next.error().code == ErrorCode::kLimit) return fail(next.error());
      return false;
    }
    offset = *next;
  }
  return !members.empty() && is_at(bytes, offset, kCentral);
}

// Adds the member whose local header is at `offset`; gives the offset after its data.
Result<uint64_t> ZipArchive::State::read_local_header(uint64_t offset) {
  if (!holds(bytes, offset, 30)) return fail(ErrorCode::kInvalid, "a local header is cut off");
  const auto at = static_cast<size_t>(offset);
  const size_t name_size = u16(bytes, at + 26);
  const size_t extra_size = u16(bytes, at + 28);
  if (!holds(bytes, offset + 30, name_size + extra_size)) {
    return fail(ErrorCode::kInvalid, "a local header is cut off");
  }
  Member member;
  member.local = offset;
  member.flags = u16(bytes, at + 6);
  member.method = u16(bytes, at + 8);
  member.crc = u32(bytes, at + 14);
  member.compressed = u32(bytes, at + 18);
  member.size = u32(bytes, at + 22);
  const std::string_view extra = bytes.substr(at + 30 + name_size, extra_size);
  apply_zip64(extra, member);
  member.local = offset;
  member.name = member_name(bytes.substr(at + 30, name_size), extra, member.flags);
  const uint64_t data = offset + 30 + name_size + extra_size;
  SILLOK_ASSIGN(const uint64_t next, find_data_end(data, member));
  members.push_back(std::move(member));
  return next;
}

// Where a member's data and descriptor end; sets sizes and CRC if only the descriptor tells them.
Result<uint64_t> ZipArchive::State::find_data_end(uint64_t data, Member& member) {
  if ((member.flags & kFlagDescriptor) == 0 || member.compressed != 0) {
    if (!holds(bytes, data, member.compressed)) {
      return fail(ErrorCode::kInvalid, "a member is cut off");
    }
    uint64_t end = data + member.compressed;
    if ((member.flags & kFlagDescriptor) != 0 && is_at(bytes, end, kDescriptor)) end += 16;
    return end;
  }
  uint64_t end = 0;
  if (member.method == 8) {
    size_t used = 0;
    const auto inflated = inflate(bytes.substr(static_cast<size_t>(data)), 0, &used);
    if (!inflated) return fail(inflated.error());
    end = data + used;
  } else {
    end = bytes.find(kDescriptor, static_cast<size_t>(data));
    if (end == std::string_view::npos) return fail(ErrorCode::kInvalid, "a member is cut off");
  }
  const uint64_t fields = is_at(bytes, end, kDescriptor) ? end + 4 : end;
  if (!holds(bytes, fields, 12)) return fail(ErrorCode::kInvalid, "a member is cut off");
  member.crc = u32(bytes, static_cast<size_t>(fields));
  member.compressed = end - data;
  member.size = u32(bytes, static_cast<size_t>(fields) + 8);
  // Sizes of 8 bytes each (ZIP64) cannot be told from 4 but by what follows.
  return is_at(bytes, fields + 20, kLocal) || is_at(bytes, fields + 20, kCentral) ? fields + 20
                                                                                  : fields + 12;
}

// Folders are no members; of members with one name the last counts, as for every unpacker.
void ZipArchive::State::index_names() {
  for (size_t i = 0; i < members.size(); ++i) {
    const std::string& name = members[i].name;
    if (name.empty() || name.back() == '/') continue;
    const auto [place, is_new] = by_name.insert_or_assign(name, i);
    (void)place;
    if (is_new) names.push_back(name);
  }
}

Result<std::string_view> ZipArchive::State::stored_bytes(const Member& member) const {
  if (!is_at(bytes, member.local, kLocal) || !holds(bytes, member.local, 30)) {
    return fail(ErrorCode::kInvalid, "its header is missing; the archive is damaged");
  }
  const auto at = static_cast<size_t>(member.local);
  const uint64_t data = member.local + 30 + u16(bytes, at + 26) + u16(bytes, at + 28);
  if (!holds(bytes, data, member.compressed)) {
    return fail(ErrorCode::kInvalid, "its data is cut off; the archive is truncated");
  }
  return bytes.substr(static_cast<size_t>(data), static_cast<size_t>(member.compressed));
}

// Raw deflate; `used`, if given, receives how many packed bytes the stream took.
Result<std::string> ZipArchive::State::inflate(std::string_view packed, uint64_t declared,
                                               size_t* used) const {
  z_stream stream{};
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) {
    return fail(ErrorCode::kLimit, "no memory to inflate");
  }
  const std::unique_ptr<z_stream, int (*)(z_stream*)> guard(&stream, inflateEnd);
  std::string out;
  // A lying size must not allocate more than the data could give.
  const uint64_t likely = std::min<uint64_t>(declared, packed.size() * kMaxRatio + 64);
  if (likely <= budget->limits().expanded_bytes) out.reserve(static_cast<size_t>(likely));
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(std::min<size_t>(packed.size(), UINT32_MAX));
  std::string chunk(kChunk, '\0');
  int state = Z_OK;
  while (state == Z_OK) {
    stream.next_out = reinterpret_cast<Bytef*>(chunk.data());
    stream.avail_out = static_cast<uInt>(chunk.size());
    state = ::inflate(&stream, Z_NO_FLUSH);
    const size_t given = chunk.size() - stream.avail_out;
    SILLOK_TRY(budget->charge(given));
    out.append(chunk, 0, given);
    if (given == 0 && state == Z_OK && stream.avail_in == 0) break;
  }
  if (state != Z_STREAM_END) return fail(ErrorCode::kInvalid, "its compressed data is damaged");
  if (used != nullptr) *used = packed.size() - stream.avail_in;
  return out;
}

ZipArchive::ZipArchive(std::unique_ptr<State> state) : state_(std::move(state)) {}
ZipArchive::ZipArchive(ZipArchive&&) noexcept = default;
ZipArchive::~ZipArchive() = default;

Result<ZipArchive> ZipArchive::open(std::string_view bytes, Budget& budget) {
  auto state = std::make_unique<State>();
  state->bytes = bytes;
  state->budget = &budget;
  // The last end record counts, but a comment or appended file may hold its signature: go on
  // backwards.
  constexpr int kMaxEndRecords = 64;
  bool found = false;
  size_t end = bytes.rfind(kEnd);
  for (int i = 0; i < kMaxEndRecords && end != std::string_view::npos; ++i) {
    if ((found = state->read_directory(end))) break;
    if (end == 0) break;
    end = bytes.rfind(kEnd, end - 1);
  }
  if (!found) {
    if (!is_at(bytes, 0, kLocal)) {
      return fail(ErrorCode::kInvalid, "it is not a ZIP archive, or its beginning is damaged");
    }
    SILLOK_ASSIGN(const bool complete, state->walk_local_headers());
    if (!complete) {
      return fail(ErrorCode::kInvalid,
                  "the file is truncated: its ZIP directory is missing, only " +
                      std::to_string(state->members.size()) +
                      " of its parts are whole; obtain a complete copy");
    }
    state->repaired = true;
  }
  state->index_names();
  return ZipArchive(std::move(state));
}

const std::vector<std::string>& ZipArchive::names() const { return state_->names; }

bool ZipArchive::repaired() const { return state_->repaired; }

bool ZipArchive::has(std::string_view name) const {
  return state_->by_name.count(std::string(name)) != 0;
}

Result<std::string> ZipArchive::read(std::string_view name) const {
  const std::string what = "'" + std::string(name) + "'";
  const auto found = state_->by_name.find(std::string(name));
  if (found == state_->by_name.end()) {
    return fail(ErrorCode::kNotFound, what + " is not in the archive");
  }
  const Member& member = state_->members[found->second];
  if ((member.flags & kFlagEncrypted) != 0) {
    return fail(ErrorCode::kProtected, what + " is encrypted; save a copy without a password");
  }
  if (member.method != 0 && member.method != 8) {
    return fail(ErrorCode::kUnsupported, what + " is compressed by method " +
                                             std::to_string(member.method) +
                                             "; pack it again with the usual method (deflate)");
  }
  auto packed = state_->stored_bytes(member);
  if (!packed) return fail(packed.error().in(what));
  std::string out;
  if (member.method == 0) {
    SILLOK_TRY(state_->budget->charge(packed->size()));
    out.assign(*packed);
  } else {
    auto inflated = state_->inflate(*packed, member.size, nullptr);
    if (!inflated) return fail(inflated.error().in(what));
    out = std::move(*inflated);
  }
  if (crc_of(out) != member.crc) {
    return fail(ErrorCode::kInvalid, what + " is damaged (its checksum differs)");
  }
  return out;
}

}  // namespace sillok::documents

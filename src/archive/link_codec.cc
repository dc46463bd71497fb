// A version's links as bytes. All numbers are unsigned LEB128.
//
//   format (1) | string count | strings: size, bytes | link count | links:
//     kind | flags (1 own, 2 certain, 4 tail, 8 earlier) | page | slide | line |
//     then as indexes of strings: sheet, cell, part, path, words, target, name, section, to_anchor
//
// A statute's thousand links share a few hundred headings and words; the table is what keeps them small.
#include <array>
#include <unordered_map>

#include "archive/links.h"

namespace sillok::archive {
namespace {

constexpr uint64_t kFormat = 1;
constexpr uint64_t kOwn = 1, kCertain = 2, kTail = 4, kEarlier = 8;

template <typename Link>
auto strings_of(Link& link) {
  return std::array{&link.from.sheet, &link.from.cell, &link.from.part, &link.from.path, &link.words,
                    &link.target,     &link.name,      &link.section,   &link.to_anchor};
}

void put(std::string& out, uint64_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}

class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}
  uint64_t number() {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (at_ >= bytes_.size()) break;
      const auto byte = static_cast<uint8_t>(bytes_[at_++]);
      value |= uint64_t{byte & 0x7Fu} << shift;
      if (byte < 0x80) return value;
    }
    good = false;
    return 0;
  }
  std::string_view string() {
    const uint64_t size = number();
    if (!good || size > bytes_.size() - at_) {
      good = false;
      return {};
    }
    at_ += size;
    return bytes_.substr(at_ - size, size);
  }
  size_t left() const { return bytes_.size() - at_; }
  bool good = true;

 private:
  std::string_view bytes_;
  size_t at_ = 0;
};

}  // namespace

std::string encode_links(const std::vector<FoundLink>& links) {
  std::unordered_map<std::string_view, uint64_t> index;
  std::string strings, rows;
  for (const FoundLink& link : links) {
    put(rows, static_cast<uint64_t>(link.kind));
    put(rows, (link.own ? kOwn : 0) | (link.certain ? kCertain : 0) | (link.tail ? kTail : 0) |
                  (link.earlier ? kEarlier : 0));
    for (const uint32_t place : {link.from.page, link.from.slide, link.from.line}) put(rows, place);
    for (const std::string* text : strings_of(link)) {
      const auto [entry, fresh] = index.emplace(*text, index.size());
      if (fresh) {
        put(strings, text->size());
        strings += *text;
      }
      put(rows, entry->second);
    }
  }
  std::string out;
  put(out, kFormat);
  put(out, index.size());
  out += strings;
  put(out, links.size());
  return out + rows;
}

Result<std::vector<FoundLink>> decode_links(std::string_view bytes) {
  const auto damaged = [] { return fail(ErrorCode::kInvalid, "the links of a version are damaged; run 'sillok doctor'"); };
  Reader in(bytes);
  if (in.number() != kFormat) return damaged();
  const uint64_t string_count = in.number();
  if (!in.good || string_count > in.left()) return damaged();
  std::vector<std::string_view> strings(string_count);
  for (std::string_view& text : strings) text = in.string();
  const uint64_t count = in.number();
  if (!in.good || count > in.left()) return damaged();
  std::vector<FoundLink> links(count);
  for (FoundLink& link : links) {
    const uint64_t kind = in.number();
    if (kind > static_cast<uint64_t>(LinkKind::kNearDuplicate)) return damaged();
    link.kind = static_cast<LinkKind>(kind);
    const uint64_t flags = in.number();
    link.own = (flags & kOwn) != 0;
    link.certain = (flags & kCertain) != 0;
    link.tail = (flags & kTail) != 0;
    link.earlier = (flags & kEarlier) != 0;
    for (uint32_t* place : {&link.from.page, &link.from.slide, &link.from.line}) {
      *place = static_cast<uint32_t>(in.number());
    }
    for (std::string* text : strings_of(link)) {
      const uint64_t index = in.number();
      if (!in.good || index >= strings.size()) return damaged();
      *text = strings[index];
    }
  }
  if (in.left() > 0) return damaged();
  return links;
}

}  // namespace sillok::archive

// Private to the HWP 5 reader: the compound file's streams and the records in them.
#pragma once

#include <memory>

#include "documents/hangul.h"

namespace sillok::documents::hwp {

// The OLE compound file. Streams are named by path, "BodyText/Section0".
class Compound {
 public:
  static Result<Compound> open(std::string_view bytes);  // bytes outlive the object
  Compound(Compound&&) noexcept;
  ~Compound();
  // kNotFound, kInvalid for a chain of sectors that leads nowhere.
  Result<std::string> read(std::string_view path) const;
  bool has(std::string_view path) const;

 private:
  struct State;
  explicit Compound(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Raw deflate, charged to the budget while it grows.
Result<std::string> inflate_raw(std::string_view packed, Budget& budget);

// Little-endian reads that remember having run out: check ok() once after a group of reads.
class Reader {
 public:
  explicit Reader(std::string_view data) : data_(data) {}
  bool ok() const { return ok_; }
  size_t left() const { return data_.size() - offset_; }
  uint8_t u8() { return static_cast<uint8_t>(number(1)); }
  uint16_t u16() { return static_cast<uint16_t>(number(2)); }
  uint32_t u32() { return static_cast<uint32_t>(number(4)); }
  uint64_t u64() { return number(8); }
  void skip(size_t count) { take(count); }
  std::string text();                  // uint16 count of UTF-16 units, then the units
  std::string units(size_t count);     // UTF-16 units as UTF-8
  std::string_view take(size_t count);

 private:
  uint64_t number(size_t width);
  std::string_view data_;
  size_t offset_ = 0;
  bool ok_ = true;
};

struct Record {
  uint16_t tag = 0;
  uint16_t level = 0;
  size_t end = 0;  // index behind the last record below this one
  std::string_view data;
};
// Every record of a stream; kInvalid where one is longer than the stream.
Result<std::vector<Record>> parse_records(std::string_view stream, std::string_view name);

enum Tag : uint16_t {
  kTagBinData = 18, kTagNumbering = 23, kTagBullet = 24, kTagParaShape = 25, kTagStyle = 26,
  kTagParaHeader = 66, kTagParaText = 67, kTagParaRangeTag = 70, kTagControl = 71, kTagList = 72,
  kTagShape = 76, kTagTable = 77, kTagOle = 84, kTagEquation = 88, kTagTextArt = 90, kTagForm = 91,
  kTagMemoList = 93,
};

// Names under BinData/ of the OLE objects, "BIN0001.OLE".
Result<std::vector<std::string>> parse_ole_names(std::string_view doc_info);
Result<hangul::Definitions> parse_definitions(std::string_view doc_info);
// The paragraphs of one BodyText/SectionN stream.
Result<std::vector<hangul::Paragraph>> parse_section(std::string_view stream, std::string_view name);

// \005HwpSummaryInformation; what is malformed is left out, metadata is no reason to refuse a text.
void parse_summary(std::string_view stream, Metadata& meta);

}  // namespace sillok::documents::hwp

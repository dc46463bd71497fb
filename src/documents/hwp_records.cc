// Streams, records, document information.
//
// A record: uint32 of tag (10 bits), level (10), size (12); size 0xFFF means that a uint32 size follows.
#include <glib.h>
#include <gsf/gsf-infile-msole.h>
#include <gsf/gsf-infile.h>
#include <gsf/gsf-input-memory.h>
#include <gsf/gsf-utils.h>
#include <zlib.h>

#include <algorithm>
#include <cstdio>
#include <mutex>

#include "documents/hwp_records.h"

namespace sillok::documents::hwp {

// -------------------------------------------------------------------------------------------------
// Compound file

struct Compound::State {
  GsfInput* memory = nullptr;
  GsfInfile* ole = nullptr;
  size_t file_size = 0;
  ~State() {
    if (ole) g_object_unref(ole);
    if (memory) g_object_unref(memory);
  }
};

namespace {

constexpr size_t kChunk = 64 << 10;  // the budget is charged at least this often

void ignore_log(const gchar*, GLogLevelFlags, const gchar*, gpointer) {}

void initialise() {
  static std::once_flag once;
  std::call_once(once, [] {
    gsf_init();
    // Broken files make libgsf print; a reader's only voice is its Result.
    for (const char* domain : {static_cast<const char*>(nullptr), "libgsf", "libgsf:msole"}) {
      g_log_set_handler(domain, static_cast<GLogLevelFlags>(G_LOG_LEVEL_MASK), ignore_log, nullptr);
    }
  });
}

// The stream at a path, owned by the caller; nullptr if there is none.
GsfInput* open_path(GsfInfile* ole, std::string_view path) {
  GsfInput* at = GSF_INPUT(g_object_ref(ole));
  for (std::string_view name : split(path, '/')) {
    GsfInput* next = nullptr;
    if (GSF_IS_INFILE(at)) next = gsf_infile_child_by_name(GSF_INFILE(at), std::string(name).c_str());
    g_object_unref(at);
    if (!next) return nullptr;
    at = next;
  }
  return at;
}

}  // namespace

Compound::Compound(std::unique_ptr<State> state) : state_(std::move(state)) {}
Compound::Compound(Compound&&) noexcept = default;
Compound::~Compound() = default;

Result<Compound> Compound::open(std::string_view bytes) {
  initialise();
  auto state = std::make_unique<State>();
  state->file_size = bytes.size();
  state->memory = gsf_input_memory_new(reinterpret_cast<const guint8*>(bytes.data()),
                                       static_cast<gsf_off_t>(bytes.size()), FALSE);
  GError* error = nullptr;
  if (state->memory) state->ole = gsf_infile_msole_new(state->memory, &error);
  if (!state->ole) {
    std::string why = error ? error->message : "not an OLE compound file";
    if (error) g_error_free(error);
    return fail(ErrorCode::kInvalid, "the HWP compound file is damaged (" + clean_utf8(why) + ")");
  }
  return Compound(std::move(state));
}

bool Compound::has(std::string_view path) const {
  GsfInput* input = open_path(state_->ole, path);
  if (input) g_object_unref(input);
  return input != nullptr;
}

Result<std::string> Compound::read(std::string_view path) const {
  GsfInput* input = open_path(state_->ole, path);
  if (!input) return fail(ErrorCode::kNotFound, "the HWP file has no stream " + std::string(path));
  gsf_off_t size = gsf_input_size(input);
  std::string out;
  bool ok = size >= 0 && static_cast<uint64_t>(size) <= state_->file_size;
  if (ok && size > 0) {
    out.resize(static_cast<size_t>(size));
    ok = gsf_input_read(input, out.size(), reinterpret_cast<guint8*>(out.data())) != nullptr;
  }
  g_object_unref(input);
  if (!ok) return fail(ErrorCode::kInvalid, "the stream " + std::string(path) + " is cut off or its sectors are damaged");
  return out;
}

Result<std::string> inflate_raw(std::string_view packed, Budget& budget) {
  z_stream stream{};
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) return fail(ErrorCode::kInternal, "inflateInit2 failed");
  std::unique_ptr<z_stream, int (*)(z_stream*)> guard(&stream, inflateEnd);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());  // a file is at most ReadLimits::file_bytes
  std::string out;
  int code = Z_OK;
  while (code != Z_STREAM_END) {
    size_t before = out.size();
    SILLOK_TRY(budget.charge(kChunk));
    out.resize(before + kChunk);
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + before);
    stream.avail_out = static_cast<uInt>(kChunk);
    code = inflate(&stream, Z_NO_FLUSH);
    out.resize(before + kChunk - stream.avail_out);
    if (code != Z_OK && code != Z_STREAM_END) {
      return fail(ErrorCode::kInvalid, "the compressed data is damaged or cut off after " +
                                           std::to_string(out.size()) + " bytes");
    }
  }
  return out;
}

// -------------------------------------------------------------------------------------------------
// Numbers and records

std::string_view Reader::take(size_t count) {
  if (!ok_ || count > left()) {
    ok_ = false;
    return {};
  }
  std::string_view out = data_.substr(offset_, count);
  offset_ += count;
  return out;
}

uint64_t Reader::number(size_t width) {
  uint64_t value = 0;
  std::string_view bytes = take(width);
  for (size_t i = bytes.size(); i-- > 0;) value = value << 8 | static_cast<uint8_t>(bytes[i]);
  return value;
}

std::string Reader::units(size_t count) {
  std::string_view bytes = take(count * 2);
  return utf16le_to_utf8({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
}

std::string Reader::text() {
  size_t count = u16();
  return units(count);
}

Result<std::vector<Record>> parse_records(std::string_view stream, std::string_view name) {
  std::vector<Record> records;
  Reader reader(stream);
  while (reader.left() > 0) {
    size_t offset = stream.size() - reader.left();
    uint32_t head = reader.u32();
    size_t size = head >> 20;
    if (size == 0xFFF) size = reader.u32();
    std::string_view data = reader.take(size);
    if (!reader.ok()) {
      return fail(ErrorCode::kInvalid, "the record at byte " + std::to_string(offset) + " of " +
                                           std::string(name) + " is longer than the stream: the file is damaged or cut off");
    }
    records.push_back({static_cast<uint16_t>(head & 0x3FF), static_cast<uint16_t>(head >> 10 & 0x3FF), 0, data});
  }
  // Ends: a record's children are those that follow with a greater level.
  std::vector<size_t> open;
  for (size_t i = 0; i <= records.size(); ++i) {
    while (!open.empty() && (i == records.size() || records[i].level <= records[open.back()].level)) {
      records[open.back()].end = i;
      open.pop_back();
    }
    if (i < records.size()) open.push_back(i);
  }
  return records;
}

// -------------------------------------------------------------------------------------------------
// DocInfo

namespace {

using hangul::Definitions;
using hangul::HeadKind;
using hangul::NumberFormat;
using hangul::Numbering;
using hangul::ParaShape;

// Head of one level: uint32 properties (bits 5..8 number format), int16 width, int16 offset, uint32 letter
// shape, then the pattern.
hangul::NumberLevel parse_level(Reader& reader) {
  hangul::NumberLevel level;
  uint32_t format = reader.u32() >> 5 & 0xF;
  level.format = static_cast<NumberFormat>(format);  // all 16 values are named
  reader.skip(8);
  level.pattern = reader.text();
  return level;
}

// Seven levels, uint16 start; from 5.0.2.5 a uint32 start per level; from 5.1 levels 8 to 10 likewise.
Numbering parse_numbering(std::string_view data) {
  constexpr size_t kOldLevels = 7;
  Numbering numbering;
  Reader reader(data);
  for (size_t i = 0; i < kOldLevels; ++i) numbering[i] = parse_level(reader);
  uint16_t start = reader.u16();
  if (reader.ok() && start > 0) numbering[0].start = start;
  for (size_t i = 0; i < kOldLevels && reader.left() >= 4; ++i) numbering[i].start = reader.u32();
  if (!reader.ok() || reader.left() < 36) return numbering;
  for (size_t i = kOldLevels; i < numbering.size(); ++i) numbering[i] = parse_level(reader);
  for (size_t i = kOldLevels; i < numbering.size() && reader.left() >= 4; ++i) numbering[i].start = reader.u32();
  return numbering;
}

// uint32 properties (23..24 kind of head, 25..27 level), six int32 lengths, uint16 tabs, uint16 numbering.
ParaShape parse_shape(std::string_view data) {
  Reader reader(data);
  ParaShape shape;
  uint32_t properties = reader.u32();
  reader.skip(26);
  uint32_t id = reader.u16();
  if (!reader.ok()) return shape;
  shape.head = static_cast<HeadKind>(properties >> 23 & 3);
  shape.level = properties >> 25 & 7;
  shape.id = id;
  reader.skip(22);
  uint32_t level = reader.left() >= 4 ? reader.u32() : 0;  // 5.1: levels above the seventh
  if (reader.ok() && level > 6 && level < hangul::kNumberLevels) shape.level = level;
  return shape;
}

}  // namespace

Result<Definitions> parse_definitions(std::string_view doc_info) {
  SILLOK_ASSIGN(auto records, parse_records(doc_info, "DocInfo"));
  Definitions out;
  for (const Record& record : records) {
    Reader reader(record.data);
    if (record.tag == kTagNumbering) {
      out.numberings.emplace(static_cast<uint32_t>(out.numberings.size() + 1), parse_numbering(record.data));
    } else if (record.tag == kTagBullet) {
      reader.skip(12);
      std::string sign = reader.units(1);
      out.bullets.emplace(static_cast<uint32_t>(out.bullets.size() + 1), std::string(trim(sign)));
    } else if (record.tag == kTagParaShape) {
      out.shapes.emplace(static_cast<uint32_t>(out.shapes.size()), parse_shape(record.data));
    } else if (record.tag == kTagStyle) {
      hangul::Style style;
      style.name = reader.text();
      style.english_name = reader.text();
      out.styles.emplace(static_cast<uint32_t>(out.styles.size()), std::move(style));
    }
  }
  return out;
}

// uint16 properties (bits 0..3: 0 link, 1 picture, 2 OLE object), uint16 number of the stream.
Result<std::vector<std::string>> parse_ole_names(std::string_view doc_info) {
  SILLOK_ASSIGN(auto records, parse_records(doc_info, "DocInfo"));
  std::vector<std::string> names;
  for (const Record& record : records) {
    if (record.tag != kTagBinData) continue;
    Reader reader(record.data);
    const bool ole = (reader.u16() & 0xF) == 2;
    const uint16_t number = reader.u16();
    char name[16];
    std::snprintf(name, sizeof name, "BIN%04X.OLE", static_cast<unsigned>(number));
    if (reader.ok() && ole) names.emplace_back(name);
  }
  return names;
}

// -------------------------------------------------------------------------------------------------
// Summary: property set stream (MS-OLEPS): 28 bytes of header, then format id (16) and offset of the
// section; in it size, count, count x (id, offset), each value a uint32 type and its data.

namespace {

constexpr uint32_t kTypeTime = 0x40;   // 100 ns since 1601-01-01
constexpr uint32_t kTypeText = 0x1F;   // uint32 count of UTF-16 units, zero-terminated

std::string property_text(std::string_view section, uint32_t offset) {
  if (offset >= section.size()) return {};
  Reader reader(section.substr(offset));
  if (reader.u32() != kTypeText) return {};
  uint32_t count = reader.u32();
  if (!reader.ok() || count > reader.left() / 2) return {};
  std::string text = reader.units(count);
  return clean_utf8(text.substr(0, text.find('\0')));
}

std::string property_time(std::string_view section, uint32_t offset) {
  if (offset >= section.size()) return {};
  Reader reader(section.substr(offset));
  if (reader.u32() != kTypeTime) return {};
  uint64_t ticks = reader.u64();
  constexpr uint64_t kEpoch = 116444736000000000ULL;  // 1970-01-01 in such ticks
  constexpr uint64_t kLatest = kEpoch * 3;            // a few centuries on: beyond is rubbish
  if (!reader.ok() || ticks <= kEpoch || ticks > kLatest) return {};
  constexpr uint64_t kTicksPerSecond = 10'000'000;  // HWPX stores whole seconds
  return format_micros(static_cast<Micros>((ticks - kEpoch) / kTicksPerSecond * 1'000'000));
}

}  // namespace

void parse_summary(std::string_view stream, Metadata& meta) {
  Reader header(stream);
  header.skip(28 + 16);
  uint32_t start = header.u32();
  if (!header.ok() || start >= stream.size()) return;
  std::string_view section = stream.substr(start);
  Reader reader(section);
  reader.skip(4);
  uint32_t count = reader.u32();
  for (uint32_t i = 0; i < count && reader.left() >= 8; ++i) {
    uint32_t id = reader.u32();
    uint32_t offset = reader.u32();
    auto keep = [&](const char* name) {
      std::string text = property_text(section, offset);
      if (!trim(text).empty()) meta.other[name] = std::string(trim(text));
    };
    switch (id) {
      case 2: meta.title = std::string(trim(property_text(section, offset))); break;
      case 3: keep("subject"); break;
      case 4: meta.author = std::string(trim(property_text(section, offset))); break;
      case 5: keep("keywords"); break;
      case 6: keep("description"); break;
      case 8: keep("last_saved_by"); break;
      case 12: meta.created = property_time(section, offset); break;
      case 13: meta.modified = property_time(section, offset); break;
      case 20: keep("date"); break;
      default: break;
    }
  }
}

}  // namespace sillok::documents::hwp

// Sidecar file, little-endian: "SILLOKSC", u32 format, u32 labels, u64 segment id, u32 rows, u32 zero, then per label
// u32 size and its bytes, then per row i32 from, i32 to, u32 label; then u32 histories, each u32 row, i32 own_to, u32 later,
// u32 before, per later u32 label, i32 from, per before u32 label, u32 versions; last u32 CRC-32C of all before it.
#include "search/segment.h"

#include <algorithm>
#include <cstring>

#include "search/segment_file.h"

namespace sillok::search {
namespace {

template <typename T>
T load(std::string_view bytes, size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

struct FieldSections {
  Section postings, terms, directory;
};
constexpr FieldSections kFieldSections[2] = {
    {Section::kPostings, Section::kTerms, Section::kDirectory},
    {Section::kTitlePostings, Section::kTitleTerms, Section::kTitleDirectory}};
const FieldSections& sections_of(Field field) { return kFieldSections[static_cast<size_t>(field)]; }

std::string damaged(const fs::path& path, std::string_view what) {
  return "index segment " + path.string() + " is damaged (" + std::string(what) + "); the next refresh rebuilds the index";
}

}  // namespace

Result<std::shared_ptr<const Segment>> Segment::open(const fs::path& path, uint64_t id) {
  auto segment = std::make_shared<Segment>();
  SILLOK_ASSIGN(segment->file_, MappedFile::open(path));
  const std::string_view file = segment->file_.bytes();
  const auto refuse = [&](std::string_view what) { return fail(ErrorCode::kInvalid, damaged(path, what)); };
  if (file.size() < kHeaderSize || file.substr(0, 8) != "SILLOKSG") return refuse("no header");
  if (load<uint32_t>(file, kHeaderSize - 4) != crc32c(file.substr(0, kHeaderSize - 4))) return refuse("header checksum");
  if (load<uint32_t>(file, 8) != kSegmentFormat) return refuse("another format");
  if (load<uint64_t>(file, 16) != file.size()) return refuse("size");
  if (load<uint64_t>(file, 24) != id) return refuse("another segment's file");
  segment->id_ = id;
  segment->passages_ = load<uint32_t>(file, 12);
  segment->checksum_ = load<uint32_t>(file, kHeaderSize - 4);
  for (size_t i = 0; i < kSections; ++i) {
    const auto offset = load<uint64_t>(file, 32 + 24 * i), size = load<uint64_t>(file, 32 + 24 * i + 8);
    if (offset > file.size() || size > file.size() - offset || offset % 8 != 0) return refuse("section bounds");
    segment->sections_[i] = file.substr(offset, size);
    segment->checksums_[i] = load<uint32_t>(file, 32 + 24 * i + 16);
  }
  const auto size = [&](Section s) { return segment->section(s).size(); };
  const uint64_t n = segment->passages_;
  bool sound = size(Section::kLengths) == 4 * n && size(Section::kPassages) == sizeof(PassageRow) * n &&
               size(Section::kRows) % sizeof(VersionRow) == 0 &&
               size(Section::kVersions) / sizeof(VersionPlace) == size(Section::kRows) / sizeof(VersionRow) &&
               size(Section::kVersions) % sizeof(VersionPlace) == 0;
  for (const FieldSections& f : kFieldSections) {
    sound = sound && size(f.terms) % sizeof(TermEntry) == 0 && size(f.postings) >= kPostingsPadding &&
            size(f.directory) == 4 * ((uint64_t{1} << directory_bits(size(f.terms) / sizeof(TermEntry))) + 1);
  }
  if (!sound) return refuse("section sizes");
  // These are used unchecked when ranking, and are small; the rest is checked where it is used.
  for (Section s : {Section::kRows, Section::kVersions}) {
    if (crc32c(segment->section(s)) != segment->checksums_[static_cast<size_t>(s)]) return refuse("row checksum");
  }
  uint64_t next = 0;
  for (uint32_t r = 0; r < segment->row_count(); ++r) {
    const VersionRow& row = segment->row(r);
    if (row.first != next || row.count == 0) return refuse("rows");
    next += row.count;
  }
  if (next != n) return refuse("rows");
  return segment;
}

const VersionRow& Segment::row(uint32_t index) const {
  return reinterpret_cast<const VersionRow*>(section(Section::kRows).data())[index];
}

const PassageRow& Segment::passage(uint32_t index) const {
  return reinterpret_cast<const PassageRow*>(section(Section::kPassages).data())[index];
}

std::string_view Segment::format(const VersionRow& row) const {
  return text(row.text + row.record_size + row.title_size, row.format_size);
}

std::string_view Segment::body(const PassageRow& p) const {
  return text(p.text + p.anchor_size + p.context_size, p.text_size);
}

std::string_view Segment::text(uint64_t offset, uint64_t size) const {
  const std::string_view all = section(Section::kText);
  if (offset > all.size() || size > all.size() - offset) return {};  // Damaged; verify() says so.
  return all.substr(offset, size);
}

std::vector<uint32_t> Segment::rows_of(int64_t version) const {
  const auto* begin = reinterpret_cast<const VersionPlace*>(section(Section::kVersions).data());
  const auto* end = begin + section(Section::kVersions).size() / sizeof(VersionPlace);
  std::vector<uint32_t> rows;
  for (const auto* at = std::lower_bound(begin, end, version,
                                         [](const VersionPlace& p, int64_t v) { return p.version < v; });
       at != end && at->version == version; ++at) {
    if (at->row < row_count()) rows.push_back(at->row);
  }
  return rows;
}

uint64_t Segment::term_count(Field field) const { return section(sections_of(field).terms).size() / sizeof(TermEntry); }

TermEntry Segment::term_at(Field field, uint64_t index) const {
  return load<TermEntry>(section(sections_of(field).terms), index * sizeof(TermEntry));
}

TermEntry Segment::find(Field field, TermId term) const {
  const uint64_t count = term_count(field);
  const uint32_t bits = directory_bits(count);
  const std::string_view directory = section(sections_of(field).directory);
  const uint64_t slot = bits == 0 ? 0 : term >> (64 - bits);
  const auto* entries = reinterpret_cast<const TermEntry*>(section(sections_of(field).terms).data());
  const uint64_t from = std::min<uint64_t>(load<uint32_t>(directory, 4 * slot), count);
  const uint64_t to = std::min<uint64_t>(load<uint32_t>(directory, 4 * slot + 4), count);
  for (uint64_t i = from; i < to; ++i) {
    if (entries[i].term == term) return entries[i];
  }
  return {};
}

PostingCursor Segment::cursor(Field field, const TermEntry& entry) const {
  return PostingCursor(entry, section(sections_of(field).postings), passages_);
}

std::string Segment::verify_checksums() const {
  for (size_t i = 0; i < kSections; ++i) {
    if (crc32c(sections_[i]) != checksums_[i]) return "checksum of section " + std::to_string(i) + " is wrong";
  }
  return {};
}

std::string Segment::verify() const {
  if (std::string wrong = verify_checksums(); !wrong.empty()) return wrong;
  for (Field field : {Field::kBody, Field::kTitle}) {
    TermId previous = 0;
    for (uint64_t i = 0; i < term_count(field); ++i) {
      const TermEntry entry = term_at(field, i);
      if (i > 0 && entry.term <= previous) return "terms are out of order";
      previous = entry.term;
      PostingCursor c = cursor(field, entry);
      uint64_t seen = 0, next = 0;
      while (c.next_block()) {
        for (uint32_t k = 0; k < c.size(); ++k) {
          if (c.passages()[k] < next) return "passages of a term are out of order";
          next = uint64_t{c.passages()[k]} + 1;
          if (c.tfs()[k] > entry.max_tf && entry.max_tf != kSaturated) return "a term's bound is too low";
        }
        seen += c.size();
      }
      if (seen != entry.df) return "a term's passages are not as many as its entry says";
    }
  }
  for (uint32_t p = 0; p < passages_; ++p) {
    if (passage(p).row >= row_count()) return "a passage has no version";
  }
  return {};
}

uint32_t Sidecar::label_index(std::string_view label) {
  for (uint32_t i = 0; i < labels.size(); ++i) {
    if (labels[i] == label) return i;
  }
  labels.emplace_back(label);
  return static_cast<uint32_t>(labels.size() - 1);
}

RowHistory Sidecar::history_of(const archive::History& history, Day own_to) {
  RowHistory out;
  out.own_to = own_to;
  for (const auto& later : history.later) out.later.emplace_back(label_index(later.label), later.from);
  for (const auto& before : history.before) out.before.emplace_back(label_index(before.label), before.versions);
  return out;
}

std::string Sidecar::encode(uint64_t segment_id) const {
  std::string out("SILLOKSC");
  const auto put = [&out](auto value) { out.append(reinterpret_cast<const char*>(&value), sizeof value); };
  put(kSegmentFormat);
  put(static_cast<uint32_t>(labels.size()));
  put(segment_id);
  put(static_cast<uint32_t>(rows.size()));
  put(uint32_t{0});
  for (const std::string& label : labels) {
    put(static_cast<uint32_t>(label.size()));
    out += label;
  }
  for (const RowState& row : rows) {
    put(row.from);
    put(row.to);
    put(row.label);
  }
  put(static_cast<uint32_t>(histories.size()));
  for (const auto& [row, history] : histories) {
    put(row);
    put(history.own_to);
    put(static_cast<uint32_t>(history.later.size()));
    put(static_cast<uint32_t>(history.before.size()));
    for (const auto& [label, from] : history.later) {
      put(label);
      put(from);
    }
    for (const auto& [label, versions] : history.before) {
      put(label);
      put(versions);
    }
  }
  put(crc32c(out));
  return out;
}

Result<Sidecar> Sidecar::decode(std::string_view bytes, uint64_t segment_id, uint32_t row_count) {
  const auto refuse = [] {
    return fail(ErrorCode::kInvalid, "an index sidecar is damaged; the next refresh rebuilds the index");
  };
  constexpr size_t kFixed = 32;
  if (bytes.size() < kFixed + 4 || bytes.substr(0, 8) != "SILLOKSC") return refuse();
  const std::string_view body = bytes.substr(0, bytes.size() - 4);
  if (crc32c(body) != load<uint32_t>(bytes, body.size())) return refuse();
  if (load<uint32_t>(body, 8) != kSegmentFormat || load<uint64_t>(body, 16) != segment_id) return refuse();
  const auto labels = load<uint32_t>(body, 12), rows = load<uint32_t>(body, 24);
  if (rows != row_count) return refuse();
  Sidecar sidecar;
  size_t at = kFixed;
  for (uint32_t i = 0; i < labels; ++i) {
    if (body.size() - at < 4) return refuse();
    const auto size = load<uint32_t>(body, at);
    if (body.size() - at - 4 < size) return refuse();
    sidecar.labels.emplace_back(body.substr(at + 4, size));
    at += 4 + size_t{size};
  }
  if (body.size() - at < size_t{rows} * 12 + 4) return refuse();
  sidecar.rows.resize(rows);
  for (RowState& row : sidecar.rows) {
    row = {load<int32_t>(body, at), load<int32_t>(body, at + 4), load<uint32_t>(body, at + 8)};
    if (row.label >= labels) return refuse();
    at += 12;
  }
  const auto histories = load<uint32_t>(body, at);
  at += 4;
  for (uint32_t i = 0; i < histories; ++i) {
    if (body.size() - at < 16) return refuse();
    const auto row = load<uint32_t>(body, at), later = load<uint32_t>(body, at + 8), before = load<uint32_t>(body, at + 12);
    RowHistory history;
    history.own_to = load<int32_t>(body, at + 4);
    at += 16;
    if (row >= rows || body.size() - at < 8 * (uint64_t{later} + before)) return refuse();
    for (uint32_t k = 0; k < later; ++k, at += 8) history.later.emplace_back(load<uint32_t>(body, at), load<int32_t>(body, at + 4));
    for (uint32_t k = 0; k < before; ++k, at += 8) history.before.emplace_back(load<uint32_t>(body, at), load<uint32_t>(body, at + 4));
    const auto known = [&](const auto& entry) { return entry.first < labels; };
    if (!std::all_of(history.later.begin(), history.later.end(), known) ||
        !std::all_of(history.before.begin(), history.before.end(), known)) {
      return refuse();
    }
    sidecar.histories[row] = std::move(history);
  }
  if (at != body.size()) return refuse();
  return sidecar;
}

}  // namespace sillok::search

// Private to search: writes a segment file section by section, with bounded memory.
#pragma once

#include "search/segment.h"

namespace sillok::search {

class SegmentWriter {
 public:
  static Result<SegmentWriter> create(const fs::path& path, uint64_t id);
  SegmentWriter(SegmentWriter&& other) noexcept;
  SegmentWriter& operator=(SegmentWriter&&) = delete;
  ~SegmentWriter();  // removes the file unless finished

  void begin(Section section);
  void append(std::string_view bytes);
  template <typename T>
  void append_array(const std::vector<T>& values) {
    append({reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)});
  }
  uint64_t section_size() const { return places_[current_].size; }
  Status finish(uint32_t passages);

 private:
  struct Place {
    uint64_t offset = 0, size = 0;
    uint32_t crc = 0, zero = 0;
  };
  SegmentWriter() = default;
  void flush();

  fs::path path_;
  int fd_ = -1;
  uint64_t id_ = 0, written_ = 0;
  std::string buffer_;
  std::array<Place, kSections> places_{};
  size_t current_ = 0;
  int errno_ = 0;  // the first write error; reported by finish
};

// Writes one field's three sections from lists that come in ascending order of term.
class FieldWriter {
 public:
  // terms_at_most: an upper bound of the number of lists, for the directory.
  FieldWriter(SegmentWriter& out, Field field, uint64_t terms_at_most, const std::vector<uint32_t>& lengths);
  void add(TermId term, const std::vector<Posting>& postings);
  void finish();

 private:
  SegmentWriter& out_;
  Field field_;
  const std::vector<uint32_t>& lengths_;
  std::vector<TermEntry> entries_;
  std::string packed_;
};

// The directory has this many top bits of the term for a number of terms.
uint32_t directory_bits(uint64_t terms);

}  // namespace sillok::search

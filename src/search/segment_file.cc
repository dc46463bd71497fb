#include "search/segment_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <cstring>
#include <utility>

namespace sillok::search {
namespace {

constexpr size_t kWriteBuffer = 1 << 20;  // large enough that system calls do not show

}  // namespace

Result<SegmentWriter> SegmentWriter::create(const fs::path& path, uint64_t id) {
  SegmentWriter writer;
  writer.path_ = path;
  writer.id_ = id;
  writer.fd_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (writer.fd_ < 0) return fail_errno("cannot create " + path.string());
  writer.buffer_.assign(kHeaderSize, '\0');
  return writer;
}

SegmentWriter::SegmentWriter(SegmentWriter&& other) noexcept
    : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)), id_(other.id_), written_(other.written_),
      buffer_(std::move(other.buffer_)), places_(other.places_), current_(other.current_), errno_(other.errno_) {}

SegmentWriter::~SegmentWriter() {
  if (fd_ < 0) return;
  ::close(fd_);
  ::unlink(path_.c_str());
}

void SegmentWriter::flush() {
  size_t done = 0;
  while (done < buffer_.size() && errno_ == 0) {
    const ssize_t n = ::write(fd_, buffer_.data() + done, buffer_.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) errno_ = errno;
    else done += static_cast<size_t>(n);
  }
  written_ += buffer_.size();
  buffer_.clear();
}

void SegmentWriter::begin(Section section) {
  buffer_.resize(buffer_.size() + (8 - buffer_.size() % 8) % 8, '\0');  // written_ is a multiple of 8: see append
  current_ = static_cast<size_t>(section);
  places_[current_].offset = written_ + buffer_.size();
}

void SegmentWriter::append(std::string_view bytes) {
  places_[current_].crc = crc32c(bytes, places_[current_].crc);
  places_[current_].size += bytes.size();
  while (!bytes.empty()) {
    const size_t take = std::min(bytes.size(), kWriteBuffer - std::min(buffer_.size(), kWriteBuffer));
    buffer_.append(bytes.substr(0, take));
    bytes.remove_prefix(take);
    if (buffer_.size() >= kWriteBuffer && buffer_.size() % 8 == 0) flush();
  }
}

Status SegmentWriter::finish(uint32_t passages) {
  flush();
  std::string header("SILLOKSG");
  const auto put = [&header](auto value) { header.append(reinterpret_cast<const char*>(&value), sizeof value); };
  put(kSegmentFormat);
  put(passages);
  put(written_);
  put(id_);
  for (const Place& place : places_) put(place);
  header.resize(kHeaderSize - 4, '\0');
  put(crc32c(header));
  // The body is on the disk before the header that vouches for it.
  if (errno_ == 0 && ::fsync(fd_) != 0) errno_ = errno;
  if (errno_ == 0 && ::pwrite(fd_, header.data(), header.size(), 0) != static_cast<ssize_t>(kHeaderSize)) {
    errno_ = errno == 0 ? EIO : errno;
  }
  if (errno_ == 0 && ::fsync(fd_) != 0) errno_ = errno;
  if (errno_ != 0) {
    errno = errno_;
    return fail_errno("cannot write index segment " + path_.string());
  }
  ::close(std::exchange(fd_, -1));
  return {};
}

uint32_t directory_bits(uint64_t terms) {
  // About four terms of 24 bytes to a slot: a lookup reads one or two cache lines of them.
  const auto bits = static_cast<uint32_t>(std::bit_width(terms / 4));
  return std::min(bits, 26u);
}

FieldWriter::FieldWriter(SegmentWriter& out, Field field, uint64_t terms_at_most, const std::vector<uint32_t>& lengths)
    : out_(out), field_(field), lengths_(lengths) {
  entries_.reserve(terms_at_most);
  out_.begin(field == Field::kBody ? Section::kPostings : Section::kTitlePostings);
}

void FieldWriter::add(TermId term, const std::vector<Posting>& postings) {
  if (postings.empty()) return;
  TermEntry entry = encode_list(postings, lengths_, out_.section_size(), packed_);
  entry.term = term;
  entries_.push_back(entry);
  if (packed_.empty()) return;
  out_.append(packed_);
  packed_.clear();
}

void FieldWriter::finish() {
  out_.append(std::string(kPostingsPadding, '\0'));
  out_.begin(field_ == Field::kBody ? Section::kTerms : Section::kTitleTerms);
  out_.append_array(entries_);
  const uint32_t bits = directory_bits(entries_.size());
  std::vector<uint32_t> directory((size_t{1} << bits) + 1);
  size_t at = 0;
  for (size_t slot = 0; slot < directory.size(); ++slot) {
    while (at < entries_.size() && (bits == 0 ? 0 : entries_[at].term >> (64 - bits)) < slot) ++at;
    directory[slot] = static_cast<uint32_t>(at);
  }
  out_.begin(field_ == Field::kBody ? Section::kDirectory : Section::kTitleDirectory);
  out_.append_array(directory);
}

}  // namespace sillok::search

#include "documents/wire.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "documents/reader.h"

namespace sillok::documents {
namespace {

constexpr size_t kFlushBytes = 64u << 10;  // a pipe's default capacity
constexpr Micros kFlushMicros = 50'000;    // items wait no longer than this for company
constexpr size_t kReadBytes = 256u << 10;

}  // namespace

void FieldWriter::status(const Status& status) {
  number<uint8_t>(status ? 1 : 0);
  if (status) return;
  number(static_cast<uint8_t>(status.error().code));
  string(status.error().message);
}

std::string_view FieldReader::string() {
  const auto size = number<uint32_t>();
  if (size > rest.size()) {
    ok = false;
    rest = {};
    return {};
  }
  const std::string_view text = rest.substr(0, size);
  rest.remove_prefix(size);
  return text;
}

ErrorCode FieldReader::code() {
  const auto value = number<uint8_t>();
  if (value > static_cast<uint8_t>(ErrorCode::kInternal)) ok = false;
  return static_cast<ErrorCode>(value);
}

Status FieldReader::status() {
  if (number<uint8_t>() != 0) return {};
  const ErrorCode error = code();
  return fail(error, clean_utf8(string()));
}

// ---------------------------------------------------------------------------------------------
// Frames

void FrameWriter::add(FrameKind kind, std::string_view payload) {
  FieldWriter head;
  head.number(static_cast<uint32_t>(payload.size()));
  head.number(static_cast<uint8_t>(kind));
  pending_ += head.out;
  pending_ += payload;
  const Micros now = now_micros();
  if (pending_.size() < kFlushBytes && now - flushed_ < kFlushMicros) return;
  flush();
  flushed_ = now;
}

void FrameWriter::flush() {
  for (std::string_view rest = pending_; !rest.empty();) {
    const ssize_t n = write(fd_, rest.data(), rest.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) _exit(1);  // The program is gone; there is nobody to tell.
    rest.remove_prefix(static_cast<size_t>(n));
  }
  pending_.clear();
}

void FrameWriter::item(const Item& item) {
  FieldWriter fields;
  fields.string(item.part);
  fields.string(item.parent);
  std::string document = item.document ? encode(*item.document) : std::string();
  Status status = item.document ? Status{} : fail(item.document.error());
  if (document.size() + fields.out.size() + 64 > kMaxFrameBytes) {
    status = fail(ErrorCode::kLimit, "holds more than " + std::to_string(kMaxFrameBytes >> 20) +
                                         " MiB of text; split it into several files");
  }
  if (status) {
    fields.string(document);
    return add(FrameKind::kDocument, fields.out);
  }
  fields.number(static_cast<uint8_t>(status.error().code));
  fields.string(status.error().message);
  add(FrameKind::kError, fields.out);
}

void FrameWriter::bytes(std::string_view bytes) {
  constexpr size_t kPiece = 4u << 20;
  for (size_t at = 0; at < bytes.size(); at += kPiece) {
    FieldWriter fields;
    fields.string(bytes.substr(at, kPiece));
    add(FrameKind::kBytes, fields.out);
  }
}

void FrameWriter::conversion(const Source& source, std::string_view format) {
  const bool whole = source.depth == 0;  // The program has that file open already.
  FieldWriter fields;
  fields.string(source.part);
  fields.string(source.parent);
  fields.string(source.name);
  fields.string(format);
  fields.number(source.depth);
  if (!whole && source.bytes.size() + fields.out.size() + 64 > kMaxFrameBytes) {
    return item(Item{
        source.part, source.parent,
        fail(ErrorCode::kLimit, "is larger than " + std::to_string(kMaxFrameBytes >> 20) +
                                    " MiB, too large to convert inside a container; take it out")});
  }
  fields.string(whole ? std::string_view() : source.bytes);
  add(FrameKind::kConversion, fields.out);
}

void FrameWriter::end(const Status& status) {
  FieldWriter fields;
  fields.status(status);
  add(FrameKind::kEnd, fields.out);
  flush();
}

long FrameSplitter::fill(int fd) {
  buffer_.erase(0, used_);
  used_ = 0;
  const size_t old_size = buffer_.size();
  buffer_.resize(old_size + kReadBytes);
  ssize_t n;
  do n = ::read(fd, buffer_.data() + old_size, kReadBytes);
  while (n < 0 && errno == EINTR);
  buffer_.resize(old_size + static_cast<size_t>(n > 0 ? n : 0));
  return n;
}

Result<std::optional<Frame>> FrameSplitter::next() {
  constexpr size_t kHead = 5;
  const std::string_view rest = std::string_view(buffer_).substr(used_);
  if (rest.size() < kHead) return std::optional<Frame>();
  FieldReader head(rest);
  const auto size = head.number<uint32_t>();
  const auto kind = head.number<uint8_t>();
  if (size > kMaxFrameBytes || kind < 1 || kind > static_cast<uint8_t>(FrameKind::kEnd)) {
    return fail(ErrorCode::kInternal, "the reader answered with nonsense");
  }
  if (rest.size() - kHead < size) return std::optional<Frame>();
  used_ += kHead + size;
  return std::optional<Frame>(Frame{static_cast<FrameKind>(kind), rest.substr(kHead, size)});
}

// ---------------------------------------------------------------------------------------------
// Control messages

bool send_message(int socket, std::string_view bytes, const std::vector<int>& fds) {
  iovec part{const_cast<char*>(bytes.data()), bytes.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * kMaxDescriptors)] = {};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (!fds.empty()) {
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(sizeof(int) * fds.size());
    cmsghdr* head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof(int) * fds.size());
    std::memcpy(CMSG_DATA(head), fds.data(), sizeof(int) * fds.size());
  }
  ssize_t n;
  do n = sendmsg(socket, &message, MSG_NOSIGNAL);
  while (n < 0 && errno == EINTR);
  return n == static_cast<ssize_t>(bytes.size());
}

std::optional<Message> receive_message(int socket, int timeout_ms) {
  pollfd wait{socket, POLLIN, 0};
  int ready;
  do ready = poll(&wait, 1, timeout_ms);
  while (ready < 0 && errno == EINTR);
  if (ready <= 0) return std::nullopt;
  Message result;
  result.bytes.resize(kMaxMessageBytes);
  iovec part{result.bytes.data(), result.bytes.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * kMaxDescriptors)] = {};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ssize_t n;
  do n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  while (n < 0 && errno == EINTR);
  if (n < 0) return std::nullopt;
  result.bytes.resize(static_cast<size_t>(n));
  for (cmsghdr* head = CMSG_FIRSTHDR(&message); head != nullptr;
       head = CMSG_NXTHDR(&message, head)) {
    if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS) continue;
    result.fds.resize((head->cmsg_len - CMSG_LEN(0)) / sizeof(int));
    std::memcpy(result.fds.data(), CMSG_DATA(head), result.fds.size() * sizeof(int));
  }
  return result;
}

}  // namespace sillok::documents

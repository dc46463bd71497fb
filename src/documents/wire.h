// Private to documents: what the program, its reader process and the confined children say to each
// other.
//
// Child to program, over a pipe: frames of
//   u32 payload size (little-endian, at most kMaxFrameBytes), u8 kind, payload
// Program to reader process and back, over a SOCK_SEQPACKET socket: one packet a message, u8 kind,
// payload; descriptors travel beside it (SCM_RIGHTS). A payload is fields one after the other:
// numbers little-endian, strings as u32 length and bytes.
#pragma once

#include <cstring>
#include <optional>
#include <type_traits>

#include "documents/documents.h"

namespace sillok::documents {

// A frame holds one document. 64 MiB of text is a shelf of books; the program has to hold it whole.
inline constexpr uint32_t kMaxFrameBytes = 64u << 20;
// A control message holds names only; the kernel's default socket buffer takes it in one packet.
inline constexpr size_t kMaxMessageBytes = 64u << 10;

enum class FrameKind : uint8_t {
  kDocument = 1,  // string part, string parent, string encoded document
  kError,         // string part, string parent, u8 ErrorCode, string message
  kConversion,    // string part, string parent, string name, string format, u32 depth, string bytes
  kBytes,         // string bytes: a piece of the part that is wanted
  kEnd,           // u8 ok; if 0: u8 ErrorCode, string message
};
enum class MessageKind : uint8_t {
  kLimits = 1,  // to the reader process, once: u64 file, u64 expanded, u64 memory, u32 cpu, u32
                // wall, u32 depth, u32 items
  kRead,        // string name, part, parent, shown format, wanted part; u32 depth; descriptors: file, pipe
  kConvert,     // string format; descriptor: file
  kKill,        // end the current child
  kDone,        // from the reader process: i32 wait status, u64 peak resident bytes
  kConverted,   // as FrameKind::kEnd; descriptor: the result
};

class FieldWriter {
 public:
  template <typename T>
  void number(T value) {
    static_assert(std::is_integral_v<T>);
    char bytes[sizeof value];
    std::memcpy(bytes, &value, sizeof value);
    out.append(bytes, sizeof value);
  }
  void string(std::string_view text) {
    number(static_cast<uint32_t>(text.size()));
    out += text;
  }
  void status(const Status& status);
  std::string out;
};

// Reads untrusted fields; once something does not fit, ok is false and every later read gives
// nothing.
class FieldReader {
 public:
  explicit FieldReader(std::string_view bytes) : rest(bytes) {}
  template <typename T>
  T number() {
    T value{};
    if (rest.size() < sizeof value) {
      ok = false;
      rest = {};
      return value;
    }
    std::memcpy(&value, rest.data(), sizeof value);
    rest.remove_prefix(sizeof value);
    return value;
  }
  std::string_view string();
  ErrorCode code();
  Status status();
  bool complete() const { return ok && rest.empty(); }
  std::string_view rest;
  bool ok = true;
};

// Collects frames and writes them in large pieces, so that a small item costs no system call of its
// own.
class FrameWriter {
 public:
  explicit FrameWriter(int fd) : fd_(fd) {}
  void item(const Item& item);
  void bytes(std::string_view bytes);
  void conversion(const struct Source& source, std::string_view format);
  void end(const Status& status);

 private:
  void add(FrameKind kind, std::string_view payload);
  void flush();
  int fd_;
  std::string pending_;
  Micros flushed_ = now_micros();
};

// Cuts a stream of untrusted bytes into frames.
struct Frame {
  FrameKind kind;
  std::string_view payload;  // valid until the next call of the splitter
};
class FrameSplitter {
 public:
  // Appends what can be read from fd now; 0 at its end, -1 on error.
  long fill(int fd);
  // The next whole frame, or none yet; kInvalid for what no honest child writes.
  Result<std::optional<Frame>> next();

 private:
  std::string buffer_;
  size_t used_ = 0;
};

// One control message with up to kMaxDescriptors descriptors.
inline constexpr size_t kMaxDescriptors = 2;
struct Message {
  std::string bytes;     // kind and payload; empty at the end of the connection
  std::vector<int> fds;  // owned by the receiver
};
bool send_message(int socket, std::string_view bytes, const std::vector<int>& fds = {});
// Waits at most timeout_ms (-1: for ever). Nothing on a timeout or error.
std::optional<Message> receive_message(int socket, int timeout_ms);

}  // namespace sillok::documents

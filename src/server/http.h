// Private to server: a request and its reply, as the rest of the module sees them. No socket, no Beast in here.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/base.h"
#include "govern/govern.h"

namespace sillok::server {

using Json = nlohmann::ordered_json;

// Nesting of a JSON body; more is a mistake or an attack, and would recurse in whoever walks it.
inline constexpr size_t kMaxJsonDepth = 64;

// ---------------------------------------------------------------------------------------------
// Streams: what a reply goes on writing after its head is out.

// From those who make a text (the engine's thread, a worker) to the one connection that sends it. Thread-safe; costs no
// thread while it waits. Writers never block: a reader that lets kMaxWaiting pile up is treated as gone.
class Stream {
 public:
  static constexpr size_t kMaxWaiting = 16 << 20;

  // False once the reader is gone: stop making more.
  bool write(std::string bytes);
  void close();
  bool gone() const { return gone_.load(std::memory_order_relaxed); }

  // For the connection. `wake` is called, from any thread, whenever there is something to take or the end is reached.
  void on_wake(std::function<void()> wake);
  struct Taken {
    std::string bytes;
    bool closed = false;
  };
  Taken take();
  void leave();  // the reader is gone
  // Called once when the reader goes before the end; from any thread.
  void on_gone(std::function<void()> call);

 private:
  std::mutex mutex_;
  std::string waiting_;
  bool closed_ = false;
  std::atomic<bool> gone_{false};
  std::function<void()> wake_, on_gone_;
};

// One server-sent event. `event` "" leaves the name out, as OpenAI's clients expect.
std::string sse_event(std::string_view event, std::string_view data);

// ---------------------------------------------------------------------------------------------
// Request and response

using Fields = std::vector<std::pair<std::string, std::string>>;

struct Response {
  int status = 200;
  Fields headers;                     // beside those that every reply carries
  std::string body;
  std::string_view fixed;             // instead of body: bytes that live as long as the program
  std::shared_ptr<Stream> stream;     // instead of both: what follows comes from here; shared with who writes it
  std::function<Response()> later;    // instead of all: made by a worker for long tasks
  bool close = false;                 // end the connection after it
};

// Where a body that is not kept in memory goes, piece by piece.
class BodySink {
 public:
  virtual ~BodySink() = default;
  virtual Status write(std::string_view bytes) = 0;
  virtual Status finish() = 0;
};

struct Route;

struct Request {
  std::string method;                 // as sent
  std::string target;                 // as sent
  std::string path;                   // before '?', not decoded
  Fields query;                       // decoded
  Fields headers;                     // names in lower case, as sent otherwise
  std::string body;
  std::shared_ptr<BodySink> sink;     // instead of body, once the route asked for it
  std::string peer;                   // address of who connects
  bool secure = false;                // over TLS
  std::optional<uint64_t> content_length;

  // Set while it is routed.
  const Route* route = nullptr;
  std::vector<std::string> captures;  // of the path, decoded
  govern::Identity identity;
  std::optional<Response> refusal;    // found before the body was read
  std::shared_ptr<std::atomic<bool>> gone = std::make_shared<std::atomic<bool>>(false);  // nobody waits for the reply

  std::string_view header(std::string_view name) const;                 // "" if absent
  std::string_view argument(std::string_view name) const;               // of the query, "" if absent
  bool has_argument(std::string_view name) const;
};

// Splits target into path and query; kInvalid for bad percent signs, control characters or malformed UTF-8.
Status parse_target(Request& request);
Result<std::string> percent_decode(std::string_view text, bool plus_is_space);
std::string percent_encode(std::string_view text);
// Value of a cookie, "" if absent.
std::string_view cookie(const Request& request, std::string_view name);

std::string_view reason(int status);
// Head of a reply, with what every reply carries. `length` none: chunked.
std::string response_head(const Response& response, std::optional<uint64_t> length, bool keep_alive, bool secure);

// ---------------------------------------------------------------------------------------------
// JSON

// kInvalid for what is no JSON object or nests too deep.
Result<Json> parse_json(std::string_view text);
std::string dump(const Json& json);
Response json_response(Json json, int status = 200);

// The three conventions of errors.
enum class Surface : uint8_t { kNative, kOpenAi, kMcp, kPlain };
Response error_response(Surface surface, int status, std::string_view code, std::string_view message, std::string_view param = {});
// The same from an Error of the library.
Response error_response(Surface surface, const Error& error);
inline Response native(const Error& error) { return error_response(Surface::kNative, error); }
int status_of(ErrorCode code);
std::string_view code_of(int status);

// Fields of a JSON body: the value if there and right, none if absent or null; kInvalid names field and kind.
Result<std::optional<std::string>> text_field(const Json& json, const char* name);
Result<std::optional<double>> number_field(const Json& json, const char* name);
Result<std::optional<int64_t>> integer_field(const Json& json, const char* name, int64_t least, int64_t most);
Result<std::optional<bool>> flag_field(const Json& json, const char* name);
Result<std::string> required_text(const Json& json, const char* name);
// Integer in the query.
Result<uint64_t> integer_argument(const Request& request, std::string_view name, uint64_t otherwise, uint64_t most);

// UTF-16 units before byte `offset` of `text`.
size_t utf16_offset(std::string_view text, size_t offset);

}  // namespace sillok::server

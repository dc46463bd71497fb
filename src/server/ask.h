// Private to server: searching and asking, as the native API, OpenAI's and MCP all do it.
#pragma once

#include "server/app.h"

namespace sillok::server {

struct AskInput {
  std::string question;
  Day as_of = kDayMax;
  size_t quotes = 3;
  bool quote_only = false;                      // though a generating model is there
  uint64_t seed = 0;
  std::vector<answer::Exchange> conversation;   // oldest first
};
struct AskEvents {
  std::function<void(const Json& evidence)> on_evidence;  // any may be empty
  std::function<void(std::string_view text)> on_text;
  bool tell_quoted = true;  // on_text gets the span of a quoted answer too
  std::function<bool()> cancelled;
};

// {"question","as_of","quotes","model","seed","conversation"}; kInvalid names the field.
Result<AskInput> ask_input(const Json& body);
// The Answer of docs/API.md, recorded in the audit log. May take as long as the model writes.
Result<Json> answer_question(App& app, const govern::Identity& who, const AskInput& input, const AskEvents& events);
// {"query","results","notes","ms"}, recorded. `request.clearance` is set here.
Result<Json> search_for(App& app, const govern::Identity& who, search::Request request);
Json passage_json(const search::PassageResult& result);

Response event_stream(std::shared_ptr<Stream> stream);
std::string error_event(Surface surface, const Error& error);
// Runs `work` on a worker for long tasks and closes the stream after it; false if too much waits.
bool start_slow(App& app, const std::shared_ptr<Stream>& stream, std::function<void()> work, std::function<void(const std::exception&)> failed);

}  // namespace sillok::server

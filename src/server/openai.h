// Private to server: OpenAI's and Jina's conventions.
#pragma once

#include "server/app.h"
#include "server/ask.h"
#include "server/models.h"

namespace sillok::server {

// The name under which the answerer over the records is a model.
inline constexpr std::string_view kRecordsModel = "sillok";

Response openai_error(const Error& error, std::string_view param = {});
std::string completion_id(std::string_view prefix);

// "sillok": chat over the records. openai_records.cc
Response chat_over_records(App& app, const Request& request, const Json& body);

// What a request to a model by its name asks for. openai_parse.cc
struct RawRequest {
  engine::GenerateRequest generate;
  bool chat = false, stream = false, include_usage = false, echo_log_probabilities = false;
  uint32_t log_probabilities = 0;           // alternatives
  enum class Tools : uint8_t { kNone, kAuto, kForced } tools = Tools::kNone;
  std::string id, model;
  int64_t created = 0;
};
Result<RawRequest> parse_chat(const LoadedModel& model, const Json& body);
Result<RawRequest> parse_completion(const LoadedModel& model, const Json& body);

// Runs it. openai_raw.cc
Response generate_raw(App& app, const Request& request, std::shared_ptr<LoadedModel> model, RawRequest raw);

// Tool calls in a model's text: what is left of the text goes to `content`.
Json take_tool_calls(const std::string& text, RawRequest::Tools tools, std::string& content);

}  // namespace sillok::server

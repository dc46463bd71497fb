// A model by its name: text from the engine to OpenAI's shapes, whole or as a stream. The engine's thread writes the
// stream; no thread waits.
#include <sodium.h>

#include <future>

#include "server/openai.h"

namespace sillok::server {
namespace {

std::string finish_of(engine::Finish finish, bool called) {
  if (called) return "tool_calls";
  return finish == engine::Finish::kLength ? "length" : "stop";
}

Json usage_json(const engine::Generated& done) {
  return {{"prompt_tokens", done.prompt_tokens}, {"completion_tokens", done.tokens.size()}, {"total_tokens", done.prompt_tokens + done.tokens.size()},
          {"prompt_tokens_details", {{"cached_tokens", done.cached_tokens}}}};
}

Json bytes_json(const std::string& piece) {
  Json bytes = Json::array();
  for (const char c : piece) bytes.push_back(static_cast<unsigned char>(c));
  return bytes;
}

// OpenAI's two forms: chat's {"content":[...]}, and the completions' lists.
Json log_probabilities_json(const LoadedModel& model, const RawRequest& raw, const engine::Generated& done) {
  const auto piece = [&](engine::Token token) { return model.tokenizer().piece(token, true); };
  if (raw.chat) {
    Json content = Json::array();
    for (const auto& chances : done.chances) {
      if (chances.empty()) continue;
      Json top = Json::array();
      for (size_t i = 1; i < chances.size() && i <= raw.log_probabilities; ++i) {
        top.push_back({{"token", piece(chances[i].token)}, {"logprob", chances[i].log_probability}, {"bytes", bytes_json(piece(chances[i].token))}});
      }
      content.push_back({{"token", piece(chances[0].token)}, {"logprob", chances[0].log_probability}, {"bytes", bytes_json(piece(chances[0].token))}, {"top_logprobs", std::move(top)}});
    }
    return {{"content", std::move(content)}, {"refusal", nullptr}};
  }
  Json tokens = Json::array(), values = Json::array(), tops = Json::array(), offsets = Json::array();
  size_t offset = 0;
  for (const auto& chances : done.chances) {
    if (chances.empty()) continue;
    tokens.push_back(piece(chances[0].token));
    values.push_back(chances[0].log_probability);
    offsets.push_back(offset);
    offset += piece(chances[0].token).size();
    Json top = Json::object();
    for (size_t i = 1; i < chances.size() && i <= raw.log_probabilities; ++i) top[piece(chances[i].token)] = chances[i].log_probability;
    tops.push_back(std::move(top));
  }
  return {{"tokens", std::move(tokens)}, {"token_logprobs", std::move(values)}, {"top_logprobs", std::move(tops)}, {"text_offset", std::move(offsets)}};
}

Json head_json(const RawRequest& raw, bool chunk) {
  const char* object = raw.chat ? (chunk ? "chat.completion.chunk" : "chat.completion") : "text_completion";
  return {{"id", raw.id}, {"object", object}, {"created", raw.created}, {"model", raw.model}, {"system_fingerprint", "sillok-" SILLOK_VERSION}};
}

Json whole_json(const LoadedModel& model, const RawRequest& raw, const engine::Generated& done) {
  Json choice = {{"index", 0}};
  bool called = false;
  if (raw.chat) {
    std::string content;
    Json calls = take_tool_calls(done.text, raw.tools, content);
    called = !calls.empty();
    choice["message"] = {{"role", "assistant"}, {"content", called && content.empty() ? Json() : Json(content)}, {"refusal", nullptr}};
    if (called) choice["message"]["tool_calls"] = std::move(calls);
  } else {
    choice["text"] = done.text;
  }
  choice["logprobs"] = raw.echo_log_probabilities ? log_probabilities_json(model, raw, done) : Json();
  choice["finish_reason"] = finish_of(done.finish, called);
  Json json = head_json(raw, false);
  json["choices"] = Json::array({std::move(choice)});
  json["usage"] = usage_json(done);
  return json;
}

// One chunk of a stream: `delta` for chat, text for completions.
std::string chunk(const RawRequest& raw, Json part, const Json& finish, const Json& chances = {}) {
  Json choice = {{"index", 0}};
  if (raw.chat) {
    choice["delta"] = std::move(part);
  } else {
    choice["text"] = part.value("content", "");
  }
  choice["logprobs"] = chances;
  choice["finish_reason"] = finish;
  Json json = head_json(raw, true);
  json["choices"] = Json::array({std::move(choice)});
  return sse_event("", dump(json));
}

Error error_of(const App& app, const engine::Generated& done) {
  if (done.finish == engine::Finish::kError) return {ErrorCode::kInternal, done.error};
  return {ErrorCode::kIo, app.stopping ? "the server is stopping; ask again in a moment" : "the answer was cancelled"};
}

bool came_to_its_end(const engine::Generated& done) { return done.finish != engine::Finish::kError && done.finish != engine::Finish::kCancelled; }

void finish_stream(App& app, const LoadedModel& model, const RawRequest& raw, const engine::Generated& done, Stream& stream) {
  if (!came_to_its_end(done)) {
    stream.write(error_event(Surface::kOpenAi, error_of(app, done)));
    return;
  }
  bool called = false;
  if (raw.tools != RawRequest::Tools::kNone) {
    // Whether a text is a call shows at its end: it is told then.
    std::string content;
    Json calls = take_tool_calls(done.text, raw.tools, content);
    called = !calls.empty();
    if (!content.empty()) stream.write(chunk(raw, {{"content", content}}, nullptr));
    for (size_t i = 0; i < calls.size(); ++i) calls[i]["index"] = i;
    if (called) stream.write(chunk(raw, {{"tool_calls", std::move(calls)}}, nullptr));
  }
  const Json chances = raw.echo_log_probabilities ? log_probabilities_json(model, raw, done) : Json();
  stream.write(chunk(raw, Json::object(), finish_of(done.finish, called), chances));
  if (raw.include_usage) {
    Json json = head_json(raw, true);
    json["choices"] = Json::array();
    json["usage"] = usage_json(done);
    stream.write(sse_event("", dump(json)));
  }
  stream.write(sse_event("", "[DONE]"));
}

Status audit_raw(App& app, const govern::Identity& who, const RawRequest& raw, const engine::Generated& done) {
  SILLOK_TRY(app.record(who, "generate", raw.model, "", {{"model", raw.model}, {"prompt_tokens", done.prompt_tokens}, {"tokens", done.tokens.size()},
                                                         {"finish", engine::to_string(done.finish)}, {"answer_sha256", sha256_hex(done.text)}, {"release", SILLOK_VERSION}}));
  return {};
}

// The model is held until its stream is gone: it may be that of a release that is no longer in force.
Response stream_raw(App& app, const govern::Identity& who, const std::shared_ptr<LoadedModel>& model, RawRequest raw) {
  const auto stream = std::make_shared<Stream>();
  const auto shared = std::make_shared<RawRequest>(std::move(raw));
  if (shared->chat) stream->write(chunk(*shared, {{"role", "assistant"}, {"content", ""}}, nullptr));
  struct Running {
    std::atomic<uint64_t> live{0};
  };
  const auto running = std::make_shared<Running>();
  engine::Events events;
  if (shared->tools == RawRequest::Tools::kNone) {
    events.on_text = [stream, shared](std::string_view text) { stream->write(chunk(*shared, {{"content", text}}, nullptr)); };
  }
  events.on_done = [&app, model, who, stream, shared, running](const engine::Generated& done) {
    app.models()->count(done);
    const Status kept = audit_raw(app, who, *shared, done);
    if (kept) {
      finish_stream(app, *model, *shared, done, *stream);
    } else {
      stream->write(error_event(Surface::kOpenAi, kept.error()));
    }
    stream->close();
    app.live.forget(running->live);
  };
  const auto id = model->engine->submit(std::move(shared->generate), std::move(events));
  if (!id) return openai_error(id.error());
  stream->on_gone([model, id = *id] { model->engine->cancel(id); });
  running->live = app.live.add([model, id = *id] { model->engine->cancel(id); });
  return event_stream(stream);
}

}  // namespace

std::string completion_id(std::string_view prefix) {
  unsigned char random[12];
  randombytes_buf(random, sizeof random);
  char text[25];
  for (size_t i = 0; i < sizeof random; ++i) std::snprintf(text + 2 * i, 3, "%02x", random[i]);
  return std::string(prefix) + text;
}

Response openai_error(const Error& error, std::string_view param) {
  const int status = status_of(error.code);
  std::string_view code = status == 404 ? "model_not_found" : code_of(status);
  return error_response(Surface::kOpenAi, status, code, error.message, param);
}

Response generate_raw(App& app, const Request& request, std::shared_ptr<LoadedModel> model, RawRequest raw) {
  raw.generate.client = request.identity.person.name;
  if (raw.stream) return stream_raw(app, request.identity, model, std::move(raw));
  Response response;
  response.later = [&app, model = std::move(model), who = request.identity, raw = std::make_shared<RawRequest>(std::move(raw)), gone = request.gone]() -> Response {
    std::promise<engine::Generated> promise;
    auto future = promise.get_future();
    engine::Events events;
    events.on_done = [&promise](engine::Generated done) { promise.set_value(std::move(done)); };
    const auto id = model->engine->submit(std::move(raw->generate), std::move(events));
    if (!id) return openai_error(id.error());
    while (future.wait_for(std::chrono::milliseconds(200)) != std::future_status::ready) {
      if (gone->load() || app.stopping) model->engine->cancel(*id);
    }
    const engine::Generated done = future.get();
    app.models()->count(done);
    if (const Status kept = audit_raw(app, who, *raw, done); !kept) return openai_error(kept.error());
    if (!came_to_its_end(done)) return openai_error(error_of(app, done));
    return json_response(whole_json(*model, *raw, done));
  };
  return response;
}

namespace {

// The generating model of that name; or the refusal.
Result<std::shared_ptr<LoadedModel>> raw_model(App& app, const std::string& name) {
  SILLOK_ASSIGN(const std::shared_ptr<const Serving> serving, app.serving.get());
  const std::shared_ptr<LoadedModel> model = serving->models->writer();
  if (model != nullptr && model->name == name) return model;
  return fail(ErrorCode::kNotFound, "there is no model '" + shorten(clean_utf8(name), 100) + "'; GET /v1/models lists them");
}

// The field that a message begins with, `"n" must be 1` or `tools: ...`: OpenAI's clients show it as `param`.
std::string field_of(const std::string& message) {
  const size_t end = message.find_first_not_of("abcdefghijklmnopqrstuvwxyz_", message.starts_with('"') ? 1 : 0);
  if (end == message.npos) return {};
  if (message.starts_with('"')) return message[end] == '"' ? message.substr(1, end - 1) : std::string();
  return message[end] == ':' ? message.substr(0, end) : std::string();
}

Response generate(App& app, Request& request, bool chat) {
  const auto body = parse_json(request.body);
  if (!body) return openai_error(body.error());
  const auto name = required_text(*body, "model");
  if (!name) return openai_error(name.error(), "model");
  if (chat && *name == kRecordsModel) return chat_over_records(app, request, *body);
  if (*name == kRecordsModel) return error_response(Surface::kOpenAi, 400, "unsupported", "'sillok' answers questions; use /v1/chat/completions", "model");
  const auto model = raw_model(app, *name);
  if (!model) return openai_error(model.error(), "model");
  auto raw = chat ? parse_chat(**model, *body) : parse_completion(**model, *body);
  if (!raw) return openai_error(raw.error(), field_of(raw.error().message));
  return generate_raw(app, request, *model, std::move(*raw));
}

}  // namespace

Response openai_chat(App& app, Request& request) { return generate(app, request, true); }
Response openai_completions(App& app, Request& request) { return generate(app, request, false); }

}  // namespace sillok::server

// The model "sillok": the answerer over the records, as a chat. What the asker may see is decided by who he is; system
// messages cannot change how records are read, and are ignored.
#include "server/openai.h"

namespace sillok::server {
namespace {

Result<std::string> content_of(const Json& message) {
  const auto content = message.find("content");
  if (content == message.end() || content->is_null()) return std::string();
  if (content->is_string()) return content->get<std::string>();
  if (!content->is_array()) return fail(ErrorCode::kInvalid, "a message's \"content\" must be a string or a list of parts");
  std::string text;
  for (const Json& part : *content) {
    if (!part.is_object() || part.value("type", Json()) != "text" || !part.contains("text") || !part["text"].is_string()) {
      return fail(ErrorCode::kUnsupported, "a message's \"content\" may hold text parts only");
    }
    text += part["text"].get<std::string>();
  }
  return text;
}

// The last message of the user is the question, what was before it the conversation.
Result<AskInput> input_of(const Json& body) {
  const auto messages = body.find("messages");
  if (messages == body.end() || !messages->is_array() || messages->empty()) return fail(ErrorCode::kInvalid, "\"messages\" must be a list of messages");
  AskInput input;
  std::string asked;
  for (const Json& message : *messages) {
    if (!message.is_object() || !message.contains("role") || !message["role"].is_string()) return fail(ErrorCode::kInvalid, "every message needs a \"role\"");
    SILLOK_ASSIGN(std::string text, content_of(message));
    if (message["role"] == "user") {
      asked = std::move(text);
    } else if (message["role"] == "assistant" && !asked.empty()) {
      input.conversation.push_back({std::move(asked), std::move(text)});
      asked.clear();
    }
  }
  if (trim(asked).empty()) return fail(ErrorCode::kInvalid, "the last message must be the user's question");
  input.question = std::move(asked);
  SILLOK_ASSIGN(const auto as_of, text_field(body, "as_of"));
  if (as_of && !as_of->empty()) {
    SILLOK_ASSIGN(input.as_of, parse_day(*as_of));
  }
  SILLOK_ASSIGN(const auto seed, integer_field(body, "seed", INT64_MIN, INT64_MAX));
  input.seed = static_cast<uint64_t>(seed.value_or(0));
  return input;
}

// A quoted answer in words: the quotes with their numbers, where they stand, and where records differ.
std::string in_words(const Json& answer) {
  if (answer["written"] == true) return answer["answer"].get<std::string>();
  if (answer["answerable"] == false) return "기록에서 답을 찾지 못했습니다. (The records do not answer this.)";
  std::string text, sources;
  int64_t last = 0;
  for (const Json& c : answer["citations"]) {
    const auto n = c["n"].get<int64_t>();
    text += "“" + c["text"].get<std::string>() + "” [" + std::to_string(n) + "]\n";
    if (n <= last) continue;
    last = n;
    const auto title = c["title"].get<std::string>(), record = c["record"].get<std::string>(), anchor = c["anchor"].get<std::string>();
    sources += "[" + std::to_string(n) + "] " + (title.empty() ? record : title) + (anchor.empty() ? "" : ", " + anchor) + "\n";
  }
  for (const Json& c : answer["conflicts"]) {
    text += "기록이 서로 다릅니다 (the records differ): [" + c["newer"].dump() + "] " + c["newer_says"].get<std::string>() + " / [" + c["older"].dump() + "] " +
            c["older_says"].get<std::string>() + "\n";
  }
  return text + "\n" + sources;
}

Json usage_of(const App& app, const AskInput& input, const std::string& text) {
  const std::shared_ptr<Models> models = app.models();
  const answer::Generator* generator = models->generator();
  // Without a model nothing counts tokens.
  const size_t prompt = generator != nullptr ? generator->count(input.question) : 0, written = generator != nullptr ? generator->count(text) : 0;
  return {{"prompt_tokens", prompt}, {"completion_tokens", written}, {"total_tokens", prompt + written}};
}

Json head(const std::string& id, int64_t created, bool chunk) {
  return {{"id", id}, {"object", chunk ? "chat.completion.chunk" : "chat.completion"}, {"created", created}, {"model", kRecordsModel},
          {"system_fingerprint", "sillok-" SILLOK_VERSION}};
}

void add_sillok(Json& json, const Json& answer) {
  json["citations"] = answer["citations"];
  json["sillok"] = {{"id", answer["id"]}, {"answerable", answer["answerable"]}, {"confidence", answer["confidence"]}, {"written", answer["written"]},
                    {"conflicts", answer["conflicts"]}, {"ai_notice", answer["ai_notice"]}};
}

}  // namespace

Response chat_over_records(App& app, const Request& request, const Json& body) {
  auto input = input_of(body);
  if (!input) return openai_error(input.error());
  const auto wants_stream = flag_field(body, "stream");
  if (!wants_stream) return openai_error(wants_stream.error());
  bool usage = false;
  if (const auto options = body.find("stream_options"); options != body.end() && options->is_object()) usage = options->value("include_usage", Json(false)) == true;
  const std::string id = completion_id("chatcmpl-");
  const int64_t created = now_micros() / 1'000'000;
  const govern::Identity who = request.identity;
  if (!wants_stream->value_or(false)) {
    Response response;
    response.later = [&app, who, input = std::move(*input), id, created, gone = request.gone] {
      AskEvents events;
      events.cancelled = [&app, gone] { return gone->load() || app.stopping.load(); };
      const auto answer = answer_question(app, who, input, events);
      if (!answer) return openai_error(answer.error());
      const std::string text = in_words(*answer);
      Json json = head(id, created, false);
      json["choices"] = Json::array({{{"index", 0}, {"message", {{"role", "assistant"}, {"content", text}, {"refusal", nullptr}}}, {"logprobs", nullptr}, {"finish_reason", "stop"}}});
      json["usage"] = usage_of(app, input, text);
      add_sillok(json, *answer);
      return json_response(std::move(json));
    };
    return response;
  }
  const auto stream = std::make_shared<Stream>();
  const auto send = [stream, id, created](const Json& delta, const Json& finish, const Json* answer) {
    Json json = head(id, created, true);
    json["choices"] = Json::array({{{"index", 0}, {"delta", delta}, {"logprobs", nullptr}, {"finish_reason", finish}}});
    if (answer != nullptr) add_sillok(json, *answer);
    stream->write(sse_event("", dump(json)));
  };
  const auto work = [&app, who, input = std::move(*input), stream, send, usage, id, created] {
    send({{"role", "assistant"}, {"content", ""}}, nullptr, nullptr);
    AskEvents events;
    std::string sent;
    events.cancelled = [&app, stream] { return stream->gone() || app.stopping.load(); };
    if (app.models()->generator() != nullptr) {
      events.tell_quoted = false;  // what is quoted is said below, as the reply that is no stream says it
      events.on_text = [&](std::string_view text) {
        sent += text;
        send({{"content", text}}, nullptr, nullptr);
      };
    }
    const auto answer = answer_question(app, who, input, events);
    if (!answer) {
      stream->write(error_event(Surface::kOpenAi, answer.error()));
      return;
    }
    if ((*answer)["written"] == false) {
      // A model may have begun and not come to an answer.
      send({{"content", (sent.empty() ? "" : "\n\n") + in_words(*answer)}}, nullptr, nullptr);
    }
    send(Json::object(), "stop", &*answer);
    if (usage) {
      Json json = head(id, created, true);
      json["choices"] = Json::array();
      json["usage"] = usage_of(app, input, in_words(*answer));
      stream->write(sse_event("", dump(json)));
    }
    stream->write(sse_event("", "[DONE]"));
  };
  const auto failed = [stream](const std::exception& error) { stream->write(error_event(Surface::kOpenAi, {ErrorCode::kInternal, error.what()})); };
  if (!start_slow(app, stream, work, failed)) {
    return error_response(Surface::kOpenAi, 503, "unavailable", "too many answers are waiting to be written; try again in a moment");
  }
  return event_stream(stream);
}

}  // namespace sillok::server

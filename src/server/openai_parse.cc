// What OpenAI's clients send, as a request to the engine. Unknown fields are ignored, as its servers do; known ones that
// cannot be honoured are refused by name.
#include "server/openai.h"

namespace sillok::server {
namespace {

constexpr uint32_t kUsualTokens = 1024;
constexpr size_t kMaxStops = 16;
constexpr size_t kMaxTools = 128;

// The text of a field; "" if it is absent or no text.
std::string word_of(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

template <typename T>
Status put(const Result<std::optional<double>>& value, double least, double most, const char* name, T& out) {
  if (!value) return fail(value.error());
  if (!*value) return {};
  if (!(**value >= least && **value <= most)) {
    return fail(ErrorCode::kInvalid, "\"" + std::string(name) + "\" must be from " + std::to_string(least) + " to " + std::to_string(most));
  }
  out = static_cast<T>(**value);
  return {};
}

Status put_number(const Json& body, const char* name, double least, double most, float& out) {
  return put(number_field(body, name), least, most, name, out);
}

Status parse_sampling(const Json& body, engine::Sampling& sampling) {
  sampling.temperature = 1;  // OpenAI's default; the draw is still the same every time, by the seed
  SILLOK_TRY(put_number(body, "temperature", 0, 100, sampling.temperature));
  SILLOK_TRY(put_number(body, "top_p", 0, 1, sampling.top_p));
  SILLOK_TRY(put_number(body, "min_p", 0, 1, sampling.min_p));
  SILLOK_TRY(put_number(body, "presence_penalty", -2, 2, sampling.presence_penalty));
  SILLOK_TRY(put_number(body, "frequency_penalty", -2, 2, sampling.frequency_penalty));
  SILLOK_TRY(put_number(body, "repeat_penalty", 0.01, 100, sampling.repeat_penalty));
  SILLOK_ASSIGN(const auto top_k, integer_field(body, "top_k", 0, UINT32_MAX));
  if (top_k) sampling.top_k = static_cast<uint32_t>(*top_k);
  SILLOK_ASSIGN(const auto seed, integer_field(body, "seed", INT64_MIN, INT64_MAX));
  if (seed) sampling.seed = static_cast<uint64_t>(*seed);
  if (const auto bias = body.find("logit_bias"); bias != body.end() && bias->is_object()) {
    for (const auto& [token, value] : bias->items()) {
      if (token.empty() || token.size() > 9 || token.find_first_not_of("0123456789") != token.npos || !value.is_number()) {
        return fail(ErrorCode::kInvalid, "\"logit_bias\" must map token numbers to numbers");
      }
      sampling.logit_bias.emplace_back(std::stoi(token), value.get<float>());
    }
  }
  return {};
}

Status parse_stops(const Json& body, std::vector<std::string>& stop) {
  const auto found = body.find("stop");
  if (found == body.end() || found->is_null()) return {};
  const Json list = found->is_string() ? Json::array({*found}) : *found;
  if (!list.is_array() || list.size() > kMaxStops) return fail(ErrorCode::kInvalid, "\"stop\" must be a string or a list of at most 16");
  for (const Json& each : list) {
    if (!each.is_string() || each.get<std::string>().empty()) return fail(ErrorCode::kInvalid, "\"stop\" must hold strings that are not empty");
    stop.push_back(each.get<std::string>());
  }
  return {};
}

// What chat and completions share.
Result<RawRequest> parse_common(const LoadedModel& model, const Json& body) {
  RawRequest raw;
  raw.model = model.name;
  raw.created = now_micros() / 1'000'000;
  raw.generate.adapter = model.adapter;
  SILLOK_ASSIGN(const auto n, integer_field(body, "n", 1, 1));
  (void)n;
  SILLOK_ASSIGN(const auto stream, flag_field(body, "stream"));
  raw.stream = stream.value_or(false);
  if (const auto options = body.find("stream_options"); options != body.end() && options->is_object()) {
    SILLOK_ASSIGN(const auto usage, flag_field(*options, "include_usage"));
    raw.include_usage = usage.value_or(false);
  }
  raw.generate.max_tokens = kUsualTokens;
  for (const char* name : {"max_tokens", "max_completion_tokens"}) {
    SILLOK_ASSIGN(const auto tokens, integer_field(body, name, 1, 1 << 24));
    if (tokens) raw.generate.max_tokens = static_cast<uint32_t>(*tokens);
  }
  SILLOK_TRY(parse_sampling(body, raw.generate.sampling));
  SILLOK_TRY(parse_stops(body, raw.generate.stop));
  return raw;
}

// Text of a message: a string, or a list of text parts.
Result<std::string> text_of(const Json& content) {
  if (content.is_null()) return std::string();
  if (content.is_string()) return content.get<std::string>();
  if (!content.is_array()) return fail(ErrorCode::kInvalid, "a message's \"content\" must be a string or a list of parts");
  std::string text;
  for (const Json& part : content) {
    if (!part.is_object() || word_of(part, "type") != "text" || !part.contains("text") || !part["text"].is_string()) {
      return fail(ErrorCode::kUnsupported, "a message's \"content\" may hold text parts only");
    }
    text += part["text"].get<std::string>();
  }
  return text;
}

Result<Json> messages_of(const Json& body) {
  const auto found = body.find("messages");
  if (found == body.end() || !found->is_array() || found->empty()) return fail(ErrorCode::kInvalid, "\"messages\" must be a list of messages");
  Json messages = Json::array();
  for (const Json& message : *found) {
    if (!message.is_object() || !message.contains("role") || !message["role"].is_string()) {
      return fail(ErrorCode::kInvalid, "every message needs a \"role\"");
    }
    Json copy = message;
    if (copy["role"] == "developer") copy["role"] = "system";
    if (copy.contains("content")) {
      SILLOK_ASSIGN(copy["content"], text_of(copy["content"]));
    }
    // Templates print arguments as they find them; clients send them as a string of JSON.
    if (const auto calls = copy.find("tool_calls"); calls != copy.end() && calls->is_array()) {
      for (Json& call : *calls) {
        if (!call.is_object() || !call.contains("function") || !call["function"].is_object()) continue;
        Json& function = call["function"];
        if (function.contains("arguments") && function["arguments"].is_string()) {
          const Json arguments = Json::parse(function["arguments"].get<std::string>(), nullptr, false);
          if (!arguments.is_discarded()) function["arguments"] = arguments;
        }
      }
    }
    messages.push_back(std::move(copy));
  }
  return messages;
}

// Tools as the template wants them, and a grammar where one of them must be called.
Result<std::string> parse_tools(const LoadedModel& model, const Json& body, RawRequest& raw) {
  const auto tools = body.find("tools");
  if (tools == body.end() || tools->is_null()) return std::string();
  if (!tools->is_array() || tools->size() > kMaxTools) return fail(ErrorCode::kInvalid, "\"tools\" must be a list of at most 128");
  const Json choice = body.value("tool_choice", Json("auto"));
  if (choice == "none" || choice.is_null() || tools->empty()) return std::string();
  std::string only;
  if (choice.is_object() && choice.contains("function") && choice["function"].is_object()) only = word_of(choice["function"], "name");
  const bool known = choice == "auto" || choice == "required" || !only.empty();
  if (!known) return fail(ErrorCode::kInvalid, "\"tool_choice\" must be \"none\", \"auto\", \"required\" or {\"type\":\"function\",\"function\":{\"name\"}}");
  raw.tools = choice == "required" || !only.empty() ? RawRequest::Tools::kForced : RawRequest::Tools::kAuto;
  Json forms = Json::array();
  for (const Json& tool : *tools) {
    const bool right = tool.is_object() && word_of(tool, "type") == "function" && tool.contains("function") && tool["function"].is_object() &&
                       tool["function"].contains("name") && tool["function"]["name"].is_string();
    if (!right) return fail(ErrorCode::kInvalid, "every tool must be {\"type\":\"function\",\"function\":{\"name\",...}}");
    const Json& function = tool["function"];
    if (!only.empty() && function["name"] != only) continue;
    Json parameters = function.value("parameters", Json{{"type", "object"}});
    forms.push_back({{"type", "object"}, {"properties", {{"name", {{"const", function["name"]}}}, {"arguments", std::move(parameters)}}},
                     {"required", {"name", "arguments"}}, {"additionalProperties", false}});
  }
  if (raw.tools == RawRequest::Tools::kForced) {
    if (forms.empty()) return fail(ErrorCode::kInvalid, "\"tool_choice\" names a tool that is not in \"tools\"");
    const Json schema = forms.size() == 1 ? forms[0] : Json{{"anyOf", forms}};
    auto grammar = engine::Grammar::from_json_schema(dump(schema), model.tokenizer());
    if (!grammar) return fail(grammar.error().in("tools"));
    raw.generate.grammar = std::move(*grammar);
  }
  return dump(*tools);
}

Status parse_format(const LoadedModel& model, const Json& body, RawRequest& raw) {
  const auto format = body.find("response_format");
  if (format == body.end() || format->is_null()) return {};
  const std::string type = format->is_object() ? word_of(*format, "type") : "";
  if (type == "text") return {};
  std::string schema;
  if (type == "json_object") {
    schema = R"({"type":"object"})";
  } else if (type == "json_schema" && format->contains("json_schema") && (*format)["json_schema"].is_object() &&
             (*format)["json_schema"].contains("schema")) {
    schema = dump((*format)["json_schema"]["schema"]);
  } else {
    return fail(ErrorCode::kInvalid, "\"response_format\" must be {\"type\":\"text\"}, {\"type\":\"json_object\"} or {\"type\":\"json_schema\",\"json_schema\":{\"schema\"}}");
  }
  if (raw.generate.grammar) return fail(ErrorCode::kInvalid, "\"response_format\" and a required tool call exclude each other");
  auto grammar = engine::Grammar::from_json_schema(schema, model.tokenizer());
  if (!grammar) return fail(grammar.error().in("response_format"));
  raw.generate.grammar = std::move(*grammar);
  return {};
}

std::string piece_of(const LoadedModel& model, std::optional<model::Token> token) { return token ? model.tokenizer().piece(*token, true) : std::string(); }

}  // namespace

Result<RawRequest> parse_chat(const LoadedModel& model, const Json& body) {
  if (!model.chat_template) return fail(ErrorCode::kUnsupported, "the model '" + model.name + "' has no chat template; use /v1/completions");
  SILLOK_ASSIGN(RawRequest raw, parse_common(model, body));
  raw.chat = true;
  raw.id = completion_id("chatcmpl-");
  SILLOK_ASSIGN(const Json messages, messages_of(body));
  SILLOK_ASSIGN(const std::string tools, parse_tools(model, body, raw));
  SILLOK_TRY(parse_format(model, body, raw));
  SILLOK_ASSIGN(const auto wants, flag_field(body, "logprobs"));
  SILLOK_ASSIGN(const auto top, integer_field(body, "top_logprobs", 0, 20));
  raw.log_probabilities = static_cast<uint32_t>(top.value_or(0));
  raw.echo_log_probabilities = wants.value_or(false);
  if (raw.echo_log_probabilities) raw.generate.log_probabilities = std::max(1U, raw.log_probabilities);
  const auto extra = body.find("chat_template_kwargs");
  const std::string variables = extra != body.end() && extra->is_object() ? dump(*extra) : std::string();
  SILLOK_ASSIGN(const std::string text, model.chat_template->render(dump(messages), tools, true, piece_of(model, model.tokenizer().bos()),
                                                                    piece_of(model, model.tokenizer().eos()), variables));
  raw.generate.prompt = model.tokenizer().encode(text, {.special = false, .parse_special = true});
  return raw;
}

Result<RawRequest> parse_completion(const LoadedModel& model, const Json& body) {
  SILLOK_ASSIGN(RawRequest raw, parse_common(model, body));
  raw.id = completion_id("cmpl-");
  const auto prompt = body.find("prompt");
  if (prompt == body.end() || prompt->is_null()) return fail(ErrorCode::kInvalid, "\"prompt\" is missing");
  if (prompt->is_string()) {
    raw.generate.prompt = model.tokenizer().encode(prompt->get<std::string>(), {.special = true, .parse_special = false});
  } else if (prompt->is_array() && !prompt->empty() && prompt->front().is_number_integer()) {
    for (const Json& token : *prompt) {
      if (!token.is_number_integer() || token.get<int64_t>() < 0 || token.get<int64_t>() >= static_cast<int64_t>(model.tokenizer().size())) {
        return fail(ErrorCode::kInvalid, "\"prompt\" holds a number that is no token of the model");
      }
      raw.generate.prompt.push_back(static_cast<model::Token>(token.get<int64_t>()));
    }
  } else if (prompt->is_array() && prompt->size() == 1 && prompt->front().is_string()) {
    raw.generate.prompt = model.tokenizer().encode(prompt->front().get<std::string>(), {.special = true, .parse_special = false});
  } else {
    return fail(ErrorCode::kUnsupported, "\"prompt\" must be one string, or the tokens of one");
  }
  SILLOK_ASSIGN(const auto chances, integer_field(body, "logprobs", 0, 20));
  if (chances) {
    raw.echo_log_probabilities = true;
    raw.log_probabilities = static_cast<uint32_t>(*chances);
    raw.generate.log_probabilities = std::max(1U, raw.log_probabilities);
  }
  SILLOK_TRY(parse_format(model, body, raw));
  return raw;
}

Json take_tool_calls(const std::string& text, RawRequest::Tools tools, std::string& content) {
  Json calls = Json::array();
  content = text;
  if (tools == RawRequest::Tools::kNone) return calls;
  const auto add = [&](std::string_view written) {
    const Json call = Json::parse(written, nullptr, false);
    if (!call.is_object() || !call.contains("name") || !call["name"].is_string()) return false;
    const Json arguments = call.contains("arguments") ? call["arguments"] : call.value("parameters", Json::object());
    calls.push_back({{"id", completion_id("call_")}, {"type", "function"},
                     {"function", {{"name", call["name"]}, {"arguments", arguments.is_string() ? arguments.get<std::string>() : dump(arguments)}}}});
    return true;
  };
  if (add(trim(text))) {
    content.clear();
    return calls;
  }
  // <tool_call>{...}</tool_call>, as Hermes' and Qwen's templates have it.
  constexpr std::string_view kOpen = "<tool_call>", kClose = "</tool_call>";
  std::string rest;
  size_t at = 0;
  for (size_t open = text.find(kOpen); open != text.npos; open = text.find(kOpen, at)) {
    const size_t close = text.find(kClose, open);
    const size_t end = close == text.npos ? text.size() : close;
    rest += text.substr(at, open - at);
    if (!add(trim(std::string_view(text).substr(open + kOpen.size(), end - open - kOpen.size())))) rest += text.substr(open, end - open);
    at = close == text.npos ? text.size() : close + kClose.size();
  }
  rest += text.substr(at);
  content = calls.empty() ? text : std::string(trim(rest));
  return calls;
}

}  // namespace sillok::server

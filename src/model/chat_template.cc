// A model's chat template: Jinja over messages, tools and the tokenizer's marks.
#include "model/jinja_evaluator.h"
#include "model/model.h"

namespace sillok::model {

using jinja::Value;

namespace {
constexpr size_t kMaxSourceBytes = 4 << 20;  // the largest template known has 0.03 MiB
}

struct ChatTemplate::State {
  std::string source;  // normalised; the tree's places point into it
  jinja::Body body;
};

ChatTemplate::ChatTemplate(std::unique_ptr<State> state) : state_(std::move(state)) {}
ChatTemplate::ChatTemplate(ChatTemplate&&) noexcept = default;
ChatTemplate& ChatTemplate::operator=(ChatTemplate&&) noexcept = default;
ChatTemplate::~ChatTemplate() = default;

Result<ChatTemplate> ChatTemplate::parse(std::string source) {
  if (source.size() > kMaxSourceBytes) return fail(ErrorCode::kLimit, "template: larger than 4 MiB");
  if (!is_valid_utf8(source)) return fail(ErrorCode::kInvalid, "template: not UTF-8");
  auto state = std::make_unique<State>();
  state->source = jinja::normalize_source(source);
  SILLOK_ASSIGN(state->body, jinja::parse(state->source));
  return ChatTemplate(std::move(state));
}

Result<std::string> ChatTemplate::render(std::string_view messages_json, std::string_view tools_json,
                                         bool add_generation_prompt, std::string_view bos, std::string_view eos,
                                         std::string_view extra_json, std::optional<Micros> now) const {
  const jinja::Limits limits;
  jinja::Heap heap(limits);
  std::vector<std::pair<std::string, Value>> variables;
  // Later ones win, as further variables given by the caller do.
  const auto set = [&variables](std::string_view name, Value value) {
    for (auto& [known, held] : variables) {
      if (known == name) {
        held = std::move(value);
        return;
      }
    }
    variables.emplace_back(name, std::move(value));
  };
  SILLOK_ASSIGN(Value messages, jinja::from_json(messages_json, heap, "messages"));
  if (!messages.is(jinja::Kind::kList)) return fail(ErrorCode::kInvalid, "messages: not a JSON array");
  set("messages", std::move(messages));
  Value tools = Value::none();
  if (!tools_json.empty()) {
    SILLOK_ASSIGN(tools, jinja::from_json(tools_json, heap, "tools"));
    if (!tools.is(jinja::Kind::kList) && !tools.is(jinja::Kind::kNone)) {
      return fail(ErrorCode::kInvalid, "tools: not a JSON array");
    }
  }
  set("tools", std::move(tools));
  set("documents", Value::none());
  set("add_generation_prompt", Value::of_boolean(add_generation_prompt));
  set("bos_token", Value::of_string(std::string(bos)));
  set("eos_token", Value::of_string(std::string(eos)));
  if (!extra_json.empty()) {
    SILLOK_ASSIGN(const Value extra, jinja::from_json(extra_json, heap, "template variables"));
    if (!extra.is(jinja::Kind::kDict)) return fail(ErrorCode::kInvalid, "template variables: not a JSON object");
    for (const auto& [name, value] : extra.dict->entries()) set(name.view(), value);
  }
  jinja::Evaluator evaluator(state_->source, heap, now ? *now : now_micros());
  return evaluator.render(state_->body, std::move(variables));
}

}  // namespace sillok::model

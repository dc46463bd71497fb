// Any bytes as a chat template; what parses is rendered over a short conversation.
#include "model/model.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto parsed = sillok::model::ChatTemplate::parse(std::string(reinterpret_cast<const char*>(data), size));
  if (!parsed) return 0;
  const char* messages =
      R"([{"role":"system","content":"s"},{"role":"user","content":"질문"},{"role":"assistant","content":null,"tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":{"a":[1,2.5,null]}}}]},{"role":"tool","content":"t"}])";
  const auto text = parsed->render(messages, R"([{"type":"function","function":{"name":"f"}}])", true, "<s>", "</s>");
  if (text && text->size() > (32U << 20)) __builtin_trap();
  return 0;
}

// Templates in the manner of the model families that the engine runs, written for this test, over one conversation with
// a system message, tools and their results. Expected texts are what Jinja2 3.1 gives for the same source.
#include <gtest/gtest.h>

#include "model/model.h"

namespace sillok::model {
namespace {

constexpr const char* kPlain = R"([{"role":"system","content":"S"},{"role":"user","content":"안녕 "},{"role":"assistant","content":"네"},{"role":"user","content":"Q"}])";
constexpr const char* kTools = R"([{"type":"function","function":{"name":"find","parameters":{"type":"object","properties":{"q":{"type":"string"}}}}}])";
constexpr const char* kToolTalk = R"([{"role":"user","content":"Q"},{"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"find","arguments":{"q":"한글","n":2}}}]},{"role":"tool","name":"find","tool_call_id":"c1","content":"R"}])";

std::string render(const char* source, const char* messages, const char* tools = "", const char* extra = "{}") {
  const auto parsed = ChatTemplate::parse(source);
  if (!parsed) return "PARSE: " + parsed.error().message;
  const auto text = parsed->render(messages, tools, true, "<s>", "</s>", extra, 0);
  return text ? *text : "ERROR: " + text.error().message;
}

TEST(TemplateModels, MarkedTurns) {  // ChatML, as Qwen and HyperCLOVA X SEED have it
  const char* source = R"({%- if tools %}
    {{- '<|im_start|>system\n' }}
    {%- if messages[0].role == 'system' %}{{- messages[0].content + '\n\n' }}{%- endif %}
    {{- '# Tools\n<tools>' }}
    {%- for tool in tools %}
        {{- "\n" }}
        {{- tool | tojson }}
    {%- endfor %}
    {{- '\n</tools><|im_end|>\n' }}
{%- elif messages[0].role == 'system' %}
    {{- '<|im_start|>system\n' + messages[0].content + '<|im_end|>\n' }}
{%- endif %}
{%- set ns = namespace(last_query=messages | length - 1) %}
{%- for message in messages[::-1] %}
    {%- set index = (messages | length - 1) - loop.index0 %}
    {%- if message.role == 'user' and ns.last_query == messages | length - 1 %}{%- set ns.last_query = index %}{%- endif %}
{%- endfor %}
{%- for message in messages %}
    {%- set content = message.content if message.content is string else '' %}
    {%- if message.role == 'user' or (message.role == 'system' and not loop.first) %}
        {{- '<|im_start|>' + message.role + '\n' + content + '<|im_end|>\n' }}
    {%- elif message.role == 'assistant' %}
        {%- set reasoning = '' %}
        {%- if '</think>' in content %}
            {%- set reasoning = content.split('</think>')[0].rstrip('\n').split('<think>')[-1].lstrip('\n') %}
            {%- set content = content.split('</think>')[-1].lstrip('\n') %}
        {%- endif %}
        {{- '<|im_start|>assistant\n' }}
        {%- if loop.index0 > ns.last_query and reasoning %}{{- '<think>\n' ~ reasoning ~ '\n</think>\n\n' }}{%- endif %}
        {{- content }}
        {%- for call in message.tool_calls or [] %}
            {%- if call.function %}{%- set call = call.function %}{%- endif %}
            {{- '<tool_call>\n{"name": "' ~ call.name ~ '", "arguments": ' ~ (call.arguments if call.arguments is string else call.arguments | tojson) ~ '}\n</tool_call>' }}
        {%- endfor %}
        {{- '<|im_end|>\n' }}
    {%- elif message.role == 'tool' %}
        {%- if loop.first or loop.previtem.role != 'tool' %}{{- '<|im_start|>user' }}{%- endif %}
        {{- '\n<tool_response>\n' + content + '\n</tool_response>' }}
        {%- if loop.last or loop.nextitem.role != 'tool' %}{{- '<|im_end|>\n' }}{%- endif %}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}{{- '<think>\n\n</think>\n\n' }}{%- endif %}
{%- endif %})";
  EXPECT_EQ(render(source, kPlain),
            "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\n안녕 <|im_end|>\n<|im_start|>assistant\n네<|im_end|>\n"
            "<|im_start|>user\nQ<|im_end|>\n<|im_start|>assistant\n");
  EXPECT_EQ(render(source, kToolTalk, kTools, R"({"enable_thinking":false})"),
            "<|im_start|>system\n# Tools\n<tools>\n{\"type\": \"function\", \"function\": {\"name\": \"find\", \"parameters\": "
            "{\"type\": \"object\", \"properties\": {\"q\": {\"type\": \"string\"}}}}}\n</tools><|im_end|>\n<|im_start|>user\nQ"
            "<|im_end|>\n<|im_start|>assistant\n<tool_call>\n{\"name\": \"find\", \"arguments\": {\"q\": \"한글\", \"n\": 2}}\n"
            "</tool_call><|im_end|>\n<|im_start|>user\n<tool_response>\nR\n</tool_response><|im_end|>\n<|im_start|>assistant\n"
            "<think>\n\n</think>\n\n");
}

TEST(TemplateModels, HeadersAndDates) {  // Llama 3
  const char* source = R"({{- bos_token }}
{%- if not date is defined %}{%- set date = strftime_now("%d %b %Y") %}{%- endif %}
{%- if messages[0]['role'] == 'system' %}
    {%- set system = messages[0]['content'] | trim %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set system = "" %}
{%- endif %}
{{- "<|head|>system<|/head|>\n\nToday: " + date + "\n" + system + "<|eot|>" }}
{%- for message in messages %}
    {%- if not (message.role == 'ipython' or message.role == 'tool' or 'tool_calls' in message) %}
        {{- '<|head|>' + message['role'] + '<|/head|>\n\n' + message['content'] | trim + '<|eot|>' }}
    {%- elif 'tool_calls' in message %}
        {%- if not message.tool_calls | length == 1 %}{{- raise_exception("one call at a time") }}{%- endif %}
        {%- set call = message.tool_calls[0].function %}
        {{- '<|head|>assistant<|/head|>\n\n{"name": "' + call.name + '", "parameters": ' }}{{ call.arguments | tojson }}{{ "}<|eot|>" }}
    {%- else %}
        {{- "<|head|>ipython<|/head|>\n\n" }}
        {%- if message.content is mapping or message.content is iterable and message.content is not string %}
            {{- message.content | tojson }}
        {%- else %}{{- message.content }}{%- endif %}
        {{- "<|eot|>" }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|head|>assistant<|/head|>\n\n' }}{%- endif %})";
  EXPECT_EQ(render(source, kPlain, "", R"({"date":"D"})"),
            "<s><|head|>system<|/head|>\n\nToday: D\nS<|eot|><|head|>user<|/head|>\n\n안녕<|eot|><|head|>assistant<|/head|>\n\n네"
            "<|eot|><|head|>user<|/head|>\n\nQ<|eot|><|head|>assistant<|/head|>\n\n");
  EXPECT_EQ(render(source, kToolTalk, kTools, R"({"date":"D"})"),
            "<s><|head|>system<|/head|>\n\nToday: D\n<|eot|><|head|>user<|/head|>\n\nQ<|eot|><|head|>assistant<|/head|>\n\n"
            "{\"name\": \"find\", \"parameters\": {\"q\": \"한글\", \"n\": 2}}<|eot|><|head|>ipython<|/head|>\n\nR<|eot|>"
            "<|head|>assistant<|/head|>\n\n");
}

TEST(TemplateModels, AlternatingTurns) {  // Gemma
  const char* source = R"({{ bos_token }}
{%- if messages[0]['role'] == 'system' -%}
    {%- set prefix = messages[0]['content'] + '\n\n' -%}
    {%- set turns = messages[1:] -%}
{%- else -%}
    {%- set prefix = "" -%}
    {%- set turns = messages -%}
{%- endif -%}
{%- for message in turns -%}
    {%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) -%}
        {{ raise_exception("Conversation roles must alternate") }}
    {%- endif -%}
    {%- set role = "model" if message['role'] == 'assistant' else message['role'] -%}
    {{ '<turn>' + role + '\n' + (prefix if loop.first else "") }}
    {%- if message['content'] is string -%}
        {{ message['content'] | trim }}
    {%- elif message['content'] is iterable -%}
        {%- for item in message['content'] -%}
            {%- if item['type'] == 'text' -%}{{ item['text'] | trim }}{%- endif -%}
        {%- endfor -%}
    {%- endif -%}
    {{ '</turn>\n' }}
{%- endfor -%}
{%- if add_generation_prompt -%}
    {{'<turn>model\n'}}
{%- endif -%}
)";
  EXPECT_EQ(render(source, kPlain), "<s><turn>user\nS\n\n안녕</turn>\n<turn>model\n네</turn>\n<turn>user\nQ</turn>\n<turn>model\n");
  EXPECT_EQ(render(source, R"([{"role":"user","content":[{"type":"text","text":" a "},{"type":"image"}]}])"),
            "<s><turn>user\na</turn>\n<turn>model\n");
  EXPECT_EQ(render(source, R"([{"role":"assistant","content":"x"}])"),
            "ERROR: template, line 11, column 27: Conversation roles must alternate");
}

TEST(TemplateModels, BracketedInstructions) {  // Mistral
  const char* source = R"({%- set loop_messages = messages[1:] if messages[0]["role"] == "system" else messages %}
{%- set users = loop_messages | selectattr("role", "equalto", "user") | list %}
{{- bos_token }}
{%- for message in loop_messages %}
    {%- if message["role"] == "user" %}
        {%- if tools is not none and message == users[-1] %}
            {{- "[TOOLS] [" }}
            {%- for tool in tools %}
                {%- set tool = tool.function %}
                {{- '{"type": "function", "function": {' }}
                {%- for key, val in tool.items() if key != "return" %}
                    {%- if val is string %}{{- '"' + key + '": "' + val + '"' }}{%- else %}{{- '"' + key + '": ' + val | tojson }}{%- endif %}
                    {%- if not loop.last %}{{- ", " }}{%- endif %}
                {%- endfor %}
                {{- "}}" }}
                {%- if not loop.last %}{{- ", " }}{%- else %}{{- "]" }}{%- endif %}
            {%- endfor %}
            {{- "[/TOOLS]" }}
        {%- endif %}
        {{- "[INST] " + message["content"] + "[/INST]" }}
    {%- elif message.tool_calls is defined and message.tool_calls is not none %}
        {{- "[CALLS] [" }}
        {%- for call in message.tool_calls %}
            {%- set out = call.function | tojson %}
            {{- out[:-1] + ', "id": "' + call.id + '"}' }}
            {{- ", " if not loop.last else "]" + eos_token }}
        {%- endfor %}
    {%- elif message["role"] == "assistant" %}
        {{- " " + message["content"] | trim + eos_token }}
    {%- elif message["role"] in ["tool_results", "tool"] %}
        {{- '[RESULTS] {"content": ' + message.content | string + ', "call_id": "' + message.tool_call_id + '"}[/RESULTS]' }}
    {%- endif %}
{%- endfor %})";
  EXPECT_EQ(render(source, kPlain), "<s>[INST] 안녕 [/INST] 네</s>[INST] Q[/INST]");
  EXPECT_EQ(render(source, kToolTalk, kTools),
            "<s>[TOOLS] [{\"type\": \"function\", \"function\": {\"name\": \"find\", \"parameters\": {\"type\": \"object\", "
            "\"properties\": {\"q\": {\"type\": \"string\"}}}}}][/TOOLS][INST] Q[/INST][CALLS] [{\"name\": \"find\", "
            "\"arguments\": {\"q\": \"한글\", \"n\": 2}, \"id\": \"c1\"}]</s>[RESULTS] {\"content\": R, \"call_id\": \"c1\"}[/RESULTS]");
}

TEST(TemplateModels, RolesInBrackets) {  // EXAONE, Phi, DeepSeek, Command-R: macros, role tables, generation blocks
  const char* source = R"({%- set marks = {'system': '[|system|]', 'user': '[|user|]', 'assistant': '[|assistant|]', 'tool': '[|tool|]'} %}
{%- macro schema(properties, depth=0) -%}
    {%- for name, value in properties | dictsort -%}
        {{ '  ' * depth }}{{ name }}: {{ value.type | default('any') | upper }}{{ ',' if not loop.last }}
        {%- if value.properties is defined %}{{ schema(value.properties, depth + 1) }}{% endif %}
    {%- endfor -%}
{%- endmacro %}
{%- if tools %}
    {{- marks.system + '\n' }}
    {%- for tool in tools | map(attribute='function') %}{{- tool.name + '(' + schema(tool.parameters.properties) + ')\n' }}{%- endfor %}
{%- endif %}
{%- for m in messages %}
    {%- if m.role not in marks %}{%- continue %}{%- endif %}
    {{- marks[m.role] }}
    {%- if m.role == 'assistant' %}
        {%- generation %}
        {%- if m.get('tool_calls') %}
            {%- for c in m.tool_calls %}{{- '\n<call>' ~ ({'name': c.function.name, 'arguments': c.function.arguments} | tojson(indent=1)) ~ '</call>' }}{%- endfor %}
        {%- else %}{{- m.content.strip() }}{%- endif %}
        {%- endgeneration %}
    {%- else %}{{- m.content | trim }}{%- endif %}
    {{- '[|endofturn|]\n' if m.role != 'user' else '\n' }}
{%- endfor %}
{{- marks.assistant if add_generation_prompt }})";
  EXPECT_EQ(render(source, kPlain), "[|system|]S[|endofturn|]\n[|user|]안녕\n[|assistant|]네[|endofturn|]\n[|user|]Q\n[|assistant|]");
  EXPECT_EQ(render(source, kToolTalk, kTools),
            "[|system|]\nfind(q: STRING)\n[|user|]Q\n[|assistant|]\n<call>{\n \"name\": \"find\",\n \"arguments\": {\n  \"q\": "
            "\"한글\",\n  \"n\": 2\n }\n}</call>[|endofturn|]\n[|tool|]R[|endofturn|]\n[|assistant|]");
}

}  // namespace
}  // namespace sillok::model

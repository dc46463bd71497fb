// The template language, feature by feature. Expected texts are what Python's Jinja2 3.1 gives with trim_blocks and
// lstrip_blocks.
#include <gtest/gtest.h>

#include <cstdlib>

#include "model/model.h"

namespace sillok::model {
namespace {

constexpr Micros kNow = 1'750'000'000'000'000;  // 2025-06-15T15:06:40Z

std::string render(const std::string& source, const std::string& extra = "{}") {
  const auto parsed = ChatTemplate::parse(source);
  if (!parsed) return "PARSE: " + parsed.error().message;
  const auto text = parsed->render("[]", "", true, "<s>", "</s>", extra, kNow);
  return text ? *text : "ERROR: " + text.error().message;
}

struct Case {
  const char* source;
  const char* expected;
};
void check(std::initializer_list<Case> cases, const std::string& extra = "{}") {
  for (const Case& c : cases) EXPECT_EQ(render(c.source, extra), c.expected) << c.source;
}

TEST(Template, WhiteSpaceIsControlledAsInTheField) {
  check({
      {"a\n{% if true %}\n  b\n{% endif %}\nc\n", "a\n  b\nc"},
      {"a\n  {% if true %}b{% endif %}\n  c", "a\nb  c"},
      {"a\n  {%+ if true %}b{% endif +%}\n  c", "a\n  b\n  c"},
      {"a \n {%- if true -%} \n b \n {%- endif -%} \n c", "abc"},
      {"x {{- 1 -}} y", "x1y"},
      {"  {{ 1 }}\n", "  1"},
      {"a\n  {# note #}\nb {#- x -#} c", "a\nbc"},
      {"{% raw %}\n{{ x }}{% endraw %}", "\n{{ x }}"},
      {"a {%- raw -%} {{ y }} {%- endraw %}\nb", "a{{ y }}b"},
      {"l1\r\nl2\rl3\n\n", "l1\nl2\nl3\n"},
      {"{{ {'a': {'b': 1}}['a']['b'] }}", "1"},
      {"{%- for i in [1, 2] %}\n  - {{ i }}\n{%- endfor %}", "  - 1  - 2"},
  });
}

TEST(Template, ValuesPrintAsPythonPrintsThem) {
  check({
      {"{{ true }} {{ none }} {{ 1.0 }} {{ 1e20 }} {{ 0.00001 }} {{ 1_000 }} {{ 0x1f }}", "True None 1.0 1e+20 1e-05 1000 31"},
      {"{{ [1, 'a', \"it's\", none, (1,), {'k': 2.5}] }}", "[1, 'a', \"it's\", None, (1,), {'k': 2.5}]"},
      {"{{ 'a' 'b' ~ 1 ~ none ~ undefined_name }}|{{ nothing }}", "ab1None|"},
      {"{{ '\\n\\t\\x41\\u00e9\\\\ \\'' }}", "\n\tA\xC3\xA9\\ '"},
      {"{{ ['\\n', '가', '\\u200b'] }}", "['\\n', '가', '\\u200b']"},
      {"{{ {'a': 1}.items() }} {{ {'a': 1} | items | list }}", "dict_items([('a', 1)]) [('a', 1)]"},
  });
}

TEST(Template, OperatorsBindAsInJinja) {
  check({
      {"{{ 1 + 2 * 3 ** 2 }} {{ 7 // 2 }} {{ -7 // 2 }} {{ -7 % 3 }} {{ 7 / 2 }} {{ 2 ** -1 }}", "19 3 -4 2 3.5 0.5"},
      {"{{ 'ab' * 2 }} {{ [1] * 2 }} {{ [1] + [2] }} {{ '%s-%03d-%.2f' % ('x', 7, 1.5) }}", "abab [1, 1] [1, 2] x-007-1.50"},
      {"{{ 1 < 2 < 3 }} {{ 1 < 3 < 2 }} {{ 'a' in 'abc' }} {{ 2 not in [1, 2] }} {{ 'k' in {'k': 1} }}", "True False True False True"},
      {"{{ 'x' if false }}|{{ 'x' if false else 'y' }} {{ 1 and 0 or 5 }} {{ not 1 == 2 }}", "|y 5 True"},
      {"{{ -1 | abs }} {{ 'a' ~ 'b' | upper }} {{ 1 == 1.0 }} {{ true == 1 }} {{ '1' == 1 }}", "1 aB True True False"},
      {"{{ 'hello'[1] }}{{ 'hello'[-1] }} {{ 'hello'[1:3] }} {{ 'hello'[::-1] }} {{ '한국어'[:2] }} {{ [1, 2, 3, 4][::2] }} {{ [1, 2, 3][-2:] }}", "eo el olleh 한국 [1, 3] [2, 3]"},
      {"{{ {'a': {'b': [10, 20]}}.a.b[1] }} {{ [1, 2].0 }} {{ {'items': 5}['items'] }}", "20 1 5"},
      {"{{ 1 is defined and x is not defined }} {{ 6 is divisibleby 3 }} {{ 'a' is in ['a'] }}", "True True True"},
  });
}

TEST(Template, StatementsKeepTheirScopes) {
  check({
      {"{% set a = 1 %}{% for i in [1, 2] %}{% set a = a + i %}{{ a }},{% endfor %}{{ a }}", "2,3,1"},
      {"{% set n = namespace(x=0) %}{% for i in [1, 2] %}{% set n.x = n.x + i %}{% endfor %}{{ n.x }}", "3"},
      {"{% if true %}{% set b = 2 %}{% endif %}{{ b }}", "2"},
      {"{% for k, v in {'a': 1, 'b': 2}.items() %}{{ k }}={{ v }}{{ ', ' if not loop.last }}{% endfor %}", "a=1, b=2"},
      {"{% for i in [1, 2, 3, 4] if i % 2 == 0 %}{{ loop.index }}/{{ loop.length }}:{{ i }} {% else %}none{% endfor %}", "1/2:2 2/2:4 "},
      {"{% for i in [] %}x{% else %}empty{% endfor %}", "empty"},
      {"{% for i in 'abc' %}{{ loop.previtem }}{{ i }}{{ loop.nextitem }}{{ loop.first }} {{ loop.revindex }}|{% endfor %}", "abTrue 3|abcFalse 2|bcFalse 1|"},
      {"{% for i in range(5) %}{% if i == 1 %}{% continue %}{% endif %}{% if i == 3 %}{% break %}{% endif %}{{ i }}{% endfor %}", "02"},
      {"{% for i in [1, 1, 2] %}{{ loop.changed(i) }}{{ loop.cycle('x', 'y') }} {% endfor %}", "Truex Falsey Truex "},
      {"{% macro m(a, b='d', c=a) %}[{{ a }}{{ b }}{{ c }}]{% endmacro %}{{ m(1) }}{{ m(1, c=3, b=2) }}", "[1d1][123]"},
      {"{% macro m() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, x=2) }}", "(1,){'x': 2}"},
      {"{% macro f(n) %}{% if n > 0 %}{{ n }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(3) }}", "321"},
      {"{% macro b() %}<{{ caller('x') }}>{% endmacro %}{% call(v) b() %}body {{ v }}{% endcall %}", "<body x>"},
      {"{% set t %}a{{ 1 }}b{% endset %}{{ t | upper }}{% set u | trim %}  z {% endset %}{{ u }}", "A1Bz"},
      {"{% filter upper %}a{{ 'b' }}{% endfilter %}{% with x = 1, y = 2 %}{{ x + y }}{% endwith %}{{ x }}", "AB3"},
      {"{% generation %}g{% endgeneration %}{% set a, b = (1, 2) %}{{ a }}{{ b }}", "g12"},
  });
}

TEST(Template, FiltersAndTests) {
  check({
      {"{{ {'b': [1, true, none], 'a': '한\"\\n'} | tojson }}", "{\"b\": [1, true, null], \"a\": \"한\\\"\\n\"}"},
      {"{{ {'a': [1, {}], 'b': []} | tojson(indent=2) }}", "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": []\n}"},
      {"{{ {'b': 1, 'a': '한'} | tojson(ensure_ascii=true, separators=(',', ':'), sort_keys=true) }}", "{\"a\":\"\\ud55c\",\"b\":1}"},
      {"{{ '  x ' | trim }}|{{ 'xxaxx' | trim('x') }}|{{ 'a b' | title }}|{{ 'aB' | capitalize }}", "x|a|A B|Ab"},
      {"{{ [3, 1, 2] | sort }} {{ ['b', 'A'] | sort }} {{ [1, 2] | reverse | list }} {{ 'ab' | reverse }} {{ [1, 1, 2] | unique | list }}", "[1, 2, 3] ['A', 'b'] [2, 1] ba [1, 2]"},
      {"{{ [{'n': 'a'}, {'n': 'b'}] | map(attribute='n') | join(', ') }} {{ ['a'] | map('upper') | first }}", "a, b A"},
      {"{{ [1, 2, 3] | select('odd') | list }} {{ [{'r': 1}, {'r': 2}] | selectattr('r', 'equalto', 2) | list }} {{ [0, 1] | reject | list }}", "[1, 3] [{'r': 2}] [0]"},
      {"{{ x | default('d') }} {{ '' | default('d', true) }} {{ none | d(1) }}", "d d None"},
      {"{{ {'b': 1, 'A': 2} | dictsort }} {{ {'a': 2, 'b': 1} | dictsort(by='value') }}", "[('A', 2), ('b', 1)] [('b', 1), ('a', 2)]"},
      {"{{ 'a\\nb\\n\\nc' | indent(2) }}|{{ 'a\\nb' | indent(2, true) }}", "a\n  b\n\n  c|  a\n  b"},
      {"{{ '3' | int + 1 }} {{ 'x' | int(-1) }} {{ 2.7 | int }} {{ '1.5' | float }} {{ 2.5 | round }} {{ '%s!' | format('hi') }}", "4 -1 2 1.5 2.0 hi!"},
      {"{{ 'abc' | length }} {{ '한글' | count }} {{ [1, 2] | sum }} {{ [1, 2] | max }} {{ 'aXa' | replace('a', 'b', 1) }} {{ [1, 2] | last }}", "3 2 3 2 bXa 2"},
      {"{{ [1, 2, 3] | batch(2) | list }} {{ [1, 2, 3] | slice(2) | list }} {{ '<a>' | e }} {{ '<a>' | safe }}", "[[1, 2], [3]] [[1, 2], [3]] &lt;a&gt; <a>"},
      {"{{ [] | first is undefined }} {{ [1] is sequence }} {{ 'a' is sequence }} {{ {} is mapping }} {{ 1 is number }} {{ true is integer }} {{ none is none }} {{ 1 is string }}", "True True True True True False True False"},
      {"{{ 'no' if not ([] | select) else 'a generator is true' }}", "a generator is true"},
      {"{{ [{'a': {'b': 1}}] | map(attribute='a.b') | list }} {{ none | selectattr('x') | list }}", "[1] []"},
  });
}

TEST(Template, Methods) {
  check({
      {"{{ 'a,b,,c'.split(',') }} {{ ' a  b '.split() }} {{ 'a b c'.split(' ', 1) }} {{ 'a-b-c'.rsplit('-', 1) }}", "['a', 'b', '', 'c'] ['a', 'b'] ['a', 'b c'] ['a-b', 'c']"},
      {"{{ ' x\\u3000'.strip() }}|{{ 'xyx'.lstrip('x') }}|{{ 'xyx'.rstrip('x') }}|{{ 'a'.join(['1', '2']) }}", "x|yx|xy|1a2"},
      {"{{ 'abc'.startswith('ab') }} {{ 'abc'.endswith(('x', 'c')) }} {{ 'aa'.replace('a', 'b') }} {{ 'Ab'.upper() }}{{ 'Ab'.lower() }} {{ \"it's ok\".title() }} {{ 'ÀB'.capitalize() }}", "True True bb ABab It'S Ok Àb"},
      {"{{ '{} {:>4}'.format(1) }}", "ERROR: template, line 1, column 21: format: there is no argument 1"},
      {"{{ '{} {:>4} {n!r} {:.1f} {{}}'.format(1, 2, 0.25, n='x') }}", "1    2 'x' 0.2 {}"},
      {"{{ 'abcb'.find('b') }} {{ 'abcb'.rfind('b') }} {{ 'ab'.find('z') }} {{ 'abab'.count('ab') }} {{ '12'.isdigit() }} {{ 'a\\nb'.splitlines() }}", "1 3 -1 2 True ['a', 'b']"},
      {"{% set d = {'a': 1} %}{{ d.get('a') }} {{ d.get('b') }} {{ d.get('b', 2) }} {{ d.keys() | list }} {{ d.values() | list }}", "1 None 2 ['a'] [1]"},
      {"{% set l = [1] %}{% set _ = l.append(2) %}{{ l }} {{ l.pop() }} {{ l }} {{ l.index(1) }}", "[1, 2] 2 [1] 0"},
      {"{{ 'removeprefix'.removeprefix('remove') }} {{ 'a=b=c'.partition('=') }} {{ '7'.zfill(3) }} {{ 'x'.center(4, '*') }}", "prefix ('a', '=', 'b=c') 007 *x**"},
  });
}

TEST(Template, VariablesClockAndExtras) {
  setenv("TZ", "UTC", 1);
  tzset();
  check({{"{{ bos_token }}{{ eos_token }}{{ tools is none }}{{ documents is none }}{{ add_generation_prompt }}", "<s></s>TrueTrueTrue"},
         {"{{ strftime_now('%d %b %Y') }}", "15 Jun 2025"}});
  EXPECT_EQ(render("{{ enable_thinking is defined and not enable_thinking }} {{ big }} {{ o.b }}{{ o.a }} {{ o | tojson }}",
                   R"({"enable_thinking":false,"big":12345678901,"o":{"b":1,"a":2.0,"b":3}})"),
            "True 12345678901 32.0 {\"b\": 3, \"a\": 2.0}");
}

TEST(Template, ErrorsSayWhatAndWhere) {
  check({
      {"ab\n{% if x %}\n", "PARSE: template, line 2, column 11: the block before here is not closed by {% endif %}"},
      {"{{ 1 + }}", "PARSE: template, line 1, column 8: expected an expression, found '}}'"},
      {"가{% bogus %}", "PARSE: template, line 1, column 5: unknown or misplaced tag 'bogus'"},
      {"{% include 'x' %}", "PARSE: template, line 1, column 4: 'include' needs other templates; a chat template is one file"},
      {"{{ 'abc }}", "PARSE: template, line 1, column 4: this string is not closed"},
      {"{# abc", "PARSE: template, line 1, column 1: this comment is not closed by #}"},
      {"{% break %}", "PARSE: template, line 1, column 4: 'break' outside a loop"},
      {"\n{{ raise_exception('roles must alternate') }}", "ERROR: template, line 2, column 19: roles must alternate"},
      {"{{ x.y }}", "ERROR: template, line 1, column 5: 'x' is undefined"},
      {"{{ 'a' + 1 }}", "ERROR: template, line 1, column 4: '+' does not join 'str' and 'int'"},
      {"{{ 1 | nofilter }}", "ERROR: template, line 1, column 8: there is no filter 'nofilter'"},
      {"{{ 1 < 'a' }}", "ERROR: template, line 1, column 4: values of type 'int' and 'str' have no order"},
      {"{% for a, b in [[1]] %}{% endfor %}", "ERROR: template, line 1, column 4: cannot unpack 1 values into 2 names"},
      {"{{ 9223372036854775807 + 1 }}", "ERROR: template, line 1, column 4: the result of '+' exceeds 64 bits"},
      {"{{ 1 // 0 }}", "ERROR: template, line 1, column 4: division by zero"},
  });
  const auto parsed = ChatTemplate::parse("x");
  EXPECT_EQ(parsed->render("{}", "", true, "", "").error().code, ErrorCode::kInvalid);
  EXPECT_EQ(parsed->render("[", "", true, "", "").error().code, ErrorCode::kInvalid);
  EXPECT_EQ(parsed->render("[]", "3", true, "", "").error().code, ErrorCode::kInvalid);
  EXPECT_EQ(ChatTemplate::parse("\xFF").error().code, ErrorCode::kInvalid);
}

TEST(Template, CostIsLimited) {
  const auto code = [](const std::string& source) {
    const auto parsed = ChatTemplate::parse(source);
    if (!parsed) return parsed.error().code;
    const auto text = parsed->render("[]", "", true, "", "");
    return text ? ErrorCode::kInternal : text.error().code;
  };
  const char* costly[] = {
      "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
      "{% for i in range(999999) %}{% endfor %}",
      "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
      "{{ 'aaaaaaaaaaaaaaaa' * 999999999 }}",
      "{{ [1] * 999999999 }}",
      "{% set n = namespace(s='aaaaaaaa') %}{% for i in range(99) %}{% set n.s = n.s + n.s %}{% endfor %}",
      "{% set n = namespace(l=[1]) %}{% for i in range(60) %}{% set n.l = [n.l, n.l] %}{% endfor %}{{ n.l }}",
      "{% set n = namespace(l=[1]) %}{% for i in range(60) %}{% set n.l = [n.l, n.l] %}{% endfor %}{{ n.l | tojson }}",
      "{% set n = namespace(l=[1], m=[1]) %}{% for i in range(60) %}{% set n.l = [n.l, n.l] %}{% set n.m = [n.m, n.m] %}{% endfor %}{{ n.l == n.m }}",
      "{% set l = [] %}{% set _ = l.append(l) %}{{ l }}",
      "{% set l = [] %}{% set _ = l.append(l) %}{{ l | tojson }}",
      "{{ '%99999d' % 1 }}",
      "{{ (',' * 30000000).split(',') }}",
      "{{ ('ab' * 10000000)[::2] }}",
      "{{ ('a' * 99999999).replace('a', 'a' * 9999) }}",
  };
  for (const char* source : costly) EXPECT_EQ(code(source), ErrorCode::kLimit) << source;
  std::string deep = "{{ ";
  for (int i = 0; i < 100'000; ++i) deep += "(";
  EXPECT_EQ(code(deep + "1" + std::string(100'000, ')') + " }}"), ErrorCode::kLimit);
  std::string blocks;
  for (int i = 0; i < 100'000; ++i) blocks += "{% if x %}";
  EXPECT_EQ(code(blocks), ErrorCode::kLimit);
  std::string chain = "{{ a";
  for (int i = 0; i < 100'000; ++i) chain += ".b";
  EXPECT_EQ(code(chain + " }}"), ErrorCode::kLimit);
  std::string sum = "{{ 1";
  for (int i = 0; i < 10'000; ++i) sum += " + 1";
  EXPECT_EQ(render(sum + " }}"), "10001");
  const auto parsed = ChatTemplate::parse("x");
  EXPECT_EQ(parsed->render(std::string(100'000, '['), "", true, "", "").error().code, ErrorCode::kLimit);
}

}  // namespace
}  // namespace sillok::model

// Grammars and constraints: what each notation means, checked over whole texts and over single tokens.
#include <gtest/gtest.h>

#include <ctime>
#include <random>

#include "engine/engine.h"
#include "tests/engine/fake_tokenizer.h"

namespace sillok::engine {
namespace {

const FakeTokenizer& tokenizer() {
  static const FakeTokenizer made({"ab", "abc", "{\"", "\":", "\": ", "\",", "\"}", "true", "null", "12", "가나", "나\"",
                                   "\xEA\xB0", "\x80\"", "}}", "]]", ", ", "\n  ", "name", "hello world", "true}"});
  return made;
}

std::shared_ptr<const Grammar> gbnf(std::string_view text) {
  auto made = Grammar::from_gbnf(text, tokenizer());
  EXPECT_TRUE(made) << (made ? "" : made.error().message);
  return made ? *made : nullptr;
}

// Whether the grammar takes the whole text byte by byte and may end there.
bool takes(const std::shared_ptr<const Grammar>& grammar, std::string_view text) {
  Constraint c(grammar);
  for (const char byte : text) {
    if (!c.accept(static_cast<Token>(static_cast<unsigned char>(byte)))) return false;
  }
  return c.complete();
}

std::vector<uint64_t> allowed(const Constraint& c) {
  std::vector<uint64_t> bits((tokenizer().size() + 63) / 64);
  c.allowed(bits);
  return bits;
}
bool has(const std::vector<uint64_t>& bits, Token token) {
  return (bits[static_cast<size_t>(token) / 64] >> (token % 64) & 1) != 0;
}

TEST(Gbnf, TakesWhatItsRulesSay) {
  const auto sums = gbnf(R"gbnf(
    # sums of numbers
    root   ::= term ( " + " term )*   # one or more
    term   ::= number | "(" root ")"
    number ::= "-"? [1-9] [0-9]{0,2}
             | "0"
  )gbnf");
  for (const char* text : {"0", "12", "-999", "1 + 2 + 3", "(1 + (2)) + 0"}) EXPECT_TRUE(takes(sums, text)) << text;
  for (const char* text : {"", "01", "1000", "1 +", "(1", "1)", "+1", "1  + 2"}) EXPECT_FALSE(takes(sums, text)) << text;
}

TEST(Gbnf, ReadsRepetitionsClassesAndEscapes) {
  const auto g = gbnf(R"gbnf(root ::= "a"{2} [^a-z"\n]+ . "\x41\u00e9\U0001F600" [\]\-가-힣]{1,} end
end ::= "!"? | "?"{0,2})gbnf");
  EXPECT_TRUE(takes(g, "aaXYéAé😀가]-"));
  EXPECT_TRUE(takes(g, "aaX한Aé😀힣??"));
  EXPECT_FALSE(takes(g, "aXYAé😀가"));
  EXPECT_FALSE(takes(g, "aaX\nZAé😀각???"));
  EXPECT_FALSE(takes(g, "aax.Aé😀각"));
  const auto range = gbnf("root ::= [x]{2,3}");
  EXPECT_FALSE(takes(range, "x"));
  EXPECT_TRUE(takes(range, "xx"));
  EXPECT_TRUE(takes(range, "xxx"));
  EXPECT_FALSE(takes(range, "xxxx"));
}

TEST(Gbnf, RefusesWithPlaceAndReason) {
  const struct { const char* text; const char* says; ErrorCode code; } cases[] = {
      {"root ::= \"a\" other", "there is no rule 'other'", ErrorCode::kInvalid},
      {"start ::= \"a\"", "no rule 'root'", ErrorCode::kInvalid},
      {"root ::= \"a", "line 1, column 10", ErrorCode::kInvalid},
      {"root ::= [a", "not closed by ']'", ErrorCode::kInvalid},
      {"root ::= (\"a\"", "not closed by ')'", ErrorCode::kInvalid},
      {"root ::= \"a\"\nroot ::= \"b\"", "defined twice", ErrorCode::kInvalid},
      {"root ::= root \"a\" | \"b\"", "left recursion", ErrorCode::kInvalid},
      {"root ::= a\na ::= \"x\"? b\nb ::= a | \"y\"", "left recursion", ErrorCode::kInvalid},
      {"root ::= \"a\" root", "ever ends", ErrorCode::kInvalid},
      {"root ::= \"a\" | [] \"b\" | \"c\" root [b-a]", "backwards", ErrorCode::kInvalid},
      {"root ::= \"a\"{3,2}", "least count", ErrorCode::kInvalid},
      {"root ::= \"a\"{200000}", "100000", ErrorCode::kLimit},
      {"root ::= <think>", "tokens", ErrorCode::kUnsupported},
      {"root ::= \"\\q\"", "unknown escape", ErrorCode::kInvalid},
      {"= x", "expected a rule", ErrorCode::kInvalid},
  };
  for (const auto& c : cases) {
    const auto made = Grammar::from_gbnf(c.text, tokenizer());
    ASSERT_FALSE(made) << c.text;
    EXPECT_EQ(made.error().code, c.code) << c.text;
    EXPECT_NE(made.error().message.find(c.says), std::string::npos) << made.error().message;
  }
  std::string large = "root ::= \"a\"{100000}";
  for (int i = 0; i < 10; ++i) large += " \"a\"{100000}";
  EXPECT_EQ(Grammar::from_gbnf(large, tokenizer()).error().code, ErrorCode::kLimit);
  std::string deep = "root ::= ";
  for (int i = 0; i < 5000; ++i) deep += "(";
  EXPECT_EQ(Grammar::from_gbnf(deep, tokenizer()).error().code, ErrorCode::kLimit);
}

TEST(Constraint, AllowsExactlyTheTokensItAccepts) {
  // Over random walks: a token's bit is set if and only if accept() takes it.
  const char* grammars[] = {
      "root ::= obj\nobj ::= \"{\" (pair (\", \" pair)*)? \"}\"\npair ::= str \": \" (obj | str | \"true\" | [0-9]+)\n"
      "str ::= \"\\\"\" [^\"]* \"\\\"\"",
      "root ::= \"a\" root \"b\" | \"가\"*",
      "root ::= ((\"a\"* \"b\"?)* | \"abab\" \"c\"){1,3}",
      "root ::= [가-나]+ \"\\\"\" | item{2,40}\nitem ::= [a-c] | \"ab\" item2\nitem2 ::= \"c\"?",
  };
  std::mt19937 random(7);
  for (const char* text : grammars) {
    const auto grammar = gbnf(text);
    for (int walk = 0; walk < 6; ++walk) {
      Constraint c(grammar);
      for (int step = 0; step < 25; ++step) {
        const std::vector<uint64_t> bits = allowed(c);
        std::vector<Token> options;
        for (Token t = 0; t < static_cast<Token>(tokenizer().size()); ++t) {
          // A fresh copy by replaying is dear; accept() on a refused token must leave the state as it is.
          if (!has(bits, t)) {
            EXPECT_FALSE(c.accept(t)) << text << " token " << tokenizer().piece(t, true);
          } else if (!tokenizer().is_end(t)) {
            options.push_back(t);
          }
        }
        EXPECT_EQ(has(bits, *tokenizer().eos()), c.complete());
        EXPECT_FALSE(has(bits, *tokenizer().bos()));
        EXPECT_EQ(allowed(c), bits);
        if (options.empty()) {
          EXPECT_TRUE(c.complete());
          break;
        }
        ASSERT_TRUE(c.accept(options[random() % options.size()]));
      }
    }
  }
}

TEST(Constraint, LongRepetitionsAreExactToTheLastCharacter) {
  // Copies far from the end share what is known of them; those near it must not.
  for (const char* text : {"root ::= ([a-c] | \"ab\"){5,90} \"\\\"\"", "root ::= [a-c]{80} \"d\"", "root ::= ([a-c]{2} \"!\"?){0,60}"}) {
    const auto grammar = gbnf(text);
    Constraint c(grammar);
    for (int step = 0; step < 130; ++step) {
      const std::vector<uint64_t> bits = allowed(c);
      for (Token t = 0; t < static_cast<Token>(tokenizer().size()); ++t) {
        if (!has(bits, t)) {
          ASSERT_FALSE(c.accept(t)) << text << " step " << step << " token " << tokenizer().piece(t, true);
        }
      }
      Constraint fresh(grammar);  // What is allowed is accepted: seen on a walk of its own.
      for (int i = 0; i < step; ++i) ASSERT_TRUE(fresh.accept('a'));
      const Token abc = *tokenizer().find("abc");
      EXPECT_EQ(has(bits, abc), fresh.accept(abc)) << text << " step " << step;
      if (!c.accept('a')) break;
    }
  }
}

TEST(Constraint, TokensMayEndInsideACharacter) {
  const auto grammar = gbnf("root ::= [가-힣] \"\\\"\"");
  Constraint c(grammar);
  const Token half = *tokenizer().find("\xEA\xB0"), rest = *tokenizer().find("\x80\"");
  EXPECT_TRUE(has(allowed(c), half));
  EXPECT_FALSE(has(allowed(c), *tokenizer().find("가나")));
  ASSERT_TRUE(c.accept(half));
  EXPECT_FALSE(c.complete());
  EXPECT_TRUE(has(allowed(c), rest));
  EXPECT_FALSE(has(allowed(c), static_cast<Token>('"')));
  ASSERT_TRUE(c.accept(rest));
  EXPECT_TRUE(c.complete());
  const std::vector<uint64_t> bits = allowed(c);
  EXPECT_TRUE(has(bits, *tokenizer().eos()));
  EXPECT_FALSE(c.accept(rest));
  EXPECT_TRUE(c.accept(*tokenizer().eos()));
  EXPECT_FALSE(c.accept(-1));
  EXPECT_FALSE(c.accept(100'000));
}

TEST(Constraint, ARightRecursiveListDoesNotGrow) {
  const auto grammar = gbnf("root ::= \"a\" root | \"b\"");
  Constraint c(grammar);
  for (int i = 0; i < 200'000; ++i) ASSERT_TRUE(c.accept('a'));
  EXPECT_TRUE(c.accept('b'));
  EXPECT_TRUE(c.complete());
}

TEST(Constraint, DeepNestingAndAmbiguityStayWithinBounds) {
  const auto deep = gbnf("root ::= \"[\" root \"]\" | \"x\"");
  Constraint c(deep);
  for (int i = 0; i < 250'000; ++i) ASSERT_TRUE(c.accept('['));  // past the point where the machine is built anew
  ASSERT_TRUE(c.accept('x'));
  for (int i = 0; i < 250'000; ++i) ASSERT_TRUE(c.accept(']'));
  EXPECT_TRUE(c.complete());
  const auto ambiguous = gbnf("root ::= \"a\" root \"b\" | \"a\" root \"c\" | \"x\"");
  Constraint a(ambiguous);
  for (int i = 0; i < 40; ++i) ASSERT_TRUE(a.accept('a'));  // 2^40 readings, of which few are kept
  ASSERT_TRUE(a.accept('x'));
  for (int i = 0; i < 40; ++i) ASSERT_TRUE(a.accept('b') || a.accept('c'));
  EXPECT_TRUE(a.complete());
}

TEST(Constraint, SharesTheTrieOfEqualVocabulariesOnly) {
  const FakeTokenizer other({"zz"});
  const auto here = Grammar::from_gbnf("root ::= \"zz\"", tokenizer());
  const auto there = Grammar::from_gbnf("root ::= \"zz\"", other);
  ASSERT_TRUE(here && there);
  Constraint c(*there);
  EXPECT_TRUE(c.accept(*other.find("zz")));
  EXPECT_TRUE(c.complete());
}

double cpu_ms() {  // of this thread: the machine may be busy
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_nsec) * 1e-6;
}

TEST(Constraint, ALargeVocabularyIsFast) {
  // 128,000 pieces of random letters and Hangul; the aim is under a millisecond for a JSON state once it is known.
  std::mt19937 random(3);
  std::vector<std::string> pieces;
  for (int i = 0; i < 128'000; ++i) {
    std::string piece = i % 3 == 0 ? " " : "";
    for (size_t n = 1 + random() % 7; n-- > 0;) {
      if (i % 4 == 0) append_utf8(piece, 0xAC00 + static_cast<char32_t>(random() % 11172));
      else piece += static_cast<char>(i % 50 == 0 ? "\"{}[]:,0189.\\\n"[random() % 14] : 'a' + random() % 26);
    }
    pieces.push_back(std::move(piece));
  }
  const FakeTokenizer large(pieces);
  const auto grammar = Grammar::from_json_schema(
      R"({"type":"object","properties":{"title":{"type":"string"},"notes":{"type":"string","maxLength":200},
          "tags":{"type":"array","items":{"type":"string"}},"n":{"type":"integer"}},
          "required":["title","notes","tags","n"]})", large);
  ASSERT_TRUE(grammar) << grammar.error().message;
  const std::string text = R"({"title": "회의록 of the 3rd", "notes": "a short note, 두 번째 줄", "tags": ["x", "yy", "z"], "n": 42})";
  for (const bool known : {false, true}) {
    Constraint c(*grammar);
    std::vector<uint64_t> bits((large.size() + 63) / 64);
    std::vector<double> times;
    for (const Token token : large.encode(text, {})) {
      const double start = cpu_ms();
      c.allowed(bits);
      times.push_back(cpu_ms() - start);
      ASSERT_TRUE(bits[static_cast<size_t>(token) / 64] >> (token % 64) & 1) << large.piece(token, true);
      ASSERT_TRUE(c.accept(token));
    }
    EXPECT_TRUE(c.complete());
    std::sort(times.begin(), times.end());
    const double median = times[times.size() / 2];
    std::printf("%s states: median %.3f ms, greatest %.3f ms, %zu tokens\n", known ? "known" : "new", median, times.back(),
                times.size());
    if (known) {
      EXPECT_LT(times.back(), 2.0);  // 0.03 ms was measured
    }
  }
}

}  // namespace
}  // namespace sillok::engine

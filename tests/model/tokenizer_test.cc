// Tokenizers over small vocabularies written for the purpose.
#include <ctime>

#include "files.h"
#include "model/pattern.h"
#include "model/pretokenize.h"

namespace sillok::model {
namespace {

std::vector<std::string> words_of(std::string_view pre, const std::string& text) {
  const PreTokenizer* row = find_pre_tokenizer(pre);
  EXPECT_NE(row, nullptr) << pre;
  auto splitter = Splitter::compile(row->patterns);
  EXPECT_TRUE(splitter) << splitter.error().message;
  std::vector<uint32_t> ends;
  splitter->split(text, ends);
  std::vector<std::string> words;
  uint32_t start = 0;
  for (const uint32_t end : ends) {
    words.push_back(text.substr(start, end - start));
    start = end;
  }
  return words;
}
using Words = std::vector<std::string>;

TEST(Pattern, CutsAsTheModelsDo) {
  EXPECT_EQ(words_of("gpt-2", "Don't  stop 12345\n\n!!"), (Words{"Don", "'t", " ", " stop", " 12345", "\n", "\n", "!!"}));
  EXPECT_EQ(words_of("llama-bpe", "DON'T 12345!\n\n x"), (Words{"DON", "'T", " ", "123", "45", "!\n\n", " x"}));
  EXPECT_EQ(words_of("qwen2", "제12조 (목적)"), (Words{"제", "1", "2", "조", " (", "목적", ")"}));
  EXPECT_EQ(words_of("gpt-4o", "HelloWorld it's 국민의"), (Words{"Hello", "World", " it's", " 국민의"}));
  EXPECT_EQ(words_of("tekken", "HELLOworld 12"), (Words{"HELLOworld", " ", "1", "2"}));
  EXPECT_EQ(words_of("starcoder", "a 12"), (Words{"a", " ", "1", "2"}));
  EXPECT_EQ(words_of("falcon", "a...12345"), (Words{"a", "...", "123", "45"}));
  EXPECT_EQ(words_of("qwen35", "각하"), (Words{"각하"}));
  EXPECT_EQ(words_of("deepseek-llm", "a  b  "), (Words{"a", " ", " b", "  "}));
}

TEST(Pattern, NamesWhatItDoesNotRead) {
  for (const std::string_view pattern : {"(a(b))", "\\p{Han}+", "a(?=b)", "[a", "a{", "", "x|", "[^\\S]"}) {
    const std::string_view one[] = {pattern};
    const auto compiled = Splitter::compile(one);
    ASSERT_FALSE(compiled) << pattern;
    EXPECT_EQ(compiled.error().code, ErrorCode::kUnsupported);
  }
}

std::string mark_bytes(uint32_t byte) {
  static const auto alphabet = [] {
    std::array<std::string, 256> out;
    uint32_t next = 256;
    for (uint32_t b = 0; b < 256; ++b) {
      const bool printed = (b >= 0x21 && b <= 0x7E) || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
      append_utf8(out[b], printed ? b : next++);
    }
    return out;
  }();
  return alphabet[byte];
}

// All bytes, a few merges, a special and a user-defined token.
GgufOut byte_level(const std::string& pre) {
  std::vector<std::string> tokens;
  for (uint32_t byte = 0; byte < 256; ++byte) tokens.push_back(mark_bytes(byte));
  for (const char* merged : {"aa", "aaaa", "ab"}) tokens.push_back(merged);  // 256, 257, 258
  tokens.push_back("<|im_end|>");                                           // 259
  tokens.push_back("<note>");                                               // 260
  tokens.push_back("<s>");                                                  // 261
  std::vector<int64_t> kinds(tokens.size(), 1);
  kinds[259] = kinds[261] = 3;
  kinds[260] = 4;
  GgufOut out;
  out.metadata = {{"tokenizer.ggml.model", std::string("gpt2")}, {"tokenizer.ggml.pre", pre},
                  {"tokenizer.ggml.tokens", strings(tokens)}, {"tokenizer.ggml.token_type", integers(kinds)},
                  {"tokenizer.ggml.merges", strings({"a a", "aa aa", "a b"})},
                  {"tokenizer.ggml.bos_token_id", uint64_t{261}}, {"tokenizer.ggml.eos_token_id", uint64_t{259}}};
  return out;
}

std::shared_ptr<const Tokenizer> tokenizer_of(const GgufOut& out) {
  const std::string bytes = gguf_bytes(out);
  const auto file = Gguf::parse(bytes);
  EXPECT_TRUE(file) << file.error().message;
  auto tokenizer = Tokenizer::from(**file);
  EXPECT_TRUE(tokenizer) << tokenizer.error().message;
  return tokenizer ? *tokenizer : nullptr;
}
constexpr Tokenizer::Encode kPlain{.special = false, .parse_special = false};

TEST(ByteLevel, MergesInTheOrderOfTheList) {
  const auto tokenizer = tokenizer_of(byte_level("gpt-2"));
  EXPECT_EQ(tokenizer->encode("aaaab", kPlain), (std::vector<Token>{257, 'b'}));
  EXPECT_EQ(tokenizer->encode("ab", kPlain), (std::vector<Token>{258}));
  EXPECT_EQ(tokenizer->encode("aaab", kPlain), (std::vector<Token>{256, 258}));
}

// Merges are read some at a time: one may join what an earlier one of the same lot made, though no token is written so.
TEST(ByteLevel, MergesOfTextsThatAreNoTokens) {
  constexpr size_t kMerges = 40;
  GgufOut out = byte_level("gpt-2");
  std::vector<std::string> merges;
  std::string text = "b";
  for (; merges.size() < kMerges; text += 'c') merges.push_back(text + " c");
  for (auto& [key, value] : out.metadata) {
    if (key == "tokenizer.ggml.merges") value = strings(merges);
    if (key == "tokenizer.ggml.token_type") value = integers(std::vector<int64_t>(263, 1));
    if (key == "tokenizer.ggml.tokens") {
      std::vector<std::string> tokens = std::get<std::shared_ptr<const GgufArray>>(value)->strings;
      tokens.push_back(text);
      value = strings(tokens);
    }
  }
  const auto tokenizer = tokenizer_of(out);
  EXPECT_EQ(tokenizer->encode(text, kPlain), (std::vector<Token>{262}));
  EXPECT_EQ(tokenizer->encode(text.substr(0, kMerges), kPlain).size(), kMerges);
  merges[20] = "bc";
  merges[30] = "cb";
  for (auto& [key, value] : out.metadata) {
    if (key == "tokenizer.ggml.merges") value = strings(merges);
  }
  const std::string bytes = gguf_bytes(out);
  const auto refused = Tokenizer::from(**Gguf::parse(bytes));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "merge 20 ('bc') is no pair");
}

TEST(ByteLevel, SpecialTokens) {
  const auto tokenizer = tokenizer_of(byte_level("llama-bpe"));
  EXPECT_EQ(tokenizer->encode("a", {.special = true, .parse_special = false}), (std::vector<Token>{261, 'a'}));
  EXPECT_EQ(tokenizer->encode("a<|im_end|>b", {.special = false, .parse_special = true}), (std::vector<Token>{'a', 259, 'b'}));
  EXPECT_EQ(tokenizer->encode("<|im_end|>", kPlain).size(), 10u);        // plain text
  EXPECT_EQ(tokenizer->encode("x<note>", kPlain), (std::vector<Token>{'x', 260}));  // user-defined always
  EXPECT_TRUE(tokenizer->is_end(259));
  EXPECT_TRUE(tokenizer->is_special(259));
  EXPECT_FALSE(tokenizer->is_special(260));
  EXPECT_EQ(tokenizer->piece(259, false), "");
  EXPECT_EQ(tokenizer->piece(259, true), "<|im_end|>");
  EXPECT_EQ(tokenizer->find("<|im_end|>"), 259);
  EXPECT_EQ(tokenizer->find("nothing"), std::nullopt);
  EXPECT_EQ(tokenizer->piece(-1, true), "");
  EXPECT_EQ(tokenizer->piece(1 << 30, true), "");
}

TEST(ByteLevel, EveryTextComesBack) {
  const Words texts = {"대한민국 헌법 제1조", "\u1112\u1161\u11ab\u1100\u1173\u11af", "ㅋㅋㅎㅎ", "👩‍👩‍👧‍👦 🇰🇷", "e\u0301\u3000\u00a0x\r\n\t",
                       std::string("\xff\xfe\xc3\x28\x00\xe0\x80", 7), "\xea\xb0", "漢字 ǅ Ⅷ ½"};
  for (const char* pre : {"gpt-2", "llama-bpe", "qwen2", "qwen35", "deepseek-llm", "deepseek-coder", "deepseek-v3", "falcon", "starcoder",
                          "gpt-4o", "tekken", "default", "exaone", "exaone4", "poro-chat", "viking", "seed-coder", "bailingmoe"}) {
    const auto tokenizer = tokenizer_of(byte_level(pre));
    for (const std::string& text : texts) {
      EXPECT_EQ(tokenizer->decode(tokenizer->encode(text, kPlain)), text) << pre << ": " << json_quote(text);
    }
  }
}

TEST(ByteLevel, LongRunsAndTheHeapAgreeWithShortOnes) {
  const auto tokenizer = tokenizer_of(byte_level("gpt-2"));
  // 4n + 3 of 'a' gives n of aaaa, one of aa, one a; 41 and more take the heap.
  for (const size_t n : {3u, 9u, 10u, 11u, 500u}) {
    std::vector<Token> expected(n, 257);
    expected.push_back(256);
    expected.push_back('a');
    EXPECT_EQ(tokenizer->encode(std::string(4 * n + 3, 'a'), kPlain), expected) << n;
  }
}

// A megabyte of one character, or of runs of spaces, must not take quadratic time: seconds would be minutes.
TEST(ByteLevel, AMegabyteOfOneCharacter) {
  for (const char* pre : {"llama-bpe", "deepseek-llm", "gpt-4o"}) {
    const auto tokenizer = tokenizer_of(byte_level(pre));
    for (const char* unit : {"a", " ", "\n", "!", "7", "A", "가", " a", "  \xc2\xa0"}) {
      std::string text;
      while (text.size() < (1 << 20)) text += unit;
      text += "x";
      const std::clock_t start = std::clock();
      EXPECT_EQ(tokenizer->decode(tokenizer->encode(text, kPlain)), text);
      EXPECT_LT(static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC, 8.0) << pre << " " << json_quote(unit);
    }
  }
}

GgufOut sentencepiece() {
  std::vector<std::string> tokens = {"<unk>", "<s>", "</s>"};
  std::vector<double> scores = {0, 0, 0};
  std::vector<int64_t> kinds = {2, 3, 3};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    char text[8];
    std::snprintf(text, sizeof text, "<0x%02X>", byte);
    tokens.push_back(text);
    scores.push_back(0);
    kinds.push_back(6);
  }
  const std::pair<const char*, double> pieces[] = {{"▁", -1}, {"가", -2}, {"나", -3}, {"가나", -4}, {"▁가", -5}, {"a", -6}};  // 259..264
  for (const auto& [text, score] : pieces) {
    tokens.push_back(text);
    scores.push_back(score);
    kinds.push_back(1);
  }
  GgufOut out;
  out.metadata = {{"tokenizer.ggml.model", std::string("llama")}, {"tokenizer.ggml.tokens", strings(tokens)},
                  {"tokenizer.ggml.scores", reals(scores)}, {"tokenizer.ggml.token_type", integers(kinds)}};
  return out;
}

TEST(SentencePiece, BestScoreFirstAndBytesForTheRest) {
  const auto tokenizer = tokenizer_of(sentencepiece());
  // "▁가나": 가+나 (-4) is joined before ▁+가 (-5).
  EXPECT_EQ(tokenizer->encode("가나", {.special = true, .parse_special = false}), (std::vector<Token>{1, 259, 262}));
  EXPECT_EQ(tokenizer->encode("가b", kPlain), (std::vector<Token>{263, 3 + 'b'}));
  for (const std::string text : {"가나 가나", " 가", "뷁 x", "👍", "\xff"}) {
    EXPECT_EQ(tokenizer->decode(tokenizer->encode(text, kPlain)), text) << text;
  }
  EXPECT_EQ(tokenizer->decode(tokenizer->encode("가</s>나", {.special = false, .parse_special = true}), true), "가</s>나");
}

TEST(WordPiece, LongestPiecesOrUnknown) {
  GgufOut out;
  out.metadata = {{"tokenizer.ggml.model", std::string("bert")},
                  {"tokenizer.ggml.tokens", strings({"[PAD]", "[UNK]", "[CLS]", "[SEP]", "▁un", "aff", "able", "▁!", "▁ᄒ", "ᅡ", "ᆫ"})},
                  {"tokenizer.ggml.token_type", integers({3, 3, 3, 3, 1, 1, 1, 1, 1, 1, 1})},
                  {"tokenizer.ggml.cls_token_id", uint64_t{2}}, {"tokenizer.ggml.seperator_token_id", uint64_t{3}},
                  {"tokenizer.ggml.unknown_token_id", uint64_t{1}}};
  const auto tokenizer = tokenizer_of(out);
  EXPECT_EQ(tokenizer->encode("Unáffable! xyz", {.special = true, .parse_special = false}), (std::vector<Token>{2, 4, 5, 6, 7, 1, 3}));
  EXPECT_EQ(tokenizer->encode("한", kPlain), (std::vector<Token>{8, 9, 10}));  // decomposed as the model was trained
}

TEST(Pairs, AreClosedAsTheModelsAreTrained) {
  GgufOut bert;
  bert.metadata = {{"tokenizer.ggml.model", std::string("bert")},
                   {"tokenizer.ggml.tokens", strings({"[PAD]", "[UNK]", "[CLS]", "[SEP]", "▁a", "▁b", "▁[", "▁]", "▁sep"})},
                   {"tokenizer.ggml.token_type", integers({3, 3, 3, 3, 1, 1, 1, 1, 1})},
                   {"tokenizer.ggml.cls_token_id", uint64_t{2}}, {"tokenizer.ggml.seperator_token_id", uint64_t{3}},
                   {"tokenizer.ggml.unknown_token_id", uint64_t{1}}};
  EXPECT_EQ(tokenizer_of(bert)->encode_pair("a b", "b"), (std::vector<Token>{2, 4, 5, 3, 5, 3}));
  EXPECT_EQ(tokenizer_of(bert)->encode_pair("a[SEP]", ""), (std::vector<Token>{2, 4, 6, 8, 7, 3, 3})) << "text is no special token";
  GgufOut roberta;
  roberta.metadata = {{"tokenizer.ggml.model", std::string("t5")},
                      {"tokenizer.ggml.tokens", strings({"<s>", "<pad>", "</s>", "<unk>", "a", "b"})},
                      {"tokenizer.ggml.scores", reals({0, 0, 0, 0, -1, -2})},
                      {"tokenizer.ggml.token_type", integers({3, 3, 3, 2, 1, 1})},
                      {"tokenizer.ggml.bos_token_id", uint64_t{0}}, {"tokenizer.ggml.eos_token_id", uint64_t{2}},
                      {"tokenizer.ggml.seperator_token_id", uint64_t{2}}, {"tokenizer.ggml.unknown_token_id", uint64_t{3}},
                      {"tokenizer.ggml.add_bos_token", true}};
  EXPECT_EQ(tokenizer_of(roberta)->encode_pair("a", "b"), (std::vector<Token>{0, 4, 2, 5, 2}));
  roberta.metadata.emplace_back("tokenizer.ggml.add_sep_token", true);
  EXPECT_EQ(tokenizer_of(roberta)->encode_pair("a", "b"), (std::vector<Token>{0, 4, 2, 2, 5, 2}));
  EXPECT_EQ(tokenizer_of(roberta)->encode("a", {}), (std::vector<Token>{0, 4, 2}));
}

TEST(Unigram, TheBestWayThroughTheText) {
  GgufOut out;
  out.metadata = {{"tokenizer.ggml.model", std::string("t5")},
                  {"tokenizer.ggml.tokens", strings({"<pad>", "</s>", "<unk>", "▁", "a", "b", "ab", "▁a"})},
                  {"tokenizer.ggml.scores", reals({0, 0, 0, -2, -3, -3, -5, -4})},
                  {"tokenizer.ggml.token_type", integers({3, 3, 2, 1, 1, 1, 1, 1})},
                  {"tokenizer.ggml.add_space_prefix", true}};
  const auto tokenizer = tokenizer_of(out);
  // ▁ + ab = -7, ▁a + b = -7: the one found first stays, as in SentencePiece; ▁ + a + b = -8.
  EXPECT_EQ(tokenizer->encode("ab", {.special = true, .parse_special = false}), (std::vector<Token>{3, 6, 1}));
  EXPECT_EQ(tokenizer->encode("azzb", kPlain), (std::vector<Token>{7, 2, 5}));
}

TEST(TokenizerRefusals, NameTheThing) {
  const auto refusal = [](GgufOut out) {
    const std::string bytes = gguf_bytes(out);
    const auto tokenizer = Tokenizer::from(**Gguf::parse(bytes));
    return tokenizer ? std::string("accepted") : tokenizer.error().message;
  };
  GgufOut out = byte_level("no-such-pre");
  EXPECT_NE(refusal(out).find("no-such-pre"), std::string::npos);
  out = byte_level("gpt-2");
  out.metadata[0].second = std::string("no-such-model");
  EXPECT_NE(refusal(out).find("no-such-model"), std::string::npos);
  out = byte_level("gpt-2");
  out.metadata[4].second = strings({"ab"});
  EXPECT_NE(refusal(out).find("no pair"), std::string::npos);
  out = byte_level("gpt-2");
  out.metadata[5].second = uint64_t{5000};
  EXPECT_NE(refusal(out).find("bos_token_id"), std::string::npos);
  out = byte_level("gpt-2");
  out.metadata[3].second = integers({1});
  EXPECT_NE(refusal(out).find("token_type"), std::string::npos);
  out = sentencepiece();
  out.metadata[1].second = strings({"x", "x"});
  EXPECT_NE(refusal(out).find("twice"), std::string::npos);
}

}  // namespace
}  // namespace sillok::model

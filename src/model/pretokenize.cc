// The table of pre-tokenisers. Patterns are those of the models' own tokenizer.json.
#include "model/pretokenize.h"

#include <algorithm>
#include <array>

namespace sillok::model {
namespace {

using Names = std::string_view;

#define CONTRACTIONS "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
#define UPPER "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]"
#define LOWER "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]"
#define SPACES "|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"

constexpr std::string_view kGpt2 =
    "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";
constexpr std::string_view kLlama3 =
    CONTRACTIONS "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*" SPACES;
constexpr std::string_view kQwen2 =
    CONTRACTIONS "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*" SPACES;
constexpr std::string_view kQwen35 =
    CONTRACTIONS "|[^\\r\\n\\p{L}\\p{N}]?[\\p{L}\\p{M}]+|\\p{N}| ?[^\\s\\p{L}\\p{M}\\p{N}]+[\\r\\n]*" SPACES;
constexpr std::string_view kGpt4o =
    "[^\\r\\n\\p{L}\\p{N}]?" UPPER "*" LOWER "+" CONTRACTIONS "?|[^\\r\\n\\p{L}\\p{N}]?" UPPER "+" LOWER "*" CONTRACTIONS
    "?|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*" SPACES;
constexpr std::string_view kTekken =
    "[^\\r\\n\\p{L}\\p{N}]?" UPPER "*" LOWER "+|[^\\r\\n\\p{L}\\p{N}]?" UPPER "+" LOWER
    "*|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*" SPACES;
constexpr std::string_view kSeedCoder =
    CONTRACTIONS "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1}| ?[^\\s\\p{L}\\p{N}\\r\\n]+" SPACES;
constexpr std::string_view kBailing =
    "(?i:'s|'d|'m|'t|'ll|'ve|'re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]++[\\r\\n]*|\\s*[\\r\\n]|\\s+(?!\\S)|\\s+";
constexpr std::string_view kWordsOf = " ?[^(\\s|.,!?\u2026\u3002\uFF0C\u3001\u0964\u06D4\u060C)]+";
constexpr std::string_view kCjk = "[\u4E00-\u9FA5\u0800-\u4E00\uAC00-\uD7FF]+";
constexpr std::string_view kAsciiPunctuation =
    "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\\r\\n]*" SPACES;
// Cased letters of many scripts, as DeepSeek's own list spells them.
constexpr std::string_view kCasedLetters =
    "\\s?["
    "A-Za-z\u00B5\u00C0-\u00D6\u00D8-\u00F6\u00F8-\u01BA\u01BC-\u01BF\u01C4-\u0293\u0295-\u02AF\u0370-\u0373"
    "\u0376\u0377\u037B-\u037D\u037F\u0386\u0388-\u038A\u038C\u038E-\u03A1\u03A3-\u03F5\u03F7-\u0481\u048A-\u052F"
    "\u0531-\u0556\u10A0-\u10C5\u13A0-\u13F5\u13F8-\u13FD\u1C90-\u1CBA\u1CBD-\u1CBF\u1D00-\u1D2B\u1D6B-\u1D77"
    "\u1D79-\u1D9A\u1E00-\u1F15\u1F18-\u1F1D\u1F20-\u1F45\u1F48-\u1F4D\u1F50-\u1F57\u1F59\u1F5B\u1F5D"
    "\u1F5F-\u1F7D\u1F80-\u1FB4\u1FB6-\u1FBC\u1FBE\u1FC2-\u1FC4\u1FC6-\u1FCC\u1FD0-\u1FD3\u1FD6-\u1FDB"
    "\u1FE0-\u1FEC\u1FF2-\u1FF4\u1FF6-\u1FFC\u2102\u2107\u210A-\u2113\u2115\u2119-\u211D\u2124\u2126\u2128"
    "\u212A-\u212D\u212F-\u2134\u2139\u213C-\u213F\u2145-\u2149\u214E\u2183\u2184\u2C00-\u2C7B\u2C7E-\u2CE4"
    "\u2CEB-\u2CEE\u2CF2\u2CF3\uA640-\uA66D\uA680-\uA69B\uA722-\uA76F\uA771-\uA787\uA78B-\uA78E\uAB70-\uABBF"
    "\uFB00-\uFB06\uFB13-\uFB17\uFF21-\uFF3A\uFF41-\uFF5A\U00010400-\U0001044F\U000104B0-\U000104D3"
    "\U000104D8-\U000104FB\U00010C80-\U00010CB2\U00010CC0-\U00010CF2\U000118A0-\U000118DF\U0001E900-\U0001E943"
    "]+";

constexpr std::string_view kPatternsGpt2[] = {kGpt2};
constexpr std::string_view kPatternsLlama3[] = {kLlama3};
constexpr std::string_view kPatternsQwen2[] = {kQwen2};
constexpr std::string_view kPatternsQwen35[] = {kQwen35};
constexpr std::string_view kPatternsGpt4o[] = {kGpt4o};
constexpr std::string_view kPatternsTekken[] = {kTekken};
constexpr std::string_view kPatternsSeedCoder[] = {kSeedCoder};
constexpr std::string_view kPatternsBailing[] = {kBailing};
constexpr std::string_view kPatternsStarcoder[] = {"\\p{N}", kGpt2};
constexpr std::string_view kPatternsFalcon[] = {"[\\p{P}\\$\\+<=>\\^~\\|`]+", kGpt2, "[0-9][0-9][0-9]"};
constexpr std::string_view kPatternsDefault[] = {"[\\p{P}\\$\\+<=>\\^~\\|]+", kGpt2, "\\p{N}+", "[0-9][0-9][0-9]"};
// The list of punctuation begins with U+3000 in the original; here, as in other engines, that stays white space.
constexpr std::string_view kPatternsDeepSeekLlm[] = {
    "[\r\n]", kCasedLetters, "\\s?[!-/:-~\uFF01-\uFF0F\uFF1A-\uFF5E\u2018-\u201F\u3001\u3002]+", "\\s+$", kCjk, "\\p{N}+"};
constexpr std::string_view kPatternsDeepSeekCoder[] = {"[\r\n]", "\\s?\\p{L}+", "\\s?\\p{P}+", kCjk, "\\p{N}"};
constexpr std::string_view kPatternsDeepSeek3[] = {"\\p{N}{1,3}", "[\u4E00-\u9FA5\u3040-\u309F\u30A0-\u30FF]+", kAsciiPunctuation};
constexpr std::string_view kPatternsPoro[] = {kWordsOf};
constexpr std::string_view kPatternsViking[] = {kWordsOf, "\\p{N}"};
constexpr std::string_view kPatternsMiniCpm5[] = {
    "\\p{N}{1,3}", CONTRACTIONS "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}+| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*" SPACES};
constexpr std::string_view kPatternsLines[] = {"[^\\n]+|[\\n]+"};

constexpr Names kGpt2Names[] = {"gpt-2", "phi-2", "jina-es", "jina-de", "gigachat", "jina-v2-es", "jina-v2-de",
                                "a.x-4.0", "mellum", "modern-bert", "jina-v1-en", "jina-v2-code", "roberta-bpe",
                                "mpt", "olmo", "jais", "trillion", "granite-docling", "exaone4"};
constexpr Names kLlama3Names[] = {"llama-bpe", "llama3", "llama-v3", "falcon3", "falcon-h1", "pixtral", "midm-2.0",
                                  "lfm2", "jina-v5-nano"};
constexpr Names kDbrxNames[] = {"dbrx", "smaug-bpe", "glm4", "chatglm-bpe"};
constexpr Names kQwen2Names[] = {"qwen2", "deepseek-r1-qwen", "kormo", "f2llmv2", "stablelm2", "megrez", "hunyuan",
                                 "solar-open", "grok-2"};
constexpr Names kQwen35Names[] = {"qwen35"};
constexpr Names kGpt4oNames[] = {"gpt-4o", "llama4", "kanana2", "talkie", "minimax-m2"};
constexpr Names kGraniteNames[] = {"granite-embed-multi-97m"};
constexpr Names kTekkenNames[] = {"tekken"};
constexpr Names kSeedCoderNames[] = {"seed-coder"};
constexpr Names kBailingNames[] = {"bailingmoe", "bailingmoe2", "llada-moe"};
constexpr Names kStarcoderNames[] = {"starcoder", "refact", "command-r", "smollm", "codeshell", "exaone",
                                     "minerva-7b", "mellum2"};
constexpr Names kFalconNames[] = {"falcon"};
constexpr Names kDefaultNames[] = {"default", ""};
constexpr Names kDeepSeekLlmNames[] = {"deepseek-llm"};
constexpr Names kDeepSeekCoderNames[] = {"deepseek-coder"};
constexpr Names kDeepSeek3Names[] = {"deepseek-v3", "hunyuan-dense", "joyai-llm"};
constexpr Names kPoroNames[] = {"poro-chat", "bloom", "gpt3-finnish"};
constexpr Names kVikingNames[] = {"viking"};
constexpr Names kMiniCpm5Names[] = {"minicpm5"};
constexpr Names kGemma4Names[] = {"gemma4", "granite-embed-multi-311m"};
constexpr Names kSarvamNames[] = {"sarvam-moe"};

constexpr std::array kPreTokenizers = {
    PreTokenizer{.names = kGpt2Names, .patterns = kPatternsGpt2},
    PreTokenizer{.names = kLlama3Names, .patterns = kPatternsLlama3, .whole_words = true, .add_bos = true},
    PreTokenizer{.names = kDbrxNames, .patterns = kPatternsLlama3},
    PreTokenizer{.names = kQwen2Names, .patterns = kPatternsQwen2},
    PreTokenizer{.names = kQwen35Names, .patterns = kPatternsQwen35},
    PreTokenizer{.names = kGpt4oNames, .patterns = kPatternsGpt4o},
    PreTokenizer{.names = kGraniteNames, .patterns = kPatternsGpt4o, .whole_words = true},
    PreTokenizer{.names = kTekkenNames, .patterns = kPatternsTekken, .whole_words = true, .add_bos = true},
    PreTokenizer{.names = kSeedCoderNames, .patterns = kPatternsSeedCoder},
    PreTokenizer{.names = kBailingNames, .patterns = kPatternsBailing},
    PreTokenizer{.names = kStarcoderNames, .patterns = kPatternsStarcoder},
    PreTokenizer{.names = kFalconNames, .patterns = kPatternsFalcon},
    PreTokenizer{.names = kDefaultNames, .patterns = kPatternsDefault},
    PreTokenizer{.names = kDeepSeekLlmNames, .patterns = kPatternsDeepSeekLlm},
    PreTokenizer{.names = kDeepSeekCoderNames, .patterns = kPatternsDeepSeekCoder},
    PreTokenizer{.names = kDeepSeek3Names, .patterns = kPatternsDeepSeek3},
    PreTokenizer{.names = kPoroNames, .patterns = kPatternsPoro},
    PreTokenizer{.names = kVikingNames, .patterns = kPatternsViking},
    PreTokenizer{.names = kMiniCpm5Names, .patterns = kPatternsMiniCpm5, .whole_words = true},
    PreTokenizer{.names = kGemma4Names, .patterns = kPatternsLines, .add_bos = true, .raw = true},
    PreTokenizer{.names = kSarvamNames, .patterns = kPatternsLines, .raw = true},
};

}  // namespace

const PreTokenizer* find_pre_tokenizer(std::string_view name) {
  for (const PreTokenizer& row : kPreTokenizers) {
    if (std::find(row.names.begin(), row.names.end(), name) != row.names.end()) return &row;
  }
  return nullptr;
}

const PreTokenizer* find_pre_tokenizer(std::span<const std::string_view> patterns, bool whole_words) {
  for (const PreTokenizer& row : kPreTokenizers) {
    if (row.whole_words == whole_words && !row.raw && std::ranges::equal(row.patterns, patterns)) return &row;
  }
  return nullptr;
}

}  // namespace sillok::model

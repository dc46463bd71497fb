// The tokenizer of a Hugging Face folder as GGUF metadata.
#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "model/gguf.h"
#include "model/import.h"
#include "model/import_sentencepiece.h"
#include "model/pretokenize.h"

namespace sillok::model {
namespace {

using Json = nlohmann::json;

constexpr uint64_t kMaxTokenizer = 256 << 20;
constexpr std::string_view kSpaceMark = "\xE2\x96\x81";

constexpr int64_t kNormal = 1, kUnknown = 2, kControl = 3, kUserDefined = 4, kUnused = 5, kByte = 6;

tl::unexpected<Error> bad(std::string what) { return fail(ErrorCode::kInvalid, "tokenizer: " + std::move(what)); }

Result<Json> read_json(const fs::path& path) {
  SILLOK_ASSIGN(const std::string text, read_file(path, kMaxTokenizer));
  Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return fail(ErrorCode::kInvalid, path.string() + " is no JSON object");
  return json;
}

const Json& member(const Json& json, const char* key) {
  static const Json nothing;
  const auto found = json.is_object() ? json.find(key) : json.end();
  return json.is_object() && found != json.end() ? *found : nothing;
}
std::string text_of(const Json& json, const char* key) {
  const Json& value = member(json, key);
  return value.is_string() ? value.get<std::string>() : "";
}
bool flag_of(const Json& json, const char* key, bool fallback) {
  const Json& value = member(json, key);
  return value.is_boolean() ? value.get<bool>() : fallback;
}

struct Words {
  std::string model, pre = "default";
  std::vector<std::string> texts;
  std::vector<double> scores;
  std::vector<int64_t> kinds;
  std::vector<std::string> merges;
  std::optional<bool> add_space_prefix, remove_extra_spaces, lowercase, strip_accents, add_bos, add_eos;
  std::string character_map;

  explicit Words(size_t size) : texts(size), scores(size, -10000), kinds(size, kUnused) {
    for (size_t i = 0; i < size; ++i) texts[i] = "[PAD" + std::to_string(i) + "]";
  }
  Status set(uint64_t id, std::string text, double score, int64_t kind) {
    if (id >= texts.size()) {
      return tl::unexpected<Error>(Error{ErrorCode::kInvalid, "tokenizer: token " + std::to_string(id) + " ('" + shown(text) + "') lies past the vocabulary of " +
                                                                  std::to_string(texts.size())});
    }
    texts[id] = std::move(text);
    scores[id] = score;
    kinds[id] = kind;
    return {};
  }
  std::optional<uint64_t> find(std::string_view text) const {
    const auto found = std::find(texts.begin(), texts.end(), text);
    return found == texts.end() ? std::nullopt : std::optional<uint64_t>(static_cast<uint64_t>(found - texts.begin()));
  }
};

// A pre-tokeniser's or normaliser's steps, sequences opened.
void flatten(const Json& step, const char* list, std::vector<const Json*>& out) {
  if (text_of(step, "type") != "Sequence") {
    if (step.is_object()) out.push_back(&step);
    return;
  }
  for (const Json& inner : member(step, list)) {
    if (text_of(inner, "type") != "Sequence") out.push_back(&inner);  // deeper nesting is not used
  }
}

// The patterns by which the file cuts words, in the form of the table of pre-tokenisers.
Result<std::vector<std::string>> patterns_of(const Json& pre_tokenizer) {
  static const std::string gpt2(find_pre_tokenizer("gpt-2")->patterns[0]);
  static const std::string punctuation(find_pre_tokenizer("falcon")->patterns[0]);
  std::vector<const Json*> steps;
  flatten(pre_tokenizer, "pretokenizers", steps);
  std::vector<std::string> patterns;
  for (const Json* step : steps) {
    const std::string type = text_of(*step, "type");
    if (type == "Split") {
      const std::string pattern = text_of(member(*step, "pattern"), "Regex");
      if (pattern.empty()) return fail(ErrorCode::kUnsupported, "the tokenizer splits at a text, which is not imported");
      patterns.push_back(pattern);
    } else if (type == "ByteLevel") {
      if (flag_of(*step, "use_regex", true)) patterns.push_back(gpt2);
    } else if (type == "Digits" && flag_of(*step, "individual_digits", false)) {
      patterns.push_back("\\p{N}");
    } else if (type == "Punctuation") {
      patterns.push_back(punctuation);
    } else {
      return fail(ErrorCode::kUnsupported, "the tokenizer's pre-tokeniser step '" + shown(type) + "' is not imported");
    }
  }
  return patterns;
}

bool uses_byte_level(const Json& file) {
  std::vector<const Json*> steps;
  flatten(member(file, "pre_tokenizer"), "pretokenizers", steps);
  flatten(member(file, "decoder"), "decoders", steps);
  return std::any_of(steps.begin(), steps.end(), [](const Json* step) { return text_of(*step, "type") == "ByteLevel"; });
}

Status read_vocabulary(const Json& vocabulary, Words& words) {
  if (!vocabulary.is_object()) return bad("its vocabulary is no object");
  for (const auto& [text, id] : vocabulary.items()) {
    if (!id.is_number_unsigned()) return bad("the id of '" + shown(text) + "' is no whole number");
    SILLOK_TRY(words.set(id.get<uint64_t>(), text, 0, kNormal));
  }
  return {};
}

Status read_merges(const Json& merges, Words& words) {
  if (!merges.is_array()) return bad("it has no merges");
  for (const Json& merge : merges) {
    if (merge.is_string()) words.merges.push_back(merge.get<std::string>());
    else if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string()) {
      words.merges.push_back(merge[0].get<std::string>() + " " + merge[1].get<std::string>());
    } else {
      return bad("merge " + std::to_string(words.merges.size()) + " is no pair");
    }
  }
  return {};
}

Status read_bpe(const Json& file, Words& words) {
  const Json& model = member(file, "model");
  SILLOK_TRY(read_vocabulary(member(model, "vocab"), words));
  SILLOK_TRY(read_merges(member(model, "merges"), words));
  if (uses_byte_level(file)) {
    words.model = "gpt2";
    SILLOK_ASSIGN(const auto patterns, patterns_of(member(file, "pre_tokenizer")));
    const std::vector<std::string_view> views(patterns.begin(), patterns.end());
    const PreTokenizer* pre = find_pre_tokenizer(views, flag_of(model, "ignore_merges", false));
    if (pre == nullptr) pre = find_pre_tokenizer(views, !flag_of(model, "ignore_merges", false));
    if (pre == nullptr) {
      return tl::unexpected<Error>(Error{ErrorCode::kUnsupported, "no known pre-tokeniser cuts words by " + join(patterns, "  then  ")});
    }
    words.pre = pre->names[0];
    return {};
  }
  // SentencePiece's BPE in JSON: the order of merges is the order of scores.
  words.model = "llama";
  std::map<std::string, double, std::less<>> score;
  for (size_t i = 0; i < words.merges.size(); ++i) {
    std::string joined = words.merges[i];
    const size_t space = joined.find(' ', 1);
    if (space != std::string::npos) joined.erase(space, 1);
    score.emplace(std::move(joined), -static_cast<double>(i));
  }
  for (size_t i = 0; i < words.texts.size(); ++i) {
    if (words.kinds[i] != kNormal) continue;
    const auto found = score.find(words.texts[i]);
    words.scores[i] = found == score.end() ? -1e6 : found->second;
    if (words.texts[i].size() == 6 && words.texts[i].starts_with("<0x") && words.texts[i].ends_with('>')) words.kinds[i] = kByte;
  }
  words.merges.clear();
  std::vector<const Json*> steps;
  flatten(member(file, "normalizer"), "normalizers", steps);
  bool prefix = std::any_of(steps.begin(), steps.end(), [](const Json* step) { return text_of(*step, "type") == "Prepend"; });
  const Json& pre = member(file, "pre_tokenizer");
  if (text_of(pre, "type") == "Metaspace") prefix = text_of(pre, "prepend_scheme") != "never" && flag_of(pre, "add_prefix_space", true);
  words.add_space_prefix = prefix;
  return {};
}

Result<std::string> from_base64(std::string_view text) {
  std::string out;
  uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    if (c == '=') break;
    const size_t digit = std::string_view("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/").find(c);
    if (digit == std::string_view::npos) return bad("its character map is not base64");
    bits = bits << 6 | static_cast<uint32_t>(digit);
    count += 6;
    if (count >= 8) {
      count -= 8;
      out += static_cast<char>(bits >> count & 0xFF);
    }
  }
  return out;
}

Status read_unigram(const Json& file, Words& words) {
  words.model = "t5";
  const Json& model = member(file, "model");
  const Json& vocabulary = member(model, "vocab");
  if (!vocabulary.is_array()) return bad("its vocabulary is no list");
  for (uint64_t id = 0; id < vocabulary.size(); ++id) {
    const Json& entry = vocabulary[id];
    if (!entry.is_array() || entry.size() != 2 || !entry[0].is_string() || !entry[1].is_number()) return bad("token " + std::to_string(id) + " is no pair of text and score");
    const bool unknown = member(model, "unk_id").is_number_unsigned() && member(model, "unk_id") == id;
    SILLOK_TRY(words.set(id, entry[0].get<std::string>(), entry[1].get<double>(), unknown ? kUnknown : kNormal));
  }
  std::vector<const Json*> steps;
  flatten(member(file, "normalizer"), "normalizers", steps);
  words.remove_extra_spaces = false;
  for (const Json* step : steps) {
    if (text_of(*step, "type") == "Precompiled") {
      SILLOK_ASSIGN(words.character_map, from_base64(text_of(*step, "precompiled_charsmap")));
    } else if (text_of(*step, "type") == "Replace") {
      words.remove_extra_spaces = true;  // " {2,}" to one
    }
  }
  words.add_space_prefix = true;
  return {};
}

Status read_wordpiece(const Json& file, Words& words) {
  words.model = "bert";
  const Json& model = member(file, "model");
  SILLOK_TRY(read_vocabulary(member(model, "vocab"), words));
  const std::string prefix = text_of(model, "continuing_subword_prefix").empty() ? "##" : text_of(model, "continuing_subword_prefix");
  for (size_t i = 0; i < words.texts.size(); ++i) {
    std::string& text = words.texts[i];
    if (words.kinds[i] != kNormal) continue;
    if (text.starts_with(prefix) && text.size() > prefix.size()) text.erase(0, prefix.size());
    else if (!(text.starts_with('[') && text.ends_with(']') && text.size() > 2)) text.insert(0, kSpaceMark);
  }
  const Json& normalizer = member(file, "normalizer");
  words.lowercase = flag_of(normalizer, "lowercase", true);
  words.strip_accents = flag_of(normalizer, "strip_accents", *words.lowercase);
  return {};
}

Status read_added(const Json& added, Words& words) {
  for (const Json& token : added) {
    if (!member(token, "id").is_number_unsigned() || !member(token, "content").is_string()) return bad("an added token lacks id or content");
    std::string text = token["content"].get<std::string>();
    const bool special = flag_of(token, "special", false);
    const uint64_t id = token["id"].get<uint64_t>();
    if (id < words.kinds.size() && words.kinds[id] == kUnknown) continue;
    if (!special) {
      for (size_t at; (at = text.find(kSpaceMark)) != std::string::npos;) text.replace(at, kSpaceMark.size(), " ");
    }
    SILLOK_TRY(words.set(id, std::move(text), -1000, special ? kControl : kUserDefined));
  }
  return {};
}

// Whether the post-processor puts a special token in front of a text, and behind it.
void read_template(const Json& file, Words& words) {
  std::vector<const Json*> steps;
  flatten(member(file, "post_processor"), "processors", steps);
  for (const Json* step : steps) {
    const Json& single = member(*step, "single");
    if (text_of(*step, "type") != "TemplateProcessing" || !single.is_array() || single.empty()) continue;
    words.add_bos = single.front().contains("SpecialToken");
    words.add_eos = single.size() > 1 && single.back().contains("SpecialToken");
  }
}

Status read_sentencepiece(const fs::path& path, Words& words) {
  SILLOK_ASSIGN(const std::string bytes, read_file(path, kMaxTokenizer));
  auto model = parse_sentencepiece(bytes);
  if (!model) return fail(model.error().in(path.string()));
  words.model = model->unigram ? "t5" : "llama";
  for (uint64_t id = 0; id < model->pieces.size(); ++id) {
    SentencePieceModel::Piece& piece = model->pieces[id];
    SILLOK_TRY(words.set(id, std::move(piece.text), static_cast<double>(piece.score), piece.kind));
  }
  words.add_space_prefix = model->add_space_prefix;
  words.remove_extra_spaces = model->remove_extra_spaces && model->unigram;
  words.character_map = std::move(model->character_map);
  if (!model->unigram) words.character_map.clear();
  return {};
}

Status read_words(const fs::path& folder, const Json& config, Words& words) {
  const fs::path json_path = folder / "tokenizer.json", model_path = folder / "tokenizer.model";
  std::error_code ignored;
  const bool has_json = fs::exists(json_path, ignored);
  Json file;
  if (has_json) {
    SILLOK_ASSIGN(file, read_json(json_path));
  }
  if (fs::exists(model_path, ignored)) {
    SILLOK_TRY(read_sentencepiece(model_path, words));
  } else if (has_json) {
    const std::string type = text_of(member(file, "model"), "type");
    if (type == "BPE") SILLOK_TRY(read_bpe(file, words));
    else if (type == "Unigram") SILLOK_TRY(read_unigram(file, words));
    else if (type == "WordPiece") SILLOK_TRY(read_wordpiece(file, words));
    else return tl::unexpected<Error>(Error{ErrorCode::kUnsupported, "the tokenizer model '" + shown(type) + "' is not imported"});
  } else {
    return tl::unexpected<Error>(Error{ErrorCode::kNotFound, folder.string() + " has neither tokenizer.json nor tokenizer.model"});
  }
  SILLOK_TRY(read_added(member(file, "added_tokens"), words));
  read_template(file, words);
  for (const auto& [id, token] : member(config, "added_tokens_decoder").items()) {
    if (has_json || !token.is_object()) break;
    Json entry = token;
    entry["id"] = std::strtoull(id.c_str(), nullptr, 10);
    SILLOK_TRY(read_added(Json::array({entry}), words));
  }
  return {};
}

Result<std::string> chat_template(const fs::path& folder, const Json& config) {
  std::error_code ignored;
  if (const fs::path path = folder / "chat_template.jinja"; fs::exists(path, ignored)) return read_file(path, kMaxTokenizer);
  const Json& value = member(config, "chat_template");
  if (value.is_string()) return value.get<std::string>();
  for (const Json& named : value.is_array() ? value : Json::array()) {
    if (text_of(named, "name") == "default") return text_of(named, "template");
  }
  return std::string();
}

void add_special_tokens(const Json& config, const Words& words, std::vector<std::pair<std::string, GgufValue>>& metadata) {
  constexpr std::array<std::pair<const char*, const char*>, 7> kRoles = {{{"bos_token", "bos"}, {"eos_token", "eos"}, {"unk_token", "unknown"},
                                                                          {"pad_token", "padding"}, {"sep_token", "seperator"},
                                                                          {"cls_token", "cls"}, {"mask_token", "mask"}}};
  for (const auto& [role, name] : kRoles) {
    const Json& value = member(config, role);
    const std::string text = value.is_string() ? value.get<std::string>() : text_of(value, "content");
    if (text.empty()) continue;
    if (const auto id = words.find(text)) metadata.emplace_back(std::string("tokenizer.ggml.") + name + "_token_id", *id);
  }
}

}  // namespace

Status import_tokenizer(const fs::path& folder, size_t vocabulary_size, std::vector<std::pair<std::string, GgufValue>>& metadata) {
  Json config = Json::object();
  std::error_code ignored;
  if (fs::exists(folder / "tokenizer_config.json", ignored)) {
    SILLOK_ASSIGN(config, read_json(folder / "tokenizer_config.json"));
  }
  Words words(vocabulary_size);
  SILLOK_TRY(read_words(folder, config, words));
  const auto add = [&metadata](const char* key, GgufValue value) { metadata.emplace_back(std::string("tokenizer.") + key, std::move(value)); };
  if (member(config, "add_bos_token").is_boolean()) words.add_bos = config["add_bos_token"].get<bool>();
  if (member(config, "add_eos_token").is_boolean()) words.add_eos = config["add_eos_token"].get<bool>();
  add("ggml.model", words.model);
  add("ggml.pre", words.pre);
  add_special_tokens(config, words, metadata);
  add("ggml.tokens", array_of(std::move(words.texts)));
  if (words.model == "llama" || words.model == "t5") add("ggml.scores", array_of(std::move(words.scores)));
  add("ggml.token_type", array_of(std::move(words.kinds)));
  if (words.model == "gpt2") add("ggml.merges", array_of(std::move(words.merges)));
  const auto add_flag = [&add](const char* key, const std::optional<bool>& flag) {
    if (flag) add(key, *flag);
  };
  if (words.model != "bert") {
    add_flag("ggml.add_bos_token", words.add_bos);
    add_flag("ggml.add_eos_token", words.add_eos);
  }
  add_flag("ggml.add_space_prefix", words.add_space_prefix);
  add_flag("ggml.remove_extra_whitespaces", words.remove_extra_spaces);
  add_flag("ggml.normalizer.lowercase", words.lowercase);
  add_flag("ggml.normalizer.strip_accents", words.strip_accents);
  if (!words.character_map.empty()) {
    auto map = std::make_shared<GgufArray>();
    map->integers.assign(words.character_map.begin(), words.character_map.end());
    for (int64_t& byte : map->integers) byte &= 0xFF;
    map->kind = static_cast<uint32_t>(GgufKind::kU8);
    add("ggml.precompiled_charsmap", std::shared_ptr<const GgufArray>(std::move(map)));
  }
  SILLOK_ASSIGN(std::string chat, chat_template(folder, config));
  if (!chat.empty()) add("chat_template", std::move(chat));
  return {};
}

}  // namespace sillok::model

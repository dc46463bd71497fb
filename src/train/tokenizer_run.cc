#include <nlohmann/json.hpp>

#include "text/text.h"
#include "train/tokenizer.h"

namespace sillok::train {
namespace {

using Json = nlohmann::json;

constexpr uint64_t kMaxData = 1ull << 34;
constexpr uint64_t kMaxLearned = 256ull << 20;  // bytes of text; more changes few pieces

// The texts of one line of examples; what is none is told by who reads the examples, with its line.
void append_texts(std::string_view line, std::vector<std::string>& texts) {
  const Json json = Json::parse(line, nullptr, false);
  if (!json.is_object()) return;
  const auto take = [&](const Json& holder, const char* name) {
    if (const auto at = holder.find(name); at != holder.end() && at->is_string()) texts.push_back(at->get<std::string>());
  };
  for (const char* name : {"text", "prompt", "chosen"}) take(json, name);
  if (const auto messages = json.find("messages"); messages != json.end() && messages->is_array()) {
    for (const Json& message : *messages) {
      if (message.is_object()) take(message, "content");
    }
  }
}

Result<std::vector<std::string>> sentences_of(const fs::path& data) {
  SILLOK_ASSIGN(const std::string bytes, read_file(data, kMaxData));
  std::vector<std::string> texts;
  if (data.extension() == ".jsonl") {
    for (const std::string_view line : split(bytes, '\n')) append_texts(line, texts);
  } else {
    texts.push_back(bytes);
  }
  std::vector<std::string> sentences;
  uint64_t learned = 0;
  for (const std::string& each : texts) {
    const std::string clean = clean_utf8(each);
    for (const text::Span span : text::sentences(clean)) {
      if (learned > kMaxLearned) return sentences;
      sentences.push_back(clean.substr(span.begin, span.end - span.begin));
      learned += sentences.back().size();
    }
  }
  if (sentences.empty()) return fail(ErrorCode::kInvalid, data.string() + " holds no text to learn a tokenizer from");
  return sentences;
}

}  // namespace

Result<std::shared_ptr<const model::Gguf>> tokenizer_of_run(const PretrainOptions& options, uint32_t vocabulary) {
  if (!options.tokenizer.empty()) return model::Gguf::open(options.tokenizer);
  const fs::path path = options.out / "tokenizer.gguf";
  std::error_code error;
  if (!fs::exists(path, error)) {
    SILLOK_ASSIGN(const std::vector<std::string> sentences, sentences_of(options.data));
    SILLOK_ASSIGN(const std::string pieces, train_pieces(sentences, "bpe", vocabulary));
    fs::create_directories(options.out, error);
    if (error) return fail(ErrorCode::kIo, options.out.string() + " cannot be made: " + error.message());
    SILLOK_TRY(write_tokenizer_gguf(path, pieces, "bpe"));
  }
  return model::Gguf::open(path);
}

}  // namespace sillok::train

// Tokenizers against real vocabularies and the ids expected of them.
#include "files.h"

namespace sillok::model {
namespace {

// Texts are separated by a line of their own; one line of ids for each.
std::vector<std::string> read_texts(const fs::path& path) {
  const std::string all = read_file(path).value_or("");
  const std::string separator = "\n__ggml_vocab_test__\n";
  std::vector<std::string> texts;
  for (size_t at = 0; at < all.size();) {
    const size_t next = all.find(separator, at);
    texts.push_back(all.substr(at, next == std::string::npos ? next : next - at));
    if (next == std::string::npos) break;
    at = next + separator.size();
  }
  return texts;
}

std::vector<Token> read_ids(std::string_view line) {
  std::vector<Token> ids;
  for (const std::string_view part : split(line, ' ')) {
    if (!part.empty()) ids.push_back(std::stoi(std::string(part)));
  }
  return ids;
}

std::shared_ptr<const Tokenizer> open_tokenizer(const fs::path& path) {
  const auto file = Gguf::open(path);
  EXPECT_TRUE(file) << file.error().message;
  if (!file) return nullptr;
  auto tokenizer = Tokenizer::from(**file);
  EXPECT_TRUE(tokenizer) << path << ": " << tokenizer.error().message;
  return tokenizer ? *tokenizer : nullptr;
}

TEST(TokenizerData, GivesTheIdsExpected) {
  const fs::path folder = data_path("models/ggml-vocab");
  if (folder.empty()) GTEST_SKIP() << "SILLOK_DATA has no models/ggml-vocab";
  size_t compared = 0;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const fs::path input = entry.path().string() + ".inp", output = entry.path().string() + ".out";
    if (entry.path().extension() != ".gguf") continue;
    const auto tokenizer = open_tokenizer(entry.path());
    ASSERT_NE(tokenizer, nullptr);
    if (!fs::exists(input)) continue;
    const auto texts = read_texts(input);
    const std::string ids = read_file(output).value_or("");
    const auto lines = split(ids, '\n');
    ASSERT_LE(texts.size(), lines.size());
    for (size_t i = 0; i < texts.size(); ++i) {
      const auto got = tokenizer->encode(texts[i], {.special = false, .parse_special = false});
      EXPECT_EQ(got, read_ids(lines[i])) << entry.path().filename() << ": " << json_quote(texts[i]);
      ++compared;
    }
  }
  EXPECT_GT(compared, 300u);
}

}  // namespace
}  // namespace sillok::model

// sillok tokenize, sillok detokenize: text to a model's tokens and back.
#include "cli/model.h"

namespace sillok::cli {
namespace {

Result<std::shared_ptr<const model::Tokenizer>> open_tokenizer(const Common& common, const std::string& name) {
  SILLOK_ASSIGN(const fs::path path, find_model(common, name));
  SILLOK_ASSIGN(const auto file, model::Gguf::open(path));
  auto tokenizer = model::Tokenizer::from(*file);
  if (!tokenizer) return fail(tokenizer.error().in(path.string()));
  return *tokenizer;
}

Result<std::vector<model::Token>> parse_tokens(const std::string& input, size_t vocabulary) {
  const Json json = Json::parse(input, nullptr, false);
  const Json list = json.is_object() && json.contains("tokens") ? json["tokens"] : json;
  if (!list.is_array()) return fail(ErrorCode::kInvalid, "standard input is neither {\"tokens\":[...]} nor a JSON list of token ids");
  std::vector<model::Token> tokens;
  tokens.reserve(list.size());
  for (const Json& item : list) {
    if (!item.is_number_unsigned() || item.get<uint64_t>() >= vocabulary) {
      return fail(ErrorCode::kInvalid, "token " + std::to_string(tokens.size() + 1) + " of the list is " + shorten(item.dump(), 40) +
                                           ", not an id from 0 to " + std::to_string(vocabulary - 1));
    }
    tokens.push_back(item.get<model::Token>());
  }
  return tokens;
}

// Without the tokens that encoding adds around any text.
std::span<const model::Token> without_added(const model::Tokenizer& tokenizer, std::span<const model::Token> tokens) {
  std::vector<model::Token> added = tokenizer.encode("", {.special = true, .parse_special = false});
  const bool begins = !added.empty() && tokenizer.bos() && added.front() == *tokenizer.bos();
  if (begins) {
    if (!tokens.empty() && tokens.front() == added.front()) tokens = tokens.subspan(1);
    added.erase(added.begin());
  }
  if (!added.empty() && !tokens.empty() && tokens.back() == added.back()) tokens = tokens.first(tokens.size() - 1);
  return tokens;
}

}  // namespace

int run_tokenize(const Common& common, const TokenizeArguments& arguments) {
  const auto tokenizer = open_tokenizer(common, arguments.model);
  if (!tokenizer) return report_error(tokenizer.error());
  const auto text = read_input();
  if (!text) return report_error(text.error());
  const auto tokens =
      (*tokenizer)->encode(*text, {.special = !arguments.no_special, .parse_special = !arguments.no_parse_special});
  if (common.json) {
    print_json({{"tokens", tokens}});
    return 0;
  }
  std::string out;
  for (const model::Token token : tokens) {
    out += std::to_string(token) + "\t" + json_quote((*tokenizer)->piece(token, true)) + "\n";
  }
  std::fwrite(out.data(), 1, out.size(), stdout);
  return 0;
}

int run_detokenize(const Common& common, const TokenizeArguments& arguments) {
  const auto tokenizer = open_tokenizer(common, arguments.model);
  if (!tokenizer) return report_error(tokenizer.error());
  const auto input = read_input();
  if (!input) return report_error(input.error());
  const auto tokens = parse_tokens(*input, (*tokenizer)->size());
  if (!tokens) return report_error(tokens.error());
  const std::string text = arguments.no_special ? (*tokenizer)->decode(*tokens, false)
                                                : (*tokenizer)->decode(without_added(**tokenizer, *tokens), true);
  if (common.json) print_json({{"text", text}});
  else std::fwrite(text.data(), 1, text.size(), stdout);
  return 0;
}

}  // namespace sillok::cli

#include "cli/common.h"
#include "cli/model.h"
#include "cli/session.h"

namespace sillok::cli {
namespace {

constexpr uint64_t kMaxPromptBytes = 64ull << 20;

Json chances_json(const Session& session, const engine::Generated& result) {
  Json rows = Json::array();
  for (const std::vector<engine::TokenChance>& chances : result.chances) {
    Json row = Json::array();
    for (const engine::TokenChance& chance : chances) {
      Json one;
      one["token"] = chance.token;
      one["text"] = session.tokenizer().piece(chance.token, true);
      one["logprob"] = chance.log_probability;
      row.push_back(std::move(one));
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

Json rate(size_t tokens, double seconds) {
  return seconds > 0 ? Json(static_cast<double>(tokens) / seconds) : Json();
}

Json result_json(const Session& session, const engine::Generated& result) {
  Json json;
  json["text"] = result.text;
  json["tokens"] = result.tokens;
  json["finish"] = engine::to_string(result.finish);
  json["prompt_tokens"] = result.prompt_tokens;
  json["cached_tokens"] = result.cached_tokens;
  json["prefill_tokens_per_s"] = rate(result.prompt_tokens - result.cached_tokens, result.prefill_s);
  // The first token belongs to the prefill.
  json["decode_tokens_per_s"] = result.tokens.size() > 1 ? rate(result.tokens.size() - 1, result.decode_s) : Json();
  json["drafted"] = result.drafted;
  json["accepted"] = result.accepted;
  json["load_s"] = session.load_s;
  if (!result.chances.empty()) json["logprobs"] = chances_json(session, result);
  return json;
}

}  // namespace

int run_generate(const Common& common, const GenerateArguments& arguments) {
  if (arguments.prompt_file.empty() == !arguments.has_prompt) {
    return report_usage({ErrorCode::kInvalid, "generate takes either -p TEXT or --file FILE (- for standard input)"});
  }
  std::string prompt = arguments.prompt;
  if (!arguments.prompt_file.empty()) {
    auto text = arguments.prompt_file == "-" ? read_input() : read_file(arguments.prompt_file, kMaxPromptBytes);
    if (!text) return report_error(text.error());
    prompt = std::move(*text);
  }
  engine::EngineOptions options;
  options.prefix_cache = false;  // one request: nobody to share with
  const auto session = open_session(common, arguments.model, options);
  if (!session) return report_error(session.error());
  auto request = request_options(*session, arguments);
  if (!request) return report_error(request.error());
  request->prompt = session->tokenizer().encode(prompt, {.special = true, .parse_special = true});
  const auto result = common.json ? session->engine->generate(std::move(*request)) : generate_to_output(*session, std::move(*request));
  if (!result) return report_error(result.error());
  if (common.json) {
    print_json(result_json(*session, *result));
  } else {
    std::fputc('\n', stdout);
  }
  return 0;
}

}  // namespace sillok::cli

// `sillok bench engine`: what many requests get. How soon the first token comes after a start and on a warm prefix, alone and
// among four; and whether a request's tokens are the same alone, among eight, cold and from the cache.
#include <algorithm>

#include "cli/bench.h"

namespace sillok::cli {
namespace {

using engine::Generated;
using engine::GenerateRequest;

constexpr uint32_t kTogether = 4;    // requests on one warm prefix
constexpr uint32_t kBatch = 8;       // requests that run when tokens are compared
constexpr uint32_t kTrialPrompt = 80;  // tokens: two whole pages and a part

GenerateRequest greedy(std::vector<model::Token> prompt, uint32_t count) {
  GenerateRequest request;
  request.prompt = std::move(prompt);
  request.max_tokens = count;
  request.ignore_end = true;
  return request;
}

double first_token_s(const Generated& result) { return result.queue_s + result.prefill_s; }

// What a start costs before the first token, beyond what the prompt costs once everything is warm.
Result<Json> measure_start(const Session& session) {
  constexpr uint32_t kPrompt = 64;
  SILLOK_ASSIGN(const Generated first, session.engine->generate(greedy(random_prompt(session, kPrompt, 1), 1)));
  std::vector<double> again;
  for (uint32_t seed = 2; seed < 5; ++seed) {
    SILLOK_ASSIGN(const Generated result, session.engine->generate(greedy(random_prompt(session, kPrompt, seed), 1)));
    again.push_back(first_token_s(result));
  }
  const double prefill = figures_of(std::move(again)).median;
  return Json{{"prompt_tokens", kPrompt}, {"load_s", session.load_s}, {"first_token_s", session.load_s + first_token_s(first)},
              {"warm_prefill_s", prefill}, {"beyond_prefill_s", session.load_s + first_token_s(first) - prefill}};
}

// Rounds of one request, then of four at once, each the warm prefix and a question of its own.
Result<Json> measure_prefix(const Session& session, const BenchEngineArguments& arguments) {
  const std::vector<model::Token> prefix = random_prompt(session, arguments.prefix, 77);
  uint32_t seed = 1000;
  const auto ask = [&] {
    std::vector<model::Token> prompt = prefix;
    const auto question = random_prompt(session, arguments.question, seed++);
    prompt.insert(prompt.end(), question.begin(), question.end());
    return greedy(std::move(prompt), 2);
  };
  SILLOK_ASSIGN(const Generated cold, session.engine->generate(ask()));
  const uint32_t warm = arguments.prefix / tensor::kPageTokens * tensor::kPageTokens;
  std::vector<double> alone, together;
  uint32_t hits = 0, least_hits = kTogether;
  for (uint32_t round = 0; round < arguments.repeat; ++round) {
    SILLOK_ASSIGN(const Generated lone, session.engine->generate(ask()));
    alone.push_back(first_token_s(lone));
    std::vector<GenerateRequest> requests;
    for (uint32_t i = 0; i < kTogether; ++i) requests.push_back(ask());
    SILLOK_ASSIGN(const std::vector<Generated> results, generate_together(session, std::move(requests)));
    uint32_t now = 0;
    for (const Generated& result : results) {
      together.push_back(first_token_s(result));
      if (result.cached_tokens >= warm && warm > 0) ++now;
    }
    hits += now;
    least_hits = std::min(least_hits, now);
  }
  const Figures one = figures_of(alone), four = figures_of(together);
  return Json{{"prefix_tokens", arguments.prefix}, {"question_tokens", arguments.question}, {"rounds", arguments.repeat},
              {"cold_first_token_s", first_token_s(cold)}, {"alone_first_token_s", figures_json(one)},
              {"together_first_token_s", figures_json(four)}, {"ratio", four.median / one.median},
              {"hits", hits}, {"requests", kTogether * arguments.repeat}, {"least_hits_of_4", least_hits}};
}

// How many of the trials gave the same tokens alone and while seven others ran, with nothing cached.
Result<uint32_t> same_in_a_batch(const Session& session, const BenchEngineArguments& arguments) {
  uint32_t same = 0;
  for (uint32_t trial = 0; trial < arguments.trials; ++trial) {
    const GenerateRequest request = greedy(random_prompt(session, kTrialPrompt, 5000 + trial), arguments.generate);
    SILLOK_ASSIGN(const Generated alone, session.engine->generate(request));
    std::vector<GenerateRequest> requests;
    for (uint32_t i = 1; i < kBatch; ++i) {  // of other lengths, so that rows of prompts and of answers meet
      const uint32_t length = std::min(10 + 23 * i, session.model().hyperparameters().context - arguments.generate);
      requests.push_back(greedy(random_prompt(session, length, 100 * trial + i), arguments.generate));
    }
    requests.insert(requests.begin() + trial % kBatch, request);
    SILLOK_ASSIGN(const std::vector<Generated> results, generate_together(session, std::move(requests)));
    if (results[trial % kBatch].tokens == alone.tokens) ++same;
  }
  return same;
}

// How many gave the same tokens cold and from a cached prefix; only those count that came from where they should.
Result<uint32_t> same_from_cache(const Session& session, const BenchEngineArguments& arguments) {
  uint32_t same = 0;
  for (uint32_t trial = 0; trial < arguments.trials; ++trial) {
    const GenerateRequest request = greedy(random_prompt(session, kTrialPrompt, 9000 + trial), arguments.generate);
    SILLOK_ASSIGN(const Generated cold, session.engine->generate(request));
    SILLOK_ASSIGN(const Generated cached, session.engine->generate(request));
    if (cold.cached_tokens == 0 && cached.cached_tokens > 0 && cold.tokens == cached.tokens) ++same;
  }
  return same;
}

Status check_lengths(const Session& session, const BenchEngineArguments& arguments) {
  const uint32_t longest = std::max(arguments.prefix + arguments.question + 2, kTrialPrompt + arguments.generate);
  const uint32_t context = session.model().hyperparameters().context;
  if (context == 0 || longest <= context) return {};
  return fail(ErrorCode::kInvalid, "--prefix, --question and --gen ask for " + std::to_string(longest) + " tokens, the model's context holds " +
                                       std::to_string(context));
}

Result<Json> measure(const Common& common, const BenchEngineArguments& arguments) {
  ModelArguments model = arguments.model;
  engine::EngineOptions options;
  options.max_batch = kBatch;
  if (model.context == 0) {
    model.context = std::max(arguments.prefix + 64 * (arguments.question + 64), kBatch * (kTrialPrompt + 256 + arguments.generate));
  }
  Json json;
  {
    SILLOK_ASSIGN(const Session session, open_session(common, model, options));
    SILLOK_TRY(check_lengths(session, arguments));
    json["model"] = session.model().hyperparameters().name;
    json["backend"] = session.backend->name();
    SILLOK_ASSIGN(json["start"], measure_start(session));
    SILLOK_ASSIGN(json["shared_prefix"], measure_prefix(session, arguments));
    SILLOK_ASSIGN(const uint32_t same, same_from_cache(session, arguments));
    json["determinism"] = {{"trials", arguments.trials}, {"tokens", arguments.generate}, {"cold_and_cached_same", same}};
  }
  options.prefix_cache = false;
  SILLOK_ASSIGN(const Session session, open_session(common, model, options));
  SILLOK_ASSIGN(const uint32_t same, same_in_a_batch(session, arguments));
  json["determinism"]["alone_and_in_a_batch_of_8_same"] = same;
  return json;
}

}  // namespace

int run_bench_engine(const Common& common, const BenchEngineArguments& arguments) {
  const auto json = measure(common, arguments);
  if (!json) return report_error(json.error());
  if (common.json) {
    print_json(*json);
    return 0;
  }
  const Json &start = (*json)["start"], &prefix = (*json)["shared_prefix"], &same = (*json)["determinism"];
  std::printf("start            %6.0f ms to the first token beyond prefill (%.0f ms to load)\n",
              1000 * start["beyond_prefill_s"].get<double>(), 1000 * start["load_s"].get<double>());
  std::printf("warm prefix      %6.0f ms to the first token alone, %.0f ms each of 4 at once: %.2f times\n",
              1000 * prefix["alone_first_token_s"]["median"].get<double>(),
              1000 * prefix["together_first_token_s"]["median"].get<double>(), prefix["ratio"].get<double>());
  std::printf("                 %6u of %u requests found it\n", prefix["hits"].get<uint32_t>(), prefix["requests"].get<uint32_t>());
  std::printf("the same tokens  %6u of %u alone and in a batch of 8, %u of %u cold and cached\n",
              same["alone_and_in_a_batch_of_8_same"].get<uint32_t>(), arguments.trials, same["cold_and_cached_same"].get<uint32_t>(),
              arguments.trials);
  return 0;
}

}  // namespace sillok::cli

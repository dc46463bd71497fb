#include "cli/bench.h"

#include <algorithm>
#include <future>
#include <random>


namespace sillok::cli {
Figures figures_of(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const size_t middle = values.size() / 2;
  return {values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2, values.front(), values.back()};
}
Json figures_json(const Figures& figures) {
  Json json;
  json["median"] = figures.median;
  json["min"] = figures.least;
  json["max"] = figures.most;
  return json;
}

std::vector<model::Token> random_prompt(const Session& session, size_t size, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<model::Token> tokens;
  const size_t vocabulary = session.model().hyperparameters().vocabulary;
  while (tokens.size() < size) {
    const auto token = static_cast<model::Token>(random() % vocabulary);
    if (!session.tokenizer().is_special(token)) tokens.push_back(token);
  }
  return tokens;
}

Result<std::vector<engine::Generated>> generate_together(const Session& session, std::vector<engine::GenerateRequest> requests) {
  std::vector<std::promise<engine::Generated>> promises(requests.size());
  size_t submitted = 0;
  Status status;
  for (; submitted < requests.size() && status; ++submitted) {
    engine::Events events;
    events.on_done = [&promise = promises[submitted]](engine::Generated result) { promise.set_value(std::move(result)); };
    const auto id = session.engine->submit(std::move(requests[submitted]), std::move(events));
    if (!id) {
      status = fail(id.error());
      break;
    }
  }
  std::vector<engine::Generated> results;
  for (size_t i = 0; i < submitted; ++i) {  // those under way must end before their promises do
    results.push_back(promises[i].get_future().get());
    if (results.back().finish == engine::Finish::kError) status = fail(ErrorCode::kInternal, results.back().error);
  }
  SILLOK_TRY(status);
  return results;
}

namespace {

engine::GenerateRequest plain_request(std::vector<model::Token> prompt, uint32_t count) {
  engine::GenerateRequest request;
  request.prompt = std::move(prompt);
  request.max_tokens = count;
  request.ignore_end = true;
  request.speculate = false;  // one row a token, as the peers measure
  return request;
}

Result<double> prefill_rate(const Session& session, uint32_t size, uint32_t seed) {
  SILLOK_ASSIGN(const engine::Generated result, session.engine->generate(plain_request(random_prompt(session, size, seed), 1)));
  return static_cast<double>(size) / result.prefill_s;
}

// Tokens a second of `batch` requests together, from the first token of the last to start.
Result<double> decode_rate(const Session& session, uint32_t batch, uint32_t count, uint32_t seed) {
  constexpr uint32_t kPrompt = 8;  // short, so that all start in one step
  std::vector<engine::GenerateRequest> requests;
  for (uint32_t i = 0; i < batch; ++i) requests.push_back(plain_request(random_prompt(session, kPrompt, seed + i), count));
  SILLOK_ASSIGN(const std::vector<engine::Generated> results, generate_together(session, std::move(requests)));
  double longest = 0;
  for (const engine::Generated& result : results) longest = std::max(longest, result.decode_s);
  return static_cast<double>(batch) * (count - 1) / longest;
}

template <typename Measure>
Result<Figures> repeat(uint32_t times, Measure measure) {
  SILLOK_TRY(measure(0));  // warms memory and caches; not counted
  std::vector<double> rates;
  for (uint32_t i = 1; i <= times; ++i) {
    SILLOK_ASSIGN(const double rate, measure(1000 * i));
    rates.push_back(rate);
  }
  return figures_of(std::move(rates));
}

void print_line(const std::string& what, const Figures& figures) {
  std::printf("%-16s %9.1f tokens/s  (%.1f to %.1f)\n", what.c_str(), figures.median, figures.least, figures.most);
}

}  // namespace

int run_bench_model(const Common& common, const BenchModelArguments& arguments) {
  engine::EngineOptions options;
  options.prefix_cache = false;
  const uint32_t most = *std::max_element(arguments.batch.begin(), arguments.batch.end());
  options.max_batch = most;
  ModelArguments model = arguments.model;
  if (model.context == 0) model.context = std::max(arguments.prompt + 1, most * (arguments.generate + 64));
  const auto session = open_session(common, model, options);
  if (!session) return report_error(session.error());

  Json json;
  json["model"] = session->model().hyperparameters().name;
  json["backend"] = session->backend->name();
  json["load_s"] = session->load_s;
  if (!common.json) std::printf("%s on %s, loaded in %.0f ms\n", session->model().hyperparameters().architecture.c_str(),
                                session->backend->name().c_str(), session->load_s * 1000);
  if (arguments.prompt > 0) {
    // Weights are packed as they are first used: that run stands alone, and the others are of the engine at work.
    const auto first = prefill_rate(*session, arguments.prompt, 0);
    if (!first) return report_error(first.error());
    const auto prefill = repeat(arguments.repeat, [&](uint32_t seed) { return prefill_rate(*session, arguments.prompt, seed); });
    if (!prefill) return report_error(prefill.error());
    json["prefill"] = {{"tokens", arguments.prompt}, {"first_tokens_per_s", *first}, {"tokens_per_s", figures_json(*prefill)}};
    if (!common.json) print_line("prefill " + std::to_string(arguments.prompt), *prefill);
  }
  json["decode"] = Json::array();
  for (const uint32_t batch : arguments.batch) {
    if (arguments.generate < 2) break;
    const auto decode = repeat(arguments.repeat, [&](uint32_t seed) { return decode_rate(*session, batch, arguments.generate, seed); });
    if (!decode) return report_error(decode.error());
    json["decode"].push_back({{"batch", batch}, {"tokens", arguments.generate}, {"tokens_per_s", figures_json(*decode)}});
    if (!common.json) print_line("decode x" + std::to_string(batch), *decode);
  }
  if (common.json) print_json(json);
  return 0;
}

}  // namespace sillok::cli

#include "cli/session.h"

#include <chrono>
#include <future>

#include "cli/common.h"
#include "cli/model.h"

namespace sillok::cli {
namespace {

constexpr uint64_t kMaxTextBytes = 64ull << 20;

struct LoraOption {
  fs::path file;
  float scale = 1;
};

// FILE or FILE:SCALE. A colon that is part of the file's own name stays with it.
Result<LoraOption> parse_lora(const std::string& written) {
  const size_t colon = written.rfind(':');
  if (colon == written.npos || fs::exists(written)) return LoraOption{written, 1};
  const std::string scale = written.substr(colon + 1);
  char* end = nullptr;
  const float value = std::strtof(scale.c_str(), &end);
  if (scale.empty() || *end != '\0' || !(value == value)) {
    return fail(ErrorCode::kInvalid, "--lora: '" + scale + "' is no scale; write FILE or FILE:0.5");
  }
  return LoraOption{written.substr(0, colon), value};
}

}  // namespace

Result<Session> open_session(const Common& common, const ModelArguments& arguments, engine::EngineOptions options) {
  const auto start = std::chrono::steady_clock::now();
  Session session;
  SILLOK_ASSIGN(const fs::path path, find_model(common, arguments.model));
  const tensor::TypeInfo* kv = tensor::find_type(arguments.kv_type);
  if (kv == nullptr || (kv->type != tensor::Type::kF16 && kv->type != tensor::Type::kQ8_0)) {
    return fail(ErrorCode::kInvalid, "--kv-type: '" + arguments.kv_type + "' is no type for keys and values; known are f16 and q8_0");
  }
  tensor::CpuOptions cpu;
  cpu.threads = arguments.threads;
  SILLOK_ASSIGN(session.backend, tensor::make_cpu_backend(cpu));
  // What LongRoPE goes by, of the model and of its draft.
  const model::ModelOptions longest{.context = arguments.context > 0 ? arguments.context : options.context_tokens};
  SILLOK_ASSIGN(std::unique_ptr<model::Model> model, model::Model::open(path, *session.backend, longest));
  const uint32_t trained = model->hyperparameters().context;
  options.kv_type = kv->type;
  options.context_tokens = arguments.context > 0 ? arguments.context
                                                 : std::min<uint32_t>(options.context_tokens, trained > 0 ? trained : UINT32_MAX);
  options.context_tokens = std::max(options.context_tokens, tensor::kPageTokens);
  std::unique_ptr<model::Model> draft;
  if (!arguments.draft.empty()) {
    SILLOK_ASSIGN(const fs::path draft_path, find_model(common, arguments.draft));
    SILLOK_ASSIGN(draft, model::Model::open(draft_path, *session.backend, longest));
  }
  SILLOK_ASSIGN(session.engine, engine::Engine::start(std::move(model), *session.backend, options, std::move(draft)));
  if (!arguments.lora.empty()) {
    SILLOK_ASSIGN(const LoraOption lora, parse_lora(arguments.lora));
    SILLOK_TRY(session.engine->load_adapter(lora.file.string(), lora.file));
  }
  session.load_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return session;
}

Result<engine::GenerateRequest> request_options(const Session& session, const GenerateArguments& arguments) {
  engine::GenerateRequest request;
  request.max_tokens = arguments.max_tokens;
  request.sampling = arguments.sampling;
  request.stop = arguments.stop;
  request.log_probabilities = arguments.log_probabilities;
  request.ignore_end = arguments.ignore_end;
  request.speculate = !arguments.no_speculation;
  if (!arguments.model.lora.empty()) {
    SILLOK_ASSIGN(const LoraOption lora, parse_lora(arguments.model.lora));
    request.adapter = lora.file.string();
    request.adapter_scale = lora.scale;
  }
  if (!arguments.grammar.empty() && !arguments.schema.empty()) {
    return fail(ErrorCode::kInvalid, "--grammar and --schema together make no sense; give one");
  }
  if (!arguments.grammar.empty()) {
    SILLOK_ASSIGN(const std::string text, read_file(arguments.grammar, kMaxTextBytes));
    auto grammar = engine::Grammar::from_gbnf(text, session.tokenizer());
    if (!grammar) return fail(grammar.error().in(arguments.grammar));
    request.grammar = std::move(*grammar);
  }
  if (!arguments.schema.empty()) {
    SILLOK_ASSIGN(const std::string text, read_file(arguments.schema, kMaxTextBytes));
    auto grammar = engine::Grammar::from_json_schema(text, session.tokenizer());
    if (!grammar) return fail(grammar.error().in(arguments.schema));
    request.grammar = std::move(*grammar);
  }
  return request;
}

Result<engine::Generated> generate_to_output(const Session& session, engine::GenerateRequest request) {
  std::promise<engine::Generated> promise;
  engine::Events events;
  events.on_text = [](std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
  };
  events.on_done = [&](engine::Generated result) { promise.set_value(std::move(result)); };
  SILLOK_TRY(session.engine->submit(std::move(request), std::move(events)));
  engine::Generated result = promise.get_future().get();
  if (result.finish == engine::Finish::kError) return fail(ErrorCode::kInternal, result.error);
  return result;
}

}  // namespace sillok::cli

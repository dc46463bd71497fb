// A model of our own behind the Generator interface. What a turn says is put into the prompt as plain text: only what the
// chat template itself writes can become a special token.
#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>
#include <nlohmann/json.hpp>

#include "answer/parts.h"
#include "engine/engine.h"

namespace sillok::answer {
namespace {

constexpr std::string_view kTemplateKey = "tokenizer.chat_template";
constexpr std::string_view kThink = "<think>";
constexpr float kTemperature = 0.7F, kTopP = 0.95F;  // of a draw; with seed 0 the likeliest token is taken

// Stands for turn i while the template is rendered: private-use characters, which no record or question can bring, since
// it is put in for the whole of what they say.
std::string marker(size_t i) { return "\xEE\x80\x80sillok" + std::to_string(i) + "\xEE\x80\x81"; }

class LocalGenerator final : public Generator {
 public:
  struct Parts {
    std::unique_ptr<tensor::Backend> backend;  // both empty where the engine is another's
    std::unique_ptr<engine::Engine> own;
    engine::Engine* engine = nullptr;
    fs::path file;
    uint32_t context = 0;
    std::string adapter;
  };
  LocalGenerator(Parts parts, model::ChatTemplate form) : parts_(std::move(parts)), form_(std::move(form)) {
    // Hashing gigabytes takes seconds: meanwhile the model can answer.
    name_ = std::async(std::launch::async, [file = parts_.file, adapter = parts_.adapter] {
              return identity(file) + (adapter.empty() ? "" : " + " + identity(adapter));
            }).share();
  }

  std::string name() const override { return name_.get(); }
  size_t budget() const override { return parts_.context; }
  size_t count(std::string_view text) const override { return tokenizer().encode(text, {.special = false, .parse_special = false}).size(); }

  Result<Reply> chat(const Request& request) override {
    bool thinking = false;
    SILLOK_ASSIGN(engine::GenerateRequest job, prepare(request, thinking));
    if (job.prompt.size() + request.max_tokens > parts_.context) {
      return fail(ErrorCode::kLimit, "the prompt of " + std::to_string(job.prompt.size()) + " tokens and an answer of " + std::to_string(request.max_tokens) +
                                         " do not fit the model's context of " + std::to_string(parts_.context));
    }
    // A template that opens the thinking itself leaves its closing alone in the text.
    std::string text = thinking ? std::string(kThink) : std::string();
    if (thinking && request.on_text) request.on_text(text);
    SILLOK_ASSIGN(engine::Generated result, run(std::move(job), request));
    if (result.finish == engine::Finish::kError) return fail(ErrorCode::kInternal, "the model failed: " + result.error);
    Reply reply;
    reply.text = text + result.text;
    reply.prompt_tokens = result.prompt_tokens;
    reply.tokens = static_cast<uint32_t>(result.tokens.size());
    reply.cancelled = result.finish == engine::Finish::kCancelled;
    reply.cut = result.finish == engine::Finish::kLength;
    return reply;
  }

 private:
  const model::Tokenizer& tokenizer() const { return parts_.engine->model().tokenizer(); }
  std::string piece(std::optional<model::Token> token) const { return token ? tokenizer().piece(*token, true) : std::string(); }

  Result<std::string> render(const std::vector<ChatTurn>& turns) const {
    nlohmann::json messages = nlohmann::json::array();
    for (size_t i = 0; i < turns.size(); ++i) messages.push_back({{"role", turns[i].role}, {"content", marker(i)}});
    // Models that can think aloud are asked not to: the answer is checked sentence by sentence anyway.
    return form_.render(messages.dump(), "", true, piece(tokenizer().bos()), piece(tokenizer().eos()), R"({"enable_thinking":false})");
  }

  // The prompt's tokens: the template's own parts with their special tokens, what the turns say without any.
  Result<engine::GenerateRequest> prepare(const Request& request, bool& thinking) const {
    std::vector<ChatTurn> turns = request.turns;
    auto rendered = render(turns);
    const auto holds_all = [&] {
      for (size_t i = 0; rendered && i < turns.size(); ++i) {
        if (rendered->find(marker(i)) == std::string::npos) return false;
      }
      return rendered.has_value();
    };
    // Some templates know no system turn, or leave it out: the rules then stand before the question.
    if (!holds_all() && turns.size() > 1 && turns[0].role == "system") {
      turns[1].content = turns[0].content + "\n\n" + turns[1].content;
      turns.erase(turns.begin());
      rendered = render(turns);
    }
    if (!rendered) return fail(rendered.error().in("the model's chat template"));
    engine::GenerateRequest job;
    std::string_view rest = *rendered;
    const auto append = [&](std::string_view text, bool special) {
      if (text.empty()) return;
      const auto tokens = tokenizer().encode(text, {.special = false, .parse_special = special});
      job.prompt.insert(job.prompt.end(), tokens.begin(), tokens.end());
    };
    for (size_t i = 0; i < turns.size(); ++i) {
      const std::string mark = marker(i);
      const size_t at = rest.find(mark);
      if (at == rest.npos) return fail(ErrorCode::kUnsupported, "the model's chat template leaves out or reorders what it is given; it cannot answer from records");
      append(rest.substr(0, at), true);
      append(turns[i].content, false);
      rest.remove_prefix(at + mark.size());
    }
    if (rest.find(marker(0).substr(0, 3)) != rest.npos) return fail(ErrorCode::kUnsupported, "the model's chat template repeats what it is given; it cannot answer from records");
    append(rest, true);
    thinking = trim(rest).ends_with(kThink);
    job.max_tokens = request.max_tokens;
    job.client = request.client;
    if (!request.schema.empty()) {
      SILLOK_ASSIGN(job.grammar, grammar_of(request.schema));
    }
    job.adapter = parts_.adapter;
    if (request.seed != 0) {
      job.sampling.temperature = kTemperature;
      job.sampling.top_p = kTopP;
      job.sampling.seed = request.seed;
    }
    return job;
  }

  // Compiling one takes milliseconds, and the same is asked for passage after passage: the last is kept.
  Result<std::shared_ptr<const engine::Grammar>> grammar_of(const std::string& schema) const {
    const std::lock_guard lock(grammar_mutex_);
    if (!grammar_ || schema != grammar_schema_) {
      SILLOK_ASSIGN(grammar_, engine::Grammar::from_json_schema(schema, tokenizer()));
      grammar_schema_ = schema;
    }
    return grammar_;
  }

  // Text comes from the engine's thread, which must not wait; it is handed on from this one.
  Result<engine::Generated> run(engine::GenerateRequest job, const Request& request) {
    constexpr auto kAskAgain = std::chrono::milliseconds(50);  // whether it was cancelled meanwhile
    struct {
      std::mutex mutex;
      std::condition_variable changed;
      std::deque<std::string> texts;
      std::optional<engine::Generated> done;
    } shared;
    engine::Events events;
    events.on_text = [&](std::string_view text) {
      const std::lock_guard lock(shared.mutex);
      shared.texts.emplace_back(text);
      shared.changed.notify_one();
    };
    events.on_done = [&](engine::Generated result) {
      const std::lock_guard lock(shared.mutex);
      shared.done = std::move(result);
      shared.changed.notify_one();
    };
    SILLOK_ASSIGN(const engine::RequestId id, parts_.engine->submit(std::move(job), std::move(events)));
    bool cancelled = false;
    std::unique_lock lock(shared.mutex);
    for (;;) {
      shared.changed.wait_for(lock, kAskAgain, [&] { return !shared.texts.empty() || shared.done; });
      std::deque<std::string> texts = std::exchange(shared.texts, {});
      const bool done = shared.done.has_value();
      lock.unlock();
      for (const std::string& text : texts) {
        if (request.on_text && !cancelled) request.on_text(text);
      }
      if (!cancelled && !done && request.cancelled && request.cancelled()) {
        cancelled = true;
        parts_.engine->cancel(id);
      }
      lock.lock();
      if (shared.done && shared.texts.empty()) return std::move(*shared.done);
    }
  }

  Parts parts_;
  model::ChatTemplate form_;
  std::shared_future<std::string> name_;
  mutable std::mutex grammar_mutex_;
  mutable std::string grammar_schema_;
  mutable std::shared_ptr<const engine::Grammar> grammar_;
};

Result<std::unique_ptr<Generator>> make(LocalGenerator::Parts parts) {
  const auto source = parts.engine->model().file().text(kTemplateKey);
  if (!source) return fail(ErrorCode::kUnsupported, parts.file.string() + ": the model has no chat template, it is not made for answering; choose an instruction-tuned one");
  auto form = model::ChatTemplate::parse(*source);
  if (!form) return fail(form.error().in(parts.file.string() + ": chat template"));
  return std::make_unique<LocalGenerator>(std::move(parts), std::move(*form));
}

}  // namespace

std::string identity(const fs::path& file) {
  const auto mapped = MappedFile::open(file);
  return file.stem().string() + " sha256:" + (mapped ? sha256_hex(mapped->bytes()) : std::string("unreadable"));
}

Result<std::unique_ptr<Generator>> open_local_generator(const fs::path& model, uint32_t threads, uint32_t context, const std::string& adapter) {
  LocalGenerator::Parts parts;
  tensor::CpuOptions cpu;
  cpu.threads = threads;
  SILLOK_ASSIGN(parts.backend, tensor::make_cpu_backend(cpu));
  SILLOK_ASSIGN(std::unique_ptr<model::Model> opened, model::Model::open(model, *parts.backend));
  engine::EngineOptions options;
  const uint32_t trained = opened->hyperparameters().context;
  options.context_tokens = std::max(trained > 0 ? std::min(context, trained) : context, tensor::kPageTokens);
  parts.context = options.context_tokens;
  SILLOK_ASSIGN(parts.own, engine::Engine::start(std::move(opened), *parts.backend, options));
  parts.engine = parts.own.get();
  if (!adapter.empty()) SILLOK_TRY(parts.engine->load_adapter(adapter, adapter));
  parts.file = model;
  parts.adapter = adapter;
  return make(std::move(parts));
}

Result<std::unique_ptr<Generator>> open_local_generator(engine::Engine& engine, const fs::path& file, uint32_t context, const std::string& adapter) {
  LocalGenerator::Parts parts;
  parts.engine = &engine;
  parts.file = file;
  parts.context = context;
  parts.adapter = adapter;
  return make(std::move(parts));
}

}  // namespace sillok::answer

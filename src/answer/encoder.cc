// A GGUF encoder behind the Encoder interface, with what it encoded lately.
#include <algorithm>
#include <future>
#include <list>
#include <mutex>
#include <unordered_map>

#include "answer/parts.h"
#include "engine/engine.h"

namespace sillok::answer {
namespace {

constexpr uint32_t kLongest = 512;    // tokens of a text: a sentence or row; what a longer one has behind them is left out
constexpr size_t kRemembered = 8192;  // vectors: some 25 MB of 768 numbers each

class LocalEncoder final : public Encoder {
 public:
  struct Parts {
    std::unique_ptr<tensor::Backend> backend;  // both empty where the engine is another's
    std::unique_ptr<engine::Engine> own;
    engine::Engine* engine = nullptr;
    fs::path file;
    EncoderUse use;
  };
  explicit LocalEncoder(Parts parts) : parts_(std::move(parts)) {
    name_ = std::async(std::launch::async, [file = parts_.file] { return identity(file); }).share();
  }

  std::string name() const override { return name_.get(); }
  double support() const override { return parts_.use.support; }

  Result<std::vector<std::vector<float>>> encode(const std::vector<std::string>& texts) override {
    std::vector<std::vector<float>> vectors(texts.size());
    std::vector<size_t> missing;
    for (size_t i = 0; i < texts.size(); ++i) {
      if (!recall(texts[i], vectors[i])) missing.push_back(i);
    }
    if (missing.empty()) return vectors;
    std::vector<std::vector<model::Token>> encoded;
    for (const size_t i : missing) encoded.push_back(tokens_of(texts[i]));
    SILLOK_ASSIGN(const std::vector<std::vector<float>> made, parts_.engine->embed(encoded));
    for (size_t k = 0; k < missing.size(); ++k) {
      vectors[missing[k]] = made[k];
      remember(texts[missing[k]], made[k]);
    }
    return vectors;
  }

 private:
  // Of a text too long, the closing token is kept.
  std::vector<model::Token> tokens_of(const std::string& text) const {
    const model::Model& model = parts_.engine->model();
    std::vector<model::Token> tokens = model.tokenizer().encode(parts_.use.prefix + text, {.special = true, .parse_special = false});
    const size_t own = model.hyperparameters().context, most = std::min<size_t>({kLongest, model.max_rows(), own > 1 ? own : SIZE_MAX});
    if (tokens.size() > most) tokens.erase(tokens.begin() + static_cast<std::ptrdiff_t>(most) - 1, tokens.end() - 1);
    return tokens;
  }

  bool recall(const std::string& text, std::vector<float>& vector) {
    const std::lock_guard lock(mutex_);
    const auto found = places_.find(text);
    if (found == places_.end()) return false;
    lately_.splice(lately_.begin(), lately_, found->second);
    vector = found->second->second;
    return true;
  }

  void remember(const std::string& text, const std::vector<float>& vector) {
    const std::lock_guard lock(mutex_);
    if (places_.contains(text)) return;  // another thread was quicker
    lately_.emplace_front(text, vector);
    places_.emplace(lately_.front().first, lately_.begin());
    if (lately_.size() <= kRemembered) return;
    places_.erase(lately_.back().first);
    lately_.pop_back();
  }

  Parts parts_;
  std::shared_future<std::string> name_;
  std::mutex mutex_;
  std::list<std::pair<std::string, std::vector<float>>> lately_;  // the last asked for first
  std::unordered_map<std::string_view, decltype(lately_)::iterator> places_;  // the texts are those of lately_
};

Result<std::unique_ptr<Encoder>> make(LocalEncoder::Parts parts) {
  const model::Hyperparameters& of = parts.engine->model().hyperparameters();
  const bool pools = of.pooling != model::Pooling::kNone && of.pooling != model::Pooling::kRank;
  if (of.pooling == model::Pooling::kRank || (of.causal && !pools)) {
    return fail(ErrorCode::kUnsupported, parts.file.string() + ": the model makes no vectors of texts (no pooling); answer.encoder wants an embedding model");
  }
  return std::make_unique<LocalEncoder>(std::move(parts));
}

}  // namespace

Result<std::unique_ptr<Encoder>> open_encoder(engine::Engine& engine, const fs::path& file, EncoderUse use) {
  LocalEncoder::Parts parts;
  parts.engine = &engine;
  parts.file = file;
  parts.use = std::move(use);
  return make(std::move(parts));
}

Result<std::unique_ptr<Encoder>> open_encoder(const fs::path& file, uint32_t threads, EncoderUse use) {
  LocalEncoder::Parts parts;
  tensor::CpuOptions cpu;
  cpu.threads = threads;
  SILLOK_ASSIGN(parts.backend, tensor::make_cpu_backend(cpu));
  SILLOK_ASSIGN(std::unique_ptr<model::Model> opened, model::Model::open(file, *parts.backend));
  engine::EngineOptions options;
  options.context_tokens = std::max(2 * kLongest, tensor::kPageTokens);
  SILLOK_ASSIGN(parts.own, engine::Engine::start(std::move(opened), *parts.backend, options));
  parts.engine = parts.own.get();
  parts.file = file;
  parts.use = std::move(use);
  return make(std::move(parts));
}

}  // namespace sillok::answer

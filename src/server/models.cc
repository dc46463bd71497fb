#include "server/models.h"

#include <algorithm>

#include "server/app.h"

namespace sillok::server {
namespace {

constexpr size_t kMaxEncoders = 2;                    // loaded at once; the one longest unused goes
constexpr uint32_t kSharedContext = 16'384;           // tokens of keys and values, shared by all who are being answered
constexpr uint32_t kEncoderContext = 8192;            // tokens
constexpr std::string_view kTemplateKey = "tokenizer.chat_template";

std::string name_of(const fs::path& file) { return file.stem().string(); }

Result<std::shared_ptr<LoadedModel>> load(const fs::path& file, uint32_t threads, uint32_t context) {
  auto loaded = std::make_shared<LoadedModel>();
  loaded->file = file;
  loaded->name = name_of(file);
  tensor::CpuOptions cpu;
  cpu.threads = threads;
  SILLOK_ASSIGN(loaded->backend, tensor::make_cpu_backend(cpu));
  SILLOK_ASSIGN(std::unique_ptr<model::Model> model, model::Model::open(file, *loaded->backend));
  engine::EngineOptions options;
  options.context_tokens = std::max<uint32_t>(context, tensor::kPageTokens);
  if (const auto source = model->file().text(kTemplateKey)) {
    auto parsed = model::ChatTemplate::parse(*source);
    if (!parsed) return fail(parsed.error().in(file.string()));
    loaded->chat_template = std::move(*parsed);
  }
  SILLOK_ASSIGN(loaded->engine, engine::Engine::start(std::move(model), *loaded->backend, options));
  return loaded;
}

}  // namespace

Models::~Models() {
  generator_.reset();
  checker_.reset();
}

Result<std::unique_ptr<Models>> Models::open(const fs::path& home, const answer::WriterSettings& settings) {
  std::unique_ptr<Models> models(new Models(home, settings));
  if (settings.model.empty()) return models;
  SILLOK_ASSIGN(const answer::WriterFiles files, answer::find_writer_files(home, settings));
  SILLOK_TRY(models->open_checker(files.encoder));
  if (!settings.remote.empty()) {
    SILLOK_ASSIGN(models->generator_, answer::open_generator(home, settings));
    return models;
  }
  SILLOK_ASSIGN(models->writer_, load(files.model, settings.threads, std::max(settings.context, kSharedContext)));
  LoadedModel& writer = *models->writer_;
  if (!files.adapter.empty()) {
    writer.adapter = files.adapter.string();
    SILLOK_TRY(writer.engine->load_adapter(writer.adapter, files.adapter));
  }
  if (writer.chat_template) {
    SILLOK_ASSIGN(models->generator_, answer::open_local_generator(*writer.engine, writer.file, settings.context, writer.adapter));
  }
  return models;
}

// Loaded at once, not with the first sentence that asks for it: a wrong name is told when it is set.
Status Models::open_checker(const fs::path& file) {
  if (file.empty()) return {};
  SILLOK_ASSIGN(checking_, load(file, settings_.threads, kEncoderContext));
  SILLOK_ASSIGN(checker_, answer::open_encoder(*checking_->engine, checking_->file, settings_.encoder_use));
  return {};
}

Result<std::shared_ptr<LoadedModel>> Models::encoder(const std::string& name) {
  if (writer_ != nullptr && writer_->name == name) return writer_;
  if (checking_ != nullptr && checking_->name == name) return checking_;
  const std::lock_guard guard(mutex_);
  for (size_t i = 0; i < encoders_.size(); ++i) {
    if (encoders_[i]->name != name) continue;
    std::rotate(encoders_.begin(), encoders_.begin() + static_cast<std::ptrdiff_t>(i), encoders_.begin() + static_cast<std::ptrdiff_t>(i) + 1);
    return encoders_.front();
  }
  for (const auto& [known, file] : files()) {
    if (known != name) continue;
    SILLOK_ASSIGN(const auto gguf, model::Gguf::open(file));
    const std::string architecture = gguf->text("general.architecture").value_or("");
    const bool causal = gguf->boolean(architecture + ".attention.causal").value_or(true);
    const bool pools = gguf->integer(architecture + ".pooling_type").value_or(0) > 0;
    if (causal && !pools) return fail(ErrorCode::kInvalid, "the model '" + name + "' makes no vectors: it has no pooling");
    SILLOK_ASSIGN(auto loaded, load(file, settings_.threads, kEncoderContext));
    encoders_.insert(encoders_.begin(), loaded);
    if (encoders_.size() > kMaxEncoders) encoders_.pop_back();
    return loaded;
  }
  return fail(ErrorCode::kNotFound, "there is no model '" + shorten(clean_utf8(name), 100) + "'; GET /v1/models lists them");
}

std::vector<std::pair<std::string, fs::path>> Models::files() const {
  std::vector<std::pair<std::string, fs::path>> found;
  std::error_code error;
  for (fs::directory_iterator it(home_ / "models", error), end; !error && it != end; it.increment(error)) {
    std::error_code ignored;
    if (it->path().extension() == ".gguf" && it->is_regular_file(ignored)) found.emplace_back(name_of(it->path()), it->path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

void Models::count(const engine::Generated& done) {
  prompt_tokens_ += done.prompt_tokens;
  tokens_ += done.tokens.size();
  if (done.decode_s > 0 && done.tokens.size() > 1) tokens_per_s_ = static_cast<double>(done.tokens.size() - 1) / done.decode_s;
}

void Models::write_metrics(std::string& out) const {
  write_metric(out, "sillok_raw_prompt_tokens_total", "counter", "Prompt tokens of requests to a model by its name.", static_cast<double>(prompt_tokens_));
  write_metric(out, "sillok_raw_tokens_total", "counter", "Tokens written for them.", static_cast<double>(tokens_));
  if (writer_ == nullptr) return;
  const engine::EngineCounts counts = writer_->engine->counts();
  write_metric(out, "sillok_engine_steps_total", "counter", "Steps of the engine.", static_cast<double>(counts.steps));
  write_metric(out, "sillok_engine_prompt_tokens_total", "counter", "Prompt tokens computed or found.", static_cast<double>(counts.prompt_tokens));
  write_metric(out, "sillok_engine_cached_tokens_total", "counter", "Prompt tokens found in the prefix tree.", static_cast<double>(counts.cached_tokens));
  write_metric(out, "sillok_engine_generated_tokens_total", "counter", "Tokens written.", static_cast<double>(counts.generated_tokens));
  write_metric(out, "sillok_engine_queued", "gauge", "Requests that wait.", counts.queued);
  write_metric(out, "sillok_engine_running", "gauge", "Requests in the batch.", counts.running);
  write_metric(out, "sillok_engine_free_pages", "gauge", "Free pages of keys and values.", counts.free_pages);
}

Response list_models(App& app, Request&) {
  Json list = Json::array();
  const std::shared_ptr<Models> models = app.models();
  const std::shared_ptr<LoadedModel> writer = models->writer();
  for (const auto& [name, path] : models->files()) {
    std::error_code ignored;
    Json entry = {{"name", name}, {"architecture", ""}, {"parameters", 0}, {"type", ""}, {"bytes", fs::file_size(path, ignored)}, {"context", 0}};
    const auto file = model::Gguf::open(path);
    if (file) {
      const std::string architecture = (*file)->text("general.architecture").value_or("");
      uint64_t parameters = 0;
      std::map<tensor::Type, uint64_t> bytes;
      for (const auto& tensor : (*file)->tensors()) {
        uint64_t elements = 1;
        for (const uint64_t dimension : tensor.shape) elements *= dimension;
        parameters += elements;
        bytes[tensor.type] += tensor.bytes.size();
      }
      const auto most = std::max_element(bytes.begin(), bytes.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
      entry["architecture"] = architecture;
      entry["parameters"] = parameters;
      if (most != bytes.end()) entry["type"] = tensor::info(most->first).name;
      entry["context"] = (*file)->integer(architecture + ".context_length").value_or(0);
    } else {
      entry["error"] = file.error().message;
    }
    entry["serving"] = writer != nullptr && writer->name == name;
    list.push_back(std::move(entry));
  }
  return json_response({{"models", std::move(list)}});
}

}  // namespace sillok::server

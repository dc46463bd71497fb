// Private to server: the models that are loaded: the one that writes answers (and is served by its name), and encoders
// for embeddings, loaded when first asked for.
#pragma once

#include "answer/answer.h"
#include "engine/engine.h"
#include "server/http.h"

namespace sillok::server {

// A model with its engine. The engine goes first, then the backend it stands on.
struct LoadedModel {
  std::string name;                                   // the file's, without .gguf
  fs::path file;
  std::string adapter;                                // as the engine knows it; "" = none
  std::unique_ptr<tensor::Backend> backend;
  std::unique_ptr<engine::Engine> engine;
  std::optional<model::ChatTemplate> chat_template;   // none: not made for conversation

  const model::Tokenizer& tokenizer() const { return engine->model().tokenizer(); }
};

class Models {
 public:
  static Result<std::unique_ptr<Models>> open(const fs::path& home, const answer::WriterSettings& settings);
  ~Models();

  answer::Generator* generator() const { return generator_.get(); }  // null: answers are quotes
  answer::Encoder* checker() const { return checker_.get(); }        // stands by when sentences are checked; null: none
  // Null: none, or the organisation's own server. Whoever holds it may use it after another release has come into force.
  std::shared_ptr<LoadedModel> writer() const { return writer_; }
  bool in_use() const { return writer_.use_count() > 1; }            // by somebody else than this
  // The loaded model of that name, or an encoder of the home's models/, which is loaded now. kNotFound otherwise.
  Result<std::shared_ptr<LoadedModel>> encoder(const std::string& name);
  // What models/ holds: name, file; broken files too.
  std::vector<std::pair<std::string, fs::path>> files() const;

  // Of a finished generation, for the figures.
  void count(const engine::Generated& done);
  double tokens_per_s() const { return tokens_per_s_.load(); }
  void write_metrics(std::string& out) const;

 private:
  Models(fs::path home, answer::WriterSettings settings) : home_(std::move(home)), settings_(std::move(settings)) {}
  Status open_checker(const fs::path& file);
  fs::path home_;
  answer::WriterSettings settings_;
  std::shared_ptr<LoadedModel> writer_;
  std::unique_ptr<answer::Generator> generator_;      // over writer_'s engine: goes before it
  std::shared_ptr<LoadedModel> checking_;             // its engine
  std::unique_ptr<answer::Encoder> checker_;          // goes before it
  std::mutex mutex_;                                  // guards encoders_
  std::vector<std::shared_ptr<LoadedModel>> encoders_;  // shared: one may be dropped while a request still uses it
  std::atomic<double> tokens_per_s_{0};
  std::atomic<uint64_t> prompt_tokens_{0}, tokens_{0};
};

}  // namespace sillok::server

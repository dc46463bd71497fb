// What the verbs that run a model share: its options, opening it, and turning a person's options into a request.
#pragma once

#include "cli/options.h"
#include "engine/engine.h"

namespace sillok::cli {

// An open model with its engine. The engine goes first, then the backend it stands on.
struct Session {
  std::unique_ptr<tensor::Backend> backend;
  std::unique_ptr<engine::Engine> engine;
  double load_s = 0;

  const model::Model& model() const { return engine->model(); }
  const model::Tokenizer& tokenizer() const { return engine->model().tokenizer(); }
};
// Opens the model file (a path, or a name in the home's models/) and --draft, starts the engine and loads --lora.
Result<Session> open_session(const Common& common, const ModelArguments& arguments, engine::EngineOptions options);

// A request with everything but the prompt.
Result<engine::GenerateRequest> request_options(const Session& session, const GenerateArguments& arguments);

// Runs the request and writes its text to standard output as it comes.
Result<engine::Generated> generate_to_output(const Session& session, engine::GenerateRequest request);

}  // namespace sillok::cli

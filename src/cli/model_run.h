// `sillok model logits` and `sillok model perplexity`: a model's own numbers, without the engine.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

#include "cli/options.h"

namespace sillok::cli {

// Adds both verbs under `model`; `verb` becomes what is to be run.
void define_model_run(CLI::App& model, Common& common, std::function<int()>& verb);

}  // namespace sillok::cli

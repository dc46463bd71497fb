// `sillok model embed` and `sillok model rerank`: what an encoder makes of lines of text.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

#include "cli/options.h"

namespace sillok::cli {

// Adds both verbs under `model`; `verb` becomes what is to be run.
void define_model_encode(CLI::App& model, Common& common, std::function<int()>& verb);

}  // namespace sillok::cli

// The verbs that train models, `tune` and `pretrain`: options and runs.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

#include "cli/options.h"

namespace sillok::cli {

// Adds both verbs; `verb` becomes what is to be run.
void define_tune(CLI::App& app, Common& common, std::function<int()>& verb);

}  // namespace sillok::cli

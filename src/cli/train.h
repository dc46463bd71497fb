// sillok train: datasets, tokenizers and retrievers from the records; how training is going.
#pragma once

#include <CLI/CLI.hpp>

#include "cli/options.h"

namespace sillok::cli {

// Defines `train` and its verbs; the one chosen is left in `verb`. `common` must live as long as the app.
void define_train(CLI::App& app, Common& common, std::function<int()>& verb);
// Its verb `runs` (train_runs.cc).
void define_train_runs(CLI::App& train, Common& common, std::function<int()>& verb);

}  // namespace sillok::cli

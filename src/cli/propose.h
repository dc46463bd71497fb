// sillok train propose, proposals, confirm, reject: questions that a model proposes and a person confirms.
#pragma once

#include <CLI/CLI.hpp>

#include "cli/options.h"

namespace sillok::cli {

// Defines them below `train`; the one chosen is left in `verb`. `common` must live as long as the app.
void define_propose(CLI::App& train, Common& common, std::function<int()>& verb);

}  // namespace sillok::cli

// `sillok user`, `key`, `audit`, `label`: people, what they did, and who may see what.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

#include "cli/options.h"

namespace sillok::cli {

// Adds the verbs; `verb` becomes what is to be run.
void define_govern(CLI::App& app, Common& common, std::function<int()>& verb);

}  // namespace sillok::cli

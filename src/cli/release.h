// `sillok release` and `sillok refresh`: what answers are made with, proved before it changes; and the loop that keeps it so.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

#include "cli/options.h"

namespace sillok::cli {

// Adds the verbs; `verb` becomes what is to be run.
void define_release(CLI::App& app, Common& common, std::function<int()>& verb);

}  // namespace sillok::cli

// What the verbs about models share: finding a file, reading standard input.
#pragma once

#include "cli/common.h"
#include "model/model.h"

namespace sillok::cli {

// The file as named, or the one of that name in the home's models/ (with .gguf left out or not). kNotFound says both places.
Result<fs::path> find_model(const Common& common, const std::string& name);
// All of standard input; kLimit above a gigabyte.
Result<std::string> read_input();

}  // namespace sillok::cli

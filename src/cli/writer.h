// What the verbs that write answers share: the model that does.
#pragma once

#include <memory>

#include "answer/answer.h"
#include "cli/options.h"

namespace sillok::cli {

struct Writer {
  answer::WriterSettings settings;
  std::unique_ptr<answer::Generator> generator;  // null: answers are quotes
};
// As sillok.toml says, unless the arguments say otherwise.
Result<Writer> open_writer(const Common& common, const WriterArguments& arguments);

}  // namespace sillok::cli

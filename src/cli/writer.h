// What the verbs that write answers share: the model that does.
#pragma once

#include <memory>

#include "answer/answer.h"
#include "cli/options.h"

namespace sillok::cli {

struct Writer {
  answer::WriterSettings settings;
  std::unique_ptr<answer::Generator> generator;  // null: answers are quotes
  std::unique_ptr<answer::Encoder> encoder;      // null: sentences are checked by their words alone
  double threshold = 0;
  std::string release, program;  // the release in force, "" if none; and with the program, as audit entries name it
};
// As the release in force says, without one as the home's sillok.toml and answer.json do, unless the arguments say otherwise.
Result<Writer> open_writer(const Common& common, const WriterArguments& arguments);

}  // namespace sillok::cli

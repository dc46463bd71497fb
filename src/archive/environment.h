// Private to archive: what the archive takes from outside, passed in so that tests can make it fail.
#pragma once

#include <functional>

#include "documents/documents.h"

namespace sillok::archive {

// Reads one file to items, as documents::ReaderProcess::read does. Used by one thread at a time.
using FileReader = std::function<Status(const fs::path&, const documents::ItemSink&)>;

// The bytes of one item of a container, as documents::ReaderProcess::extract: file, its name, part.
using PartReader = std::function<Result<std::string>(const fs::path&, std::string_view name, std::string_view part)>;

struct Environment {
  std::function<Result<FileReader>(const documents::ReadLimits&)> start_reader;  // called once per thread
  PartReader read_part;
  std::function<Day()> today;
  std::function<Micros()> now;
  // Called before each step that makes something durable, with its name; an error is treated as the step's
  // own. Lets tests fail or kill at every such step. May be empty.
  std::function<Status(std::string_view step)> before_step;
};

// Confined reader processes and the system's clock.
Environment real_environment();

}  // namespace sillok::archive

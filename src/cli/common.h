// What the verbs share: opening a home, printing, progress.
#pragma once

#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "archive/archive.h"
#include "cli/options.h"
#include "search/search.h"

namespace sillok::cli {

using Json = nlohmann::ordered_json;

// One line on standard error; gives the exit status for it (1).
int report_error(const Error& error);
// The same for arguments that make no sense (2).
int report_usage(const Error& error);
// To standard output, with a line end; malformed UTF-8 replaced. `indent` -1: one line.
void print_json(const Json& json, int indent = -1);

struct Home {
  archive::Archive archive;
  search::Searcher searcher;
};
// Opens archive and index, and brings the index up to date where a killed `add` left it behind.
Result<Home> open_home(const fs::path& path);

// Day for --as-of; kDayMax ("today") if empty.
Result<Day> day_option(const std::string& text, std::string_view name);

// The labels of --labels by their names; titles are known too. An unknown one is an error: it would find nothing.
Result<std::vector<std::string>> label_options(const archive::Archive& archive, const std::vector<std::string>& written);

// A progress line on standard error, redrawn at most ten times a second, only on a terminal.
class ProgressLine {
 public:
  explicit ProgressLine(std::string what);
  ~ProgressLine();
  void show(uint64_t done, uint64_t total, const std::string& extra = {});

 private:
  std::string what_;
  bool terminal_ = false, drawn_ = false;
  Micros last_ = 0, start_ = 0;
};

// With as many digits as tell this float from its neighbours; null for what JSON has no number for.
Json json_number(float value);

Json version_json(const archive::Version& version);
bool on_terminal(std::FILE* stream);

}  // namespace sillok::cli

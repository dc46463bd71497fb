// `sillok refresh`'s arguments and run; release.cc defines the verb.
#pragma once

#include "cli/options.h"
#include "release/release.h"

namespace sillok::cli {

struct RefreshArguments {
  std::vector<std::string> sources;
  std::string gold, as, accept, reject, answer;
  bool once = false, watch = false, pending = false, has_answer = false;
  uint32_t every_s = 0;  // 0: as sillok.toml says
};
int run_refresh(const Common& common, const RefreshArguments& arguments);

}  // namespace sillok::cli

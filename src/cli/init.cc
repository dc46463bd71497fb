#include "cli/common.h"

namespace sillok::cli {

int run_init(const Common& common) {
  if (auto made = archive::Archive::create(common.home); !made) return report_error(made.error());
  if (common.json) {
    print_json({{"home", fs::absolute(common.home).string()}});
  } else {
    std::printf("Made a home in %s. Next: sillok add --home %s PATH...\n", fs::absolute(common.home).c_str(),
                common.home.c_str());
  }
  return 0;
}

}  // namespace sillok::cli

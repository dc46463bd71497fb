// Writes the small models of the tests as files, for a reference engine: make_models FOLDER [NAME...]; or the model that
// speed is measured with: make_models FOLDER --measured TYPE.
#include <cstdio>
#include <cstring>

#include "small_models.h"

using namespace sillok;

namespace {

int write(const model::SmallModel& small, const fs::path& folder) {
  const auto written = model::write_small_model(small, folder / (small.name + ".gguf"));
  if (!written) {
    std::fprintf(stderr, "make_models: %s\n", written.error().message.c_str());
    return 1;
  }
  std::printf("%s\n", (folder / (small.name + ".gguf")).c_str());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: make_models FOLDER [NAME...] | make_models FOLDER --measured TYPE\n");
    return 2;
  }
  const fs::path folder = argv[1];
  if (argc == 4 && std::strcmp(argv[2], "--measured") == 0) {
    const tensor::TypeInfo* type = tensor::find_type(std::string_view(argv[3]));
    if (type == nullptr) {
      std::fprintf(stderr, "make_models: there is no type %s\n", argv[3]);
      return 2;
    }
    return write(model::measured_model(type->type), folder);
  }
  int status = 0;
  std::vector<model::SmallModel> all = model::small_models();
  for (model::SmallModel& adapter : model::small_adapters()) all.push_back(std::move(adapter));
  all.push_back(model::chatting_model());
  for (const model::SmallModel& small : all) {
    bool wanted = argc == 2;
    for (int i = 2; i < argc; ++i) wanted = wanted || small.name == argv[i];
    if (wanted) status |= write(small, folder);
  }
  return status;
}

// sillok model show and list: what GGUF files say of themselves.
#include "cli/model.h"

#include <algorithm>
#include <map>

namespace sillok::cli {
namespace {

constexpr uint64_t kMaxInput = uint64_t{1} << 30;
constexpr size_t kShown = 8;  // elements of an array that `show` prints

Json value_json(const model::GgufValue& value) {
  return std::visit(
      [](const auto& held) -> Json {
        using Held = std::decay_t<decltype(held)>;
        if constexpr (std::is_same_v<Held, std::shared_ptr<const model::GgufArray>>) {
          Json first = Json::array();
          const auto add = [&first](const auto& elements) {
            for (size_t i = 0; i < std::min(elements.size(), kShown); ++i) first.push_back(elements[i]);
          };
          add(held->integers);
          add(held->reals);
          add(held->strings);
          return {{"count", held->size()}, {"first", first}};
        } else {
          return held;
        }
      },
      value);
}

struct Totals {
  uint64_t parameters = 0, bytes = 0;
  std::map<std::string, uint64_t> bytes_by_type;
  std::string most;  // the type with most bytes
};

Totals totals_of(const model::Gguf& file) {
  Totals totals;
  for (const model::GgufTensor& tensor : file.tensors()) {
    uint64_t elements = 1;
    for (const uint64_t dimension : tensor.shape) elements *= dimension;
    totals.parameters += elements;
    totals.bytes += tensor.bytes.size();
    totals.bytes_by_type[std::string(tensor::info(tensor.type).name)] += tensor.bytes.size();
  }
  for (const auto& [type, bytes] : totals.bytes_by_type) {
    if (totals.most.empty() || bytes > totals.bytes_by_type[totals.most]) totals.most = type;
  }
  return totals;
}

std::string size_text(uint64_t bytes) {
  char text[32];
  if (bytes >= 1'000'000'000) std::snprintf(text, sizeof text, "%.2f GB", static_cast<double>(bytes) / 1e9);
  else std::snprintf(text, sizeof text, "%.1f MB", static_cast<double>(bytes) / 1e6);
  return text;
}

std::string shape_text(const std::vector<uint64_t>& shape) {
  std::string text;
  for (const uint64_t dimension : shape) text += (text.empty() ? "" : " x ") + std::to_string(dimension);
  return text;
}

void show_text(const model::Gguf& file, const Totals& totals) {
  std::string out;
  for (const auto& [key, value] : file.metadata()) {
    const std::string text = value_json(value).dump(-1, ' ', false, Json::error_handler_t::replace);
    out += key + "  " + shorten(text, 100) + "\n";
  }
  out += "\n";
  for (const model::GgufTensor& tensor : file.tensors()) {
    out += tensor.name + "  " + std::string(tensor::info(tensor.type).name) + "  " + shape_text(tensor.shape) + "\n";
  }
  out += "\n" + std::to_string(file.tensors().size()) + " tensors, " + std::to_string(totals.parameters) + " parameters, " +
         size_text(totals.bytes) + "\n";
  std::fwrite(out.data(), 1, out.size(), stdout);
}

// One line of `list`; a file that cannot be read says why instead.
Json list_entry(const fs::path& path) {
  std::error_code ignored;
  Json entry = {{"file", path.string()}, {"bytes", fs::file_size(path, ignored)}};
  const auto file = model::Gguf::open(path);
  if (!file) {
    entry["error"] = file.error().message;
    return entry;
  }
  const Totals totals = totals_of(**file);
  entry["architecture"] = (*file)->text("general.architecture").value_or("");
  entry["name"] = (*file)->text("general.name").value_or("");
  entry["parameters"] = totals.parameters;
  entry["type"] = totals.most;
  return entry;
}

}  // namespace

Result<fs::path> find_model(const Common& common, const std::string& name) {
  const fs::path there = common.home / "models" / name;
  for (const fs::path& path : {fs::path(name), there, fs::path(there.string() + ".gguf")}) {
    std::error_code ignored;
    if (fs::is_regular_file(path, ignored)) return path;
  }
  return fail(ErrorCode::kNotFound, "there is no model file " + name + ", nor one of that name in " +
                                        (common.home / "models").string() + "; `sillok model list` shows what there is");
}

Result<std::string> read_input() {
  std::string text;
  char buffer[1 << 16];
  for (;;) {
    const size_t n = std::fread(buffer, 1, sizeof buffer, stdin);
    text.append(buffer, n);
    if (text.size() > kMaxInput) return fail(ErrorCode::kLimit, "standard input has more than a gigabyte");
    if (n < sizeof buffer) break;
  }
  if (std::ferror(stdin) != 0) return fail_errno("cannot read standard input");
  return text;
}

int run_model_show(const Common& common, const ModelArguments& arguments) {
  const auto path = find_model(common, arguments.file);
  if (!path) return report_error(path.error());
  const auto file = model::Gguf::open(*path);
  if (!file) return report_error(file.error());
  const Totals totals = totals_of(**file);
  if (!common.json) {
    show_text(**file, totals);
    return 0;
  }
  Json metadata = Json::object(), tensors = Json::array();
  for (const auto& [key, value] : (*file)->metadata()) metadata[key] = value_json(value);
  for (const model::GgufTensor& tensor : (*file)->tensors()) {
    tensors.push_back({{"name", tensor.name}, {"type", tensor::info(tensor.type).name}, {"shape", tensor.shape}, {"bytes", tensor.bytes.size()}});
  }
  print_json({{"file", path->string()},
              {"version", (*file)->version()},
              {"architecture", (*file)->text("general.architecture").value_or("")},
              {"name", (*file)->text("general.name").value_or("")},
              {"parameters", totals.parameters},
              {"bytes", totals.bytes},
              {"bytes_by_type", totals.bytes_by_type},
              {"metadata", metadata},
              {"tensors", tensors}});
  return 0;
}

int run_model_list(const Common& common, const ModelArguments& arguments) {
  std::vector<fs::path> folders(arguments.folders.begin(), arguments.folders.end());
  std::error_code ignored;
  if (fs::is_directory(common.home / "models", ignored)) folders.insert(folders.begin(), common.home / "models");
  std::vector<fs::path> files;
  for (const fs::path& folder : folders) {
    std::error_code error;
    for (auto it = fs::recursive_directory_iterator(folder, error); !error && it != fs::recursive_directory_iterator(); it.increment(error)) {
      if (it->path().extension() == ".gguf" && it->is_regular_file(ignored)) files.push_back(it->path());
    }
    if (error) return report_error({ErrorCode::kIo, "cannot read the folder " + folder.string() + ": " + error.message()});
  }
  std::sort(files.begin(), files.end());
  Json list = Json::array();
  for (const fs::path& file : files) list.push_back(list_entry(file));
  if (common.json) {
    print_json({{"models", list}});
    return 0;
  }
  for (const Json& entry : list) {
    std::string line = entry["file"].get<std::string>() + "  ";
    if (entry.contains("error")) line += entry["error"].get<std::string>();
    else line += entry["architecture"].get<std::string>() + "  " + (entry["parameters"] == 0 ? "vocabulary only" : entry["type"].get<std::string>()) + "  " + size_text(entry["bytes"]);
    std::printf("%s\n", line.c_str());
  }
  if (list.empty()) std::printf("No GGUF files in %s; put some there, or name a folder\n", (common.home / "models").c_str());
  return 0;
}

}  // namespace sillok::cli

// sillok model import and quantize: GGUF files from other files.
#include "cli/model.h"

namespace sillok::cli {
namespace {

model::ModelProgress progress_on(ProgressLine& line) {
  return [&line](uint64_t done, uint64_t total) { line.show(done, total); };
}

int report_written(const Common& common, const fs::path& out) {
  std::error_code ignored;
  const uint64_t bytes = fs::file_size(out, ignored);
  if (common.json) print_json({{"file", out.string()}, {"bytes", bytes}});
  else std::printf("%s: %.1f MB\n", out.c_str(), static_cast<double>(bytes) / 1e6);
  return 0;
}

}  // namespace

int run_model_import(const Common& common, const ModelArguments& arguments) {
  std::optional<tensor::Type> type;
  if (!arguments.type.empty()) {
    const tensor::TypeInfo* known = tensor::find_type(arguments.type);
    if (known == nullptr) return report_usage({ErrorCode::kInvalid, "--type: there is no type '" + shorten(clean_utf8(arguments.type), 20) + "'"});
    type = known->type;
  }
  std::error_code ignored;
  Status done;
  if (fs::is_directory(arguments.file, ignored)) {
    ProgressLine line("importing");
    done = model::import_hugging_face(arguments.file, arguments.out, type, progress_on(line));
  } else if (arguments.tokenizer.empty()) {
    return report_usage({ErrorCode::kInvalid, arguments.file + " is no folder; a llama2.c checkpoint needs --tokenizer FILE"});
  } else if (type) {
    return report_usage({ErrorCode::kInvalid, "--type: a checkpoint keeps float32; use `sillok model quantize` afterwards"});
  } else {
    done = model::import_llama2c(arguments.file, arguments.tokenizer, arguments.out);
  }
  return done ? report_written(common, arguments.out) : report_error(done.error());
}

int run_model_quantize(const Common& common, const ModelArguments& arguments) {
  const auto in = find_model(common, arguments.file);
  if (!in) return report_error(in.error());
  ProgressLine line("quantising");
  const auto done = model::quantize_model(*in, arguments.out, arguments.type, progress_on(line));
  return done ? report_written(common, arguments.out) : report_error(done.error());
}

}  // namespace sillok::cli

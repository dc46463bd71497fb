// What the tests of model share: a temporary folder, GGUF files written for the purpose, and the data folder.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "model/model.h"

namespace sillok::model {

struct Folder {
  fs::path path;
  Folder() {
    std::string name = (fs::temp_directory_path() / "sillok_model_XXXXXX").string();
    path = ::mkdtemp(name.data());
  }
  ~Folder() { fs::remove_all(path); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
};

inline GgufValue strings(std::vector<std::string> values) {
  auto array = std::make_shared<GgufArray>();
  array->strings = std::move(values);
  return GgufValue(std::shared_ptr<const GgufArray>(std::move(array)));
}
inline GgufValue reals(std::vector<double> values) {
  auto array = std::make_shared<GgufArray>();
  array->reals = std::move(values);
  return GgufValue(std::shared_ptr<const GgufArray>(std::move(array)));
}
inline GgufValue integers(std::vector<int64_t> values) {
  auto array = std::make_shared<GgufArray>();
  array->integers = std::move(values);
  return GgufValue(std::shared_ptr<const GgufArray>(std::move(array)));
}

// Tensors whose every byte is `byte`.
inline GgufFill filled(const GgufOut& what, char byte) {
  return [&what, byte](size_t i, const std::function<Status(std::string_view)>& append) -> Status {
    size_t rows = 1;
    for (size_t d = 1; d < what.tensors[i].shape.size(); ++d) rows *= what.tensors[i].shape[d];
    const std::string row(tensor::row_bytes(what.tensors[i].type, what.tensors[i].shape[0]), byte);
    for (size_t r = 0; r < rows; ++r) SILLOK_TRY(append(row));
    return {};
  };
}

// The bytes of a GGUF file with these contents.
inline std::string gguf_bytes(const GgufOut& what) {
  const Folder folder;
  const auto written = write_gguf(folder.path / "x.gguf", what, filled(what, 1));
  EXPECT_TRUE(written) << written.error().message;
  return read_file(folder.path / "x.gguf").value_or("");
}

// $SILLOK_DATA/`below`, or empty where it is not at hand.
inline fs::path data_path(std::string_view below) {
  const char* data = std::getenv("SILLOK_DATA");
  if (data == nullptr || !fs::exists(fs::path(data) / below)) return {};
  return fs::path(data) / below;
}

}  // namespace sillok::model

// Safetensors files: named tensors behind a JSON header.
//
//   0  u64 size of the header, little-endian
//   8  the header: {"name": {"dtype", "shape", "data_offsets": [begin, end]}, ..., "__metadata__": {text: text}}
//   .. the data; offsets count from its start. The tensors cover it wholly, without holes or overlaps.
#pragma once

#include "model/model.h"

namespace sillok::model {

struct SafeTensor {
  std::string name;
  tensor::Type type = tensor::Type::kF32;  // F64, F32, F16, BF16, I64, I32, I16, I8; U8 and BOOL are given as I8
  std::vector<uint64_t> shape;             // slowest dimension first, as in the file
  std::string_view bytes;                  // in the mapping
};

class Safetensors {
 public:
  static Result<Safetensors> open(const fs::path& path);
  static Result<Safetensors> parse(std::string_view bytes);  // bytes must outlive it

  const std::map<std::string, SafeTensor, std::less<>>& tensors() const { return tensors_; }
  const SafeTensor* tensor(std::string_view name) const;
  const std::map<std::string, std::string>& metadata() const { return metadata_; }

 private:
  Status read(std::string_view bytes);
  MappedFile file_;
  std::map<std::string, SafeTensor, std::less<>> tensors_;
  std::map<std::string, std::string> metadata_;
};

}  // namespace sillok::model

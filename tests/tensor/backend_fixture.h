// Helpers of the tests of the CPU backend: backends of every kind, values, weights and their reference products.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "tensor/tensor.h"

namespace sillok::tensor {

inline std::unique_ptr<Backend> backend(Isa isa, uint32_t threads) {
  auto made = make_cpu_backend({.threads = threads, .isa = isa});
  if (!made) ADD_FAILURE() << made.error().message;
  return std::move(*made);
}

inline std::vector<float> normal_values(size_t count, uint32_t seed, float scale = 1) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal(0, scale);
  std::vector<float> values(count);
  for (float& value : values) value = normal(generator);
  return values;
}

// Rows in a backend's buffer, with a gap between rows so that a kernel that writes past a row is caught.
class Matrix {
 public:
  Matrix(Backend& backend, size_t rows, size_t columns) : backend_(&backend) {
    buffer_ = *backend.allocate(rows * (columns + kGap) + 1);
    view_ = {buffer_.get(), 1, rows, columns, columns + kGap};  // offset 1: not aligned
  }
  Matrix(Backend& backend, size_t rows, size_t columns, const std::vector<float>& values) : Matrix(backend, rows, columns) {
    backend.write(view_, values.data());
  }
  const View& view() const { return view_; }
  std::vector<float> read() const {
    const View gap{buffer_.get(), 1 + view_.columns, view_.rows, kGap, view_.stride};
    std::vector<float> gaps(view_.rows * kGap), values(view_.rows * view_.columns);
    backend_->read(gap, gaps.data());
    for (const float value : gaps) EXPECT_EQ(value, 0) << "written past the end of a row";
    backend_->read(view_, values.data());
    return values;
  }

 private:
  static constexpr size_t kGap = 3;
  Backend* backend_;
  std::unique_ptr<Buffer> buffer_;
  View view_;
};

struct QuantisedMatrix {
  Type type;
  size_t rows, columns;
  std::vector<uint8_t> bytes;
  std::vector<float> values;  // what the bytes read back as

  QuantisedMatrix(Type type_, size_t rows_, size_t columns_, uint32_t seed) : type(type_), rows(rows_), columns(columns_) {
    const auto x = normal_values(rows * columns, seed, 0.5f);
    const size_t row = row_bytes(type, columns);
    bytes.resize(rows * row);
    values.resize(rows * columns);
    for (size_t i = 0; i < rows; ++i) {
      quantize(type, x.data() + i * columns, bytes.data() + i * row, columns);
      dequantize(type, bytes.data() + i * row, values.data() + i * columns, columns);
    }
  }
  WeightData data() const { return {type, rows, columns, bytes.data()}; }
};

inline bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0);
}

inline const std::vector<Type>& weight_types() {
  static const std::vector<Type> kTypes = {Type::kF32,  Type::kF16,  Type::kBF16, Type::kQ4_0, Type::kQ4_1,
                                           Type::kQ5_0, Type::kQ5_1, Type::kQ8_0, Type::kQ2_K, Type::kQ3_K,
                                           Type::kQ4_K, Type::kQ5_K, Type::kQ6_K, Type::kIQ4_NL, Type::kMXFP4};
  return kTypes;
}

}  // namespace sillok::tensor

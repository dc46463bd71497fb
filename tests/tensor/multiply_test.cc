// Products of every type on every instruction set: against float64, and bit for bit whatever the batch, the threads
// and the instruction set.
#include "backend_fixture.h"

namespace sillok::tensor {
namespace {

std::vector<float> multiply(Backend& on, const QuantisedMatrix& matrix, const std::vector<float>& x) {
  const size_t batch = x.size() / matrix.columns;
  auto weight = *on.load(matrix.data(), WeightUse::kMatrix, nullptr);
  const Matrix from(on, batch, matrix.columns, x), to(on, batch, matrix.rows);
  const Product product{weight.get(), to.view()};
  on.multiply(from.view(), {&product, 1});
  return to.read();
}

// |error| <= sum over k of |w| * (error of x) + rounding. Activations in 8 bits are off by at most half a step, largest
// of 32 / 254, for other types than the float ones; rounding is at most columns * epsilon of the sum of magnitudes, and
// the offsets of unsigned codes can be 32 times a code's value.
void expect_near_product(const QuantisedMatrix& matrix, const std::vector<float>& x, const std::vector<float>& y) {
  const bool plain = info(matrix.type).block_elements == 1;
  const size_t batch = x.size() / matrix.columns;
  for (size_t b = 0; b < batch; ++b) {
    for (size_t row = 0; row < matrix.rows; ++row) {
      double exact = 0, allowed = 0;
      float largest = 0;
      for (size_t k = 0; k < matrix.columns; ++k) {
        const float* of_row = x.data() + b * matrix.columns;
        if (k % 32 == 0) {
          largest = 0;
          for (size_t i = k; i < std::min(k + 32, matrix.columns); ++i) largest = std::max(largest, std::fabs(of_row[i]));
        }
        const auto w = static_cast<double>(matrix.values[row * matrix.columns + k]);
        exact += w * static_cast<double>(of_row[k]);
        const double step = plain ? 0 : static_cast<double>(largest) / 254 * 1.001;
        allowed += std::fabs(w) * step;
        allowed += std::fabs(w * static_cast<double>(of_row[k])) * static_cast<double>(matrix.columns) * 0x1p-24;
        if (!plain) allowed += 32 * static_cast<double>(largest) * static_cast<double>(matrix.columns) * 0x1p-24;
      }
      ASSERT_NEAR(static_cast<double>(y[b * matrix.rows + row]), exact, allowed)
          << info(matrix.type).name << " batch " << b << " row " << row;
    }
  }
}

#if defined(SILLOK_EMULATE_AVX512)
TEST(Emulation, IsOneOfTheInstructionSets) { EXPECT_EQ(available_isas().back(), Isa::kAvx512); }
#endif

class EveryType : public testing::TestWithParam<Type> {};

TEST_P(EveryType, IsTheProductOnEveryInstructionSet) {
  const size_t block = info(GetParam()).block_elements;
  // Odd shapes: rows that do not fill a panel, columns that do not fill a chunk.
  for (const size_t rows : {1u, 15u, 16u, 17u, 50u}) {
    for (const size_t blocks : {1u, 2u, 3u, 9u, 11u}) {
      const QuantisedMatrix matrix(GetParam(), rows, block * blocks * (block == 1 ? 31 : 1), static_cast<uint32_t>(rows));
      const auto x = normal_values(9 * matrix.columns, 77);
      for (size_t batch = 1; batch <= 9; batch += batch < 4 ? 1 : 5) {
        const std::vector<float> part(x.begin(), x.begin() + static_cast<std::ptrdiff_t>(batch * matrix.columns));
        const auto scalar = multiply(*backend(Isa::kScalar, 1), matrix, part);
        expect_near_product(matrix, part, scalar);
        for (const Isa isa : available_isas()) {
          EXPECT_TRUE(same_bits(multiply(*backend(isa, 1), matrix, part), scalar))
              << info(GetParam()).name << " " << to_string(isa) << " " << rows << " x " << matrix.columns << " batch " << batch;
        }
      }
    }
  }
}

TEST_P(EveryType, BitsDoNotDependOnTheBatchOrTheThreads) {
  const QuantisedMatrix matrix(GetParam(), 330, 768, 3);
  constexpr size_t kBatch = 201;  // past one slice of rows
  const auto x = normal_values(kBatch * matrix.columns, 4);
  for (const Isa isa : available_isas()) {
    if (isa == Isa::kScalar && available_isas().size() > 1) continue;  // slow, and the same bits
    const auto whole = multiply(*backend(isa, 1), matrix, x);
    EXPECT_TRUE(same_bits(multiply(*backend(isa, 3), matrix, x), whole)) << info(GetParam()).name;
    size_t row = 0;
    for (const size_t batch : {1u, 2u, 3u, 4u, 5u, 6u, 7u, 8u, 9u, 13u, 64u, 79u}) {
      const std::vector<float> part(x.begin() + static_cast<std::ptrdiff_t>(row * matrix.columns),
                                    x.begin() + static_cast<std::ptrdiff_t>((row + batch) * matrix.columns));
      const std::vector<float> expected(whole.begin() + static_cast<std::ptrdiff_t>(row * matrix.rows),
                                        whole.begin() + static_cast<std::ptrdiff_t>((row + batch) * matrix.rows));
      EXPECT_TRUE(same_bits(multiply(*backend(isa, 2), matrix, part), expected)) << info(GetParam()).name << " batch " << batch;
      row += batch;
    }
  }
}

TEST_P(EveryType, BitsOfAKeptWeightAreThoseOfAPackedOne) {
  const auto matrix = std::make_shared<QuantisedMatrix>(GetParam(), 330, 768, 5);
  constexpr size_t kBatch = 201;  // past one slice of rows
  for (const size_t batch : {size_t{1}, size_t{7}, kBatch}) {
    const auto x = normal_values(batch * matrix->columns, 6);
    for (const uint32_t threads : {1u, 3u}) {
      const auto on = backend(available_isas().back(), threads);
      const auto expected = multiply(*on, *matrix, x);
      auto weight = *on->load(matrix->data(), WeightUse::kMatrix, matrix);
      // Packed in passing, then for good, then used as it is.
      for (int use = 0; use < 3; ++use) {
        const Matrix from(*on, batch, matrix->columns, x), to(*on, batch, matrix->rows);
        const Product product{weight.get(), to.view()};
        on->multiply(from.view(), {&product, 1});
        EXPECT_TRUE(same_bits(to.read(), expected)) << info(GetParam()).name << " batch " << batch << " use " << use;
      }
    }
  }
}

TEST_P(EveryType, WhatIsNotANumberStaysInItsRow) {
  const QuantisedMatrix matrix(GetParam(), 20, 256, 5);
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    auto x = normal_values(3 * matrix.columns, 6);
    const std::vector<float> good = x;
    x[matrix.columns + 40] = bad;
    for (const Isa isa : available_isas()) {
      auto on = backend(isa, 1);
      const auto y = multiply(*on, matrix, x), expected = multiply(*on, matrix, good);
      for (size_t row = 0; row < matrix.rows; ++row) {
        EXPECT_EQ(y[row], expected[row]);
        EXPECT_FALSE(std::isfinite(y[matrix.rows + row])) << info(GetParam()).name;
        EXPECT_EQ(y[2 * matrix.rows + row], expected[2 * matrix.rows + row]);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Types, EveryType, testing::ValuesIn(weight_types()),
                         [](const auto& type) { return std::string(tensor::info(type.param).name); });

// The extremes of every code, as a file may hold them: integers must not overflow on any instruction set.
TEST(Multiply, ExtremeBytesGiveTheSameBits) {
  for (const Type type : weight_types()) {
    if (info(type).block_elements == 1) continue;
    for (const int fill : {0x00, 0x7F, 0x80, 0xFF}) {
      QuantisedMatrix matrix(type, 16, 512, 7);
      // Scales stay those of the quantiser where they are halves; everything else takes the extreme.
      std::vector<uint8_t> saved = matrix.bytes;
      std::fill(matrix.bytes.begin(), matrix.bytes.end(), static_cast<uint8_t>(fill));
      const size_t size = info(type).block_bytes;
      for (size_t at = 0; at < saved.size(); at += size) {
        size_t scale = 0;
        if (type == Type::kQ2_K) scale = 80;
        if (type == Type::kQ3_K) scale = 108;
        if (type == Type::kQ6_K) scale = 208;
        const bool two = type == Type::kQ2_K || type == Type::kQ4_K || type == Type::kQ5_K || type == Type::kQ4_1 ||
                         type == Type::kQ5_1;
        const size_t bytes = type == Type::kMXFP4 ? 1 : two ? 4 : 2;
        std::copy_n(saved.begin() + static_cast<std::ptrdiff_t>(at + scale), bytes,
                    matrix.bytes.begin() + static_cast<std::ptrdiff_t>(at + scale));
      }
      for (size_t row = 0; row < matrix.rows; ++row) {
        dequantize(type, matrix.bytes.data() + row * row_bytes(type, 512), matrix.values.data() + row * 512, 512);
      }
      std::vector<float> x(2 * 512, 1.0f);
      for (size_t i = 512; i < 1024; ++i) x[i] = i % 2 ? 1.0f : -1.0f;
      const auto scalar = multiply(*backend(Isa::kScalar, 1), matrix, x);
      expect_near_product(matrix, x, scalar);
      for (const Isa isa : available_isas()) {
        EXPECT_TRUE(same_bits(multiply(*backend(isa, 1), matrix, x), scalar)) << info(type).name << " fill " << fill;
      }
    }
  }
}

TEST(Multiply, SeveralWeightsAtOnceAreThoseAlone) {
  auto on = backend(available_isas().back(), 2);
  const QuantisedMatrix a(Type::kQ4_K, 70, 512, 1), b(Type::kF16, 33, 512, 2), c(Type::kQ8_0, 16, 512, 3);
  for (const size_t batch : {1u, 7u}) {
    const auto x = normal_values(batch * 512, 4);
    const Matrix from(*on, batch, 512, x), ya(*on, batch, 70), yb(*on, batch, 33), yc(*on, batch, 16);
    auto wa = *on->load(a.data(), WeightUse::kMatrix, nullptr), wb = *on->load(b.data(), WeightUse::kMatrix, nullptr),
         wc = *on->load(c.data(), WeightUse::kMatrix, nullptr);
    const Product products[] = {{wa.get(), ya.view()}, {wb.get(), yb.view()}, {wc.get(), yc.view()}};
    on->multiply(from.view(), products);
    EXPECT_TRUE(same_bits(ya.read(), multiply(*on, a, x)));
    EXPECT_TRUE(same_bits(yb.read(), multiply(*on, b, x)));
    EXPECT_TRUE(same_bits(yc.read(), multiply(*on, c, x)));
  }
}

TEST(Multiply, AnEmbeddingIsGatheredAndMultiplied) {
  auto on = backend(available_isas().back(), 2);
  for (const Type type : weight_types()) {
    const QuantisedMatrix matrix(type, 40, 256, 9);
    auto weight = *on->load(matrix.data(), WeightUse::kEmbedding, nullptr);
    const Matrix rows(*on, 3, 256);
    const std::vector<int32_t> ids = {39, 0, 17};
    on->gather(*weight, ids, rows.view());
    const auto got = rows.read();
    for (size_t i = 0; i < 3; ++i) {
      const auto* expected = matrix.values.data() + static_cast<size_t>(ids[i]) * 256;
      EXPECT_EQ(std::memcmp(got.data() + i * 256, expected, 256 * sizeof(float)), 0) << info(type).name;
    }
    const Matrix y(*on, 3, 40);
    const Product product{weight.get(), y.view()};
    on->multiply(rows.view(), {&product, 1});
    EXPECT_TRUE(same_bits(y.read(), multiply(*on, matrix, got))) << info(type).name;
  }
}

TEST(Multiply, LowRankAdditionToSomeRows) {
  auto on = backend(available_isas().back(), 2);
  const QuantisedMatrix a(Type::kF32, 4, 64, 1), b(Type::kF32, 24, 4, 2);
  auto wa = *on->load(a.data(), WeightUse::kMatrix, nullptr), wb = *on->load(b.data(), WeightUse::kMatrix, nullptr);
  const auto x = normal_values(5 * 64, 3), y = normal_values(5 * 24, 4);
  const Matrix from(*on, 5, 64, x), to(*on, 5, 24, y);
  const std::vector<uint32_t> rows = {3, 1};
  on->add_low_rank(from.view(), to.view(), {wa.get(), wb.get(), 0.5f, rows});
  const auto got = to.read();
  for (size_t row = 0; row < 5; ++row) {
    for (size_t i = 0; i < 24; ++i) {
      double expected = static_cast<double>(y[row * 24 + i]);
      if (row == 1 || row == 3) {
        for (size_t r = 0; r < 4; ++r) {
          double inner = 0;
          for (size_t k = 0; k < 64; ++k) inner += static_cast<double>(a.values[r * 64 + k] * x[row * 64 + k]);
          expected += 0.5 * static_cast<double>(b.values[i * 4 + r]) * inner;
        }
      }
      EXPECT_NEAR(static_cast<double>(got[row * 24 + i]), expected, 1e-4);
    }
  }
  // All rows, and each row as if it were alone.
  const Matrix all(*on, 5, 24, y);
  on->add_low_rank(from.view(), all.view(), {wa.get(), wb.get(), 0.5f, {}});
  const auto every = all.read();
  for (size_t i = 0; i < 24; ++i) {
    EXPECT_EQ(every[24 + i], got[24 + i]);
    EXPECT_EQ(every[3 * 24 + i], got[3 * 24 + i]);
  }
}

TEST(Load, RefusesWhatItCannotHold) {
  auto on = backend(Isa::kScalar, 1);
  const std::vector<float> values(64);
  const auto code = [&](const WeightData& data) { return on->load(data, WeightUse::kMatrix, nullptr).error().code; };
  EXPECT_EQ(code({Type::kI32, 2, 32, values.data()}), ErrorCode::kUnsupported);
  EXPECT_EQ(code({Type::kQ4_K, 1, 32, values.data()}), ErrorCode::kInvalid);
  EXPECT_EQ(code({Type::kF32, 0, 32, values.data()}), ErrorCode::kInvalid);
  EXPECT_EQ(code({Type::kF32, SIZE_MAX / 4, 1024, values.data()}), ErrorCode::kLimit);
  EXPECT_EQ(make_cpu_backend({.threads = 1, .isa = static_cast<Isa>(99)}).error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(make_cpu_backend({.threads = 100000, .isa = {}}).error().code, ErrorCode::kInvalid);
}

}  // namespace
}  // namespace sillok::tensor

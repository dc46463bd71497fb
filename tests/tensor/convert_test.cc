// Reference conversion: halves, known blocks byte by byte, round trips of every type.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "tensor/tensor.h"

namespace sillok::tensor {
namespace {

std::vector<float> normal_values(size_t count, uint32_t seed, float scale = 1) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal(0, scale);
  std::vector<float> values(count);
  for (float& value : values) value = normal(generator);
  return values;
}

TEST(Half, EveryHalfSurvivesTheRoundTrip) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<uint16_t>(bits);
    const float value = half_to_float(half);
    if (std::isnan(value)) {
      EXPECT_TRUE(std::isnan(half_to_float(float_to_half(value))));
    } else {
      ASSERT_EQ(float_to_half(value), half) << bits;
    }
  }
}

TEST(Half, RoundsToNearestEven) {
  EXPECT_EQ(float_to_half(1.0f), 0x3C00);
  EXPECT_EQ(float_to_half(1.0f + 0x1p-11f), 0x3C00);               // tie, down to even
  EXPECT_EQ(float_to_half(1.0f + 3 * 0x1p-11f), 0x3C02);           // tie, up to even
  EXPECT_EQ(float_to_half(1.0f + 0x1p-11f + 0x1p-20f), 0x3C01);
  EXPECT_EQ(float_to_half(65519.0f), 0x7BFF);
  EXPECT_EQ(float_to_half(65520.0f), 0x7C00);                      // tie, to infinity
  EXPECT_EQ(float_to_half(0x1p-24f), 0x0001);
  EXPECT_EQ(float_to_half(0x1p-25f), 0x0000);                      // tie, to even zero
  EXPECT_EQ(float_to_half(-0x1.8p-25f), 0x8001);
  EXPECT_EQ(float_to_half(0x1.ff8p-15f), 0x03FF);                  // the largest subnormal
  EXPECT_EQ(float_to_half(0x1.ffcp-15f), 0x0400);                  // tie, to the smallest normal
  EXPECT_EQ(float_to_half(-std::numeric_limits<float>::infinity()), 0xFC00);
}

// Every half's neighbourhood: the nearest half to a float is never further than its neighbours.
TEST(Half, NearestAmongNeighbours) {
  std::mt19937 generator(5);
  for (int i = 0; i < 200000; ++i) {
    const float value = std::bit_cast<float>(static_cast<uint32_t>(generator()));
    if (!(std::fabs(value) < 65504.0f)) continue;
    const uint16_t half = float_to_half(value);
    const float error = std::fabs(half_to_float(half) - value);
    ASSERT_LE(error, std::fabs(half_to_float(static_cast<uint16_t>(half + 1)) - value));
    if ((half & 0x7FFF) == 0) continue;
    ASSERT_LE(error, std::fabs(half_to_float(static_cast<uint16_t>(half - 1)) - value));
  }
}

std::vector<float> read(Type type, const std::vector<uint8_t>& bytes) {
  std::vector<float> out(info(type).block_elements);
  EXPECT_EQ(bytes.size(), info(type).block_bytes);
  dequantize(type, bytes.data(), out.data(), out.size());
  return out;
}
// 0x3800 is one half, 0x3C00 one, 0x4000 two.
void put_half(std::vector<uint8_t>& bytes, size_t at, uint16_t half) {
  bytes[at] = static_cast<uint8_t>(half);
  bytes[at + 1] = static_cast<uint8_t>(half >> 8);
}

TEST(KnownBytes, Blocks) {
  std::vector<uint8_t> q40(18);
  put_half(q40, 0, 0x3800);
  q40[2] = 0xF0;       // element 0 -> 0, element 16 -> 15
  q40[2 + 15] = 0x2A;  // element 15 -> 10, element 31 -> 2
  auto x = read(Type::kQ4_0, q40);
  EXPECT_EQ(x[0], -4.0f);
  EXPECT_EQ(x[16], 3.5f);
  EXPECT_EQ(x[15], 1.0f);
  EXPECT_EQ(x[31], -3.0f);
  EXPECT_EQ(x[1], -4.0f);

  std::vector<uint8_t> q41(20);
  put_half(q41, 0, 0x3800);
  put_half(q41, 2, 0xC000);
  q41[4 + 3] = 0x91;
  x = read(Type::kQ4_1, q41);
  EXPECT_EQ(x[3], -1.5f);
  EXPECT_EQ(x[19], 2.5f);
  EXPECT_EQ(x[0], -2.0f);

  std::vector<uint8_t> q50(22);
  put_half(q50, 0, 0x3C00);
  q50[2] = 0x02;         // bit 1: element 1
  q50[2 + 3] = 0x80;     // bit 31: element 31
  q50[6 + 1] = 0x03;
  q50[6 + 15] = 0x50;
  x = read(Type::kQ5_0, q50);
  EXPECT_EQ(x[1], 3.0f);     // 3 + 16 - 16
  EXPECT_EQ(x[31], 5.0f);
  EXPECT_EQ(x[15], -16.0f);

  std::vector<uint8_t> q51(24);
  put_half(q51, 0, 0x3C00);
  put_half(q51, 2, 0x3800);
  q51[4 + 2] = 0x01;     // bit 16
  q51[8] = 0x7F;
  x = read(Type::kQ5_1, q51);
  EXPECT_EQ(x[0], 15.5f);
  EXPECT_EQ(x[16], 23.5f);

  std::vector<uint8_t> q80(34);
  put_half(q80, 0, 0x4000);
  q80[2] = 0x80;
  q80[33] = 5;
  x = read(Type::kQ8_0, q80);
  EXPECT_EQ(x[0], -256.0f);
  EXPECT_EQ(x[31], 10.0f);

  std::vector<uint8_t> iq4(18);
  put_half(iq4, 0, 0x3C00);
  iq4[2] = 0xF0;
  x = read(Type::kIQ4_NL, iq4);
  EXPECT_EQ(x[0], -127.0f);
  EXPECT_EQ(x[16], 113.0f);

  std::vector<uint8_t> mxfp4(17);
  mxfp4[0] = 128;        // 2^1, so half of it is 1
  mxfp4[1] = 0xF7;
  mxfp4[2] = 0x21;
  x = read(Type::kMXFP4, mxfp4);
  EXPECT_EQ(x[0], 12.0f);    // 2 * 6
  EXPECT_EQ(x[16], -12.0f);
  EXPECT_EQ(x[1], 1.0f);     // 2 * 0.5
  EXPECT_EQ(x[17], 2.0f);
  mxfp4[0] = 0;
  EXPECT_EQ(read(Type::kMXFP4, mxfp4)[17], 2 * 0x1p-128f);
}

TEST(KnownBytes, KTypes) {
  std::vector<uint8_t> q2(84);
  q2[9] = 0x23;              // sub-block 9: scale 3, min 2
  q2[16 + 32 + 16] = 0x03;   // n = 1, l = 16, j = 0: element 144, in sub-block 9
  put_half(q2, 80, 0x3C00);
  put_half(q2, 82, 0x3800);
  auto x = read(Type::kQ2_K, q2);
  EXPECT_EQ(x[144], 8.0f);   // 3 * 3 - 0.5 * 2
  EXPECT_EQ(x[145], -1.0f);
  EXPECT_EQ(x[0], 0.0f);

  std::vector<uint8_t> q3(110);
  put_half(q3, 108, 0x3C00);
  q3[96 + 5] = 0x30;         // sub-block 13: low bits 3
  q3[104 + 1] = 0x80;        // and high bits 2 at bits 6..7: scale 35 - 32 = 3
  q3[32 + 32 + 16] = 0x20;   // n = 1, l = 16, j = 2 (element 208, sub-block 13): 2
  q3[16] = 0x40;             // bit 4 * 1 + 2: so q = 6
  x = read(Type::kQ3_K, q3);
  EXPECT_EQ(x[208], 6.0f);   // 3 * (6 - 4)
  EXPECT_EQ(x[209], -12.0f);
  EXPECT_EQ(x[0], 128.0f);   // scale -32, q 0 - 4

  std::vector<uint8_t> q4(144);
  put_half(q4, 0, 0x3C00);
  put_half(q4, 2, 0x3800);
  q4[4 + 1] = 0x80 | 5;      // scale[1] = 5; high bits of scale[5] = 2
  q4[4 + 5] = 0x40 | 7;      // min[1] = 7; high bits of min[5] = 1
  q4[4 + 9] = 0x93;          // scale[5] low 3, min[5] low 9
  q4[16] = 0xA0;             // element 32 -> 10
  q4[16 + 64 + 31] = 0xC0;   // sub-block 5, l = 31: element 191 -> 12
  x = read(Type::kQ4_K, q4);
  EXPECT_EQ(x[32], 50.0f - 3.5f);
  EXPECT_EQ(x[191], 35.0f * 12 - 0.5f * 25);
  EXPECT_EQ(x[0], 0.0f);

  std::vector<uint8_t> q5(176);
  put_half(q5, 0, 0x3C00);
  q5[4 + 1] = 2;
  q5[16] = 0x02;             // fifth bit of element 0 of sub-block 1
  q5[48] = 0xA0;
  x = read(Type::kQ5_K, q5);
  EXPECT_EQ(x[32], 52.0f);

  std::vector<uint8_t> q6(210);
  put_half(q6, 208, 0x3800);
  q6[192 + 15] = 0xFE;           // scale -2 for sub-block 15
  q6[64 + 32 + 20] = 0x50;       // n = 1, j = 3, l = 20: element 244, low bits 5
  q6[128 + 32 + 20] = 0xC0;      // high bits 3: q = 53
  x = read(Type::kQ6_K, q6);
  EXPECT_EQ(x[244], -21.0f);
  EXPECT_EQ(x[245], 32.0f);
  EXPECT_EQ(x[0], 0.0f);
}

struct Expected {
  Type type;
  double relative_error;  // root mean square over normal values, of their standard deviation
};
// Bounds 3 % above what the searches reach; a broken field or a search that stops searching exceeds them.
const Expected kExpected[] = {
    {Type::kF32, 0},         {Type::kF16, 2.2e-4},   {Type::kBF16, 1.75e-3}, {Type::kQ4_0, 0.0843},
    {Type::kQ4_1, 0.0728},   {Type::kQ5_0, 0.0419},  {Type::kQ5_1, 0.0353},  {Type::kQ8_0, 0.0056},
    {Type::kQ2_K, 0.278},    {Type::kQ3_K, 0.149},   {Type::kQ4_K, 0.0742},  {Type::kQ5_K, 0.0373},
    {Type::kQ6_K, 0.0176},   {Type::kIQ4_NL, 0.0761}, {Type::kMXFP4, 0.116},
};

double relative_error(Type type, const std::vector<float>& x, const float* importance = nullptr) {
  std::vector<uint8_t> packed(row_bytes(type, x.size()));
  std::vector<float> back(x.size());
  quantize(type, x.data(), packed.data(), x.size(), importance);
  dequantize(type, packed.data(), back.data(), x.size());
  double error = 0, norm = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const double w = importance != nullptr ? static_cast<double>(importance[i]) : 1.0;
    const auto value = static_cast<double>(x[i]);
    error += w * (value - static_cast<double>(back[i])) * (value - static_cast<double>(back[i]));
    norm += w * value * value;
  }
  return norm > 0 ? std::sqrt(error / norm) : std::sqrt(error);
}

TEST(RoundTrip, ErrorOfEveryType) {
  const auto x = normal_values(256 * 64, 1, 0.02f);
  for (const Expected& expected : kExpected) {
    EXPECT_LE(relative_error(expected.type, x), expected.relative_error) << info(expected.type).name;
    EXPECT_TRUE(can_quantize(expected.type) && can_dequantize(expected.type));
  }
}

TEST(RoundTrip, ImportanceLowersTheWeightedError) {
  const auto x = normal_values(256 * 64, 2);
  std::vector<float> importance(x.size());
  const auto noise = normal_values(x.size(), 3);
  for (size_t i = 0; i < x.size(); ++i) importance[i] = noise[i] * noise[i] + 1e-3f;
  for (const Type type : {Type::kQ4_0, Type::kQ4_1, Type::kQ5_0, Type::kQ2_K, Type::kQ3_K, Type::kQ4_K, Type::kIQ4_NL}) {
    std::vector<uint8_t> packed(row_bytes(type, x.size()));
    std::vector<float> back(x.size());
    quantize(type, x.data(), packed.data(), x.size());
    dequantize(type, packed.data(), back.data(), x.size());
    double error = 0, norm = 0;
    for (size_t i = 0; i < x.size(); ++i) {
      const double difference = static_cast<double>(x[i]) - static_cast<double>(back[i]);
      error += static_cast<double>(importance[i]) * difference * difference;
      norm += static_cast<double>(importance[i]) * static_cast<double>(x[i]) * static_cast<double>(x[i]);
    }
    EXPECT_LT(relative_error(type, x, importance.data()), 0.97 * std::sqrt(error / norm)) << info(type).name;
  }
}

TEST(RoundTrip, ZeroAndTinyBlocksAreZero) {
  for (const Expected& expected : kExpected) {
    std::vector<float> x(256, 0.0f);
    EXPECT_EQ(relative_error(expected.type, x), 0) << info(expected.type).name;
    std::fill(x.begin(), x.end(), 1e-42f);
    EXPECT_LE(relative_error(expected.type, x), 1.0) << info(expected.type).name;
  }
}

TEST(RoundTrip, ConstantBlocksComeBack) {
  for (const Expected& expected : kExpected) {
    for (const float value : {0.75f, -0.75f}) {
      std::vector<float> x(256, value);
      EXPECT_LE(relative_error(expected.type, x), 0.04) << info(expected.type).name << " " << value;
    }
  }
}

TEST(RoundTrip, NaNStaysNaN) {
  for (const Expected& expected : kExpected) {
    if (expected.type == Type::kMXFP4) continue;  // the format has no NaN
    auto x = normal_values(256, 4);
    x[7] = std::numeric_limits<float>::quiet_NaN();
    std::vector<uint8_t> packed(row_bytes(expected.type, x.size()));
    std::vector<float> back(x.size());
    quantize(expected.type, x.data(), packed.data(), x.size());
    dequantize(expected.type, packed.data(), back.data(), x.size());
    EXPECT_TRUE(std::isnan(back[7])) << info(expected.type).name;
  }
}

// Values that a type can hold exactly come back exactly: the search finds the scale they were made with.
TEST(RoundTrip, DequantizedValuesAreAFixedPoint) {
  for (const Type type : {Type::kQ8_0, Type::kMXFP4, Type::kF16, Type::kBF16}) {
    const auto x = normal_values(256, 7);
    std::vector<uint8_t> packed(row_bytes(type, x.size()));
    std::vector<float> once(x.size()), twice(x.size());
    quantize(type, x.data(), packed.data(), x.size());
    dequantize(type, packed.data(), once.data(), x.size());
    quantize(type, once.data(), packed.data(), x.size());
    dequantize(type, packed.data(), twice.data(), x.size());
    for (size_t i = 0; i < x.size(); ++i) EXPECT_NEAR(once[i], twice[i], std::fabs(once[i]) * 1e-3f) << info(type).name;
  }
}

TEST(Types, IntegersHoldNoWeights) {
  for (const Type type : {Type::kI8, Type::kI16, Type::kI32, Type::kI64, Type::kF64}) {
    EXPECT_FALSE(can_dequantize(type));
    EXPECT_FALSE(can_quantize(type));
  }
  EXPECT_EQ(find_type(12)->name, "Q4_K");
  EXPECT_EQ(find_type("q4_k")->type, Type::kQ4_K);
  EXPECT_EQ(find_type(99), nullptr);
  EXPECT_EQ(find_type("Q9"), nullptr);
}

}  // namespace
}  // namespace sillok::tensor

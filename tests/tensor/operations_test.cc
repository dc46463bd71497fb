// Elementwise operations, norms, RoPE, gathering: against float64 at odd lengths, and the same bits on every
// instruction set and thread count.
#include <functional>

#include "backend_fixture.h"

namespace sillok::tensor {
namespace {

using Operation = std::function<void(Backend&, const Matrix& x, const Matrix& y)>;
using Reference = std::function<double(double x, double y)>;

std::vector<float> apply(Isa isa, uint32_t threads, size_t rows, size_t columns, const std::vector<float>& x,
                         const std::vector<float>& y, const Operation& operation) {
  auto on = backend(isa, threads);
  const Matrix from(*on, rows, columns, x), to(*on, rows, columns, y);
  operation(*on, from, to);
  return to.read();
}

// y' = reference(x, y) for every element, within `ulps` of epsilon relative to the larger of the result and `floor`.
void expect_elementwise(const Operation& operation, const Reference& reference, double ulps, double floor = 1e-3) {
  for (const size_t columns : {1u, 2u, 3u, 4u, 5u, 6u, 7u, 8u, 9u, 15u, 16u, 17u, 33u, 4099u}) {
    const size_t rows = columns > 1000 ? 9 : 3;
    auto x = normal_values(rows * columns, 1, 3), y = normal_values(rows * columns, 2, 3);
    const auto scalar = apply(Isa::kScalar, 1, rows, columns, x, y, operation);
    for (size_t i = 0; i < x.size(); ++i) {
      const double expected = reference(static_cast<double>(x[i]), static_cast<double>(y[i]));
      ASSERT_NEAR(static_cast<double>(scalar[i]), expected, std::max(std::fabs(expected), floor) * ulps * 0x1p-23)
          << "x " << x[i] << " y " << y[i];
    }
    for (const Isa isa : available_isas()) {
      EXPECT_TRUE(same_bits(apply(isa, 1, rows, columns, x, y, operation), scalar)) << to_string(isa) << " " << columns;
      EXPECT_TRUE(same_bits(apply(isa, 3, rows, columns, x, y, operation), scalar)) << to_string(isa) << " " << columns;
    }
  }
}

// What a value that is not finite becomes: element 2 of 11.
std::vector<float> apply_to(float special, const Operation& operation, Isa isa) {
  std::vector<float> x(11, 1.0f), y(11, 1.0f);
  x[2] = y[2] = special;
  return apply(isa, 1, 1, 11, x, y, operation);
}

constexpr float kInfinity = std::numeric_limits<float>::infinity();
const float kNaN = std::numeric_limits<float>::quiet_NaN();

TEST(Elementwise, AddScaleCopy) {
  expect_elementwise([](Backend& on, const Matrix& x, const Matrix& y) { on.add(x.view(), y.view()); },
                     [](double x, double y) { return x + y; }, 1);
  expect_elementwise([](Backend& on, const Matrix&, const Matrix& y) { on.scale(y.view(), 0.3f); },
                     [](double, double y) { return y * static_cast<double>(0.3f); }, 1);
  expect_elementwise([](Backend& on, const Matrix& x, const Matrix& y) { on.copy(x.view(), y.view()); },
                     [](double x, double) { return x; }, 0);
}

TEST(Elementwise, Softcap) {
  const Operation cap = [](Backend& on, const Matrix&, const Matrix& y) { on.softcap(y.view(), 2.5f); };
  expect_elementwise(cap, [](double, double y) { return 2.5 * std::tanh(y / 2.5); }, 8);
  for (const Isa isa : available_isas()) {
    EXPECT_EQ(apply_to(kInfinity, cap, isa)[2], 2.5f);
    EXPECT_EQ(apply_to(-kInfinity, cap, isa)[2], -2.5f);
    EXPECT_TRUE(std::isnan(apply_to(kNaN, cap, isa)[2]));
    EXPECT_EQ(apply_to(kNaN, cap, isa)[1], apply_to(0, cap, isa)[1]);
  }
}

struct NamedActivation {
  Activation kind;
  Reference f;  // of x alone
  double ulps, floor;
};
const NamedActivation kActivations[] = {
    {Activation::kSilu, [](double x, double) { return x / (1 + std::exp(-x)); }, 8, 1e-3},
    // 0.5 x (1 + tanh u) loses digits where tanh is near -1; the floor grants an absolute error there.
    {Activation::kGeluTanh,
     [](double x, double) { return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x))); }, 64, 1e-3},
    {Activation::kGeluErf, [](double x, double) { return 0.5 * x * std::erfc(-x / std::sqrt(2.0)); }, 4, 1},
    {Activation::kRelu, [](double x, double) { return std::max(x, 0.0); }, 0, 1e-3},
    {Activation::kReluSquared, [](double x, double) { return std::max(x, 0.0) * std::max(x, 0.0); }, 1, 1e-3},
};

TEST(Elementwise, Activations) {
  for (const NamedActivation& activation : kActivations) {
    const Operation alone = [&](Backend& on, const Matrix&, const Matrix& y) { on.activate(activation.kind, y.view()); };
    expect_elementwise(alone, [&](double, double y) { return activation.f(y, 0); }, activation.ulps, activation.floor);
    expect_elementwise(
        [&](Backend& on, const Matrix& x, const Matrix& y) { on.activate_and_multiply(activation.kind, x.view(), y.view()); },
        [&](double x, double y) { return y * activation.f(x, 0); }, 4 * activation.ulps + 1, activation.floor * 4);
    for (const Isa isa : available_isas()) {
      EXPECT_TRUE(std::isnan(apply_to(kNaN, alone, isa)[2]));
      EXPECT_EQ(apply_to(kInfinity, alone, isa)[2], kInfinity);
      EXPECT_EQ(apply_to(100.0f, alone, isa)[2], activation.kind == Activation::kReluSquared ? 10000.0f : 100.0f);
      EXPECT_NEAR(apply_to(-100.0f, alone, isa)[2], 0, 1e-30);
    }
  }
}

std::unique_ptr<Weight> vector_weight(Backend& on, const std::vector<float>& values) {
  return *on.load({Type::kF32, 1, values.size(), values.data()}, WeightUse::kVector, nullptr);
}

TEST(Norms, RmsAndLayer) {
  for (const size_t columns : {1u, 5u, 8u, 9u, 64u, 100u, 5001u}) {
    const auto x = normal_values(4 * columns, 1, 2), w = normal_values(columns, 2), b = normal_values(columns, 3);
    const auto run = [&](Isa isa, uint32_t threads, bool layer) {
      auto on = backend(isa, threads);
      const Matrix from(*on, 4, columns, x), to(*on, 4, columns);
      auto weight = vector_weight(*on, w), bias = vector_weight(*on, b);
      if (layer) {
        on->layer_norm(from.view(), weight.get(), bias.get(), 1e-5f, to.view());
      } else {
        on->rms_norm(from.view(), weight.get(), 1e-5f, 0, to.view());
      }
      return to.read();
    };
    for (const bool layer : {false, true}) {
      const auto scalar = run(Isa::kScalar, 1, layer);
      for (size_t row = 0; row < 4; ++row) {
        double mean = 0, squares = 0;
        for (size_t i = 0; i < columns && layer; ++i) mean += static_cast<double>(x[row * columns + i]) / static_cast<double>(columns);
        for (size_t i = 0; i < columns; ++i) {
          const double value = static_cast<double>(x[row * columns + i]) - mean;
          squares += value * value / static_cast<double>(columns);
        }
        for (size_t i = 0; i < columns; ++i) {
          double expected = (static_cast<double>(x[row * columns + i]) - mean) / std::sqrt(squares + 1e-5) * static_cast<double>(w[i]);
          if (layer) expected += static_cast<double>(b[i]);
          ASSERT_NEAR(static_cast<double>(scalar[row * columns + i]), expected, 2e-5) << columns;
        }
      }
      for (const Isa isa : available_isas()) EXPECT_TRUE(same_bits(run(isa, 3, layer), scalar)) << columns;
    }
  }
}

TEST(Norms, ByHeadInPlace) {
  auto on = backend(available_isas().back(), 1);
  const auto x = normal_values(2 * 12, 1);
  const Matrix both(*on, 2, 12, x), plain(*on, 2, 12, x);
  const std::vector<float> w = {1, 2, 3, 4};
  auto weight = vector_weight(*on, w);
  on->rms_norm(both.view(), weight.get(), 0, 4, both.view());
  on->rms_norm(plain.view(), nullptr, 0, 4, plain.view());
  const auto got = both.read(), without = plain.read();
  for (size_t i = 0; i < x.size(); ++i) {
    double squares = 0;
    for (size_t j = i / 4 * 4; j < i / 4 * 4 + 4; ++j) squares += static_cast<double>(x[j] * x[j]) / 4;
    EXPECT_NEAR(static_cast<double>(without[i]), static_cast<double>(x[i]) / std::sqrt(squares), 1e-5);
    EXPECT_EQ(got[i], without[i] * w[i % 4]);
  }
}

TEST(AddVector, EveryRow) {
  auto on = backend(available_isas().back(), 1);
  const auto y = normal_values(3 * 5, 1);
  const Matrix to(*on, 3, 5, y);
  const std::vector<float> b = {1, 2, 3, 4, 5};
  on->add_vector(*vector_weight(*on, b), to.view());
  const auto got = to.read();
  for (size_t i = 0; i < y.size(); ++i) EXPECT_EQ(got[i], y[i] + b[i % 5]);
}

TEST(Rows, GatherAndScatter) {
  auto on = backend(available_isas().back(), 2);
  const auto x = normal_values(4 * 7, 1);
  const Matrix from(*on, 4, 7, x), picked(*on, 3, 7), sums(*on, 2, 7);
  const std::vector<uint32_t> rows = {3, 0, 3};
  on->gather_rows(from.view(), rows, picked.view());
  const auto got = picked.read();
  for (size_t i = 0; i < 21; ++i) EXPECT_EQ(got[i], x[rows[i / 7] * 7 + i % 7]);
  const std::vector<uint32_t> to = {1, 1, 0};
  const std::vector<float> scale = {2, 0.5f, 1};
  on->scatter_add(picked.view(), to, scale, sums.view());
  const auto summed = sums.read();
  for (size_t i = 0; i < 7; ++i) {
    EXPECT_EQ(summed[i], got[14 + i]);
    EXPECT_EQ(summed[7 + i], std::fma(got[7 + i], 0.5f, 2 * got[i]));
  }
}

TEST(RopeTest, RotatesPairs) {
  for (const bool halves : {false, true}) {
    for (const Isa isa : available_isas()) {
      auto on = backend(isa, 2);
      const auto x = normal_values(3 * 20, 1);
      const Matrix y(*on, 3, 20, x);
      const Rope rope{.head_size = 10, .rotated = 8, .halves = halves, .frequency = {1, 0.5f, 0.1f, 0.001f}, .magnitude = 1.5f};
      const std::vector<int32_t> positions = {0, 7, 100000};
      on->rotate(y.view(), rope, positions);
      const auto got = y.read();
      for (size_t row = 0; row < 3; ++row) {
        for (size_t head = 0; head < 2; ++head) {
          const float* in = x.data() + row * 20 + head * 10;
          const float* out = got.data() + row * 20 + head * 10;
          for (size_t i = 0; i < 4; ++i) {
            const double angle = static_cast<double>(positions[row]) * static_cast<double>(rope.frequency[i]);
            const size_t a = halves ? i : 2 * i, b = halves ? i + 4 : 2 * i + 1;
            const double c = 1.5 * std::cos(angle), s = 1.5 * std::sin(angle);
            EXPECT_NEAR(static_cast<double>(out[a]), static_cast<double>(in[a]) * c - static_cast<double>(in[b]) * s, 2e-6);
            EXPECT_NEAR(static_cast<double>(out[b]), static_cast<double>(in[a]) * s + static_cast<double>(in[b]) * c, 2e-6);
          }
          EXPECT_EQ(out[8], in[8]);
          EXPECT_EQ(out[9], in[9]);
        }
      }
    }
  }
}

}  // namespace
}  // namespace sillok::tensor

// Elementwise kernels and norms over lanes.h. Sums run in eight lanes over ascending columns, then across the lanes.
#pragma once

#include "tensor/lanes.h"

namespace sillok::tensor {
namespace {

// y[i] = f(x[i], y[i]), eight at a time.
template <typename Function>
inline void for_lanes(const float* x, float* y, size_t count, const Function& f) {
  size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) store(f(load(x + i), load(y + i)), y + i);
  if (i < count) store_some(f(load_some(x + i, count - i), load_some(y + i, count - i)), y + i, count - i);
}
// Sum of f(x[i]); f(0) must be 0 or masked by the caller: lanes past the end are zero.
template <typename Function>
inline float sum_lanes(const float* x, size_t count, const Function& f) {
  Floats sum = {};
  size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) sum = f(load(x + i), sum);
  float result = total(sum);
  if (i < count) result += total(f(load_some(x + i, count - i), Floats{}));
  return result;
}

void add_lanes(const float* x, float* y, size_t count) {
  for_lanes(x, y, count, [](Floats a, Floats b) { return b + a; });
}
void add_scaled_lanes(const float* x, float factor, float* y, size_t count) {
  for_lanes(x, y, count, [factor](Floats a, Floats b) { return fma(a, splat(factor), b); });
}
void scale_lanes(float* y, float factor, size_t count) {
  for_lanes(y, y, count, [factor](Floats a, Floats) { return a * factor; });
}

// tanh x. Near zero its series to x^9, whose next term is below 1e-8 x; else (1 - e) / (1 + e), e = exp(-2 |x|).
inline Floats hyperbolic_tangent(Floats x) {
  const Floats size = absolute(x), square = x * x;
  Floats p = splat(62.0f / 2835);
  p = fma(p, square, splat(-17.0f / 315));
  p = fma(p, square, splat(2.0f / 15));
  p = fma(p, square, splat(-1.0f / 3));
  const Floats near_zero = fma(p * square, x, x);
  const Floats e = exponential(size * -2.0f);
  const Floats far = (1.0f - e) / (1.0f + e);
  const Floats with_sign = from_bits(bits(far) | (bits(x) & INT32_MIN));
  return size < 0.25f ? near_zero : with_sign;
}
void softcap_lanes(float* y, float cap, size_t count) {
  for_lanes(y, y, count, [cap](Floats a, Floats) { return hyperbolic_tangent(a / cap) * cap; });
}

// x / (1 + exp(-x))
inline Floats silu(Floats x) { return x / (1.0f + exponential(-x)); }
// x (1 + tanh(u)) / 2 = x / (1 + exp(-2 u)), u = sqrt(2 / pi) (x + 0.044715 x^3)
inline Floats gelu_tanh(Floats x) {
  const Floats u = x * fma(x * x, splat(0.044715f), splat(1.0f)) * 0.797884561f;
  return x / (1.0f + exponential(u * -2.0f));
}
// x (1 + erf(x / sqrt 2)) / 2, erf by Abramowitz and Stegun 7.1.26 (absolute error below 1.5e-7).
inline Floats gelu_erf(Floats x) {
  const Floats z = absolute(x) * 0.707106781f;
  const Floats t = 1.0f / fma(z, splat(0.3275911f), splat(1.0f));
  Floats p = splat(1.061405429f);
  p = fma(p, t, splat(-1.453152027f));
  p = fma(p, t, splat(1.421413741f));
  p = fma(p, t, splat(-0.284496736f));
  p = fma(p, t, splat(0.254829592f));
  const Floats tail = p * t * exponential(-(z * z)) * 0.5f;  // (1 - erf z) / 2
  return x * (x < 0.0f ? tail : 1.0f - tail);
}
inline Floats relu(Floats x) { return x < 0.0f ? Floats{} : x; }  // NaN stays

template <typename Function>
inline void with_activation(Activation kind, const Function& use) {
  switch (kind) {
    case Activation::kSilu: return use([](Floats x) { return silu(x); });
    case Activation::kGeluTanh: return use([](Floats x) { return gelu_tanh(x); });
    case Activation::kGeluErf: return use([](Floats x) { return gelu_erf(x); });
    case Activation::kRelu: return use([](Floats x) { return relu(x); });
    case Activation::kReluSquared: return use([](Floats x) { return relu(x) * relu(x); });
  }
}
void activate_lanes(Activation kind, const float* gate, float* y, size_t count) {
  with_activation(kind, [&](auto f) { for_lanes(gate, y, count, [&](Floats g, Floats) { return f(g); }); });
}
void activate_multiply_lanes(Activation kind, const float* gate, float* y, size_t count) {
  with_activation(kind, [&](auto f) { for_lanes(gate, y, count, [&](Floats g, Floats v) { return v * f(g); }); });
}

// y = (x * inverse) * w, w = 1 if null
inline void scale_by_weight(const float* x, float inverse, const float* weight, float* y, size_t count) {
  size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    const Floats scaled = load(x + i) * inverse;
    store(weight != nullptr ? scaled * load(weight + i) : scaled, y + i);
  }
  for (; i < count; ++i) y[i] = weight != nullptr ? (x[i] * inverse) * weight[i] : x[i] * inverse;
}

void rms_norm_lanes(const float* x, const float* weight, float epsilon, float* y, size_t count) {
  const float squares = sum_lanes(x, count, [](Floats a, Floats sum) { return fma(a, a, sum); });
  const float inverse = 1.0f / __builtin_sqrtf(squares / static_cast<float>(count) + epsilon);
  scale_by_weight(x, inverse, weight, y, count);
}

void layer_norm_lanes(const float* x, const float* weight, const float* bias, float epsilon, float* y, size_t count) {
  const float mean = sum_lanes(x, count, [](Floats a, Floats sum) { return sum + a; }) / static_cast<float>(count);
  size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) store(load(x + i) - mean, y + i);
  for (; i < count; ++i) y[i] = x[i] - mean;
  const float squares = sum_lanes(y, count, [](Floats a, Floats sum) { return fma(a, a, sum); });
  const float inverse = 1.0f / __builtin_sqrtf(squares / static_cast<float>(count) + epsilon);
  scale_by_weight(y, inverse, weight, y, count);
  if (bias != nullptr) add_lanes(bias, y, count);
}

void narrow_lanes(const float* from, size_t count, uint16_t* to) {
  size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) store_halves(load(from + i), to + i);
  if (i < count) {
    uint16_t some[kLanes];
    store_halves(load_some(from + i, count - i), some);
    std::memcpy(to + i, some, (count - i) * sizeof(uint16_t));
  }
}

// d = largest magnitude / 127, q = nearest(x / d). See ActivationChunk.
[[maybe_unused]] void quantize_lanes(const float* x, size_t columns, ActivationChunk* out) {
  for (size_t block = 0; block < columns / kBlock; ++block, x += kBlock) {
    // The bits of a magnitude order as it does, with infinity and NaN on top.
    int32_t most = 0;
    for (size_t i = 0; i < kBlock; i += kLanes) {
      const Ints size = bits(absolute(load(x + i)));
      for (size_t lane = 0; lane < kLanes; ++lane) most = size[lane] > most ? size[lane] : most;
    }
    const float extreme = from_bits(Ints{} + most)[0];
    const bool broken = most >= 0x7F800000, nothing = broken || extreme < kLeastExtreme;
    const float inverse = nothing ? 0.0f : 127.0f / extreme;
    const float d = broken ? from_bits(Ints{} + 0x7FC00000)[0] : nothing ? 0.0f : extreme / 127.0f;
    Ints half_sums[2] = {};
    int8_t* q = out->q + block * kBlock;
    for (size_t i = 0; i < kBlock; i += kLanes) {
      const Floats scaled = nothing ? Floats{} : round_to_even(load(x + i) * inverse);
      const Ints codes = __builtin_convertvector(scaled, Ints);
      half_sums[i / 16] += codes;
      typedef int8_t Bytes __attribute__((vector_size(8)));
      const Bytes bytes = __builtin_convertvector(codes, Bytes);
      std::memcpy(q + i, &bytes, sizeof bytes);
    }
    int32_t sums[2] = {0, 0};
    for (size_t half = 0; half < 2; ++half) {
      for (size_t lane = 0; lane < kLanes; ++lane) sums[half] += half_sums[half][lane];
      out->half_sum[2 * block + half] = d * static_cast<float>(sums[half]);
    }
    out->d[block] = d;
    out->sum[block] = d * static_cast<float>(sums[0] + sums[1]);
  }
}

}  // namespace
}  // namespace sillok::tensor

// Eight lanes of 32 bits, for kernels that are written once and compiled for each instruction set.
//
// Included by the kernels_*.cc files only, each compiled with its own -m flags. Everything is in an anonymous namespace: the
// linker must never let one instruction set's copy of a function serve another. What the compiler's vector types cannot
// say is declared here and defined by the including file.
#pragma once

#include <cstdint>
#include <cstring>

#include "tensor/kernels.h"

namespace sillok::tensor {
namespace {

constexpr size_t kLanes = 8;
typedef float Floats __attribute__((vector_size(32)));
typedef int32_t Ints __attribute__((vector_size(32)));
typedef uint32_t Words __attribute__((vector_size(32)));

// Defined by the including file.
inline Floats fma(Floats a, Floats b, Floats c);           // a * b + c, rounded once
inline Floats load_halves(const uint16_t* from);
inline void store_halves(Floats value, uint16_t* to);      // to nearest even
inline Ints load_unsigned(const void* from);               // eight bytes as numbers
inline Ints load_signed(const void* from);                 // the same of int8
inline Words look_up(Words codes, const int8_t* table);    // every byte, < 16, by table[byte]

inline Floats load(const float* from) {
  Floats value;
  std::memcpy(&value, from, sizeof value);
  return value;
}
inline Words load_words(const void* from) {
  Words value;
  std::memcpy(&value, from, sizeof value);
  return value;
}
inline void store(Floats value, float* to) { std::memcpy(to, &value, sizeof value); }
inline void store_words(Words value, void* to) { std::memcpy(to, &value, sizeof value); }
inline Floats splat(float value) { return Floats{value, value, value, value, value, value, value, value}; }
inline Floats to_floats(Ints value) { return __builtin_convertvector(value, Floats); }
inline Ints bits(Floats value) {
  Ints result;
  std::memcpy(&result, &value, sizeof value);
  return result;
}
inline Floats from_bits(Ints value) {
  Floats result;
  std::memcpy(&result, &value, sizeof value);
  return result;
}
inline Floats absolute(Floats value) { return from_bits(bits(value) & 0x7FFFFFFF); }
// The first `count` < 8 lanes from memory, the others zero.
inline Floats load_some(const float* from, size_t count) {
  float some[kLanes] = {};
  std::memcpy(some, from, count * sizeof(float));
  return load(some);
}
inline void store_some(Floats value, float* to, size_t count) {
  float some[kLanes];
  store(value, some);
  std::memcpy(to, some, count * sizeof(float));
}
// Sum of the lanes, always in the same tree.
inline float total(Floats value) {
  float v[kLanes];
  store(value, v);
  return ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7]));
}
inline float largest(Floats value) {  // of lanes that are not NaN
  float v[kLanes];
  store(value, v);
  float result = v[0];
  for (size_t i = 1; i < kLanes; ++i) result = v[i] > result ? v[i] : result;
  return result;
}

// A block of activations whose largest magnitude is below this counts as zero: its reciprocal could overflow.
constexpr float kLeastExtreme = 1e-30f;

// Nearest integer, ties to even, for |value| < 2^22.
inline Floats round_to_even(Floats value) {
  const Floats shift = splat(0x1.8p23f);
  return (value + shift) - shift;
}

// e^x within 2 ulp; 0 below -104, infinity above 88.73, NaN stays.
inline Floats exponential(Floats x) {
  x = x > 89.0f ? splat(89.0f) : x;
  x = x < -110.0f ? splat(-110.0f) : x;
  // x = n ln 2 + r with |r| <= ln 2 / 2; ln 2 in two parts, the first with zeros at the end so that n * high is exact.
  const Floats n = round_to_even(x * 1.44269504f);
  Floats r = fma(n, splat(-0x1.62ep-1f), x);
  r = fma(n, splat(-0x1.0bfbe8p-15f), r);
  // Taylor's series to r^7: what follows is below 6e-9.
  Floats p = splat(1.0f / 5040);
  p = fma(p, r, splat(1.0f / 720));
  p = fma(p, r, splat(1.0f / 120));
  p = fma(p, r, splat(1.0f / 24));
  p = fma(p, r, splat(1.0f / 6));
  p = fma(p, r, splat(0.5f));
  p = fma(p, r, splat(1.0f));
  p = fma(p, r, splat(1.0f));
  // 2^n in two factors, since n reaches 128 and -159.
  const Ints whole = __builtin_convertvector(n, Ints);
  const Ints half = whole >> 1;
  return p * from_bits((half + 127) << 23) * from_bits((whole - half + 127) << 23);
}

}  // namespace
}  // namespace sillok::tensor

// e^x without branches, so that loops over it become vector code. Private to train.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

namespace sillok::train {

// x = n ln 2 + r with |r| <= ln 2 / 2; e^r by the polynomial of Cephes' expf, of degree 7, and 2^n by the exponent's bits. ln 2 is
// taken away in two parts, the first exact in few bits, so that r keeps its precision. Below -87 the result is
// e^-87, 1e-38, which vanishes beside anything it is added to; above 88 it is e^88.
inline float fast_exp(float x) {
  x = x < -87.0F ? -87.0F : x;
  x = x > 88.0F ? 88.0F : x;
  constexpr float kRound = 12582912.0F;  // 1.5 * 2^23: adding it rounds to a whole number
  const float n = (x * 1.44269504F + kRound) - kRound;
  const float r = (x - n * 0.693359375F) + n * 2.12194440e-4F;
  float p = 1.9875691500e-4F;
  p = p * r + 1.3981999507e-3F;
  p = p * r + 8.3334519073e-3F;
  p = p * r + 4.1665795894e-2F;
  p = p * r + 1.6666665459e-1F;
  p = p * r + 5.0000001201e-1F;
  p = p * r * r + r + 1.0F;
  const auto bits = static_cast<uint32_t>(static_cast<int32_t>(n) + 127) << 23;
  return p * std::bit_cast<float>(bits);
}
inline double fast_exp(double x) { return std::exp(x); }

}  // namespace sillok::train

#include <sodium.h>

#include <array>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#elif defined(__aarch64__) && defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>
#endif

#include "base/base.h"

namespace sillok {

std::string sha256_hex(std::string_view bytes) {
  std::array<unsigned char, crypto_hash_sha256_BYTES> digest{};
  crypto_hash_sha256(digest.data(), reinterpret_cast<const unsigned char*>(bytes.data()),
                     bytes.size());
  std::string out(2 * digest.size() + 1, '\0');
  sodium_bin2hex(out.data(), out.size(), digest.data(), digest.size());
  out.pop_back();
  return out;
}

namespace {

uint64_t load64(const char* p) {
  uint64_t v = 0;
  std::memcpy(&v, p, sizeof v);
  return v;  // All supported machines are little-endian; the index format says so too.
}

__extension__ using Wide = unsigned __int128;

uint64_t mix(uint64_t a, uint64_t b) {
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

}  // namespace

// The folded-multiply construction of wyhash (Wang Yi, public domain), written for short keys.
uint64_t hash64(std::string_view bytes, uint64_t seed) {
  constexpr uint64_t k0 = 0xA0761D6478BD642Full, k1 = 0xE7037ED1A0B428DBull;
  uint64_t h = seed ^ k0;
  const char* p = bytes.data();
  size_t n = bytes.size();
  for (; n >= 16; p += 16, n -= 16) h = mix(load64(p) ^ k1, load64(p + 8) ^ h);
  char tail[16] = {};
  if (n > 0) std::memcpy(tail, p, n);
  h = mix(load64(tail) ^ k1, load64(tail + 8) ^ h);
  return mix(h ^ k0, bytes.size() ^ k1);
}

namespace {

using CrcUpdate = uint32_t (*)(uint32_t crc, const char* bytes, size_t size);

// The reference: a byte at a time through a table.
uint32_t crc32c_table(uint32_t crc, const char* bytes, size_t size) {
  static const auto table = [] {
    std::array<uint32_t, 256> t{};
    for (uint32_t i = 0; i < 256; ++i) {
      uint32_t c = i;
      for (int k = 0; k < 8; ++k) c = (c & 1) ? 0x82F63B78u ^ (c >> 1) : c >> 1;
      t[i] = c;
    }
    return t;
  }();
  for (size_t i = 0; i < size; ++i) crc = table[(crc ^ static_cast<uint8_t>(bytes[i])) & 0xFF] ^ (crc >> 8);
  return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) uint32_t crc32c_sse42(uint32_t crc, const char* bytes, size_t size) {
  uint64_t wide = crc;
  for (; size >= 8; bytes += 8, size -= 8) wide = _mm_crc32_u64(wide, load64(bytes));
  crc = static_cast<uint32_t>(wide);
  for (; size > 0; ++bytes, --size) crc = _mm_crc32_u8(crc, static_cast<uint8_t>(*bytes));
  return crc;
}
CrcUpdate fastest_crc() { return __builtin_cpu_supports("sse4.2") ? crc32c_sse42 : crc32c_table; }
#elif defined(__aarch64__) && defined(__ARM_FEATURE_CRC32)
// Only where the compiler's baseline has the instructions (ARMv8.1 and later).
uint32_t crc32c_arm(uint32_t crc, const char* bytes, size_t size) {
  for (; size >= 8; bytes += 8, size -= 8) crc = __crc32cd(crc, load64(bytes));
  for (; size > 0; ++bytes, --size) crc = __crc32cb(crc, static_cast<uint8_t>(*bytes));
  return crc;
}
CrcUpdate fastest_crc() { return crc32c_arm; }
#else
CrcUpdate fastest_crc() { return crc32c_table; }
#endif

}  // namespace

uint32_t crc32c(std::string_view bytes, uint32_t seed) {
  static const CrcUpdate update = fastest_crc();
  return ~update(~seed, bytes.data(), bytes.size());
}

}  // namespace sillok

#include "archive/near_duplicates.h"

#include <algorithm>
#include <string>

#include "text/text.h"

namespace sillok::archive {
namespace {

constexpr size_t kRows = kSketchSize / kBands;

uint64_t mix(uint64_t x) {  // splitmix64's finaliser (Steele, Lea, Flood 2014)
  x ^= x >> 30;
  x *= 0xBF58476D1CE4E5B9ull;
  x ^= x >> 27;
  x *= 0x94D049BB133111EBull;
  return x ^ (x >> 31);
}

bool counts(char32_t c) {
  if (c < 0x80) return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z');
  return c > 0xBF && !(c >= 0x2000 && c <= 0x303F);  // not punctuation and spaces beyond ASCII
}

}  // namespace

std::optional<Sketch> sketch_text(std::string_view text) {
  std::u32string letters;
  const std::string folded = text::fold(text);
  letters.reserve(folded.size() / 2);
  for (size_t i = 0; i < folded.size();) {
    const char32_t c = decode_utf8(folded, i);
    if (counts(c)) letters.push_back(c);
  }
  if (letters.size() < kShingleLength) return std::nullopt;
  std::vector<uint64_t> shingles;
  shingles.reserve(letters.size());
  for (size_t i = 0; i + kShingleLength <= letters.size(); ++i) {
    uint64_t hash = 0;
    for (size_t j = 0; j < kShingleLength; ++j) hash = mix(hash + letters[i + j] + 0x9E3779B97F4A7C15ull);
    shingles.push_back(hash);
  }
  std::sort(shingles.begin(), shingles.end());
  shingles.erase(std::unique(shingles.begin(), shingles.end()), shingles.end());
  if (shingles.size() < kMinShingles) return std::nullopt;
  // One permutation hashing with kSketchSize bins (Li, Owen, Zhang 2012): one hash per shingle instead of 120. Empty bins
  // borrow from the next full one, rotated with an offset (Shrivastava, Li 2014), so that agreement stays unbiased.
  std::array<uint64_t, kSketchSize> bins;
  bins.fill(UINT64_MAX);
  for (const uint64_t hash : shingles) {
    uint64_t& bin = bins[hash % kSketchSize];
    bin = std::min(bin, mix(hash ^ 0xA5A5A5A5A5A5A5A5ull) >> 1);
  }
  Sketch out;
  for (size_t i = 0; i < kSketchSize; ++i) {
    size_t distance = 0;
    while (bins[(i + distance) % kSketchSize] == UINT64_MAX) ++distance;
    out[i] = static_cast<uint32_t>(mix(bins[(i + distance) % kSketchSize] + distance));
  }
  return out;
}

std::optional<Sketch> sketch(const documents::Document& document) {
  std::string text;
  for (const documents::Block& block : document.blocks) {
    if (block.kind == documents::BlockKind::kHeader || block.kind == documents::BlockKind::kFooter) continue;
    text += block.text;
    for (const documents::Row& row : block.table.rows) {
      for (const documents::Cell& cell : row.cells) text += cell.text;
    }
  }
  return sketch_text(text);
}

double similarity(const Sketch& a, const Sketch& b) {
  size_t equal = 0;
  for (size_t i = 0; i < kSketchSize; ++i) equal += a[i] == b[i];
  return static_cast<double>(equal) / static_cast<double>(kSketchSize);
}

std::array<uint64_t, kBands> band_keys(const Sketch& sketch) {
  std::array<uint64_t, kBands> keys;
  for (size_t band = 0; band < kBands; ++band) {
    uint64_t key = band + 1;
    for (size_t row = 0; row < kRows; ++row) key = mix(key ^ sketch[band * kRows + row]) + row;
    keys[band] = key;
  }
  return keys;
}

}  // namespace sillok::archive

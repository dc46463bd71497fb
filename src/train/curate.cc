#include "train/curate.h"

#include <algorithm>
#include <array>
#include <unordered_set>

#include "text/text.h"

namespace sillok::train {
namespace {

constexpr size_t kShingle = 5;         // characters; as in near-duplicate links of the archive, short enough for one sentence
constexpr size_t kQuestionShingle = 8;  // longer: common phrases must not make a question of a text
constexpr double kQuestionShare = 0.5;
constexpr size_t kLineCharacters = 8;

// Letters and digits of the folded text: layout and punctuation are no difference.
std::u32string squeezed(std::string_view text) {
  std::u32string out;
  for (char32_t c : to_utf32(text::fold(text))) {
    if (text::script_of(c) != text::Script::kNone) out.push_back(c);
  }
  return out;
}

std::vector<uint64_t> shingles(std::string_view text, size_t length) {
  const std::u32string characters = squeezed(text);
  std::vector<uint64_t> out;
  for (size_t i = 0; i + length <= characters.size(); ++i) {
    out.push_back(hash64({reinterpret_cast<const char*>(characters.data() + i), length * sizeof(char32_t)}, length));
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

// A permutation of 64-bit numbers for each hash function (multiplication by an odd number, then its high bits).
uint32_t permuted(uint64_t value, size_t function) {
  uint64_t x = (value ^ (0x9E3779B97F4A7C15ull * (function + 1))) * 0xBF58476D1CE4E5B9ull;
  x = (x ^ (x >> 31)) * 0x94D049BB133111EBull;
  return static_cast<uint32_t>(x >> 32);
}

uint64_t band_of(const Signature& s, size_t band) {
  constexpr size_t kRows = kMinHashes / kBands;
  return hash64({reinterpret_cast<const char*>(&s.values[band * kRows]), kRows * sizeof(uint32_t)}, band + 1);
}

std::string_view script_name(char32_t c) {
  switch (text::script_of(c)) {
    case text::Script::kHangul: return "hangul";
    case text::Script::kHan: return "han";
    case text::Script::kAlphabet:
      // Latin with its extensions, Cyrillic; other alphabets are told apart by nobody yet.
      if (c < 0x250) return "latin";
      return c >= 0x400 && c < 0x530 ? "cyrillic" : "other";
    case text::Script::kBare: return "other";
    default: return "";
  }
}

}  // namespace

TextQuality judge(std::string_view text) {
  TextQuality quality;
  std::unordered_map<std::string_view, uint32_t> scripts;
  uint32_t letters = 0;
  for (size_t i = 0; i < text.size();) {
    const char32_t c = decode_utf8(text, i);
    if (c == ' ' || c == '\n' || c == '\t' || c == 0x3000 || c == 0xA0) continue;
    ++quality.characters;
    if (const std::string_view script = script_name(c); !script.empty()) ++letters, ++scripts[script];
  }
  if (quality.characters > 0) quality.letters = static_cast<double>(letters) / quality.characters;
  uint32_t most = 0;
  for (std::string_view script : {"hangul", "latin", "cyrillic", "han", "other"}) {
    if (scripts[script] > most) most = scripts[script], quality.script = script;
  }
  std::unordered_set<std::string_view> seen;
  uint32_t lines = 0, repeated = 0;
  for (std::string_view line : split(text, '\n')) {
    line = trim(line);
    if (line.size() < kLineCharacters) continue;
    ++lines;
    if (!seen.insert(line).second) ++repeated;
  }
  if (lines > 0) quality.repeated_lines = static_cast<double>(repeated) / lines;
  return quality;
}

Signature sign(std::string_view text) {
  Signature s;
  const std::vector<uint64_t> all = shingles(text, kShingle);
  if (all.empty()) return s;
  s.values.assign(kMinHashes, UINT32_MAX);
  for (uint64_t shingle : all) {
    for (size_t f = 0; f < kMinHashes; ++f) s.values[f] = std::min(s.values[f], permuted(shingle, f));
  }
  return s;
}

double similarity(const Signature& a, const Signature& b) {
  if (a.values.empty() || b.values.empty()) return 0;
  size_t equal = 0;
  for (size_t i = 0; i < kMinHashes; ++i) equal += a.values[i] == b.values[i] ? 1 : 0;
  return static_cast<double>(equal) / kMinHashes;
}

bool NearCopies::has(const Signature& signature) const {
  if (signature.values.empty()) return false;
  for (size_t band = 0; band < kBands; ++band) {
    const auto at = bands_.find(band_of(signature, band));
    if (at == bands_.end()) continue;
    for (uint32_t i : at->second) {
      if (similarity(signature, texts_[i]) >= threshold_) return true;
    }
  }
  return false;
}

void NearCopies::add(Signature signature) {
  if (signature.values.empty()) return;
  const auto index = static_cast<uint32_t>(texts_.size());
  for (size_t band = 0; band < kBands; ++band) bands_[band_of(signature, band)].push_back(index);
  texts_.push_back(std::move(signature));
}

void GoldCopies::add(std::string_view question) {
  Question q{shingles(question, kQuestionShingle)};
  if (q.shingles.empty()) {
    if (std::u32string whole = squeezed(question); !whole.empty()) short_.insert(std::move(whole));
    return;
  }
  for (uint64_t shingle : q.shingles) by_shingle_[shingle].push_back(static_cast<uint32_t>(questions_.size()));
  questions_.push_back(std::move(q));
}

bool GoldCopies::in(std::string_view text) const {
  const std::vector<uint64_t> all = shingles(text, kQuestionShingle);
  if (all.empty()) return short_.contains(squeezed(text));
  std::unordered_map<uint32_t, size_t> shared;
  for (uint64_t shingle : all) {
    const auto at = by_shingle_.find(shingle);
    if (at == by_shingle_.end()) continue;
    for (uint32_t q : at->second) {
      if (static_cast<double>(++shared[q]) >= kQuestionShare * static_cast<double>(questions_[q].shingles.size())) return true;
    }
  }
  return false;
}

}  // namespace sillok::train

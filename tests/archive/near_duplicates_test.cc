#include "archive/near_duplicates.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <iostream>
#include <random>
#include <set>
#include <string>

namespace sillok::archive {
namespace {

std::string words(std::mt19937& random, size_t count) {
  std::string text;
  for (size_t i = 0; i < count; ++i) {
    for (int j = 0; j < 3; ++j) append_utf8(text, static_cast<char32_t>(0xAC00 + random() % 11172));
    text += ' ';
  }
  return text;
}

std::set<std::u32string> shingles(const std::string& text) {
  std::u32string letters;
  for (const char32_t c : to_utf32(text)) {
    if (c != U' ') letters.push_back(c);
  }
  std::set<std::u32string> out;
  for (size_t i = 0; i + kShingleLength <= letters.size(); ++i) out.insert(letters.substr(i, kShingleLength));
  return out;
}

double exact(const std::string& a, const std::string& b) {
  const auto x = shingles(a), y = shingles(b);
  size_t both = 0;
  for (const auto& shingle : x) both += y.count(shingle);
  return static_cast<double>(both) / static_cast<double>(x.size() + y.size() - both);
}

bool share_a_band(const Sketch& a, const Sketch& b) {
  const auto x = band_keys(a), y = band_keys(b);
  for (size_t i = 0; i < kBands; ++i) {
    if (x[i] == y[i]) return true;
  }
  return false;
}

TEST(NearDuplicates, EqualUpToCaseSpacesAndPunctuation) {
  std::mt19937 random(1);
  const std::string text = words(random, 60) + "the quick brown fox jumps over the lazy dog";
  const std::string other = "  " + text.substr(0, text.find("the")) + ", The QUICK brown-fox jumps over the lazy dog!";
  EXPECT_DOUBLE_EQ(similarity(*sketch_text(text), *sketch_text(other)), 1.0);
}

TEST(NearDuplicates, UnrelatedTextsShareNothing) {
  std::mt19937 random(2);
  const auto a = sketch_text(words(random, 200)), b = sketch_text(words(random, 200));
  EXPECT_LT(similarity(*a, *b), 0.05);
  EXPECT_FALSE(share_a_band(*a, *b));
}

TEST(NearDuplicates, ShortTextsAreNotJudged) {
  EXPECT_FALSE(sketch_text("").has_value());
  EXPECT_FALSE(sketch_text("수신: 각 부서장. 협조하여 주시기 바랍니다.").has_value());
}

// The estimate stays within four standard errors of the exact value, for short and long texts alike.
TEST(NearDuplicates, EstimateIsCloseToExact) {
  std::mt19937 random(3);
  for (const size_t size : {30u, 100u, 1000u}) {
    for (const size_t changed : {2u, 5u, 10u, 30u}) {
      const std::string common = words(random, size);
      const std::string a = common + words(random, size * changed / 100 + 1);
      const std::string b = common + words(random, size * changed / 100 + 1);
      const double truth = exact(a, b);
      const double error = std::sqrt(truth * (1 - truth) / static_cast<double>(kSketchSize));
      EXPECT_NEAR(similarity(*sketch_text(a), *sketch_text(b)), truth, 4 * error + 0.02) << size << " " << changed;
    }
  }
}

TEST(NearDuplicates, BandsFindSimilarPairs) {
  std::mt19937 random(4);
  size_t found = 0;
  for (int i = 0; i < 200; ++i) {
    const std::string common = words(random, 200);
    found += share_a_band(*sketch_text(common + words(random, 15)), *sketch_text(common + words(random, 15)));
  }
  EXPECT_EQ(found, 200u);
}

// Ten thousand documents in which every hundredth repeats the one before: the bands alone find the pairs.
TEST(NearDuplicates, TenThousandDocuments) {
  std::mt19937 random(5);
  std::vector<std::string> texts;
  for (size_t i = 0; i < 10'000; ++i) texts.push_back(i % 100 == 99 ? texts.back() + "끝." : words(random, 100));
  const Micros start = now_micros();
  std::vector<std::pair<uint64_t, size_t>> bands;
  std::vector<Sketch> sketches;
  for (size_t i = 0; i < texts.size(); ++i) {
    sketches.push_back(*sketch_text(texts[i]));
    for (const uint64_t key : band_keys(sketches.back())) bands.emplace_back(key, i);
  }
  std::sort(bands.begin(), bands.end());
  std::set<std::pair<size_t, size_t>> pairs;
  size_t compared = 0;
  for (size_t i = 0; i < bands.size(); ++i) {
    for (size_t j = i + 1; j < bands.size() && bands[j].first == bands[i].first; ++j) {
      ++compared;
      const auto [a, b] = std::minmax(bands[i].second, bands[j].second);
      if (similarity(sketches[a], sketches[b]) >= kNearDuplicateSimilarity) pairs.emplace(a, b);
    }
  }
  std::cout << "10000 documents of " << texts[0].size() << " bytes in " << (now_micros() - start) / 1000 << " ms, "
            << compared << " comparisons\n";
  EXPECT_EQ(pairs.size(), 100u);
  EXPECT_LT(compared, 10'000u);
}

}  // namespace
}  // namespace sillok::archive

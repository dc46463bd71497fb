// What the checks let through and what they stop, on sentences written for the example's records and changed in one thing.
#include <gtest/gtest.h>

#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>

#include "answer/check.h"
#include "text/text.h"

namespace sillok::answer {
namespace {

using Json = nlohmann::json;

std::vector<search::Match> units_of(const std::string& text) {
  std::vector<search::Match> units;
  size_t begin = 0;
  for (std::string_view line : split(text, '\n')) {
    if (line.find(" | ") != line.npos) {
      units.push_back({begin, begin + line.size()});
    } else {
      for (const text::Span span : text::sentences(line)) units.push_back({begin + span.begin, begin + span.end});
    }
    begin += line.size() + 1;
  }
  return units;
}

Piece piece_of(const Json& entry, uint32_t n) {
  Piece piece;
  piece.n = n;
  piece.context = entry["context"];
  piece.text = entry["text"];
  piece.units = units_of(piece.text);
  return piece;
}

std::vector<Json> entries() {
  std::vector<Json> all;
  const std::string text = read_file(fs::path(SILLOK_SOURCE_DIR) / "tests/answer/claims.jsonl").value_or("");
  for (std::string_view line : split(text, '\n')) {
    if (!line.empty()) all.push_back(Json::parse(line));
  }
  return all;
}

struct Tally {
  size_t right = 0, right_kept = 0, wrong = 0, wrong_kept = 0;
  double precision() const { return static_cast<double>(right_kept) / static_cast<double>(std::max<size_t>(1, right_kept + wrong_kept)); }
  double recall() const { return static_cast<double>(right_kept) / static_cast<double>(std::max<size_t>(1, right)); }
};

// Every second entry chose the threshold; the others tell how it does. All are printed with the kind of what got through.
TEST(Claims, WrongSentencesAreStoppedAndRightOnesKept) {
  const std::vector<Json> all = entries();
  ASSERT_GE(all.size(), 20U);
  Tally chosen, held_out, records;
  std::map<std::string, std::pair<size_t, size_t>> by_kind;
  for (size_t i = 0; i < all.size(); ++i) {
    Tally& tally = i % 2 == 0 ? chosen : held_out;
    const Checker checker(all[i]["question"].get<std::string>(), {piece_of(all[i], 1)});
    for (const std::string sentence : all[i]["right"]) {
      const Verdict verdict = checker.check(sentence, {1});
      ++tally.right;
      tally.right_kept += verdict.supported ? 1 : 0;
      if (!verdict.supported) std::printf("  dropped %.2f: %s (%s)\n", verdict.support, sentence.c_str(), verdict.why.c_str());
      // The right sentence, citing another record of other things.
      for (size_t k = 0; k < all.size(); ++k) {
        if (k == i || all[k]["text"] == all[i]["text"]) continue;
        const Checker other(all[i]["question"].get<std::string>(), {piece_of(all[k], 1)});
        ++records.wrong;
        const Verdict swapped = other.check(sentence, {1});
        records.wrong_kept += swapped.supported ? 1 : 0;
        if (swapped.supported) std::printf("  let through with %s %.2f: %s\n", all[k]["context"].get<std::string>().c_str(), swapped.support, sentence.c_str());
      }
    }
    for (const Json& wrong : all[i]["wrong"]) {
      const Verdict verdict = checker.check(wrong[1].get<std::string>(), {1});
      ++tally.wrong;
      tally.wrong_kept += verdict.supported ? 1 : 0;
      auto& [kept, of] = by_kind[wrong[0]];
      ++of;
      kept += verdict.supported ? 1 : 0;
      if (verdict.supported) std::printf("  let through (%s) %.2f: %s\n", wrong[0].get<std::string>().c_str(), verdict.support, wrong[1].get<std::string>().c_str());
    }
  }
  for (const auto& [kind, counts] : by_kind) std::printf("  %-12s %zu of %zu let through\n", kind.c_str(), counts.first, counts.second);
  std::printf("  chosen on: precision %.3f recall %.3f (%zu right, %zu wrong); held out: precision %.3f recall %.3f (%zu, %zu); another record: %zu of %zu\n",
              chosen.precision(), chosen.recall(), chosen.right, chosen.wrong, held_out.precision(), held_out.recall(), held_out.right, held_out.wrong,
              records.wrong_kept, records.wrong);
}

}  // namespace
}  // namespace sillok::answer

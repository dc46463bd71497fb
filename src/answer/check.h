// Private to answer: whether the evidence says what a sentence says.
//
// Contents: evidence | checking
//
// Main path: a sentence is cut into clauses; each clause looks for its unit (a sentence or row, with its neighbours) in
// every passage cited; dates, numbers, identifiers and names of the clause must stand there or in the passage's title and
// headings, exactly; negation and opposites must agree; and of its words enough must be found. One threshold for that
// share, chosen on tests/answer/claims.jsonl (docs/ANSWERS.md). Where only that share is missing an encoder may be asked
// (meaning.cc): the unit nearest to the clause must be near enough, and everything exact must stand in it all the same.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "answer/answer.h"
#include "answer/claim.h"
#include "answer/span.h"

namespace sillok::answer {

// One passage of evidence, numbered as its citation.
struct Piece {
  uint32_t n = 0;
  std::string context;             // title, headings, key, days in force: said of every unit
  std::string text;
  std::vector<search::Match> units;  // sentences, items and rows of text, in order
};

struct Verdict {
  double support = 0;              // share of the sentence's words that its evidence has, 0..1
  bool supported = false;
  std::vector<uint32_t> cites;     // the pieces that it needs
  struct Place { size_t piece = 0, unit = 0; };
  std::vector<Place> places;       // where it is said
  bool exact = true;               // no fact, name or negation stands against it: at most words are missing
  bool by_meaning = false;         // the encoder says so of a clause at least; support is then the least cosine
  std::string why;                 // what is missing, if it is not supported
  std::string trouble;             // why the encoder could not be asked
};

inline constexpr double kSupported = 0.70;  // of a sentence that cites the piece
inline constexpr double kStrange = 0.80;    // of one with a noun that the evidence has not even in parts
inline constexpr double kClear = 0.78;      // of one that does not: then the piece must be found, and clearly

class Checker {
 public:
  // `question`: its words count less, for they are the asker's. Both are copied. `encoder` may be null; else it outlives the checker.
  Checker(std::string_view question, std::vector<Piece> pieces, Encoder* encoder = nullptr);
  ~Checker();
  // `sentence` without its marks; `cites` as written. Without any, or where those cited do not support it, the one piece
  // that does so clearly is taken. Thread-safe.
  Verdict check(std::string_view sentence, const std::vector<uint32_t>& cites) const;
  const std::vector<Piece>& pieces() const { return pieces_; }

 private:
  struct Match;
  Match match(const Clause& clause, size_t piece) const;
  bool of_another_row(const Clause& clause, const Match& best, size_t piece) const;
  bool of_another_sentence(const Clause& clause, const Match& best, size_t piece) const;
  bool strays(const Clause& clause, const Match& now, const Match& before, size_t piece) const;
  bool of_another_part(const Clause& clause, const Ground& ground) const;
  Verdict weigh(const std::vector<Clause>& clauses, const std::vector<size_t>& cited) const;
  // By the encoder, in these pieces: those that were cited, or all, which must say it more clearly (meaning.cc).
  Verdict weigh_meaning(std::string_view sentence, const std::vector<size_t>& pieces, bool cited) const;
  struct Near;
  Result<Near> nearest(const Clause& clause, const std::vector<size_t>& pieces, double margin) const;
  std::string objection(const Clause& clause, const Near& near) const;

  QuestionForm form_;
  std::vector<Piece> pieces_;
  std::vector<std::vector<Ground>> grounds_;  // by piece
  std::vector<Ground> contexts_;
  Encoder* encoder_;
};

}  // namespace sillok::answer

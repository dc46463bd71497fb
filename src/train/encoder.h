// Private to train: an encoder of averaged term embeddings, trained contrastively.
//
//   v(text) = sum over different terms t of log(1 + tf) x row[t mod buckets], scaled to length 1
//   loss    = -log softmax over the batch's passages (each pair's own, the others', and hard negatives) of v(q) . v(p) / temperature
//
// Rows start as idf x a random direction: two texts are then about as near as their common rare terms say, and training
// moves from there.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "search/search.h"

namespace sillok::train {

// A text as weighted buckets, ascending.
struct Bag {
  std::vector<uint32_t> buckets;
  std::vector<float> weights;
};

struct EncoderOptions {
  uint32_t buckets = 1u << 16;  // 65,536 x 128 bytes = 8 MiB; of 10,000 passages' 600,000 terms nine share a row
  uint32_t dimension = 128;
  uint32_t batch = 128;
  double temperature = 0.05, rate = 0.05;
  uint64_t seed = 1;
};

// A pair to be near: a question and a passage (indices), and a passage that looks like an answer but is none (or -1).
struct Pair {
  Bag question;
  uint32_t passage = 0;
  int64_t hard_negative = -1;
};

Bag make_bag(std::vector<uint64_t> terms, uint32_t buckets);

class EncoderTrainer {
 public:
  // `passages` must outlive the trainer.
  EncoderTrainer(const std::vector<Bag>& passages, const EncoderOptions& options);
  struct Batch {
    uint64_t pairs = 0, terms = 0;  // terms of all the texts in it
    double loss = 0;                // sum over the pairs
  };
  // One pass over the pairs in an order drawn from the seed; the mean loss. A passage occurs at most once in a batch. `after` each batch; an
  // error of it ends the pass.
  Result<double> pass(const std::vector<Pair>& pairs, const std::function<Status(const Batch&)>& after = {});
  search::EncoderTable table() const;  // in 8 bits

 private:
  struct Encoded {
    std::vector<float> unit;  // v
    float length = 0;         // before scaling
  };
  Encoded encode(const Bag& bag) const;
  // Gradient of the loss by v(text) back to its rows (into gradient_, rows named in touched_).
  void back(const Bag& bag, const Encoded& encoded, const std::vector<float>& gradient);
  Batch step(const std::vector<const Pair*>& batch);

  const std::vector<Bag>& passages_;
  EncoderOptions options_;
  std::vector<float> rows_, gradient_, squares_;  // squares_: Adagrad's, one for each row
  std::vector<uint32_t> touched_;
  std::vector<uint8_t> is_touched_;
  uint64_t passes_ = 0;
};

}  // namespace sillok::train

#include "train/encoder.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

namespace sillok::train {
namespace {

constexpr float kFloor = 1e-8f;

// Reproducible across standard libraries, unlike std::normal_distribution: the sum of four uniform numbers is near enough.
float draw(std::mt19937_64& random) {
  float sum = 0;
  for (int i = 0; i < 4; ++i) sum += static_cast<float>(random() >> 40) / static_cast<float>(1 << 24) - 0.5f;
  return sum * 1.7320508f;  // variance 1
}

void shuffle(std::vector<uint32_t>& order, std::mt19937_64& random) {
  for (size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random() % i]);
}

float product(const std::vector<float>& a, const std::vector<float>& b) {
  // Eight sums side by side: a fixed order that needs no licence to reorder, in vector registers.
  constexpr size_t kLanes = 8;
  float lanes[kLanes] = {};
  size_t d = 0;
  for (; d + kLanes <= a.size(); d += kLanes) {
    for (size_t k = 0; k < kLanes; ++k) lanes[k] += a[d + k] * b[d + k];
  }
  float sum = 0;
  for (float lane : lanes) sum += lane;
  for (; d < a.size(); ++d) sum += a[d] * b[d];
  return sum;
}

}  // namespace

Bag make_bag(std::vector<uint64_t> terms, uint32_t buckets) {
  std::sort(terms.begin(), terms.end());
  std::vector<std::pair<uint32_t, float>> found;
  for (size_t i = 0; i < terms.size();) {
    size_t next = i;
    while (next < terms.size() && terms[next] == terms[i]) ++next;
    found.emplace_back(static_cast<uint32_t>(terms[i] % buckets), std::log1p(static_cast<float>(next - i)));
    i = next;
  }
  std::sort(found.begin(), found.end());
  Bag bag;
  for (const auto& [bucket, weight] : found) {
    if (!bag.buckets.empty() && bag.buckets.back() == bucket) {
      bag.weights.back() += weight;
      continue;
    }
    bag.buckets.push_back(bucket);
    bag.weights.push_back(weight);
  }
  return bag;
}

EncoderTrainer::EncoderTrainer(const std::vector<Bag>& passages, const EncoderOptions& options) : passages_(passages), options_(options) {
  const size_t buckets = options.buckets, dimension = options.dimension;
  std::vector<uint32_t> df(buckets, 0);
  for (const Bag& bag : passages) {
    for (uint32_t b : bag.buckets) ++df[b];
  }
  std::mt19937_64 random(options.seed);
  rows_.resize(buckets * dimension);
  const auto n = static_cast<float>(passages.size());
  for (size_t b = 0; b < buckets; ++b) {
    const auto d = static_cast<float>(df[b]);
    const float idf = std::log(1 + (n - d + 0.5f) / (d + 0.5f)), scale = idf / std::sqrt(static_cast<float>(dimension));
    for (size_t k = 0; k < dimension; ++k) rows_[b * dimension + k] = scale * draw(random);
  }
  gradient_.assign(rows_.size(), 0);
  squares_.assign(buckets, 0);
  is_touched_.assign(buckets, 0);
}

EncoderTrainer::Encoded EncoderTrainer::encode(const Bag& bag) const {
  Encoded e;
  e.unit.assign(options_.dimension, 0);
  for (size_t i = 0; i < bag.buckets.size(); ++i) {
    const float* const row = &rows_[size_t{bag.buckets[i]} * options_.dimension];
    for (size_t d = 0; d < e.unit.size(); ++d) e.unit[d] += bag.weights[i] * row[d];
  }
  e.length = std::sqrt(product(e.unit, e.unit));
  if (e.length > kFloor) {
    for (float& v : e.unit) v /= e.length;
  }
  return e;
}

void EncoderTrainer::back(const Bag& bag, const Encoded& encoded, const std::vector<float>& gradient) {
  if (encoded.length <= kFloor) return;
  // d v / d sum = (1 - v v') / length
  const float along = product(gradient, encoded.unit);
  std::vector<float> inner(gradient.size());
  for (size_t d = 0; d < inner.size(); ++d) inner[d] = (gradient[d] - along * encoded.unit[d]) / encoded.length;
  for (size_t i = 0; i < bag.buckets.size(); ++i) {
    const uint32_t b = bag.buckets[i];
    if (!is_touched_[b]) is_touched_[b] = 1, touched_.push_back(b);
    float* const row = &gradient_[size_t{b} * options_.dimension];
    for (size_t d = 0; d < inner.size(); ++d) row[d] += bag.weights[i] * inner[d];
  }
}

EncoderTrainer::Batch EncoderTrainer::step(const std::vector<const Pair*>& batch) {
  std::vector<uint32_t> shown;  // passages of the batch: each pair's, then the hard negatives
  for (const Pair* pair : batch) shown.push_back(pair->passage);
  for (const Pair* pair : batch) {
    if (pair->hard_negative >= 0 && std::find(shown.begin(), shown.end(), pair->hard_negative) == shown.end()) {
      shown.push_back(static_cast<uint32_t>(pair->hard_negative));
    }
  }
  std::vector<Encoded> questions, passages;
  for (const Pair* pair : batch) questions.push_back(encode(pair->question));
  for (uint32_t p : shown) passages.push_back(encode(passages_[p]));
  const auto inverse = static_cast<float>(1 / options_.temperature);
  const auto share = 1 / static_cast<float>(batch.size());
  std::vector<std::vector<float>> passage_gradients(shown.size(), std::vector<float>(options_.dimension, 0));
  std::vector<float> logits(shown.size()), question_gradient(options_.dimension);
  Batch done{batch.size(), 0, 0};
  for (const Pair* pair : batch) done.terms += pair->question.buckets.size();
  for (uint32_t p : shown) done.terms += passages_[p].buckets.size();
  for (size_t q = 0; q < batch.size(); ++q) {
    float most = -1e9f, sum = 0;
    for (size_t p = 0; p < shown.size(); ++p) most = std::max(most, logits[p] = inverse * product(questions[q].unit, passages[p].unit));
    for (float& v : logits) sum += v = std::exp(v - most);
    done.loss -= std::log(static_cast<double>(logits[q] / sum) + 1e-12);
    std::fill(question_gradient.begin(), question_gradient.end(), 0.0f);
    for (size_t p = 0; p < shown.size(); ++p) {
      const float g = (logits[p] / sum - (p == q ? 1.0f : 0.0f)) * inverse * share;
      if (std::abs(g) < 1e-6f) continue;
      for (size_t d = 0; d < question_gradient.size(); ++d) {
        question_gradient[d] += g * passages[p].unit[d];
        passage_gradients[p][d] += g * questions[q].unit[d];
      }
    }
    back(batch[q]->question, questions[q], question_gradient);
  }
  for (size_t p = 0; p < shown.size(); ++p) back(passages_[shown[p]], passages[p], passage_gradients[p]);

  // Adagrad with one rate for each row: common terms settle, rare ones still move.
  for (uint32_t b : touched_) {
    float* const g = &gradient_[size_t{b} * options_.dimension];
    float* const row = &rows_[size_t{b} * options_.dimension];
    float square = 0;
    for (size_t d = 0; d < options_.dimension; ++d) square += g[d] * g[d];
    squares_[b] += square / static_cast<float>(options_.dimension);
    const float rate = static_cast<float>(options_.rate) / (std::sqrt(squares_[b]) + kFloor);
    for (size_t d = 0; d < options_.dimension; ++d) {
      row[d] -= rate * g[d];
      g[d] = 0;
    }
    is_touched_[b] = 0;
  }
  touched_.clear();
  return done;
}

Result<double> EncoderTrainer::pass(const std::vector<Pair>& pairs, const std::function<Status(const Batch&)>& after) {
  std::mt19937_64 random(options_.seed * 1'000'003 + ++passes_);
  std::vector<uint32_t> order(pairs.size());
  std::iota(order.begin(), order.end(), 0u);
  shuffle(order, random);
  std::vector<const Pair*> batch;
  std::vector<uint32_t> waiting;  // whose passage is in the batch already: they come with the next
  double loss = 0;
  size_t counted = 0;
  const auto run = [&]() -> Status {
    if (batch.size() < 2) return {};  // Nothing to tell apart.
    const Batch done = step(batch);
    loss += done.loss;
    counted += batch.size();
    batch.clear();
    return after ? after(done) : Status();
  };
  const auto holds = [&](uint32_t passage) {
    return std::any_of(batch.begin(), batch.end(), [&](const Pair* p) { return p->passage == passage; });
  };
  for (uint32_t i : order) {
    if (holds(pairs[i].passage)) {
      waiting.push_back(i);
      continue;
    }
    batch.push_back(&pairs[i]);
    if (batch.size() < options_.batch) continue;
    SILLOK_TRY(run());
    std::erase_if(waiting, [&](uint32_t w) {
      if (batch.size() + 1 >= options_.batch || holds(pairs[w].passage)) return false;
      batch.push_back(&pairs[w]);
      return true;
    });
  }
  SILLOK_TRY(run());
  return counted > 0 ? loss / static_cast<double>(counted) : 0;
}

search::EncoderTable EncoderTrainer::table() const {
  search::EncoderTable table;
  table.buckets = options_.buckets;
  table.dimension = options_.dimension;
  table.scales.resize(table.buckets);
  table.rows.resize(rows_.size());
  for (size_t b = 0; b < table.buckets; ++b) {
    const float* const row = &rows_[b * table.dimension];
    float most = 0;
    for (size_t d = 0; d < table.dimension; ++d) most = std::max(most, std::abs(row[d]));
    table.scales[b] = most / 127;
    for (size_t d = 0; d < table.dimension && most > 0; ++d) {
      table.rows[b * table.dimension + d] = static_cast<int8_t>(std::lround(row[d] / most * 127));
    }
  }
  return table;
}

}  // namespace sillok::train

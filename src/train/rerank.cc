#include "train/rerank.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

namespace sillok::train {
namespace {

constexpr float kClip = 4;  // as in search/retriever.cc

struct Shape {
  size_t features = 0, hidden = 0;
  size_t size() const { return features + hidden * features + 2 * hidden; }
};

std::vector<float> standardised(const search::RerankNetwork& n, const std::vector<float>& features) {
  std::vector<float> x(features.size());
  for (size_t f = 0; f < x.size(); ++f) {
    x[f] = n.deviation[f] > 0 ? std::clamp((features[f] - n.mean[f]) / n.deviation[f], -kClip, kClip) : 0;
  }
  return x;
}

// The network's own score of standardised features; the hidden units' values into `units`.
float forward(const search::RerankNetwork& n, const std::vector<float>& x, std::vector<float>& units) {
  float sum = 0;
  units = n.bias;
  for (size_t f = 0; f < x.size(); ++f) {
    sum += n.linear[f] * x[f];
    const float* const row = &n.inner[f * n.hidden];
    for (size_t h = 0; h < n.hidden; ++h) units[h] += row[h] * x[f];
  }
  for (size_t h = 0; h < n.hidden; ++h) {
    units[h] = std::max(0.0f, units[h]);
    sum += n.outer[h] * units[h];
  }
  return sum;
}

// With features that are standardised already.
double loss_of(const search::RerankNetwork& n, const RankedQuestion& q, const std::vector<std::vector<float>>& rows, double base_scale,
               std::vector<float>* gradient) {
  const size_t count = rows.size();
  std::vector<std::vector<float>> units(count);
  std::vector<double> scores(count);
  double most = -1e300, most_right = -1e300, sum = 0, right_sum = 0;
  for (size_t i = 0; i < count; ++i) {
    scores[i] = static_cast<double>(forward(n, rows[i], units[i])) + base_scale * static_cast<double>(q.base[i]);
    most = std::max(most, scores[i]);
    if (q.right[i]) most_right = std::max(most_right, scores[i]);
  }
  for (size_t i = 0; i < count; ++i) {
    sum += std::exp(scores[i] - most);
    if (q.right[i]) right_sum += std::exp(scores[i] - most_right);
  }
  if (gradient != nullptr) {
    const size_t features = n.linear.size();
    float* const linear = gradient->data();
    float* const inner = linear + features;
    float* const bias = inner + n.hidden * features;
    float* const outer = bias + n.hidden;
    std::vector<float> inward(n.hidden);
    for (size_t i = 0; i < count; ++i) {
      // d loss / d score = p(i) - p(i | right)
      const double all = std::exp(scores[i] - most) / sum, among_right = q.right[i] ? std::exp(scores[i] - most_right) / right_sum : 0;
      const auto g = static_cast<float>(all - among_right);
      if (std::abs(g) < 1e-7f) continue;
      const std::vector<float>& x = rows[i];
      for (size_t h = 0; h < n.hidden; ++h) {
        outer[h] += g * units[i][h];
        inward[h] = units[i][h] > 0 ? g * n.outer[h] : 0;
        bias[h] += inward[h];
      }
      for (size_t f = 0; f < features; ++f) {
        linear[f] += g * x[f];
        float* const row = inner + f * n.hidden;
        for (size_t h = 0; h < n.hidden; ++h) row[h] += inward[h] * x[f];
      }
    }
  }
  return most + std::log(sum) - most_right - std::log(right_sum);
}

bool teaches(const RankedQuestion& q) {
  const auto right = std::count(q.right.begin(), q.right.end(), true);
  return right > 0 && right < static_cast<std::ptrdiff_t>(q.right.size());
}

void standardise(const std::vector<const RankedQuestion*>& questions, search::RerankNetwork& n) {
  const size_t features = questions.front()->features.front().size();
  std::vector<double> sum(features, 0), square(features, 0);
  double count = 0;
  for (const RankedQuestion* q : questions) {
    for (const auto& row : q->features) {
      ++count;
      for (size_t f = 0; f < features; ++f) {
        sum[f] += static_cast<double>(row[f]);
        square[f] += static_cast<double>(row[f]) * static_cast<double>(row[f]);
      }
    }
  }
  for (size_t f = 0; f < features; ++f) {
    const double mean = sum[f] / count, variance = square[f] / count - mean * mean;
    n.mean.push_back(static_cast<float>(mean));
    n.deviation.push_back(variance > 1e-12 ? static_cast<float>(std::sqrt(variance)) : 0);
  }
}

float uniform(std::mt19937_64& random) { return static_cast<float>(random() >> 40) / static_cast<float>(1 << 24) - 0.5f; }

// Adam over the network's four arrays laid one after the other.
class Adam {
 public:
  Adam(size_t size, double rate, double decay) : first_(size, 0), second_(size, 0), rate_(rate), decay_(decay) {}
  void step(search::RerankNetwork& n, const std::vector<float>& gradient, double rate_share) {
    ++steps_;
    const double first_bias = 1 - std::pow(0.9, steps_), second_bias = 1 - std::pow(0.999, steps_);
    size_t at = 0;
    for (std::vector<float>* values : {&n.linear, &n.inner, &n.bias, &n.outer}) {
      for (float& value : *values) {
        const double g = static_cast<double>(gradient[at]);
        first_[at] = 0.9 * first_[at] + 0.1 * g;
        second_[at] = 0.999 * second_[at] + 0.001 * g * g;
        const double move = first_[at] / first_bias / (std::sqrt(second_[at] / second_bias) + 1e-8) + decay_ * static_cast<double>(value);
        value -= static_cast<float>(rate_ * rate_share * move);
        ++at;
      }
    }
  }

 private:
  std::vector<double> first_, second_;
  double rate_, decay_;
  int steps_ = 0;
};

search::RerankNetwork train_member(const std::vector<const RankedQuestion*>& questions, const std::vector<std::vector<std::vector<float>>>& rows,
                                   const search::RerankNetwork& standard, const RerankOptions& o, uint64_t seed) {
  search::RerankNetwork n = standard;
  const Shape shape{n.mean.size(), o.hidden};
  std::mt19937_64 random(seed);
  n.hidden = o.hidden;
  n.linear.assign(shape.features, 0);
  n.bias.assign(shape.hidden, 0);
  for (size_t i = 0; i < shape.hidden * shape.features; ++i) n.inner.push_back(3.4f * uniform(random) / std::sqrt(static_cast<float>(shape.features)));
  for (size_t h = 0; h < shape.hidden; ++h) n.outer.push_back(0.3f * uniform(random));
  Adam adam(shape.size(), o.rate, o.decay);
  std::vector<size_t> order(questions.size());
  std::iota(order.begin(), order.end(), size_t{0});
  const size_t batches = (questions.size() + o.batch - 1) / o.batch;
  size_t done = 0;
  std::vector<float> gradient(shape.size());
  for (uint32_t pass = 0; pass < o.passes; ++pass) {
    for (size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random() % i]);
    for (size_t b = 0; b < batches; ++b) {
      std::fill(gradient.begin(), gradient.end(), 0.0f);
      const size_t end = std::min(order.size(), (b + 1) * o.batch);
      for (size_t k = b * o.batch; k < end; ++k) loss_of(n, *questions[order[k]], rows[order[k]], o.base_scale, &gradient);
      for (float& g : gradient) g /= static_cast<float>(end - b * o.batch);
      adam.step(n, gradient, 1 - static_cast<double>(done++) / static_cast<double>(batches * o.passes));
    }
  }
  return n;
}

}  // namespace

double loss_and_gradient(const search::RerankNetwork& network, const RankedQuestion& question, double base_scale, std::vector<float>* gradient) {
  std::vector<std::vector<float>> rows;
  for (const auto& features : question.features) rows.push_back(standardised(network, features));
  if (gradient != nullptr) gradient->assign(Shape{network.linear.size(), network.hidden}.size(), 0);
  return loss_of(network, question, rows, base_scale, gradient);
}

float network_gain(const search::RerankNetwork& network, const std::vector<float>& features) {
  if (network.hidden == 0) return 0;
  std::vector<float> units;
  return network.share * forward(network, standardised(network, features), units);
}

search::RerankNetwork train_network(const std::vector<const RankedQuestion*>& all, const RerankOptions& options) {
  std::vector<const RankedQuestion*> questions;
  std::copy_if(all.begin(), all.end(), std::back_inserter(questions), [](const RankedQuestion* q) { return teaches(*q); });
  search::RerankNetwork whole;
  if (questions.empty()) return whole;
  standardise(questions, whole);
  std::vector<std::vector<std::vector<float>>> rows;
  for (const RankedQuestion* q : questions) {
    rows.emplace_back();
    for (const auto& features : q->features) rows.back().push_back(standardised(whole, features));
  }
  // Members side by side: their linear parts averaged, their hidden units all kept with a share of the outer weight.
  whole.linear.assign(whole.mean.size(), 0);
  whole.inner.assign(whole.mean.size() * options.hidden * options.members, 0);
  const search::RerankNetwork standard{0, whole.mean, whole.deviation, {}, {}, {}, {}, 1};
  // In units of the base score, so that share is a plain number.
  const auto part = static_cast<float>(1 / (options.base_scale * options.members));
  for (uint32_t m = 0; m < options.members; ++m) {
    const search::RerankNetwork member = train_member(questions, rows, standard, options, options.seed * 7919 + m);
    for (size_t f = 0; f < whole.linear.size(); ++f) whole.linear[f] += part * member.linear[f];
    for (size_t f = 0; f < whole.mean.size(); ++f) {
      for (size_t h = 0; h < member.hidden; ++h) whole.inner[f * options.hidden * options.members + m * options.hidden + h] = member.inner[f * member.hidden + h];
    }
    whole.bias.insert(whole.bias.end(), member.bias.begin(), member.bias.end());
    for (float v : member.outer) whole.outer.push_back(part * v);
    whole.hidden += member.hidden;
  }
  whole.share = 1;
  return whole;
}

}  // namespace sillok::train

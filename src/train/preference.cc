#include "train/preference.h"

#include <cmath>

namespace sillok::train {
namespace {

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
// -log sigmoid(x) without overflow.
double softplus_of_minus(double x) { return x > 0 ? std::log1p(std::exp(-x)) : -x + std::log1p(std::exp(x)); }

// `losses` and `base` are -log p by document.
double margin_of(std::span<const double> losses, std::span<const double> base, size_t pair, double beta) {
  const size_t chosen = 2 * pair, rejected = chosen + 1;
  return beta * ((base[chosen] - losses[chosen]) - (base[rejected] - losses[rejected]));
}

PreferenceSums sums_of(std::span<const double> losses, std::span<const double> base, double beta) {
  PreferenceSums sums;
  for (size_t pair = 0; pair < losses.size() / 2; ++pair) {
    const double margin = margin_of(losses, base, pair, beta);
    sums.loss += softplus_of_minus(margin);
    sums.margin += margin;
    sums.right += margin > 0 ? 1 : 0;
  }
  return sums;
}

}  // namespace

template <typename T>
PreferenceSums preference_loss(DecoderPass<T>& pass, const Sequence& sequence, double beta) {
  const std::vector<double> base = pass.losses_of_base(sequence);
  return sums_of(pass.losses(sequence), base, beta);
}

// With L = -log p: d loss / d L(chosen) = beta sigmoid(-margin), d loss / d L(rejected) = -beta sigmoid(-margin).
template <typename T>
PreferenceSums preference_loss_and_gradient(DecoderPass<T>& pass, const Sequence& sequence, double beta, double weight) {
  const std::vector<double> base = pass.losses_of_base(sequence);
  const auto weigh = [&](std::span<const double> losses) {
    std::vector<T> weights;
    for (size_t pair = 0; pair < losses.size() / 2; ++pair) {
      const auto slope = static_cast<T>(weight * beta * sigmoid(-margin_of(losses, base, pair, beta)));
      weights.push_back(slope);
      weights.push_back(-slope);
    }
    return weights;
  };
  return sums_of(pass.losses_and_gradient(sequence, weigh), base, beta);
}

template PreferenceSums preference_loss(DecoderPass<float>&, const Sequence&, double);
template PreferenceSums preference_loss(DecoderPass<double>&, const Sequence&, double);
template PreferenceSums preference_loss_and_gradient(DecoderPass<float>&, const Sequence&, double, double);
template PreferenceSums preference_loss_and_gradient(DecoderPass<double>&, const Sequence&, double, double);

}  // namespace sillok::train

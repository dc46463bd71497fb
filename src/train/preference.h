// Direct preference optimisation (DPO: Rafailov et al. 2023, arXiv:2305.18290, equation 7). Private to train.
//
// Of a pair, log p(y) is the sum of the log-probabilities of an answer's tokens, and its reward
//   r(y) = beta (log p(y) - log p_base(y)),
// p_base being the frozen model without the adapter: the same weights in memory. The loss of a pair is
//   -log sigmoid(r(chosen) - r(rejected)).
#pragma once

#include "train/autograd_decoder.h"

namespace sillok::train {

struct PreferenceSums {
  double loss = 0, margin = 0;  // sums over pairs; margin: r(chosen) - r(rejected)
  double right = 0;             // pairs whose margin is positive
};

// The sequence's documents are pairs, the chosen answer first.
template <typename T>
PreferenceSums preference_loss(DecoderPass<T>& pass, const Sequence& sequence, double beta);
// The same; adds weight * the gradient of the loss to the gradients of every parameter.
template <typename T>
PreferenceSums preference_loss_and_gradient(DecoderPass<T>& pass, const Sequence& sequence, double beta, double weight);

}  // namespace sillok::train

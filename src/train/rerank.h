// Private to train: the network that orders a question's candidates.
//
//   score(c) = base_scale x base(c) + linear . x(c) + outer . max(0, inner x(c) + bias)
//   loss     = -log softmax over the question's candidates of the right ones' scores, Adam
//
// What is learned is what to add to the score that the candidates have without training, so that little data cannot do
// worse than it by much; what is added is then shrunk by a share fitted on questions held out of the fitting.
#pragma once

#include <cstdint>
#include <vector>

#include "search/search.h"

namespace sillok::train {

struct RankedQuestion {
  std::vector<std::vector<float>> features;  // of each candidate
  std::vector<float> base;
  std::vector<bool> right;
};

struct RerankOptions {
  uint32_t hidden = 16, passes = 8, batch = 8;
  uint32_t members = 2;      // networks from different beginnings, averaged; they stand side by side as one
  double rate = 3e-3, decay = 1e-4;
  double base_scale = 20;    // of the base score, to logits; fitted
  uint64_t seed = 1;
};

// share is 1: the caller fits it. Questions without a right candidate, or with nothing else, teach nothing.
search::RerankNetwork train_network(const std::vector<const RankedQuestion*>& questions, const RerankOptions& options);
// As search computes it, with the network's share.
float network_gain(const search::RerankNetwork& network, const std::vector<float>& features);

// The loss of one question and its gradient by linear, inner, bias, outer (flat, in this order), for tests of the gradient.
double loss_and_gradient(const search::RerankNetwork& network, const RankedQuestion& question, double base_scale, std::vector<float>* gradient);

}  // namespace sillok::train

// A linear map as training sees it: a frozen matrix with a trained low-rank pair beside it, or a matrix that is itself trained.
// Private to train.
#pragma once

#include <memory>
#include <string>

#include "train/autograd_matrix.h"

namespace sillok::train {

// What an optimiser changes.
template <typename T>
struct Parameter {
  std::string name;
  size_t rows = 1, columns = 0;
  bool decays = false;  // weight decay pulls matrices towards 0, not norms
  std::vector<T> value, gradient;
};

// y = W x + bias + scale B (A x).
template <typename T>
struct Linear {
  std::string name;  // of the matrix in the file: "blk.0.attn_q.weight"
  Matrix<T> weight;
  std::vector<T> bias;                               // frozen; empty where there is none
  Parameter<T>* trained = nullptr;                   // W itself
  Parameter<T>*a = nullptr, *b = nullptr;            // [rank, K], [R, rank]; both or neither
  T scale = 1;                                       // alpha / rank
};

// y[n, R] from x[n, K].
template <typename T>
void forward(Workers& workers, const Linear<T>& linear, const T* x, size_t n, T* y);
// Adds to the gradients of what is trained; gives dx[n, K] unless it is null.
template <typename T>
void backward(Workers& workers, const Linear<T>& linear, const T* x, size_t n, const T* dy, T* dx, Into into);

}  // namespace sillok::train

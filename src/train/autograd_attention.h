// Causal attention over documents packed into one sequence, and its gradient. Private to train.
#pragma once

#include <span>

#include "train/autograd_workers.h"

namespace sillok::train {

template <typename T>
struct AttentionShape {
  size_t heads = 0, kv_heads = 0, key_size = 0, value_size = 0;
  T scale = 1;
};

// out[n, heads * value_size] = softmax(scale q kᵀ) v. Row i attends to the rows from its document's first to itself;
// `begins` are the documents' first rows, ascending, the first 0. Scores are held for a block of queries at a time.
template <typename T>
void attend(Workers& workers, const AttentionShape<T>& shape, std::span<const uint32_t> begins, size_t n, const T* q, const T* k,
            const T* v, T* out);
// Sets dq, dk and dv; the probabilities are computed again. A task owns a document's key/value head: what its query heads
// give is added up in their order.
template <typename T>
void attend_gradient(Workers& workers, const AttentionShape<T>& shape, std::span<const uint32_t> begins, size_t n, const T* q,
                     const T* k, const T* v, const T* out, const T* dout, T* dq, T* dk, T* dv);

}  // namespace sillok::train

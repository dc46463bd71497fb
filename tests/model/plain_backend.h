// A backend written to be read: float32 weights, double sums, keys and values kept as floats, one row after the other.
// It says whether the forward pass is right apart from any kernel: what differs from a reference by more than rounding
// here is a wrong formula.
#pragma once

#include <memory>

#include "tensor/tensor.h"

namespace sillok::model {

std::unique_ptr<tensor::Backend> make_plain_backend();

}  // namespace sillok::model

// From what a file says about RoPE to angular frequencies. Private to model.
#pragma once

#include "model/configuration.h"
#include "model/weights.h"

namespace sillok::model {

// `context`: the longest sequence that will be run, which decides between LongRoPE's two sets of factors.
tensor::Rope make_rope(const Configuration& configuration, const Weights& weights, uint32_t context);
// For layers with a window; the same as make_rope's unless the architecture has its own.
tensor::Rope make_window_rope(const Configuration& configuration, const Weights& weights, uint32_t context);

}  // namespace sillok::model

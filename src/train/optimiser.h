// AdamW (Loshchilov and Hutter 2019, arXiv:1711.05101) and learning-rate schedules. Private to train.
#pragma once

#include <functional>

#include "train/autograd_linear.h"
#include "train/train.h"

namespace sillok::train {

// The rate of step `step` of `steps`, both counted from 0 and 1: linear warm-up, then
//   cosine     half a cosine from the rate to `final_share` of it
//   wsd        constant ("stable"), then linear to `final_share` over the last `decay_share` of the steps
//   constant   constant
double learning_rate_at(const ScheduleSettings& schedule, uint64_t step, uint64_t steps);

// State of the two moments of one parameter. In 8 bits: a block of kStateBlock values shares a scale, its largest magnitude,
// and a value is a code on a logarithmic grid below it. Rounding to the grid is at random, with the chance that keeps the
// mean (drawn from step, parameter and place, so that a run can be repeated): rounding to the nearest would freeze a moment
// that moves by 0.1 % a step on a grid of 6 %.
inline constexpr size_t kStateBlock = 256;

class Optimiser {
 public:
  using Parameters = std::vector<std::unique_ptr<Parameter<float>>>;
  Optimiser(Parameters& parameters, const OptimiserSettings& settings, Workers& workers);

  // Euclidean norm of all gradients: sums of blocks in double, blocks in order.
  double gradient_norm() const;
  // One step with the gradients times `factor`.
  void step(double rate, double factor);

  size_t state_bytes() const;
  // The state as bytes, piece by piece and never copied whole; restore gives false for bytes of another shape.
  Status save(const std::function<Status(std::string_view)>& append) const;
  bool restore(std::string_view bytes);

 private:
  struct State {
    std::vector<float> m, v;                  // in float32, or
    std::vector<uint8_t> m_codes, v_codes;    // in 8 bits, with
    std::vector<float> m_scales, v_scales;    // one a block
  };
  void update(size_t parameter, size_t first, size_t count, double rate, double factor);

  Parameters& parameters_;
  OptimiserSettings settings_;
  Workers& workers_;
  uint64_t steps_ = 0;
  std::vector<State> states_;
};

// The 8-bit codes, for their tests. `draw` in [0, 1) decides between the two neighbours on the grid.
uint8_t encode_moment(float share, float draw);         // share of the block's largest magnitude, -1..1
float decode_moment(uint8_t code);
uint8_t encode_square(float share, float draw);         // 0..1
float decode_square(uint8_t code);

}  // namespace sillok::train

#include "train/optimiser.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <numbers>

#include "train/autograd_random.h"

namespace sillok::train {
namespace {

constexpr size_t kTaskValues = 64 * kStateBlock;  // values of a task, whole blocks

// Codes 1..N stand for kLowest^((N - c) / (N - 1)), 0 for 0. The first moment: 7 bits and a sign, down to 1e-4 of the
// largest (steps of 7.6 %); the second: 8 bits, down to 1e-9 (steps of 8.5 %), since it is a square.
template <size_t N>
std::array<float, N + 1> make_grid(double lowest) {
  std::array<float, N + 1> grid{};
  for (size_t c = 1; c <= N; ++c) {
    grid[c] = static_cast<float>(std::pow(lowest, static_cast<double>(N - c) / static_cast<double>(N - 1)));
  }
  return grid;
}
const std::array<float, 128>& moment_grid() {
  static const auto kGrid = make_grid<127>(1e-4);
  return kGrid;
}
const std::array<float, 256>& square_grid() {
  static const auto kGrid = make_grid<255>(1e-9);
  return kGrid;
}

// The code below or above `share` (0..1), above with the chance that makes the mean right.
template <size_t N>
uint8_t round_at_random(const std::array<float, N>& grid, float share, float draw) {
  const auto above = static_cast<size_t>(std::lower_bound(grid.begin(), grid.end(), share) - grid.begin());
  if (above == 0) return 0;
  if (above == N) return static_cast<uint8_t>(N - 1);
  const float low = grid[above - 1], high = grid[above];
  return static_cast<uint8_t>(share - low > draw * (high - low) ? above : above - 1);
}

std::string_view bytes_of(const void* data, size_t bytes) { return {static_cast<const char*>(data), bytes}; }
template <typename V>
std::string_view bytes_of(const std::vector<V>& values) { return bytes_of(values.data(), values.size() * sizeof(V)); }

bool take(std::string_view& bytes, void* out, size_t count) {
  if (bytes.size() < count) return false;
  std::memcpy(out, bytes.data(), count);
  bytes.remove_prefix(count);
  return true;
}
template <typename V>
bool take(std::string_view& bytes, std::vector<V>& values) { return take(bytes, values.data(), values.size() * sizeof(V)); }

}  // namespace

double learning_rate_at(const ScheduleSettings& s, uint64_t step, uint64_t steps) {
  const double lowest = s.rate * s.final_share;
  if (step < s.warmup_steps) return s.rate * static_cast<double>(step + 1) / static_cast<double>(s.warmup_steps + 1);
  const auto at = static_cast<double>(step), end = static_cast<double>(std::max<uint64_t>(steps, 1));
  if (s.kind == Schedule::kCosine) {
    const double length = std::max(1.0, end - static_cast<double>(s.warmup_steps));
    const double along = std::min(1.0, (at - static_cast<double>(s.warmup_steps)) / length);
    return lowest + (s.rate - lowest) * 0.5 * (1 + std::cos(std::numbers::pi * along));
  }
  if (s.kind == Schedule::kConstant) return s.rate;
  const double decay = std::max(1.0, end * s.decay_share), begin = end - decay;
  return at < begin ? s.rate : s.rate + (lowest - s.rate) * std::min(1.0, (at - begin) / decay);
}

uint8_t encode_moment(float share, float draw) {
  const uint8_t code = round_at_random(moment_grid(), std::abs(share), draw);
  return static_cast<uint8_t>(share < 0 ? code | 0x80 : code);
}
float decode_moment(uint8_t code) {
  const float share = moment_grid()[code & 0x7F];
  return (code & 0x80) != 0 ? -share : share;
}
uint8_t encode_square(float share, float draw) { return round_at_random(square_grid(), share, draw); }
float decode_square(uint8_t code) { return square_grid()[code]; }

Optimiser::Optimiser(Parameters& parameters, const OptimiserSettings& settings, Workers& workers)
    : parameters_(parameters), settings_(settings), workers_(workers), states_(parameters.size()) {
  for (size_t p = 0; p < parameters.size(); ++p) {
    const size_t count = parameters[p]->value.size();
    State& state = states_[p];
    if (!settings.eight_bit_state) {
      state.m.resize(count);
      state.v.resize(count);
      continue;
    }
    state.m_codes.resize(count);
    state.v_codes.resize(count);
    state.m_scales.resize(blocks_of(count, kStateBlock));
    state.v_scales.resize(state.m_scales.size());
  }
}

double Optimiser::gradient_norm() const {
  double whole = 0;
  for (const auto& parameter : parameters_) {
    const std::vector<float>& g = parameter->gradient;
    std::vector<double> sums(blocks_of(g.size(), kTaskValues));
    workers_.run(sums.size(), [&](size_t task, uint32_t) {
      const size_t end = std::min(g.size(), (task + 1) * kTaskValues);
      for (size_t i = task * kTaskValues; i < end; ++i) sums[task] += static_cast<double>(g[i]) * static_cast<double>(g[i]);
    });
    for (const double sum : sums) whole += sum;
  }
  return std::sqrt(whole);
}

void Optimiser::step(double rate, double factor) {
  ++steps_;
  for (size_t p = 0; p < parameters_.size(); ++p) {
    const size_t count = parameters_[p]->value.size();
    workers_.run(blocks_of(count, kTaskValues), [&](size_t task, uint32_t) {
      update(p, task * kTaskValues, std::min(kTaskValues, count - task * kTaskValues), rate, factor);
    });
  }
}

// m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g²;  w -= rate (m / (1 - b1^t) / (sqrt(v / (1 - b2^t)) + epsilon) + decay w).
void Optimiser::update(size_t parameter, size_t first, size_t count, double rate, double factor) {
  Parameter<float>& p = *parameters_[parameter];
  State& state = states_[parameter];
  const double t = static_cast<double>(steps_);
  const auto b1 = static_cast<float>(settings_.beta1), b2 = static_cast<float>(settings_.beta2);
  const auto m_scale = static_cast<float>(1 / (1 - std::pow(settings_.beta1, t)));
  const auto v_scale = static_cast<float>(1 / (1 - std::pow(settings_.beta2, t)));
  const auto epsilon = static_cast<float>(settings_.epsilon), scale = static_cast<float>(factor);
  const auto decay = static_cast<float>(p.decays ? 1 - rate * settings_.weight_decay : 1), lr = static_cast<float>(rate);
  const auto change = [&](size_t i, float& m, float& v) {
    const float g = p.gradient[i] * scale;
    m = b1 * m + (1 - b1) * g;
    v = b2 * v + (1 - b2) * g * g;
    p.value[i] = decay * p.value[i] - lr * (m * m_scale) / (std::sqrt(v * v_scale) + epsilon);
  };
  if (!settings_.eight_bit_state) {
    for (size_t i = first; i < first + count; ++i) change(i, state.m[i], state.v[i]);
    return;
  }
  for (size_t begin = first; begin < first + count; begin += kStateBlock) {
    const size_t block = begin / kStateBlock, size = std::min(kStateBlock, first + count - begin);
    std::array<float, kStateBlock> m{}, v{};
    float m_largest = 0, v_largest = 0;
    for (size_t i = 0; i < size; ++i) {
      m[i] = decode_moment(state.m_codes[begin + i]) * state.m_scales[block];
      v[i] = decode_square(state.v_codes[begin + i]) * state.v_scales[block];
      change(begin + i, m[i], v[i]);
      m_largest = std::max(m_largest, std::abs(m[i]));
      v_largest = std::max(v_largest, v[i]);
    }
    state.m_scales[block] = m_largest;
    state.v_scales[block] = v_largest;
    Random random((steps_ << 40) ^ (uint64_t{parameter} << 28) ^ block);
    for (size_t i = 0; i < size; ++i) {
      const uint64_t bits = random.bits();
      const float m_draw = static_cast<float>(bits >> 40) * 0x1p-24F, v_draw = static_cast<float>(bits & 0xFFFFFF) * 0x1p-24F;
      state.m_codes[begin + i] = m_largest > 0 ? encode_moment(m[i] / m_largest, m_draw) : 0;
      state.v_codes[begin + i] = v_largest > 0 ? encode_square(v[i] / v_largest, v_draw) : 0;
    }
  }
}

size_t Optimiser::state_bytes() const {
  size_t bytes = 0;
  for (const State& s : states_) {
    bytes += (s.m.size() + s.v.size() + s.m_scales.size() + s.v_scales.size()) * sizeof(float) + s.m_codes.size() + s.v_codes.size();
  }
  return bytes;
}

Status Optimiser::save(const std::function<Status(std::string_view)>& append) const {
  SILLOK_TRY(append(bytes_of(&steps_, sizeof steps_)));
  for (const State& s : states_) {
    SILLOK_TRY(append(bytes_of(s.m)));
    SILLOK_TRY(append(bytes_of(s.v)));
    SILLOK_TRY(append(bytes_of(s.m_codes)));
    SILLOK_TRY(append(bytes_of(s.v_codes)));
    SILLOK_TRY(append(bytes_of(s.m_scales)));
    SILLOK_TRY(append(bytes_of(s.v_scales)));
  }
  return {};
}

bool Optimiser::restore(std::string_view bytes) {
  if (!take(bytes, &steps_, sizeof steps_)) return false;
  for (State& s : states_) {
    if (!take(bytes, s.m) || !take(bytes, s.v) || !take(bytes, s.m_codes) || !take(bytes, s.v_codes) || !take(bytes, s.m_scales) ||
        !take(bytes, s.v_scales)) {
      return false;
    }
  }
  return bytes.empty();
}

}  // namespace sillok::train

// Reads and checks what the metadata of a model file says about the forward pass.
#include <algorithm>
#include <cmath>

#include "model/configuration.h"

namespace sillok::model {
namespace {

// Far above every published model, and low enough that no product of two dimensions leaves 64 bits.
constexpr uint64_t kMaxLayers = 1024, kMaxWidth = 1 << 20, kMaxHeads = 1 << 14, kMaxContext = 1 << 30;
constexpr uint64_t kMaxExperts = 4096;

// The keys of one architecture: "llama.block_count" and so on.
class Keys {
 public:
  Keys(const Gguf& file, std::string_view architecture) : file_(file), prefix_(std::string(architecture) + ".") {}

  bool has(std::string_view name) const { return file_.has(prefix_ + std::string(name)); }
  Result<uint32_t> integer(std::string_view name, uint64_t low, uint64_t high) const {
    const std::string key = prefix_ + std::string(name);
    SILLOK_ASSIGN(const uint64_t value, same_in_every_layer(key));
    if (value < low || value > high) {
      return fail(ErrorCode::kInvalid, "metadata '" + key + "' is " + std::to_string(value) + ", not within " +
                                           std::to_string(low) + " and " + std::to_string(high));
    }
    return static_cast<uint32_t>(value);
  }
  Result<uint32_t> integer_or(std::string_view name, uint32_t otherwise, uint64_t low, uint64_t high) const {
    if (!has(name)) return otherwise;
    return integer(name, low, high);
  }
  Result<double> real_or(std::string_view name, double otherwise, double low, double high) const {
    const std::string key = prefix_ + std::string(name);
    if (!file_.has(key)) return otherwise;
    SILLOK_ASSIGN(const double value, file_.real(key));
    if (!(value >= low && value <= high)) {
      return fail(ErrorCode::kInvalid, "metadata '" + key + "' is " + std::to_string(value) + ", not within " +
                                           std::to_string(low) + " and " + std::to_string(high));
    }
    return value;
  }
  Result<bool> flag_or(std::string_view name, bool otherwise) const {
    if (!has(name)) return otherwise;
    return file_.boolean(prefix_ + std::string(name));
  }
  Result<std::string> text_or(std::string_view name, std::string otherwise) const {
    if (!has(name)) return otherwise;
    return file_.text(prefix_ + std::string(name));
  }
  // One value a layer, where the file has an array.
  Result<std::vector<uint32_t>> flags(std::string_view name, uint32_t layers) const {
    const std::string key = prefix_ + std::string(name);
    SILLOK_ASSIGN(const auto array, file_.array(key));
    if (array->integers.size() < layers) {
      return fail(ErrorCode::kInvalid, "metadata '" + key + "' holds " + std::to_string(array->integers.size()) +
                                           " values for " + std::to_string(layers) + " layers");
    }
    std::vector<uint32_t> flags(layers);
    for (uint32_t i = 0; i < layers; ++i) flags[i] = array->integers[i] != 0 ? 1 : 0;
    return flags;
  }
  bool is_array(std::string_view name) const { return file_.array(prefix_ + std::string(name)).has_value(); }
  const std::string& prefix() const { return prefix_; }

 private:
  // Some writers give a value a layer; the pass here has layers of one shape.
  Result<uint64_t> same_in_every_layer(const std::string& key) const {
    const auto array = file_.array(key);
    if (!array) return file_.integer(key);
    const auto& values = (*array)->integers;
    if (values.empty() || values.front() < 0) return fail(ErrorCode::kInvalid, "metadata '" + key + "' is empty or negative");
    if (std::any_of(values.begin(), values.end(), [&](int64_t v) { return v != values.front(); })) {
      return fail(ErrorCode::kUnsupported, "metadata '" + key + "' differs from layer to layer, which this build does not run");
    }
    return static_cast<uint64_t>(values.front());
  }

  const Gguf& file_;
  std::string prefix_;
};

Status read_shape(const Gguf& file, const Keys& keys, Configuration& c) {
  Hyperparameters& s = c.shape;
  if (file.has("general.name")) {
    SILLOK_ASSIGN(s.name, file.text("general.name"));
  }
  SILLOK_ASSIGN(c.skipped_layers, keys.integer_or("nextn_predict_layers", 0, 0, kMaxLayers));
  SILLOK_ASSIGN(const uint32_t blocks, keys.integer("block_count", c.skipped_layers + 1ULL, kMaxLayers));
  s.layers = blocks - c.skipped_layers;
  SILLOK_ASSIGN(s.width, keys.integer("embedding_length", 1, kMaxWidth));
  SILLOK_ASSIGN(s.heads, keys.integer("attention.head_count", 1, kMaxHeads));
  SILLOK_ASSIGN(s.kv_heads, keys.integer_or("attention.head_count_kv", s.heads, 1, kMaxHeads));
  SILLOK_ASSIGN(s.context, keys.integer("context_length", 1, kMaxContext));
  SILLOK_ASSIGN(s.key_size, keys.integer_or("attention.key_length", s.width / s.heads, 1, kMaxWidth));
  SILLOK_ASSIGN(s.value_size, keys.integer_or("attention.value_length", s.width / s.heads, 1, kMaxWidth));
  if (s.heads % s.kv_heads != 0) {
    return fail(ErrorCode::kInvalid, std::to_string(s.heads) + " heads cannot share " + std::to_string(s.kv_heads) +
                                         " key/value heads evenly ('" + keys.prefix() + "attention.head_count_kv')");
  }
  if (s.key_size == 0 || s.value_size == 0) {
    return fail(ErrorCode::kInvalid, std::to_string(s.width) + " features are too few for " + std::to_string(s.heads) + " heads");
  }
  return {};
}

Status read_experts(const Keys& keys, Configuration& c) {
  Hyperparameters& s = c.shape;
  SILLOK_ASSIGN(s.experts, keys.integer_or("expert_count", 0, 0, kMaxExperts));
  if (s.experts == 0) {
    SILLOK_ASSIGN(s.feed_forward, keys.integer("feed_forward_length", 1, kMaxWidth));
    return {};
  }
  if (!c.architecture->experts) {
    return fail(ErrorCode::kUnsupported, "a mixture of experts in architecture '" + s.architecture + "'");
  }
  SILLOK_ASSIGN(s.experts_used, keys.integer("expert_used_count", 1, s.experts));
  SILLOK_ASSIGN(s.feed_forward, keys.integer_or("feed_forward_length", 0, 0, kMaxWidth));
  SILLOK_ASSIGN(c.expert_feed_forward, keys.integer_or("expert_feed_forward_length", s.feed_forward, 1, kMaxWidth));
  if (c.expert_feed_forward == 0) {
    return fail(ErrorCode::kInvalid, "neither '" + keys.prefix() + "expert_feed_forward_length' nor feed_forward_length is given");
  }
  SILLOK_ASSIGN(const uint32_t groups, keys.integer_or("expert_group_count", 0, 0, kMaxExperts));
  SILLOK_ASSIGN(const uint32_t gating, keys.integer_or("expert_gating_func", 1, 0, 16));
  SILLOK_ASSIGN(const uint32_t shared, keys.integer_or("expert_shared_count", 0, 0, kMaxExperts));
  if (groups > 1) return fail(ErrorCode::kUnsupported, "experts in groups");
  if (gating > 1) return fail(ErrorCode::kUnsupported, "experts chosen by gating function " + std::to_string(gating) + ", not softmax");
  if (shared > 0) return fail(ErrorCode::kUnsupported, "experts that every token shares");
  SILLOK_ASSIGN(const double scale, keys.real_or("expert_weights_scale", 1, 0, 1e6));
  c.expert_scale = scale == 0 ? 1 : static_cast<float>(scale);
  return {};
}

Status read_windows(const Keys& keys, Configuration& c) {
  const Architecture& a = *c.architecture;
  c.windows.assign(c.shape.layers, 0);
  c.rotates.assign(c.shape.layers, a.positions == Positions::kLearned ? 0 : 1);
  if (a.window_period == 0) return {};
  SILLOK_ASSIGN(const uint32_t window, keys.integer_or("attention.sliding_window", a.default_window, 0, UINT32_MAX));
  if (window == 0) return {};
  constexpr std::string_view kPattern = "attention.sliding_window_pattern";
  if (keys.is_array(kPattern)) {
    SILLOK_ASSIGN(const std::vector<uint32_t> windowed, keys.flags(kPattern, c.shape.layers));
    for (uint32_t l = 0; l < c.shape.layers; ++l) c.windows[l] = windowed[l] != 0 ? window : 0;
  } else {
    SILLOK_ASSIGN(const uint32_t period, keys.integer_or(kPattern, a.window_period, 0, kMaxLayers));
    for (uint32_t l = 0; l < c.shape.layers; ++l) {
      const bool everything = period > 1 && l % period == period - 1;
      c.windows[l] = everything ? 0 : window;
    }
  }
  if (a.window_rope == WindowRope::kOnlyThere) {
    for (uint32_t l = 0; l < c.shape.layers; ++l) c.rotates[l] = c.windows[l] != 0 ? 1 : 0;
  }
  return {};
}

Status read_rope(const Keys& keys, Configuration& c) {
  RopeSettings& r = c.rope;
  if (c.architecture->positions == Positions::kLearned) return {};
  SILLOK_ASSIGN(r.rotated, keys.integer_or("rope.dimension_count", c.shape.key_size, 2, c.shape.key_size));
  if (r.rotated % 2 != 0) {
    return fail(ErrorCode::kInvalid, "'" + keys.prefix() + "rope.dimension_count' is odd: " + std::to_string(r.rotated));
  }
  SILLOK_ASSIGN(r.base, keys.real_or("rope.freq_base", 10000, 1, 1e12));
  r.window_base = c.architecture->window_rope == WindowRope::kOwn ? 10000 : r.base;
  SILLOK_ASSIGN(r.window_base, keys.real_or("rope.freq_base_swa", r.window_base, 1, 1e12));
  SILLOK_ASSIGN(const std::string scaling, keys.text_or("rope.scaling.type", "linear"));
  if (scaling == "none") r.scaling = RopeScaling::kNone;
  else if (scaling == "linear") r.scaling = RopeScaling::kLinear;
  else if (scaling == "yarn") r.scaling = RopeScaling::kYarn;
  else if (scaling == "longrope") r.scaling = RopeScaling::kLong;
  else return fail(ErrorCode::kUnsupported, "RoPE scaling '" + scaling + "'");
  const std::string_view factor = keys.has("rope.scaling.factor") ? "rope.scaling.factor" : "rope.scale_linear";
  SILLOK_ASSIGN(r.factor, keys.real_or(factor, 1, 0, 1e6));
  if (r.factor == 0) r.factor = 1;  // some writers put 0 for "none"
  SILLOK_ASSIGN(const uint32_t original, keys.integer_or("rope.scaling.original_context_length", c.shape.context, 0, kMaxContext));
  r.original_context = original == 0 ? c.shape.context : original;
  SILLOK_ASSIGN(r.attention_factor, keys.real_or("rope.scaling.attn_factor", 1, 1e-6, 1e6));
  SILLOK_ASSIGN(r.extrapolation, keys.real_or("rope.scaling.yarn_ext_factor", 1, 0, 1));
  SILLOK_ASSIGN(r.beta_fast, keys.real_or("rope.scaling.yarn_beta_fast", 32, 1e-6, 1e6));
  SILLOK_ASSIGN(r.beta_slow, keys.real_or("rope.scaling.yarn_beta_slow", 1, 1e-6, 1e6));
  SILLOK_ASSIGN(r.log_multiplier, keys.real_or("rope.scaling.yarn_log_multiplier", 0, 0, 1e6));
  return {};
}

// A scale that divides or multiplies; 0 in a file means none.
Result<float> scale_of(const Keys& keys, std::string_view name) {
  SILLOK_ASSIGN(const double value, keys.real_or(name, 1, 0, 1e9));
  return value == 0 ? 1.0F : static_cast<float>(value);
}

Status read_scales(const Keys& keys, Configuration& c) {
  const Architecture& a = *c.architecture;
  const Hyperparameters& s = c.shape;
  const std::string_view epsilon = a.norm == Norm::kRms ? "attention.layer_norm_rms_epsilon" : "attention.layer_norm_epsilon";
  if (!keys.has(epsilon)) {
    return fail(ErrorCode::kInvalid, "there is no metadata '" + keys.prefix() + std::string(epsilon) + "'");
  }
  SILLOK_ASSIGN(const double value, keys.real_or(epsilon, 0, 0, 1));
  c.epsilon = static_cast<float>(value);
  const bool by_width = a.layers_scaled_by_width == s.layers;
  c.attention_scale = 1 / std::sqrt(static_cast<float>(by_width ? s.width / s.heads : s.key_size));
  if (a.width_scales_embedding) c.embedding_scale = std::sqrt(static_cast<float>(s.width));
  if (a.file_scales) {
    SILLOK_ASSIGN(c.embedding_scale, scale_of(keys, "embedding_scale"));
    SILLOK_ASSIGN(c.residual_scale, scale_of(keys, "residual_scale"));
    SILLOK_ASSIGN(const float divisor, scale_of(keys, "logit_scale"));
    c.logit_scale = 1 / divisor;
    SILLOK_ASSIGN(const double attention, keys.real_or("attention.scale", 0, 0, 1e6));
    if (attention > 0) c.attention_scale = static_cast<float>(attention);
  }
  if (a.softcaps) {
    SILLOK_ASSIGN(const double in_attention, keys.real_or("attn_logit_softcapping", a.attention_softcap, 0, 1e6));
    SILLOK_ASSIGN(const double at_end, keys.real_or("final_logit_softcapping", a.final_softcap, 0, 1e6));
    c.attention_softcap = static_cast<float>(in_attention);
    c.final_softcap = static_cast<float>(at_end);
  }
  return {};
}

Status read_pooling(const Keys& keys, Configuration& c) {
  SILLOK_ASSIGN(const uint32_t pooling, keys.integer_or("pooling_type", 0, 0, 4));  // the numbers of the format
  c.shape.pooling = static_cast<Pooling>(pooling);
  return {};
}

}  // namespace

Result<Configuration> read_configuration(const Gguf& file) {
  Configuration c;
  SILLOK_ASSIGN(c.shape.architecture, file.text("general.architecture"));
  c.architecture = find_architecture(c.shape.architecture);
  if (c.architecture == nullptr) {
    return fail(ErrorCode::kUnsupported, "architecture '" + shorten(clean_utf8(c.shape.architecture), 40) +
                                             "' is not one this build runs (" + known_architectures() + ")");
  }
  const Keys keys(file, c.shape.architecture);
  SILLOK_ASSIGN(c.shape.causal, keys.flag_or("attention.causal", c.architecture->causal));
  SILLOK_TRY(read_shape(file, keys, c));
  SILLOK_TRY(read_experts(keys, c));
  SILLOK_TRY(read_windows(keys, c));
  SILLOK_TRY(read_rope(keys, c));
  SILLOK_TRY(read_scales(keys, c));
  SILLOK_TRY(read_pooling(keys, c));
  return c;
}

}  // namespace sillok::model

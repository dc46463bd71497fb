// One walk over the tensors a model must or may have serves twice: without a backend it checks, with one it loads.
#include "model/weights.h"

#include <cstring>
#include <set>

namespace sillok::model {
namespace {

using tensor::Weight;
using tensor::WeightUse;

std::string shape_text(const std::vector<uint64_t>& shape) {
  std::string text;
  for (const uint64_t size : shape) text += (text.empty() ? "" : " x ") + std::to_string(size);
  return text;
}

enum class Need : uint8_t { kRequired, kOptional };

class Walk {
 public:
  // `backend` null: only checks.
  Walk(const Gguf& file, std::shared_ptr<const Gguf> keep_alive, const Configuration& configuration, tensor::Backend* backend)
      : file_(file), keep_alive_(std::move(keep_alive)), c_(configuration), s_(configuration.shape), backend_(backend) {}

  Result<Weights> run() {
    const size_t width = s_.width;
    SILLOK_TRY(matrix(weights_.embedding, "token_embd.weight", width, s_.vocabulary, WeightUse::kEmbedding, Need::kRequired));
    SILLOK_TRY(token_type());
    if (c_.architecture->positions == Positions::kLearned) {
      SILLOK_TRY(matrix(weights_.positions, "position_embd.weight", width, s_.context, WeightUse::kEmbedding, Need::kRequired));
    }
    if (c_.architecture->embedding_norm) SILLOK_TRY(norm(weights_.embedding_norm, "token_embd_norm", width));
    SILLOK_TRY(rope_tensors());
    weights_.layers.resize(s_.layers);
    for (uint32_t l = 0; l < s_.layers; ++l) SILLOK_TRY(layer(weights_.layers[l], "blk." + std::to_string(l) + "."));
    if (c_.architecture->norm_place != NormPlace::kAfterSum) SILLOK_TRY(norm(weights_.final_norm, "output_norm", width));
    SILLOK_TRY(head());
    SILLOK_TRY(nothing_left_out());
    return std::move(weights_);
  }

 private:
  // Null if the file lacks it.
  Result<const GgufTensor*> find(const std::string& name, const std::vector<uint64_t>& shape, Need need) {
    const GgufTensor* found = file_.tensor(name);
    if (found == nullptr) {
      if (need == Need::kOptional) return nullptr;
      return fail(ErrorCode::kInvalid, "tensor '" + name + "' is missing");
    }
    if (!same_shape(found->shape, shape)) {
      return fail(ErrorCode::kInvalid, "tensor '" + name + "' is " + shape_text(found->shape) + ", but the metadata asks for " +
                                           shape_text(shape));
    }
    if (!tensor::can_dequantize(found->type)) {
      return fail(ErrorCode::kUnsupported, "tensor '" + name + "' has type " + std::string(tensor::info(found->type).name) +
                                               ", which holds no weights here");
    }
    used_.insert(name);
    return found;
  }

  // Dimensions of one past those that matter say nothing.
  static bool same_shape(std::vector<uint64_t> has, std::vector<uint64_t> wants) {
    while (has.size() > 1 && has.back() == 1) has.pop_back();
    while (wants.size() > 1 && wants.back() == 1) wants.pop_back();
    return has == wants;
  }

  Status load(std::unique_ptr<Weight>& out, const GgufTensor& from, size_t rows, size_t first_row, WeightUse use) {
    if (backend_ == nullptr) return {};
    const size_t columns = from.shape[0];
    const char* data = from.bytes.data() + first_row * tensor::row_bytes(from.type, columns);
    SILLOK_ASSIGN(out, backend_->load({from.type, rows, columns, data}, use, keep_alive_));
    return {};
  }

  Status matrix(std::unique_ptr<Weight>& out, const std::string& name, size_t columns, size_t rows, WeightUse use, Need need) {
    SILLOK_ASSIGN(const GgufTensor* found, find(name, {columns, rows}, need));
    return found == nullptr ? Status{} : load(out, *found, rows, 0, use);
  }
  Status vector(std::unique_ptr<Weight>& out, const std::string& name, size_t size, Need need) {
    SILLOK_ASSIGN(const GgufTensor* found, find(name, {size}, need));
    return found == nullptr ? Status{} : load(out, *found, 1, 0, WeightUse::kVector);
  }
  Status linear(Linear& out, const std::string& name, size_t columns, size_t rows, Need need = Need::kRequired) {
    if (need == Need::kOptional && file_.tensor(name + ".weight") == nullptr) return {};
    SILLOK_TRY(matrix(out.weight, name + ".weight", columns, rows, WeightUse::kMatrix, Need::kRequired));
    SILLOK_TRY(vector(out.bias, name + ".bias", rows, Need::kOptional));
    out.target = weights_.targets.size();
    weights_.targets.push_back({name + ".weight", rows, columns});
    return {};
  }
  Status norm(NormWeights& out, const std::string& name, size_t size) {
    SILLOK_TRY(vector(out.weight, name + ".weight", size, Need::kRequired));
    if (c_.architecture->norm == Norm::kLayer) SILLOK_TRY(vector(out.bias, name + ".bias", size, Need::kOptional));
    return {};
  }

  Status token_type() {
    const GgufTensor* found = file_.tensor("token_types.weight");
    if (found == nullptr) return {};
    if (found->shape.size() < 2) return fail(ErrorCode::kInvalid, "tensor 'token_types.weight' has no rows");
    SILLOK_ASSIGN(found, find("token_types.weight", {s_.width, found->shape[1]}, Need::kRequired));
    return load(weights_.token_type, *found, 1, 0, WeightUse::kVector);  // every token here is of type 0
  }

  Status rope_tensors() {
    if (c_.architecture->positions == Positions::kLearned) return {};
    SILLOK_TRY(factors(weights_.rope_factors, "rope_freqs.weight"));
    SILLOK_TRY(factors(weights_.rope_long, "rope_factors_long.weight"));
    SILLOK_TRY(factors(weights_.rope_short, "rope_factors_short.weight"));
    if (weights_.rope_long.empty() != weights_.rope_short.empty()) {
      return fail(ErrorCode::kInvalid, "of 'rope_factors_long.weight' and 'rope_factors_short.weight' only one is there");
    }
    return {};
  }
  Status factors(std::vector<float>& out, const std::string& name) {
    SILLOK_ASSIGN(const GgufTensor* found, find(name, {c_.rope.rotated / 2}, Need::kOptional));
    if (found == nullptr) return {};
    if (found->type != tensor::Type::kF32) return fail(ErrorCode::kInvalid, "tensor '" + name + "' is not F32");
    out.resize(c_.rope.rotated / 2);
    std::memcpy(out.data(), found->bytes.data(), out.size() * sizeof(float));
    for (const float factor : out) {
      if (!(factor > 0 && factor < 1e9F)) return fail(ErrorCode::kInvalid, "tensor '" + name + "' holds a factor that is not positive");
    }
    return {};
  }

  Status layer(Layer& out, const std::string& prefix) {
    SILLOK_TRY(layer_norms(out, prefix));
    SILLOK_TRY(attention(out, prefix));
    return s_.experts > 0 ? experts(out, prefix) : feed_forward(out, prefix);
  }

  Status layer_norms(Layer& out, const std::string& prefix) {
    const NormPlace place = c_.architecture->norm_place;
    const size_t width = s_.width;
    if (place == NormPlace::kBefore || place == NormPlace::kBeforeAndAfter) {
      SILLOK_TRY(norm(out.before_attention, prefix + "attn_norm", width));
      SILLOK_TRY(norm(out.before_feed_forward, prefix + "ffn_norm", width));
    }
    if (place == NormPlace::kBeforeAndAfter || place == NormPlace::kAfterBranch) {
      SILLOK_TRY(norm(out.after_attention, prefix + "post_attention_norm", width));
      SILLOK_TRY(norm(out.after_feed_forward, prefix + "post_ffw_norm", width));
    }
    if (place == NormPlace::kAfterSum) {
      SILLOK_TRY(norm(out.after_attention, prefix + "attn_output_norm", width));
      SILLOK_TRY(norm(out.after_feed_forward, prefix + "layer_output_norm", width));
    }
    return {};
  }

  Status attention(Layer& out, const std::string& prefix) {
    const size_t width = s_.width;
    const size_t q = size_t{s_.heads} * s_.key_size, k = size_t{s_.kv_heads} * s_.key_size;
    const size_t v = size_t{s_.kv_heads} * s_.value_size;
    SILLOK_TRY(linear(out.qkv, prefix + "attn_qkv", width, q + k + v, Need::kOptional));
    if (file_.tensor(prefix + "attn_qkv.weight") == nullptr) {
      SILLOK_TRY(linear(out.q, prefix + "attn_q", width, q));
      SILLOK_TRY(linear(out.k, prefix + "attn_k", width, k));
      SILLOK_TRY(linear(out.v, prefix + "attn_v", width, v));
    }
    const HeadNorm head_norm = c_.architecture->head_norm;
    if (head_norm != HeadNorm::kNone) {
      const bool whole = head_norm == HeadNorm::kWholeRow;
      SILLOK_TRY(norm(out.query, prefix + "attn_q_norm", whole ? q : s_.key_size));
      SILLOK_TRY(norm(out.key, prefix + "attn_k_norm", whole ? k : s_.key_size));
    }
    return linear(out.attention_out, prefix + "attn_output", size_t{s_.heads} * s_.value_size, width);
  }

  Status feed_forward(Layer& out, const std::string& prefix) {
    const size_t width = s_.width, inner = s_.feed_forward;
    SILLOK_TRY(linear(out.down, prefix + "ffn_down", inner, width));
    if (!c_.architecture->gated) return linear(out.up, prefix + "ffn_up", width, inner);
    const bool fused = file_.tensor(prefix + "ffn_gate.weight") == nullptr;
    if (!fused) SILLOK_TRY(linear(out.gate, prefix + "ffn_gate", width, inner));
    return linear(out.up, prefix + "ffn_up", width, fused ? 2 * inner : inner);
  }

  // The experts of a kind lie in one tensor, {columns, rows, experts}.
  Status experts(Layer& out, const std::string& prefix) {
    const size_t width = s_.width, inner = c_.expert_feed_forward;
    SILLOK_TRY(linear(out.router, prefix + "ffn_gate_inp", width, s_.experts));
    out.experts.resize(s_.experts);
    SILLOK_TRY(expert_matrices(out, prefix + "ffn_gate_exps.weight", width, inner, &Expert::gate));
    SILLOK_TRY(expert_matrices(out, prefix + "ffn_up_exps.weight", width, inner, &Expert::up));
    return expert_matrices(out, prefix + "ffn_down_exps.weight", inner, width, &Expert::down);
  }
  Status expert_matrices(Layer& out, const std::string& name, size_t columns, size_t rows,
                         std::unique_ptr<Weight> Expert::*part) {
    SILLOK_ASSIGN(const GgufTensor* found, find(name, {columns, rows, s_.experts}, Need::kRequired));
    for (size_t e = 0; e < s_.experts; ++e) {
      SILLOK_TRY(load(out.experts[e].*part, *found, rows, e * rows, WeightUse::kMatrix));
    }
    return {};
  }

  Status head() {
    SILLOK_TRY(linear(weights_.output, "output", s_.width, s_.vocabulary, Need::kOptional));
    SILLOK_TRY(linear(weights_.classifier, "cls", s_.width, s_.width, Need::kOptional));
    const GgufTensor* out = file_.tensor("cls.output.weight");
    if (out == nullptr) return {};
    const uint64_t labels = out->shape.size() > 1 ? out->shape[1] : 1;
    return linear(weights_.classifier_out, "cls.output", s_.width, labels);
  }

  // A tensor that nothing reads means that the pass is not this model's.
  Status nothing_left_out() {
    for (const GgufTensor& tensor : file_.tensors()) {
      if (used_.contains(tensor.name) || ignorable(tensor.name)) continue;
      return fail(ErrorCode::kUnsupported, "tensor '" + tensor.name + "' is not part of architecture '" + s_.architecture +
                                               "' as this build runs it; the file is of another variant");
    }
    return {};
  }
  bool ignorable(std::string_view name) const {
    if (name.ends_with(".attn_rot_embd")) return true;  // precomputed frequencies of old converters
    if (!name.starts_with("blk.")) return false;
    const uint64_t layer = std::strtoull(std::string(name.substr(4)).c_str(), nullptr, 10);
    return layer >= s_.layers && layer < uint64_t{s_.layers} + c_.skipped_layers;
  }

  const Gguf& file_;
  std::shared_ptr<const Gguf> keep_alive_;
  const Configuration& c_;
  const Hyperparameters& s_;
  tensor::Backend* backend_;
  Weights weights_;
  std::set<std::string, std::less<>> used_;
};

}  // namespace

Result<Weights> check_tensors(const Gguf& file, Configuration& configuration) {
  Hyperparameters& shape = configuration.shape;
  const GgufTensor* embedding = file.tensor("token_embd.weight");
  if (embedding == nullptr) return fail(ErrorCode::kInvalid, "tensor 'token_embd.weight' is missing");
  constexpr uint64_t kMaxVocabulary = 1 << 24;
  if (embedding->shape.size() != 2 || embedding->shape[1] > kMaxVocabulary) {
    return fail(ErrorCode::kInvalid, "tensor 'token_embd.weight' is " + shape_text(embedding->shape) + ", not a row of " +
                                         std::to_string(shape.width) + " a token");
  }
  shape.vocabulary = static_cast<uint32_t>(embedding->shape[1]);
  for (const GgufTensor& tensor : file.tensors()) {
    uint64_t elements = 1;
    for (const uint64_t size : tensor.shape) elements *= size;
    shape.parameters += elements;
  }
  return Walk(file, nullptr, configuration, nullptr).run();
}

Result<Weights> load_weights(const std::shared_ptr<const Gguf>& file, const Configuration& configuration,
                             tensor::Backend& backend) {
  return Walk(*file, file, configuration, &backend).run();
}

}  // namespace sillok::model

// A decoder as training sees it.
#include <algorithm>

#include "model/rope.h"

namespace sillok::model {
namespace {

// What the pass of training has no part for, or "".
std::string other_part(const Configuration& c, const Gguf& file) {
  const Architecture& a = *c.architecture;
  if (!c.shape.causal) return "an encoder";
  if (a.norm != Norm::kRms) return "layer norms";
  if (a.norm_place != NormPlace::kBefore) return "norms behind its branches";
  if (a.head_norm == HeadNorm::kWholeRow) return "queries normalised as a whole";
  if (a.positions == Positions::kLearned) return "learned positions";
  if (a.activation != tensor::Activation::kSilu || !a.gated) return "another feed-forward than SwiGLU";
  if (c.shape.experts > 0) return "a mixture of experts";
  if (c.attention_softcap > 0 || c.final_softcap > 0) return "soft caps";
  if (std::any_of(c.windows.begin(), c.windows.end(), [](uint32_t window) { return window != 0; })) return "sliding windows";
  if (std::any_of(c.rotates.begin(), c.rotates.end(), [](uint8_t rotates) { return rotates == 0; })) return "layers without positions";
  if (file.tensor("blk.0.attn_qkv.weight") != nullptr) return "queries, keys and values in one matrix";
  if (file.tensor("blk.0.ffn_gate.weight") == nullptr) return "gate and up in one matrix";
  if (file.tensor("token_types.weight") != nullptr || file.tensor("cls.weight") != nullptr || file.tensor("cls.output.weight") != nullptr) {
    return "token types or a classifier";
  }
  return "";
}

}  // namespace

Result<Decoder> describe_decoder(const Gguf& file, uint32_t context) {
  SILLOK_ASSIGN(Configuration c, read_configuration(file));
  SILLOK_ASSIGN(const Weights weights, check_tensors(file, c));
  if (const std::string part = other_part(c, file); !part.empty()) {
    return fail(ErrorCode::kUnsupported, "architecture '" + c.shape.architecture + "' of this file has " + part +
                                             ", which cannot be trained here (llama, granite, qwen2, qwen3 and exaone can)");
  }
  Decoder decoder;
  decoder.epsilon = c.epsilon;
  decoder.head_norm = c.architecture->head_norm == HeadNorm::kEachHead;
  decoder.rope = make_rope(c, weights, context == 0 ? c.shape.context : context);
  decoder.attention_scale = c.attention_scale;
  decoder.embedding_scale = c.embedding_scale;
  decoder.residual_scale = c.residual_scale;
  decoder.logit_scale = c.logit_scale;
  decoder.shape = std::move(c.shape);
  return decoder;
}

}  // namespace sillok::model

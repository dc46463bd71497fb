// The table of architectures. To add one: a row here, its small model in tests/model/small_models.cc and its golden
// logits (tests/model/golden/README.md). A trait that no row has yet is a field of Architecture and one line in forward.cc.
//
// What the file itself tells needs no trait: biases, fused attn_qkv or ffn_up, tied output, rope_freqs, partial
// rotation, kinds of RoPE scaling, grouped queries, sizes of heads, token types, pooling.
#include <array>

#include "model/architecture.h"

namespace sillok::model {
namespace {

using tensor::Activation;

constexpr std::array kArchitectures = {
    // Llama 1 to 3, Mistral, Mixtral, Solar, Kanana, Midm, HyperCLOVA X SEED. Files hold q and k permuted to neighbours.
    Architecture{.name = "llama", .positions = Positions::kNeighbours, .experts = true},
    // Llama with four scales: Granite, and models converted to it.
    Architecture{.name = "granite", .positions = Positions::kNeighbours, .file_scales = true},
    Architecture{.name = "qwen2"},  // Qwen 2 and 2.5, A.X
    Architecture{.name = "qwen3", .head_norm = HeadNorm::kEachHead},
    Architecture{.name = "qwen3moe", .head_norm = HeadNorm::kEachHead, .experts = true},
    Architecture{.name = "exaone"},  // EXAONE 3 and 3.5
    Architecture{.name = "exaone4",
                 .norm_place = NormPlace::kAfterBranch,
                 .head_norm = HeadNorm::kEachHead,
                 .window_period = 4,
                 .window_rope = WindowRope::kOnlyThere},
    Architecture{.name = "gemma", .activation = Activation::kGeluTanh, .width_scales_embedding = true},
    Architecture{.name = "gemma2",
                 .norm_place = NormPlace::kBeforeAndAfter,
                 .activation = Activation::kGeluTanh,
                 .width_scales_embedding = true,
                 .softcaps = true,
                 .attention_softcap = 50,  // early files leave these and the window out; every Gemma 2 has them
                 .final_softcap = 30,
                 .window_period = 2,
                 .default_window = 4096,
                 .layers_scaled_by_width = 46},
    Architecture{.name = "gemma3",
                 .norm_place = NormPlace::kBeforeAndAfter,
                 .head_norm = HeadNorm::kEachHead,
                 .activation = Activation::kGeluTanh,
                 .width_scales_embedding = true,
                 .softcaps = true,
                 .window_period = 6,
                 .window_rope = WindowRope::kOwn,
                 .layers_scaled_by_width = 62},
    Architecture{.name = "phi3", .window_period = 1},
    Architecture{.name = "olmo2",  // OLMo 2 and 3
                 .norm_place = NormPlace::kAfterBranch,
                 .head_norm = HeadNorm::kWholeRow,
                 .window_period = 4,
                 .window_rope = WindowRope::kUnscaled},
    Architecture{.name = "bert",
                 .norm = Norm::kLayer,
                 .norm_place = NormPlace::kAfterSum,
                 .positions = Positions::kLearned,
                 .activation = Activation::kGeluErf,
                 .gated = false,
                 .causal = false,
                 .embedding_norm = true},
    Architecture{.name = "nomic-bert",
                 .norm = Norm::kLayer,
                 .norm_place = NormPlace::kAfterSum,
                 .causal = false,
                 .embedding_norm = true},
};

}  // namespace

const Architecture* find_architecture(std::string_view name) {
  for (const Architecture& architecture : kArchitectures) {
    if (architecture.name == name) return &architecture;
  }
  return nullptr;
}

std::string known_architectures() {
  std::string names;
  for (const Architecture& architecture : kArchitectures) {
    names += (names.empty() ? "" : ", ") + std::string(architecture.name);
  }
  return names;
}

}  // namespace sillok::model

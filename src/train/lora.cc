#include "train/lora.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "train/autograd_random.h"

namespace sillok::train {
namespace {

struct Target {
  std::string_view name, suffix;  // as the command line has it; the end of the matrix's name
};
constexpr std::array<Target, 8> kTargets = {{{"q", ".attn_q.weight"}, {"k", ".attn_k.weight"}, {"v", ".attn_v.weight"},
                                             {"o", ".attn_output.weight"}, {"gate", ".ffn_gate.weight"}, {"up", ".ffn_up.weight"},
                                             {"down", ".ffn_down.weight"}, {"output", "output.weight"}}};

bool is_target(const std::string& matrix, const std::vector<std::string>& targets) {
  return std::any_of(kTargets.begin(), kTargets.end(), [&](const Target& target) {
    const bool named = std::find(targets.begin(), targets.end(), target.name) != targets.end();
    return named && (target.name == "output" ? matrix == target.suffix : matrix.ends_with(target.suffix));
  });
}

Status check_targets(const std::vector<std::string>& targets) {
  std::string known;
  for (const Target& target : kTargets) known += (known.empty() ? "" : ", ") + std::string(target.name);
  if (targets.empty()) return fail(ErrorCode::kInvalid, "no matrices to train; known are " + known);
  for (const std::string& wanted : targets) {
    if (std::none_of(kTargets.begin(), kTargets.end(), [&](const Target& t) { return t.name == wanted; })) {
      return fail(ErrorCode::kInvalid, "there are no matrices called '" + wanted + "' to train; known are " + known);
    }
  }
  return {};
}

}  // namespace

template <typename T>
Status add_adapters(Network<T>& network, const LoraSettings& settings, uint64_t seed) {
  SILLOK_TRY(check_targets(settings.targets));
  if (settings.rank == 0 || !(settings.alpha > 0)) return fail(ErrorCode::kInvalid, "rank and alpha of an adapter must be positive");
  std::vector<Linear<T>*> matrices = network.matrices();
  matrices.push_back(&network.output);
  for (Linear<T>* linear : matrices) {
    if (!is_target(linear->name, settings.targets)) continue;
    linear->a = network.add(linear->name + ".lora_a", settings.rank, linear->weight.columns, true);
    linear->b = network.add(linear->name + ".lora_b", linear->weight.rows, settings.rank, true);
    linear->scale = static_cast<T>(settings.alpha / settings.rank);
    Random random(hash64(linear->a->name, seed));
    const double bound = 1 / std::sqrt(static_cast<double>(linear->weight.columns));
    for (T& value : linear->a->value) value = static_cast<T>(bound * (2 * random.uniform() - 1));
  }
  if (network.parameters.empty()) {
    return fail(ErrorCode::kInvalid, "the model has none of the matrices to train (its output is its embedding)");
  }
  return {};
}

Result<SavedAdapter> save_adapters(const Network<float>& network, const LoraSettings& settings, const std::string& base_model,
                                   const fs::path& folder) {
  model::AdapterContents contents;
  contents.rank = settings.rank;
  contents.alpha = settings.alpha;
  contents.base_model = base_model;
  for (size_t i = 0; i + 1 < network.parameters.size(); i += 2) {  // as add_adapters made them: A, then B
    const Parameter<float>&a = *network.parameters[i], &b = *network.parameters[i + 1];
    const std::string tensor = a.name.substr(0, a.name.size() - std::string_view(".lora_a").size());
    contents.pairs.push_back({tensor, b.rows, a.columns, a.value, b.value});
  }
  SILLOK_TRY(model::write_gguf_adapter(folder / "adapter.gguf", contents, network.decoder.shape));
  SavedAdapter saved;
  const Status peft = model::write_peft_adapter(folder, contents, network.decoder.shape);
  if (!peft && peft.error().code != ErrorCode::kUnsupported) return fail(peft.error());
  if (!peft) saved.peft_refusal = peft.error().message;
  return saved;
}

template Status add_adapters(Network<float>&, const LoraSettings&, uint64_t);
template Status add_adapters(Network<double>&, const LoraSettings&, uint64_t);

}  // namespace sillok::train

// LoRA adapters (Hu et al. 2021, arXiv:2106.09685): y += scale * alpha / rank * B (A x) for some of the model's matrices.
//
// In a GGUF file of general.type "adapter", adapter.type "lora", the pair for matrix NAME is NAME.lora_a, {columns,
// rank}, and NAME.lora_b, {rank, rows}; adapter.lora.alpha is alpha.
#include <algorithm>

#include "model/forward.h"

namespace sillok::model {
namespace {

using tensor::Weight;

constexpr std::string_view kA = ".lora_a", kB = ".lora_b";

struct Wanted {
  const GgufTensor* a = nullptr;
  const GgufTensor* b = nullptr;
};

// The pairs of the file, by the model's matrices.
Result<std::vector<Wanted>> find_pairs(const Gguf& file, const std::vector<AdapterTarget>& targets) {
  std::vector<Wanted> wanted(targets.size());
  for (const GgufTensor& tensor : file.tensors()) {
    const bool is_a = tensor.name.ends_with(kA);
    if (!is_a && !tensor.name.ends_with(kB)) {
      return fail(ErrorCode::kUnsupported, "tensor '" + tensor.name + "' is neither " + std::string(kA) + " nor " + std::string(kB));
    }
    const std::string_view base = std::string_view(tensor.name).substr(0, tensor.name.size() - kA.size());
    const auto target = std::find_if(targets.begin(), targets.end(), [&](const AdapterTarget& t) { return t.name == base; });
    if (target == targets.end()) {
      return fail(ErrorCode::kUnsupported, "tensor '" + tensor.name + "': the model has no matrix of that name that an adapter may change");
    }
    Wanted& pair = wanted[static_cast<size_t>(target - targets.begin())];
    (is_a ? pair.a : pair.b) = &tensor;
  }
  return wanted;
}

// Rank of a pair that fits its matrix.
Result<size_t> check_pair(const Wanted& pair, const AdapterTarget& target) {
  if (pair.a == nullptr || pair.b == nullptr) {
    return fail(ErrorCode::kInvalid, "'" + target.name + "' has only one of " + std::string(kA) + " and " + std::string(kB));
  }
  const auto dimension = [](const GgufTensor& tensor, size_t d) { return d < tensor.shape.size() ? tensor.shape[d] : 1; };
  const uint64_t rank = dimension(*pair.a, 1);
  if (dimension(*pair.a, 0) != target.columns || dimension(*pair.b, 0) != rank || dimension(*pair.b, 1) != target.rows) {
    return fail(ErrorCode::kInvalid, "the pair of '" + target.name + "' does not fit a matrix of " + std::to_string(target.columns) +
                                         " x " + std::to_string(target.rows) + "; the adapter belongs to another model");
  }
  for (const GgufTensor* tensor : {pair.a, pair.b}) {
    if (!tensor::can_dequantize(tensor->type)) {
      return fail(ErrorCode::kUnsupported, "tensor '" + tensor->name + "' has type " + std::string(tensor::info(tensor->type).name));
    }
  }
  return static_cast<size_t>(rank);
}

Status check_kind(const Gguf& file, const Hyperparameters& model) {
  SILLOK_ASSIGN(const std::string type, file.text("general.type"));
  if (type != "adapter") return fail(ErrorCode::kInvalid, "a GGUF file of type '" + type + "', not an adapter");
  SILLOK_ASSIGN(const std::string kind, file.text("adapter.type"));
  if (kind != "lora") return fail(ErrorCode::kUnsupported, "an adapter of type '" + kind + "', not lora");
  SILLOK_ASSIGN(const std::string architecture, file.text("general.architecture"));
  if (architecture != model.architecture) {
    return fail(ErrorCode::kInvalid, "an adapter for architecture '" + architecture + "'; the model is '" + model.architecture + "'");
  }
  return {};
}

Result<std::unique_ptr<Adapter>> load(const std::shared_ptr<const Gguf>& file, const RunnableModel& model,
                                      tensor::Backend& backend) {
  SILLOK_TRY(check_kind(*file, model.hyperparameters()));
  SILLOK_ASSIGN(const double alpha, file->real("adapter.lora.alpha"));
  const auto& targets = model.weights().targets;
  SILLOK_ASSIGN(const std::vector<Wanted> wanted, find_pairs(*file, targets));
  auto adapter = std::make_unique<LoraAdapter>();
  adapter->model_ = &model;
  adapter->pairs_.resize(targets.size());
  bool empty = true;
  for (size_t i = 0; i < targets.size(); ++i) {
    if (wanted[i].a == nullptr && wanted[i].b == nullptr) continue;
    SILLOK_ASSIGN(const size_t pair_rank, check_pair(wanted[i], targets[i]));
    // Ranks may differ from matrix to matrix; the scale alpha / rank follows each.
    AdapterPair& pair = adapter->pairs_[i];
    pair.scale = alpha == 0 ? 1 : static_cast<float>(alpha / static_cast<double>(pair_rank));
    empty = false;
    const GgufTensor &a = *wanted[i].a, &b = *wanted[i].b;
    SILLOK_ASSIGN(pair.a, backend.load({a.type, pair_rank, targets[i].columns, a.bytes.data()}, tensor::WeightUse::kMatrix, file));
    SILLOK_ASSIGN(pair.b, backend.load({b.type, targets[i].rows, pair_rank, b.bytes.data()}, tensor::WeightUse::kMatrix, file));
  }
  if (empty) return fail(ErrorCode::kInvalid, "the adapter holds no matrices");
  return adapter;
}

}  // namespace

Result<std::unique_ptr<Adapter>> Adapter::open(const fs::path& path, const Model& model, tensor::Backend& backend) {
  const auto* runnable = dynamic_cast<const RunnableModel*>(&model);
  if (runnable == nullptr) return fail(ErrorCode::kInvalid, path.string() + ": this model takes no adapters");
  SILLOK_ASSIGN(const std::shared_ptr<const Gguf> file, Gguf::open(path));
  auto adapter = load(file, *runnable, backend);
  if (!adapter) return fail(adapter.error().in(path.string()));
  static_cast<LoraAdapter&>(**adapter).name_ = path.stem().string();
  return adapter;
}

}  // namespace sillok::model

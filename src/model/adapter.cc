// LoRA adapters (Hu et al. 2021, arXiv:2106.09685): y += scale * alpha / rank * B (A x) for some of the model's matrices.
#include "model/adapter.h"

#include <algorithm>
#include <cmath>

namespace sillok::model {
namespace {

// In a GGUF file of general.type "adapter", adapter.type "lora", the pair for matrix NAME is NAME.lora_a, {columns,
// rank}, and NAME.lora_b, {rank, rows}; adapter.lora.alpha is alpha.
constexpr std::string_view kA = ".lora_a", kB = ".lora_b";

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

// The rank of a pair that fits its matrix.
Result<size_t> check_pair(const StoredPair& pair, const AdapterTarget& target) {
  if (!pair.a || !pair.b) {
    return fail(ErrorCode::kInvalid, "'" + target.name + "' has only one matrix of its pair, " + (pair.a ? pair.a->name : pair.b->name));
  }
  if (pair.a->columns != target.columns || pair.b->columns != pair.a->rows || pair.b->rows != target.rows || pair.a->rows == 0) {
    return fail(ErrorCode::kInvalid, "the pair of '" + target.name + "' does not fit a matrix of " + std::to_string(target.columns) +
                                         " x " + std::to_string(target.rows) + "; the adapter belongs to another model");
  }
  for (const StoredMatrix* matrix : {&*pair.a, &*pair.b}) {
    if (!tensor::can_dequantize(matrix->type)) {
      return fail(ErrorCode::kUnsupported, "tensor '" + matrix->name + "' has type " + std::string(tensor::info(matrix->type).name));
    }
  }
  return static_cast<size_t>(pair.a->rows);
}

Result<std::unique_ptr<LoraAdapter>> load(const StoredAdapter& stored, const RunnableModel& model, tensor::Backend& backend) {
  const std::vector<AdapterTarget>& targets = model.weights().targets;
  auto adapter = std::make_unique<LoraAdapter>();
  adapter->model_ = &model;
  adapter->pairs_.resize(targets.size());
  if (stored.pairs.empty()) return fail(ErrorCode::kInvalid, "the adapter holds no matrices");
  for (const auto& [name, pair] : stored.pairs) {
    const auto target = std::find_if(targets.begin(), targets.end(), [&](const AdapterTarget& t) { return t.name == name; });
    if (target == targets.end()) {
      return fail(ErrorCode::kUnsupported, "tensor '" + (pair.a ? pair.a->name : pair.b->name) +
                                               "': the model has no matrix of that name that an adapter may change");
    }
    SILLOK_ASSIGN(const size_t rank, check_pair(pair, *target));
    AdapterPair& loaded = adapter->pairs_[static_cast<size_t>(target - targets.begin())];
    const double divisor = stored.by_root_of_rank ? std::sqrt(static_cast<double>(rank)) : static_cast<double>(rank);
    loaded.scale = stored.alpha == 0 ? 1 : static_cast<float>(stored.alpha / divisor);  // ranks may differ from pair to pair
    const auto load_matrix = [&](const StoredMatrix& matrix) {
      return backend.load({matrix.type, static_cast<size_t>(matrix.rows), static_cast<size_t>(matrix.columns), matrix.data},
                          tensor::WeightUse::kMatrix, stored.keep_alive);
    };
    SILLOK_ASSIGN(loaded.a, load_matrix(*pair.a));
    SILLOK_ASSIGN(loaded.b, load_matrix(*pair.b));
  }
  return adapter;
}

bool is_peft(const fs::path& path) { return fs::is_directory(path) || path.extension() == ".safetensors"; }

}  // namespace

Result<StoredAdapter> read_gguf_adapter(const fs::path& path, const Hyperparameters& model) {
  SILLOK_ASSIGN(const std::shared_ptr<const Gguf> file, Gguf::open(path));
  SILLOK_TRY(check_kind(*file, model));
  StoredAdapter stored;
  SILLOK_ASSIGN(stored.alpha, file->real("adapter.lora.alpha"));
  stored.keep_alive = file;
  for (const GgufTensor& tensor : file->tensors()) {
    const bool is_a = tensor.name.ends_with(kA);
    if (!is_a && !tensor.name.ends_with(kB)) {
      return fail(ErrorCode::kUnsupported, "tensor '" + tensor.name + "' is neither " + std::string(kA) + " nor " + std::string(kB));
    }
    StoredPair& pair = stored.pairs[tensor.name.substr(0, tensor.name.size() - kA.size())];
    const uint64_t rows = tensor.shape.size() > 1 ? tensor.shape[1] : 1;
    if (tensor.shape.size() > 2) return fail(ErrorCode::kUnsupported, "tensor '" + tensor.name + "' is no matrix");
    (is_a ? pair.a : pair.b) = StoredMatrix{tensor.name, tensor.type, rows, tensor.shape[0], tensor.bytes.data()};
  }
  return stored;
}

Result<std::unique_ptr<Adapter>> Adapter::open(const fs::path& path, const Model& model, tensor::Backend& backend) {
  const auto* runnable = dynamic_cast<const RunnableModel*>(&model);
  if (runnable == nullptr) return fail(ErrorCode::kInvalid, path.string() + ": this model takes no adapters");
  const Hyperparameters& shape = model.hyperparameters();
  const auto stored = is_peft(path) ? read_peft_adapter(path, shape) : read_gguf_adapter(path, shape);
  if (!stored) return fail(stored.error().in(path.string()));
  auto adapter = load(*stored, *runnable, backend);
  if (!adapter) return fail(adapter.error().in(path.string()));
  (*adapter)->name_ = path.stem().string();
  return std::move(*adapter);
}

}  // namespace sillok::model

// Adapters as Hugging Face's PEFT library saves them: a folder with adapter_config.json and adapter_model.safetensors.
// The pair for module M is base_model.model.M.lora_A.weight, [rank, columns], and .lora_B.weight, [rows, rank].
#include <nlohmann/json.hpp>

#include "model/adapter.h"
#include "model/import.h"
#include "model/safetensors.h"

namespace sillok::model {
namespace {

using Json = nlohmann::json;

constexpr uint64_t kMaxConfig = 1 << 20;
constexpr std::string_view kPrefix = "base_model.model.", kA = ".lora_A.weight", kB = ".lora_B.weight";

// The file, and copies of matrices whose rows had to move.
struct Owned {
  Safetensors file;
  std::vector<std::string> moved;
};

Status read_config(const fs::path& path, StoredAdapter& stored) {
  SILLOK_ASSIGN(const std::string text, read_file(path, kMaxConfig));
  const Json config = Json::parse(text, nullptr, false);
  if (!config.is_object()) return fail(ErrorCode::kInvalid, path.filename().string() + " is no JSON object");
  const auto text_of = [&config](const char* key) {
    const auto found = config.find(key);
    return found != config.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  const auto is_set = [&config](const char* key) {
    const auto found = config.find(key);
    if (found == config.end() || found->is_null()) return false;
    return found->is_boolean() ? found->get<bool>() : !found->empty();
  };
  if (text_of("peft_type") != "LORA") return fail(ErrorCode::kUnsupported, "an adapter of type '" + text_of("peft_type") + "', not LORA");
  for (const char* key : {"use_dora", "fan_in_fan_out", "alpha_pattern"}) {
    if (is_set(key)) return fail(ErrorCode::kUnsupported, "an adapter with " + std::string(key));
  }
  const auto alpha = config.find("lora_alpha");
  if (alpha == config.end() || !alpha->is_number() || !(alpha->get<double>() > 0)) {
    return fail(ErrorCode::kInvalid, path.filename().string() + ": lora_alpha is no positive number");
  }
  stored.alpha = alpha->get<double>();
  stored.by_root_of_rank = is_set("use_rslora");
  return {};
}

// GGUF files of architectures with neighbouring RoPE hold the rows of q and k in that order; B's rows go along.
uint64_t interleaved_heads(const std::string& name, const Hyperparameters& model) {
  if (find_architecture(model.architecture)->positions != Positions::kNeighbours) return 0;
  if (name.ends_with(".attn_q.weight")) return model.heads;
  return name.ends_with(".attn_k.weight") ? model.kv_heads : 0;
}

}  // namespace

Result<StoredAdapter> read_peft_adapter(const fs::path& path, const Hyperparameters& model) {
  const fs::path folder = fs::is_directory(path) ? path : path.parent_path();
  StoredAdapter stored;
  SILLOK_TRY(read_config(folder / "adapter_config.json", stored));
  SILLOK_ASSIGN(Safetensors file, Safetensors::open(fs::is_directory(path) ? path / "adapter_model.safetensors" : path));
  const auto owned = std::make_shared<Owned>(Owned{std::move(file), {}});
  owned->moved.reserve(owned->file.tensors().size());  // its strings stay where they are
  for (const auto& [full_name, tensor] : owned->file.tensors()) {
    std::string_view name = full_name;
    const bool is_a = name.ends_with(kA);
    if (!name.starts_with(kPrefix) || (!is_a && !name.ends_with(kB)) || tensor.shape.size() != 2) {
      return fail(ErrorCode::kUnsupported, "tensor '" + shorten(clean_utf8(name), 80) + "' is not half of a LoRA pair");
    }
    name.remove_prefix(kPrefix.size());
    name.remove_suffix(kA.size());
    SILLOK_ASSIGN(const std::string target, gguf_name(std::string(name) + ".weight", model.architecture));
    StoredMatrix matrix{full_name, tensor.type, tensor.shape[0], tensor.shape[1], tensor.bytes.data()};
    const uint64_t heads = is_a ? 0 : interleaved_heads(target, model);
    if (heads > 0 && matrix.rows % (2 * heads) == 0) {
      const size_t row = tensor::row_bytes(matrix.type, static_cast<size_t>(matrix.columns));
      std::string& moved = owned->moved.emplace_back();
      for (uint64_t r = 0; r < matrix.rows; ++r) {
        moved.append(tensor.bytes.substr(static_cast<size_t>(interleaved_row(r, matrix.rows, heads)) * row, row));
      }
      matrix.data = moved.data();
    }
    StoredPair& pair = stored.pairs[target];
    (is_a ? pair.a : pair.b) = std::move(matrix);
  }
  stored.keep_alive = owned;
  return stored;
}

}  // namespace sillok::model

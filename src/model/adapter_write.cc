// Adapters to files: GGUF (adapter.cc reads it) and PEFT (adapter_peft.cc reads it).
#include <array>
#include <nlohmann/json.hpp>
#include <set>

#include "model/adapter.h"
#include "model/import.h"

namespace sillok::model {
namespace {

using Json = nlohmann::ordered_json;

std::string_view bytes_of(std::span<const float> values) {
  return {reinterpret_cast<const char*>(values.data()), values.size_bytes()};
}

Status check(const AdapterContents& adapter) {
  if (adapter.rank == 0 || adapter.pairs.empty() || !(adapter.alpha > 0)) {
    return fail(ErrorCode::kInvalid, "an adapter without matrices, rank or alpha");
  }
  for (const AdapterContents::Pair& pair : adapter.pairs) {
    if (pair.a.size() != adapter.rank * pair.columns || pair.b.size() != adapter.rank * pair.rows) {
      return fail(ErrorCode::kInvalid, "the pair of '" + pair.tensor + "' is not of rank " + std::to_string(adapter.rank));
    }
  }
  return {};
}

// What Hugging Face calls the module of a matrix: the inverse of gguf_name, by which it is checked.
Result<std::string> module_name(const std::string& tensor, std::string_view architecture) {
  struct Name {
    std::string_view gguf, usual, exaone;
  };
  constexpr std::array<Name, 7> kNames = {{
      {"attn_q", "self_attn.q_proj", "attn.attention.q_proj"}, {"attn_k", "self_attn.k_proj", "attn.attention.k_proj"},
      {"attn_v", "self_attn.v_proj", "attn.attention.v_proj"}, {"attn_output", "self_attn.o_proj", "attn.attention.out_proj"},
      {"ffn_gate", "mlp.gate_proj", "mlp.c_fc_0"}, {"ffn_up", "mlp.up_proj", "mlp.c_fc_1"}, {"ffn_down", "mlp.down_proj", "mlp.c_proj"},
  }};
  const bool exaone = architecture == "exaone";
  std::string module = tensor == "output.weight" ? "lm_head" : "";
  if (tensor.starts_with("blk.") && tensor.ends_with(".weight")) {
    const size_t dot = tensor.find('.', 4);
    const std::string layer = tensor.substr(4, dot - 4), part = tensor.substr(dot + 1, tensor.size() - dot - 8);
    for (const Name& name : kNames) {
      if (name.gguf != part) continue;
      module = (exaone ? "transformer.h." : "model.layers.") + layer + "." + std::string(exaone ? name.exaone : name.usual);
    }
  }
  SILLOK_ASSIGN(const std::string back, gguf_name(module + ".weight", architecture));
  if (back != tensor) return fail(ErrorCode::kUnsupported, "'" + tensor + "' has no Hugging Face name for '" + std::string(architecture) + "'");
  return module;
}

// B with its rows in the order of Hugging Face's files: the inverse of what read_peft_adapter does.
std::vector<float> rows_of_halves(const AdapterContents::Pair& pair, size_t rank, uint64_t heads) {
  std::vector<float> moved(pair.b.size());
  for (size_t r = 0; r < pair.rows; ++r) {
    const auto to = static_cast<size_t>(interleaved_row(r, pair.rows, heads));
    std::copy_n(pair.b.begin() + static_cast<std::ptrdiff_t>(r * rank), rank, moved.begin() + static_cast<std::ptrdiff_t>(to * rank));
  }
  return moved;
}

struct PeftTensor {
  std::string name;
  size_t rows = 0, columns = 0;
  std::vector<float> values;
};

Status write_safetensors(const fs::path& path, const std::vector<PeftTensor>& tensors) {
  Json header;
  header["__metadata__"] = {{"format", "pt"}};
  uint64_t offset = 0;
  for (const PeftTensor& tensor : tensors) {
    const uint64_t end = offset + tensor.values.size() * sizeof(float);
    header[tensor.name] = {{"dtype", "F32"}, {"shape", {tensor.rows, tensor.columns}}, {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');  // the data begins at a multiple of eight
  std::string head(sizeof(uint64_t), '\0');
  for (size_t i = 0; i < head.size(); ++i) head[i] = static_cast<char>(text.size() >> (8 * i));
  SILLOK_ASSIGN(AtomicFile file, AtomicFile::create(path));
  SILLOK_TRY(file.append(head + text));
  for (const PeftTensor& tensor : tensors) SILLOK_TRY(file.append(bytes_of(tensor.values)));
  return file.commit();
}

}  // namespace

Status write_gguf_adapter(const fs::path& path, const AdapterContents& adapter, const Hyperparameters& model) {
  SILLOK_TRY(check(adapter));
  GgufOut out;
  out.metadata = {{"general.type", std::string("adapter")},
                  {"general.architecture", model.architecture},
                  {"general.name", "adapter of " + adapter.base_model},
                  {"adapter.type", std::string("lora")},
                  {"adapter.lora.alpha", adapter.alpha}};
  for (const AdapterContents::Pair& pair : adapter.pairs) {
    out.tensors.push_back({pair.tensor + ".lora_a", tensor::Type::kF32, {pair.columns, adapter.rank}});
    out.tensors.push_back({pair.tensor + ".lora_b", tensor::Type::kF32, {adapter.rank, pair.rows}});
  }
  return write_gguf(path, out, [&adapter](size_t i, const std::function<Status(std::string_view)>& append) {
    const AdapterContents::Pair& pair = adapter.pairs[i / 2];
    return append(bytes_of(i % 2 == 0 ? pair.a : pair.b));
  });
}

Status write_peft_adapter(const fs::path& folder, const AdapterContents& adapter, const Hyperparameters& model) {
  SILLOK_TRY(check(adapter));
  const Architecture* architecture = find_architecture(model.architecture);
  const bool neighbours = architecture != nullptr && architecture->positions == Positions::kNeighbours;
  std::vector<PeftTensor> tensors;
  std::set<std::string> modules;
  for (const AdapterContents::Pair& pair : adapter.pairs) {
    SILLOK_ASSIGN(const std::string module, module_name(pair.tensor, model.architecture));
    modules.insert(module.substr(module.rfind('.') + 1));
    uint64_t heads = 0;
    if (neighbours && pair.tensor.ends_with(".attn_q.weight")) heads = model.heads;
    if (neighbours && pair.tensor.ends_with(".attn_k.weight")) heads = model.kv_heads;
    const std::string name = "base_model.model." + module;
    tensors.push_back({name + ".lora_A.weight", adapter.rank, pair.columns, {pair.a.begin(), pair.a.end()}});
    tensors.push_back({name + ".lora_B.weight", pair.rows, adapter.rank,
                       heads > 0 ? rows_of_halves(pair, adapter.rank, heads) : std::vector<float>(pair.b.begin(), pair.b.end())});
  }
  Json config;
  config["peft_type"] = "LORA";
  config["task_type"] = "CAUSAL_LM";
  config["base_model_name_or_path"] = adapter.base_model;
  config["r"] = adapter.rank;
  if (adapter.alpha == static_cast<double>(static_cast<int64_t>(adapter.alpha))) config["lora_alpha"] = static_cast<int64_t>(adapter.alpha);
  else config["lora_alpha"] = adapter.alpha;
  config["lora_dropout"] = 0.0;
  config["bias"] = "none";
  config["fan_in_fan_out"] = false;
  config["inference_mode"] = true;
  config["target_modules"] = modules;
  SILLOK_TRY(write_safetensors(folder / "adapter_model.safetensors", tensors));
  return write_file_atomic(folder / "adapter_config.json", config.dump(2) + "\n");
}

}  // namespace sillok::model

// Quantising a model file. A mix spends more bits where errors cost most, as the field's mixes of these names do:
// the output matrix, the values of attention, the down-projections of the first and last layers and some between.
#include <algorithm>
#include <array>

#include "model/gguf.h"
#include "model/rows.h"

namespace sillok::model {
namespace {

using tensor::Type;

struct Mix {
  std::string_view name;
  Type base;
  uint64_t file_type;  // general.file_type, the number other programs show
};
constexpr std::array<Mix, 21> kMixes = {{
    {"F32", Type::kF32, 0}, {"F16", Type::kF16, 1}, {"BF16", Type::kBF16, 32}, {"Q4_0", Type::kQ4_0, 2},
    {"Q4_1", Type::kQ4_1, 3}, {"Q5_0", Type::kQ5_0, 8}, {"Q5_1", Type::kQ5_1, 9}, {"Q8_0", Type::kQ8_0, 7},
    {"Q2_K", Type::kQ2_K, 10}, {"Q3_K_S", Type::kQ3_K, 11}, {"Q3_K_M", Type::kQ3_K, 12}, {"Q3_K_L", Type::kQ3_K, 13},
    {"Q4_K_S", Type::kQ4_K, 14}, {"Q4_K_M", Type::kQ4_K, 15}, {"Q5_K_S", Type::kQ5_K, 16}, {"Q5_K_M", Type::kQ5_K, 17},
    {"Q6_K", Type::kQ6_K, 18}, {"IQ4_NL", Type::kIQ4_NL, 25}, {"MXFP4", Type::kMXFP4, 38},
    {"Q4_K", Type::kQ4_K, 15}, {"Q5_K", Type::kQ5_K, 17},  // the names alone mean the middle mix
}};

struct Place {
  std::string_view what;  // "attn_v", "output", "token_embd"
  size_t layer = 0;
};

// "blk.12.attn_v.weight" -> attn_v, 12.
Place place_of(std::string_view name) {
  Place place;
  if (name.starts_with("blk.")) {
    name.remove_prefix(4);
    while (!name.empty() && name[0] >= '0' && name[0] <= '9') {
      place.layer = place.layer * 10 + static_cast<size_t>(name[0] - '0');
      name.remove_prefix(1);
    }
    if (name.starts_with('.')) name.remove_prefix(1);
  }
  place.what = name.substr(0, name.rfind('.'));
  return place;
}

bool is_matrix(const GgufTensor& tensor) {
  const std::string_view name = tensor.name;
  const auto has = [&name](std::string_view part) { return name.find(part) != std::string_view::npos; };
  // A router's choice among experts is too delicate; norms and biases are vectors.
  return name.ends_with(".weight") && tensor.shape.size() >= 2 && tensor.shape[1] > 1 && !has("norm") && !has("ffn_gate_inp") &&
         !has("position_embd") && !has("token_types") && tensor::can_dequantize(tensor.type);
}

struct Shape {  // of the model, as the mixes look at it
  size_t layers = 1;
  uint64_t queries_per_key = 1;
  uint64_t experts = 0;
  bool tied = false;  // no output matrix: the embedding serves
};

bool wants_more_bits(size_t layer, size_t layers) {
  return layer < layers / 8 || layer >= 7 * layers / 8 || (layer - layers / 8) % 3 == 2;
}

// The type of a matrix in a K mix.
Type mixed_type(const Mix& mix, const Place& at, const Shape& model) {
  const auto is = [&mix](std::string_view name) { return mix.name == name; };
  const bool middle4 = is("Q4_K_M") || is("Q4_K"), middle5 = is("Q5_K_M") || is("Q5_K");
  const bool more = wants_more_bits(at.layer, model.layers);
  if (at.what == "output" || (at.what == "token_embd" && model.tied)) return Type::kQ6_K;
  if (at.what == "attn_v") {
    if (model.experts == 8) return Type::kQ8_0;
    if (is("Q2_K")) return model.queries_per_key >= 4 ? Type::kQ4_K : Type::kQ3_K;
    if (is("Q3_K_M")) return at.layer < 2 ? Type::kQ5_K : Type::kQ4_K;
    if (is("Q3_K_L")) return Type::kQ5_K;
    if ((middle4 || middle5) && more) return Type::kQ6_K;
    if (is("Q4_K_S") && at.layer < 4) return Type::kQ5_K;
  } else if (at.what == "attn_k") {
    if (model.experts == 8) return Type::kQ8_0;
  } else if (at.what == "ffn_down" || at.what == "ffn_down_exps") {
    if (is("Q2_K")) return Type::kQ3_K;
    if (is("Q3_K_M")) return at.layer < model.layers / 16 ? Type::kQ5_K : more ? Type::kQ4_K : Type::kQ3_K;
    if (is("Q3_K_L")) return Type::kQ5_K;
    if ((middle4 || middle5) && more) return Type::kQ6_K;
    if (is("Q4_K_S") && at.layer < model.layers / 8) return Type::kQ5_K;
  } else if (at.what == "attn_output") {
    if (is("Q2_K")) return Type::kQ3_K;
    if (is("Q3_K_M")) return Type::kQ4_K;
    if (is("Q3_K_L")) return Type::kQ5_K;
  } else if (at.what == "attn_qkv") {
    if (is("Q3_K_M") || is("Q3_K_L")) return Type::kQ4_K;
    if (middle4) return Type::kQ5_K;
    if (middle5) return Type::kQ6_K;
  }
  return mix.base;
}

// A type whose blocks fit the row: super-blocks of 256 give way to blocks of 32, those to float16.
Type fitting_type(Type type, uint64_t columns) {
  if (columns % tensor::info(type).block_elements == 0) return type;
  Type smaller = Type::kF16;
  switch (type) {
    case Type::kQ2_K:
    case Type::kQ3_K: smaller = Type::kIQ4_NL; break;
    case Type::kQ4_K: smaller = Type::kQ5_0; break;
    case Type::kQ5_K: smaller = Type::kQ5_1; break;
    case Type::kQ6_K: smaller = Type::kQ8_0; break;
    default: break;
  }
  return columns % tensor::info(smaller).block_elements == 0 ? smaller : Type::kF16;
}

Type type_for(const GgufTensor& tensor, const Mix& mix, const Shape& model) {
  if (!is_matrix(tensor)) return tensor.type;
  const bool super = tensor::info(mix.base).block_elements == 256;
  const Place place = place_of(tensor.name);
  Type type = super ? mixed_type(mix, place, model) : mix.base;
  // Below eight bits the output matrix keeps six, in every mix.
  const bool small = tensor::info(mix.base).block_elements == 32 && mix.base != Type::kQ8_0;
  if (small && (place.what == "output" || (place.what == "token_embd" && model.tied))) type = Type::kQ6_K;
  return fitting_type(type, tensor.shape[0]);
}

Shape shape_of(const Gguf& file) {
  Shape shape;
  const std::string architecture = file.text("general.architecture").value_or("");
  const auto number = [&](const char* key) { return file.integer(architecture + key).value_or(0); };
  shape.layers = std::max<size_t>(1, static_cast<size_t>(number(".block_count")));
  const uint64_t heads = number(".attention.head_count"), kv_heads = number(".attention.head_count_kv");
  shape.queries_per_key = kv_heads > 0 ? heads / kv_heads : 1;
  shape.experts = number(".expert_count");
  shape.tied = file.tensor("output.weight") == nullptr;
  return shape;
}

Result<Mix> find_mix(std::string_view name) {
  std::string known;
  for (const Mix& mix : kMixes) {
    if (ascii_lower(mix.name) == ascii_lower(name)) return mix;
    known += (known.empty() ? "" : ", ") + std::string(mix.name);
  }
  return fail(ErrorCode::kInvalid, "there is no type '" + shown(name) + "'; known are " + known);
}

}  // namespace

Status quantize_model(const fs::path& in, const fs::path& out, std::string_view mix_name, const ModelProgress& progress) {
  SILLOK_ASSIGN(const Mix mix, find_mix(mix_name));
  SILLOK_ASSIGN(const auto file, Gguf::open(in));
  std::error_code ignored;
  if (fs::equivalent(in, out, ignored)) {
    return fail(ErrorCode::kInvalid, out.string() + " is the file to read; write to another");
  }
  const Shape model = shape_of(*file);
  GgufOut what;
  uint64_t total = 0, done = 0;
  for (const auto& [key, value] : file->metadata()) {
    if (key != "general.file_type" && key != "general.quantization_version") what.metadata.emplace_back(key, value);
  }
  what.metadata.emplace_back("general.file_type", mix.file_type);
  what.metadata.emplace_back("general.quantization_version", uint64_t{2});
  for (const GgufTensor& tensor : file->tensors()) {
    const Type type = type_for(tensor, mix, model);
    if (type != tensor.type && !tensor::can_quantize(type)) {
      return fail(ErrorCode::kUnsupported, "this build does not quantise to " + std::string(tensor::info(type).name));
    }
    what.tensors.push_back({tensor.name, type, tensor.shape});
    total += tensor.bytes.size();
  }
  return write_gguf(out, what, [&](size_t i, const std::function<Status(std::string_view)>& append) -> Status {
    const GgufTensor& tensor = file->tensors()[i];
    const size_t columns = static_cast<size_t>(tensor.shape[0]);
    const size_t row = tensor::row_bytes(tensor.type, columns);
    if (what.tensors[i].type == tensor.type) {
      SILLOK_TRY(append(tensor.bytes));
    } else {
      SILLOK_TRY(convert_rows(tensor.type, what.tensors[i].type, tensor.bytes.size() / row, columns,
                              [&](size_t r) { return tensor.bytes.data() + r * row; }, {}, append));
    }
    done += tensor.bytes.size();
    if (progress) progress(done, total);
    return {};
  });
}

}  // namespace sillok::model

// Checkpoints of llama2.c and their tokenizers, as small real models.
//
// Checkpoint (its first version), little-endian: i32 width, feed-forward width, layers, heads, key/value heads,
// vocabulary (negative: the output matrix is stored apart), context; then float32: token embeddings, all layers'
// attention norms, all q, all k, all v, all output projections, all feed-forward norms, all w1 (gate), all w2 (down),
// all w3 (up), the final norm, two tables of rotations that are not needed, the output matrix if apart.
// Tokenizer: i32 bytes of the longest token; a token each: f32 score, i32 bytes, text.
#include <cstring>

#include "model/import.h"

namespace sillok::model {
namespace {

struct Header {
  int32_t width, hidden, layers, heads, kv_heads, vocabulary, context;
};
constexpr int32_t kMaxDimension = 1 << 24;

struct Checkpoint {
  Header header{};
  bool own_output = false;
  std::string_view floats;
};

Result<Checkpoint> read_checkpoint(std::string_view bytes) {
  Checkpoint out;
  if (bytes.size() < sizeof(Header)) return fail(ErrorCode::kInvalid, "it is too short for a llama2.c checkpoint");
  std::memcpy(&out.header, bytes.data(), sizeof(Header));
  Header& h = out.header;
  out.own_output = h.vocabulary < 0;
  if (h.vocabulary == INT32_MIN) return fail(ErrorCode::kInvalid, "the vocabulary's size is out of range");
  if (out.own_output) h.vocabulary = -h.vocabulary;
  for (const int32_t value : {h.width, h.hidden, h.layers, h.heads, h.kv_heads, h.vocabulary, h.context}) {
    if (value <= 0 || value > kMaxDimension) {
      return fail(ErrorCode::kInvalid, "this is no llama2.c checkpoint: a dimension is " + std::to_string(value));
    }
  }
  if (h.width % h.heads != 0 || h.heads % h.kv_heads != 0 || (h.width / h.heads) % 2 != 0) {
    return fail(ErrorCode::kInvalid, "width, heads and key/value heads do not divide");
  }
  out.floats = bytes.substr(sizeof(Header));
  return out;
}

struct Vocabulary {
  std::vector<std::string> texts;
  std::vector<double> scores;
  std::vector<int64_t> kinds;
};

Result<Vocabulary> read_vocabulary(std::string_view bytes, size_t count) {
  Vocabulary out;
  size_t at = sizeof(int32_t);
  for (size_t i = 0; i < count; ++i) {
    float score = 0;
    int32_t size = 0;
    if (bytes.size() < at + sizeof score + sizeof size) {
      return fail(ErrorCode::kInvalid, "the tokenizer ends after " + std::to_string(i) + " of " + std::to_string(count) + " tokens");
    }
    std::memcpy(&score, bytes.data() + at, sizeof score);
    std::memcpy(&size, bytes.data() + at + sizeof score, sizeof size);
    at += sizeof score + sizeof size;
    if (size < 0 || static_cast<size_t>(size) > bytes.size() - at) {
      return fail(ErrorCode::kInvalid, "token " + std::to_string(i) + " of the tokenizer reaches past the end of the file");
    }
    std::string text(bytes.substr(at, static_cast<size_t>(size)));
    at += static_cast<size_t>(size);
    // Its first three are <unk>, <s> and </s> (the latter two written between line ends), then bytes as <0x00>.
    int64_t kind = 1;
    if (i == 0) kind = 2;
    else if (i <= 2) kind = 3;
    else if (i < 259 && text.size() == 6 && text.starts_with("<0x")) kind = 6;
    if (i == 1) text = "<s>";
    if (i == 2) text = "</s>";
    std::string marked;
    for (const char c : text) {
      if (c == ' ' && kind == 1) marked += "\xE2\x96\x81";
      else marked += c;
    }
    out.texts.push_back(std::move(marked));
    out.scores.push_back(static_cast<double>(score));
    out.kinds.push_back(kind);
  }
  return out;
}

// Where each tensor's floats begin, in the order of the file.
class Layout {
 public:
  Layout(const Checkpoint& checkpoint, GgufOut& out) : floats_(checkpoint.floats), out_(out) {}
  // The next `count` matrices of `rows` by `columns`; `name` gets the layer's number.
  void take(const std::function<std::string(size_t)>& name, size_t count, uint64_t columns, uint64_t rows) {
    for (size_t i = 0; i < count; ++i) {
      const std::vector<uint64_t> shape = rows == 0 ? std::vector<uint64_t>{columns} : std::vector<uint64_t>{columns, rows};
      const uint64_t bytes = columns * std::max<uint64_t>(rows, 1) * sizeof(float);
      out_.tensors.push_back({name(i), tensor::Type::kF32, shape});
      places.emplace_back(offset_, bytes);
      offset_ += bytes;
    }
  }
  void skip(uint64_t count) { offset_ += count * sizeof(float); }
  uint64_t offset() const { return offset_; }
  std::vector<std::pair<uint64_t, uint64_t>> places;

 private:
  std::string_view floats_;
  GgufOut& out_;
  uint64_t offset_ = 0;
};

std::function<std::string(size_t)> layer_name(const char* what) {
  return [what](size_t layer) { return "blk." + std::to_string(layer) + "." + what + ".weight"; };
}
std::function<std::string(size_t)> plain_name(const char* name) {
  return [name](size_t) { return std::string(name) + ".weight"; };
}

void describe(const Header& h, const fs::path& checkpoint, Vocabulary vocabulary, GgufOut& out) {
  const auto number = [](int32_t value) { return GgufValue(static_cast<uint64_t>(value)); };
  out.metadata = {
      {"general.architecture", std::string("llama")},
      {"general.name", checkpoint.stem().string()},
      {"llama.block_count", number(h.layers)},
      {"llama.context_length", number(h.context)},
      {"llama.embedding_length", number(h.width)},
      {"llama.feed_forward_length", number(h.hidden)},
      {"llama.attention.head_count", number(h.heads)},
      {"llama.attention.head_count_kv", number(h.kv_heads)},
      {"llama.attention.layer_norm_rms_epsilon", 1e-5},
      {"llama.rope.dimension_count", number(h.width / h.heads)},
      {"llama.rope.freq_base", 10000.0},
      {"llama.vocab_size", number(h.vocabulary)},
      {"tokenizer.ggml.model", std::string("llama")},
      {"tokenizer.ggml.pre", std::string("default")},
      {"tokenizer.ggml.tokens", array_of(std::move(vocabulary.texts))},
      {"tokenizer.ggml.scores", array_of(std::move(vocabulary.scores))},
      {"tokenizer.ggml.token_type", array_of(std::move(vocabulary.kinds))},
      {"tokenizer.ggml.bos_token_id", uint64_t{1}},
      {"tokenizer.ggml.eos_token_id", uint64_t{2}},
      {"tokenizer.ggml.unknown_token_id", uint64_t{0}},
      {"tokenizer.ggml.add_bos_token", true},
      {"tokenizer.ggml.add_eos_token", false},
  };
}

}  // namespace

GgufValue array_of(std::vector<std::string> values) {
  auto array = std::make_shared<GgufArray>();
  array->strings = std::move(values);
  return std::shared_ptr<const GgufArray>(std::move(array));
}
GgufValue array_of(std::vector<double> values) {
  auto array = std::make_shared<GgufArray>();
  array->reals = std::move(values);
  return std::shared_ptr<const GgufArray>(std::move(array));
}
GgufValue array_of(std::vector<int64_t> values) {
  auto array = std::make_shared<GgufArray>();
  array->integers = std::move(values);
  return std::shared_ptr<const GgufArray>(std::move(array));
}

Status import_llama2c(const fs::path& checkpoint, const fs::path& tokenizer, const fs::path& out) {
  SILLOK_ASSIGN(const MappedFile file, MappedFile::open(checkpoint));
  auto read = read_checkpoint(file.bytes());
  if (!read) return fail(read.error().in(checkpoint.string()));
  const Header& h = read->header;
  SILLOK_ASSIGN(const MappedFile words, MappedFile::open(tokenizer));
  auto vocabulary = read_vocabulary(words.bytes(), static_cast<size_t>(h.vocabulary));
  if (!vocabulary) return fail(vocabulary.error().in(tokenizer.string()));

  GgufOut what;
  describe(h, checkpoint, std::move(*vocabulary), what);
  const auto C = static_cast<uint64_t>(h.width), F = static_cast<uint64_t>(h.hidden), V = static_cast<uint64_t>(h.vocabulary);
  const auto L = static_cast<size_t>(h.layers);
  const uint64_t D = C / static_cast<uint64_t>(h.heads), K = D * static_cast<uint64_t>(h.kv_heads);
  Layout layout(*read, what);
  layout.take(plain_name("token_embd"), 1, C, V);
  layout.take(layer_name("attn_norm"), L, C, 0);
  layout.take(layer_name("attn_q"), L, C, C);
  layout.take(layer_name("attn_k"), L, C, K);
  layout.take(layer_name("attn_v"), L, C, K);
  layout.take(layer_name("attn_output"), L, C, C);
  layout.take(layer_name("ffn_norm"), L, C, 0);
  layout.take(layer_name("ffn_gate"), L, C, F);
  layout.take(layer_name("ffn_down"), L, F, C);
  layout.take(layer_name("ffn_up"), L, C, F);
  layout.take(plain_name("output_norm"), 1, C, 0);
  layout.skip(static_cast<uint64_t>(h.context) * D);  // cosines and sines, D/2 each
  if (read->own_output) layout.take(plain_name("output"), 1, C, V);
  if (layout.offset() != read->floats.size()) {
    return fail(ErrorCode::kInvalid, checkpoint.string() + ": it has " + std::to_string(read->floats.size()) +
                                         " bytes of weights, its header wants " + std::to_string(layout.offset()));
  }
  return write_gguf(out, what, [&](size_t i, const std::function<Status(std::string_view)>& append) {
    const auto& [offset, size] = layout.places[i];
    return append(read->floats.substr(static_cast<size_t>(offset), static_cast<size_t>(size)));
  });
}

}  // namespace sillok::model

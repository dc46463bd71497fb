// tensor: numbers in blocks, and what is computed over them, on the CPU or another backend.
//
// Contents: element types | reference conversion | backend memory | weights | the KV store | operations |
//           the CPU backend
//
// Nothing above this module knows where memory lives or how a weight is laid out: it holds Buffers and Weights
// and calls a Backend. Activations are float32, row-major.
//
// Legend: B rows of a batch (tokens), C columns (features), H heads, D size of a head.
//
// Determinism (the rule every kernel keeps): the value of one output row depends only on its own input row and the
// weights, never on B, on the other rows, on the number of threads or on how a sequence was cut into batches. Every
// sum over k runs in an order fixed by the weight's type alone.
#pragma once

#include <bit>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/base.h"

namespace sillok::tensor {

// ---------------------------------------------------------------------------------------------
// Element types. The numbers are those of GGUF files.

enum class Type : uint8_t {
  kF32 = 0, kF16 = 1, kQ4_0 = 2, kQ4_1 = 3, kQ5_0 = 6, kQ5_1 = 7, kQ8_0 = 8,
  kQ2_K = 10, kQ3_K = 11, kQ4_K = 12, kQ5_K = 13, kQ6_K = 14, kIQ4_NL = 20,
  kI8 = 24, kI16 = 25, kI32 = 26, kI64 = 27, kF64 = 28, kBF16 = 30, kMXFP4 = 39,
};
struct TypeInfo {
  Type type;
  std::string_view name;    // as in file names: "Q4_K", "F16"
  uint32_t block_elements;  // elements that share scales; a row is a whole number of blocks
  uint32_t block_bytes;
};
const TypeInfo* find_type(uint32_t gguf_number);         // nullptr if unknown
const TypeInfo* find_type(std::string_view name);        // any case
const TypeInfo& info(Type type);
// Bytes of one row; `columns` must be a multiple of block_elements.
size_t row_bytes(Type type, size_t columns);

// ---------------------------------------------------------------------------------------------
// Reference conversion: scalar, written to be read. `columns` is a multiple of block_elements.

// False for types that hold no weights here (integers, F64).
bool can_dequantize(Type type);
bool can_quantize(Type type);
void dequantize(Type type, const void* row, float* out, size_t columns);
// Nearest representation by the usual search of each type; `importance` (columns values, may be null) weighs the
// squared error of each column.
void quantize(Type type, const float* row, void* out, size_t columns, const float* importance = nullptr);

float half_to_float(uint16_t half);
uint16_t float_to_half(float value);  // round to nearest even
inline float bfloat_to_float(uint16_t bits) { return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16); }

// ---------------------------------------------------------------------------------------------
// Backend memory

// A run of float32 in backend memory.
class Buffer {
 public:
  virtual ~Buffer() = default;
  virtual size_t size() const = 0;  // floats
};

// B rows of C float32 inside a buffer; `stride` floats from row to row. Does not own; the buffer outlives it.
struct View {
  Buffer* buffer = nullptr;
  size_t offset = 0;
  size_t rows = 0, columns = 0, stride = 0;
  // Columns [from, from + count) of every row.
  View slice(size_t from, size_t count) const { return {buffer, offset + from, rows, count, stride}; }
  // Rows [from, from + count).
  View row_range(size_t from, size_t count) const { return {buffer, offset + from * stride, count, columns, stride}; }
};

// ---------------------------------------------------------------------------------------------
// Weights

// A matrix of `rows` outputs by `columns` inputs (y = W x), or a vector (rows == 1), in the backend's own layout.
class Weight {
 public:
  virtual ~Weight() = default;
  virtual Type type() const = 0;
  virtual size_t rows() const = 0;
  virtual size_t columns() const = 0;
};
struct WeightData {
  Type type = Type::kF32;
  size_t rows = 0, columns = 0;
  const void* data = nullptr;  // rows * row_bytes(type, columns) bytes, as in the file
};
enum class WeightUse : uint8_t {
  kMatrix,     // multiplied: the backend may repack it
  kEmbedding,  // rows are gathered; it may be multiplied too (tied output)
  kVector,     // scales and biases: kept as float32
};

// ---------------------------------------------------------------------------------------------
// The KV store: keys and values of attention, in pages of kPageTokens tokens, all layers of a token in one page.

inline constexpr uint32_t kPageTokens = 32;  // a multiple of every block of a cache type

struct KvShape {
  struct Layer {
    uint32_t heads = 0;       // key/value heads
    uint32_t key_size = 0;    // D of a key
    uint32_t value_size = 0;
  };
  std::vector<Layer> layers;
  Type type = Type::kF16;  // kF16 or kQ8_0
  uint32_t pages = 0;
};
class KvStore {
 public:
  virtual ~KvStore() = default;
  virtual const KvShape& shape() const = 0;
  virtual size_t bytes() const = 0;
};
// Where a row's key and value go.
struct Slot {
  uint32_t page = 0, index = 0;  // index < kPageTokens
};
// The keys a row attends to: tokens [begin, end) of the sequence whose pages are tables[table].
struct Keys {
  uint32_t table = 0;
  uint32_t begin = 0, end = 0;
};

struct Attention {
  View query;   // [B, H * key_size]
  View out;     // [B, H * value_size]
  KvStore* store = nullptr;
  uint32_t layer = 0;
  uint32_t heads = 0;     // H, a multiple of the layer's key/value heads
  float scale = 1;        // scores are scale * q.k
  float softcap = 0;      // > 0: softcap * tanh(score / softcap)
  std::span<const float> sinks;  // one per head: joins the denominator only; empty = none
  std::span<const Keys> keys;    // one per row
  std::span<const std::span<const uint32_t>> tables;  // page numbers, in the order of the sequence
};

// ---------------------------------------------------------------------------------------------
// Operations

struct Rope {
  uint32_t head_size = 0;   // D
  uint32_t rotated = 0;     // leading features of a head that rotate, even
  bool halves = false;      // true: feature i pairs with i + rotated/2 (NeoX); false: neighbours pair (original)
  std::vector<float> frequency;  // rotated / 2 angular frequencies per position, every scaling applied
  float magnitude = 1;           // multiplies sine and cosine (YaRN)
};

enum class Activation : uint8_t { kSilu, kGeluTanh, kGeluErf, kRelu, kReluSquared };

// Low-rank addition for one adapter over some rows: y += scale * B (A x).
struct LowRank {
  const Weight* a = nullptr;  // [rank, columns of x]
  const Weight* b = nullptr;  // [columns of y, rank]
  float scale = 1;
  std::span<const uint32_t> rows;  // which rows of x and y; empty = all
};

struct Product {
  const Weight* weight = nullptr;
  View y;  // [B, weight->rows()]
};

class Backend {
 public:
  virtual ~Backend() = default;
  virtual std::string name() const = 0;  // "cpu avx2, 2 threads"

  virtual Result<std::unique_ptr<Buffer>> allocate(size_t floats) = 0;  // zeroed; kLimit if it does not fit
  // `keep_alive` owns data.data (a mapped file, which must not change while the weight lives). Without it the bytes are copied.
  virtual Result<std::unique_ptr<Weight>> load(const WeightData& data, WeightUse use,
                                               std::shared_ptr<const void> keep_alive) = 0;
  virtual Result<std::unique_ptr<KvStore>> make_kv(const KvShape& shape) = 0;
  virtual void copy_page(KvStore& store, uint32_t from, uint32_t to) = 0;

  virtual void write(View to, const float* from) = 0;      // packed rows from host memory
  virtual void read(View from, float* to) = 0;             // packed rows to host memory

  virtual void gather(const Weight& table, std::span<const int32_t> ids, View out) = 0;   // rows of an embedding
  virtual void gather_rows(View x, std::span<const uint32_t> rows, View out) = 0;
  // out[rows[i]] += scale[i] * x[i], i ascending.
  virtual void scatter_add(View x, std::span<const uint32_t> rows, std::span<const float> scale, View out) = 0;

  // Every product with the same x at once (x is quantised once): y = x Wᵀ.
  virtual void multiply(View x, std::span<const Product> products) = 0;
  virtual void add_low_rank(View x, View y, const LowRank& adapter) = 0;

  virtual void copy(View x, View out) = 0;
  virtual void add(View x, View y) = 0;                             // y += x
  virtual void add_vector(const Weight& bias, View y) = 0;          // every row
  virtual void scale(View y, float factor) = 0;
  virtual void softcap(View y, float cap) = 0;                      // cap * tanh(y / cap)
  virtual void activate(Activation kind, View y) = 0;
  virtual void activate_and_multiply(Activation kind, View gate, View y) = 0;  // y *= f(gate)
  // y = x / rms(x) * w, by groups of `group` columns (0 = the whole row; a head's size for per-head norms, whose
  // weight then has `group` values or a value per column). x and y may be the same view. weight null = 1.
  virtual void rms_norm(View x, const Weight* weight, float epsilon, size_t group, View y) = 0;
  virtual void layer_norm(View x, const Weight* weight, const Weight* bias, float epsilon, View y) = 0;
  virtual void rotate(View y, const Rope& rope, std::span<const int32_t> positions) = 0;  // RoPE in place, all heads
  virtual void store(KvStore& store, uint32_t layer, View key, View value, std::span<const Slot> slots) = 0;
  virtual void attend(const Attention& attention) = 0;
};

// ---------------------------------------------------------------------------------------------
// The CPU backend

enum class Isa : uint8_t { kScalar, kAvx2, kAvx512, kNeon };
std::string_view to_string(Isa isa);
// What this machine can run and this build holds, slowest first; always holds kScalar.
std::vector<Isa> available_isas();

struct CpuOptions {
  uint32_t threads = 0;        // 0: one per core
  std::optional<Isa> isa;      // none: $SILLOK_ISA, else the best of available_isas()
};
// kUnsupported if the ISA asked for is not there.
Result<std::unique_ptr<Backend>> make_cpu_backend(const CpuOptions& options = {});

}  // namespace sillok::tensor

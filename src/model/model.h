// model: an open foundation model from its file: what the file says, its tokenizer, its chat template, and one
// forward pass over a batch of tokens of many sequences.
//
// Contents: GGUF files | safetensors | tokenizer | chat template | hyperparameters | a model and its pass | perplexity |
//           adapters | a decoder described for training
//
// Main path: Model::open -> Gguf::open (every offset checked) -> Hyperparameters (the architecture's row of the table)
// -> weights into the backend -> Model::forward. Nothing here schedules, samples or knows of requests.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/base.h"
#include "tensor/tensor.h"

namespace sillok::model {

// ---------------------------------------------------------------------------------------------
// GGUF v3 (v2 reads too)

struct GgufArray;
using GgufValue = std::variant<bool, int64_t, uint64_t, double, std::string, std::shared_ptr<const GgufArray>>;
struct GgufArray {  // of one element type; only the vector of that type is filled
  std::vector<int64_t> integers;
  std::vector<double> reals;
  std::vector<std::string> strings;
  std::optional<uint32_t> kind;  // the element kind of the file it came from; unset: the writer picks the narrowest
  size_t size() const { return integers.size() + reals.size() + strings.size(); }
};
struct GgufTensor {
  std::string name;
  tensor::Type type = tensor::Type::kF32;
  std::vector<uint64_t> shape;  // fastest dimension first, as in the file: {columns, rows, experts}
  std::string_view bytes;       // in the mapping
};

// A mapped file, wholly validated: magic, version, counts, strings, types, alignment, every tensor's bounds, no two
// tensors of one name or over the same bytes. Malformed: kInvalid with what and where. Shared: weights keep it alive.
class Gguf {
 public:
  static Result<std::shared_ptr<const Gguf>> open(const fs::path& path);
  static Result<std::shared_ptr<const Gguf>> parse(std::string_view bytes);  // bytes must outlive it; for tests, fuzzing

  uint32_t version() const;
  const std::map<std::string, GgufValue, std::less<>>& metadata() const;
  const std::vector<GgufTensor>& tensors() const;
  const GgufTensor* tensor(std::string_view name) const;
  bool has(std::string_view key) const;
  // kNotFound if the key is absent, kInvalid if of another kind or out of range; the message names key and file.
  Result<std::string> text(std::string_view key) const;
  Result<uint64_t> integer(std::string_view key) const;
  Result<double> real(std::string_view key) const;
  Result<bool> boolean(std::string_view key) const;
  Result<std::shared_ptr<const GgufArray>> array(std::string_view key) const;

  ~Gguf();

 private:
  struct State;
  explicit Gguf(std::unique_ptr<State> state);
  static Result<std::shared_ptr<const Gguf>> finish(std::unique_ptr<State> state, std::string_view bytes);
  Result<const GgufValue*> value(std::string_view key) const;
  tl::unexpected<Error> not_of_kind(std::string_view key, std::string_view kind) const;
  std::unique_ptr<State> state_;
};

// Writes a GGUF v3 file, all or nothing. Tensor data is streamed by `fill`, called in order of the tensors.
struct GgufOut {
  // Integers are written with 32 bits where they fit, reals as float32.
  std::vector<std::pair<std::string, GgufValue>> metadata;
  struct Tensor {
    std::string name;
    tensor::Type type = tensor::Type::kF32;
    std::vector<uint64_t> shape;
  };
  std::vector<Tensor> tensors;
};
using GgufFill = std::function<Status(size_t tensor, const std::function<Status(std::string_view)>& append)>;
Status write_gguf(const fs::path& path, const GgufOut& what, const GgufFill& fill);

// ---------------------------------------------------------------------------------------------
// Making GGUF files: import and quantisation. Each writes `out` all or nothing.

using ModelProgress = std::function<void(uint64_t done_bytes, uint64_t total_bytes)>;

// A llama2.c checkpoint (its first version) with its tokenizer.bin, weights kept as float32.
Status import_llama2c(const fs::path& checkpoint, const fs::path& tokenizer, const fs::path& out);
// A Hugging Face folder: config.json, *.safetensors, tokenizer.json or tokenizer.model, chat template. Matrices keep
// their type unless `type` is set. kUnsupported names the architecture, tensor or pre-tokeniser that is not known.
Status import_hugging_face(const fs::path& folder, const fs::path& out, std::optional<tensor::Type> type = {},
                           const ModelProgress& progress = {});
// `mix`: a type ("Q8_0", "F16") or a mix of types by what each tensor does ("Q4_K_M", "Q3_K_S", ...).
Status quantize_model(const fs::path& in, const fs::path& out, std::string_view mix, const ModelProgress& progress = {});

// ---------------------------------------------------------------------------------------------
// Tokenizer

using Token = int32_t;

class Tokenizer {
 public:
  // kUnsupported for a tokenizer model or pre-tokenisation that is not known, by its name.
  static Result<std::shared_ptr<const Tokenizer>> from(const Gguf& file);
  virtual ~Tokenizer() = default;

  struct Encode {
    bool special = true;        // add BOS/EOS/CLS/SEP as the model wants
    bool parse_special = false; // text such as <|im_start|> becomes its token
  };
  virtual std::vector<Token> encode(std::string_view text, Encode how) const = 0;
  // A question and a document as one text, as rerankers are trained: each closed by the model's end or separator token. Special
  // tokens written in either are plain text.
  virtual std::vector<Token> encode_pair(std::string_view first, std::string_view second) const = 0;
  // The bytes of one token; a token may be part of a character. Special tokens give "" unless asked for.
  virtual std::string piece(Token token, bool special) const = 0;
  std::string decode(std::span<const Token> tokens, bool special = false) const;

  virtual size_t size() const = 0;                      // V
  virtual std::optional<Token> find(std::string_view piece) const = 0;  // the token written exactly so in the vocabulary
  virtual bool is_special(Token token) const = 0;       // control tokens
  virtual bool is_end(Token token) const = 0;           // end of text, of turn, of message
  virtual std::optional<Token> bos() const = 0;
  virtual std::optional<Token> eos() const = 0;
};

// ---------------------------------------------------------------------------------------------
// Chat template: the Jinja of the file

class ChatTemplate {
 public:
  // kInvalid with line and column if it does not parse.
  static Result<ChatTemplate> parse(std::string source);
  ChatTemplate(ChatTemplate&&) noexcept;
  ChatTemplate& operator=(ChatTemplate&&) noexcept;
  ~ChatTemplate();
  // `messages_json`: [{"role","content",...}]; `tools_json`: a JSON array or "". `extra_json`: an object of further
  // variables (enable_thinking, ...) or "". Steps, depth and output are limited: kLimit. raise_exception: kInvalid.
  // `now`: what strftime_now tells, in local time; the clock's if not given. Thread-safe.
  Result<std::string> render(std::string_view messages_json, std::string_view tools_json, bool add_generation_prompt,
                             std::string_view bos, std::string_view eos, std::string_view extra_json = {},
                             std::optional<Micros> now = std::nullopt) const;

 private:
  struct State;
  explicit ChatTemplate(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// ---------------------------------------------------------------------------------------------
// A model

enum class Pooling : uint8_t { kNone, kMean, kCls, kLast, kRank };

// What a person wants to know of a model, from its file.
struct Hyperparameters {
  std::string architecture;   // "llama", "qwen3", ...
  std::string name;
  uint32_t layers = 0, width = 0, feed_forward = 0, heads = 0, kv_heads = 0, key_size = 0, value_size = 0;
  uint32_t vocabulary = 0, context = 0, experts = 0, experts_used = 0;
  bool causal = true;
  Pooling pooling = Pooling::kNone;
  uint64_t parameters = 0;
};

// A row of a batch: one token of one sequence.
struct Row {
  Token token = 0;
  uint32_t position = 0;
  uint32_t table = 0;      // index into Batch::tables
  uint32_t adapter = 0;    // index into Batch::adapters plus 1; 0 = none
  bool output = false;     // logits (or the hidden state) wanted
};
class Adapter;
struct Batch {
  std::vector<Row> rows;   // rows of one sequence in ascending positions; new keys are stored before any is read
  std::vector<std::span<const uint32_t>> tables;  // a sequence's pages; must cover its positions
  std::vector<std::pair<const Adapter*, float>> adapters;  // with scale
};

struct ModelOptions {
  // The longest sequence that will be run; 0, or more than that: the file's context. LongRoPE chooses its factors by it (short ones up to
  // the original context), once, so that a sequence means the same however it is cut.
  uint32_t context = 0;
};

class Model {
 public:
  // Validates hyperparameters and every tensor's shape before anything is loaded. kUnsupported names the
  // architecture; kInvalid the tensor that is missing or misshapen. The backend must outlive the model.
  static Result<std::unique_ptr<Model>> open(const fs::path& path, tensor::Backend& backend,
                                             const ModelOptions& options = {});
  virtual ~Model() = default;

  virtual const Hyperparameters& hyperparameters() const = 0;
  virtual const Gguf& file() const = 0;
  virtual const Tokenizer& tokenizer() const = 0;
  virtual tensor::KvShape kv_shape(tensor::Type type, uint32_t pages) const = 0;

  enum class Output : uint8_t { kLogits, kHidden };
  // Runs the batch (at most max_rows()) and gives, for the rows with `output` in their order, [n, V] logits or
  // [n, C] final hidden states. Encoders (causal == false) attend over all rows of their table in this batch, which
  // must be a whole sequence; they give hidden states, and as logits the classifier's [n, labels] if pooling is kRank.
  // kInvalid or kLimit for a batch that makes no sense; nothing is computed then. Not thread-safe.
  virtual Result<std::vector<float>> forward(const Batch& batch, tensor::KvStore& store, Output what) = 0;
  virtual uint32_t max_rows() const = 0;
};

// One sequence run by itself, on pages of its own: what measures texts rather than serves people.
class Sequence {
 public:
  // `adapter` may be null. All must outlive it.
  Sequence(Model& model, tensor::Backend& backend, const Adapter* adapter = nullptr) : model_(model), backend_(backend), adapter_(adapter) {}
  // Room for that many tokens. Where it grows, what was run before is forgotten.
  Status reserve(size_t tokens);
  // Runs the tokens at `position`, within what was reserved, behind what was run before it, in as many batches as they need. `sink` gets
  // the logits [V] (of a classifier [labels]) after each token from index `first` on.
  using Sink = std::function<void(size_t index, std::span<const float> logits)>;
  Status run(std::span<const Token> tokens, size_t position, size_t first, const Sink& sink);

 private:
  Model& model_;
  tensor::Backend& backend_;
  const Adapter* adapter_;
  std::unique_ptr<tensor::KvStore> store_;
  std::vector<uint32_t> pages_;
};
// log p of `token` under the softmax of logits [V].
double log_probability(std::span<const float> logits, Token token);
// The text's tokens as the model begins texts, without the end token that some models put behind one.
std::vector<Token> encode_open(const Tokenizer& tokenizer, std::string_view text);

// How well a model predicts a text.
struct Perplexity {
  double mean = 0;            // of -log p over the scored tokens
  double standard_error = 0;  // of value(), to first order
  size_t chunks = 0, scored = 0;
  double value() const;       // exp(mean)
};
// The text's tokens in chunks of `context` that do not overlap, what is left over at the end not used; each chunk starts
// from nothing, its first token replaced by BOS where the model starts texts so; its second half is scored, so that every
// scored token has at least half a context before it. The method of llama.cpp's perplexity tool, so figures compare.
// kInvalid if the text does not fill one chunk, kUnsupported for an encoder. `progress` may be empty.
Result<Perplexity> measure_perplexity(Model& model, tensor::Backend& backend, std::string_view text, uint32_t context,
                                      const std::function<void(size_t done, size_t chunks, double so_far)>& progress = {});

// A LoRA adapter (GGUF, or a PEFT folder or safetensors file), checked against the model.
class Adapter {
 public:
  static Result<std::unique_ptr<Adapter>> open(const fs::path& path, const Model& model, tensor::Backend& backend);
  virtual ~Adapter() = default;
  virtual const std::string& name() const = 0;
};

// An adapter to be saved: y += alpha / rank * B (A x) for the matrices it names.
struct AdapterContents {
  struct Pair {
    std::string tensor;              // the model's, "blk.0.attn_q.weight"
    size_t rows = 0, columns = 0;    // of the model's matrix
    std::span<const float> a, b;     // [rank, columns], [rows, rank]
  };
  size_t rank = 0;
  double alpha = 0;
  std::vector<Pair> pairs;
  std::string base_model;            // its name or path, for the person who reads the file
};
// Both are read by Adapter::open and by other engines. The second writes adapter_config.json and
// adapter_model.safetensors into `folder`; kUnsupported where the architecture has no Hugging Face names here.
Status write_gguf_adapter(const fs::path& path, const AdapterContents& adapter, const Hyperparameters& model);
Status write_peft_adapter(const fs::path& folder, const AdapterContents& adapter, const Hyperparameters& model);

// ---------------------------------------------------------------------------------------------
// A decoder described for training: what a pass that is differentiated must know

// Layers of the Llama family, r residual_scale: x += r attention(norm(x)); x += r down(silu(gate n) * up n), n = norm(x).
// Norms are RMS norms; q, k and v are matrices of their own.
struct Decoder {
  Hyperparameters shape;
  float epsilon = 0;
  bool head_norm = false;  // queries and keys are normalised head by head before they rotate
  tensor::Rope rope;
  float attention_scale = 1, embedding_scale = 1, residual_scale = 1, logit_scale = 1;  // logits are multiplied by the last
};
// Checks every tensor as Model::open does. `context` as in ModelOptions. kUnsupported for an architecture, or a variant
// of one, whose pass has other parts than these; the message names it.
Result<Decoder> describe_decoder(const Gguf& file, uint32_t context);

}  // namespace sillok::model

// Opening a model, and checking and running a batch. The layers themselves are in pass.cc.
#include "model/forward.h"

#include <algorithm>

#include "model/pass.h"

namespace sillok::model {
namespace {

// Rows of a batch. More would not multiply faster, only need more room: 512 rows of an 8 B model take 80 MB.
constexpr uint32_t kMaxRows = 512;
// An encoder needs a whole sequence in one batch; longer ones are cut by the caller.
constexpr uint32_t kMaxEncoderRows = 8192;
// Activations are kept for so many rows at least, so that decoding does not grow them step by step.
constexpr size_t kMinScratchRows = 32;

std::string row_text(size_t row) { return "row " + std::to_string(row) + " of the batch"; }

}  // namespace

Result<std::unique_ptr<Model>> Model::open(const fs::path& path, tensor::Backend& backend, const ModelOptions& options) {
  SILLOK_ASSIGN(std::shared_ptr<const Gguf> file, Gguf::open(path));
  auto configuration = read_configuration(*file);
  if (!configuration) return fail(configuration.error().in(path.string()));
  if (auto checked = check_tensors(*file, *configuration); !checked) return fail(checked.error().in(path.string()));
  auto tokenizer = Tokenizer::from(*file);
  if (!tokenizer) return fail(tokenizer.error().in(path.string()));
  if ((*tokenizer)->size() != configuration->shape.vocabulary) {
    return fail(ErrorCode::kInvalid, path.string() + ": the tokenizer has " + std::to_string((*tokenizer)->size()) +
                                         " tokens, tensor 'token_embd.weight' has " +
                                         std::to_string(configuration->shape.vocabulary));
  }
  auto weights = load_weights(file, *configuration, backend);
  if (!weights) return fail(weights.error().in(path.string()));
  const uint32_t trained = configuration->shape.context;
  const uint32_t context = options.context == 0 ? trained : std::min(options.context, trained);
  return std::make_unique<RunnableModel>(std::move(file), std::move(*tokenizer), std::move(*configuration),
                                         std::move(*weights), backend, context);
}

RunnableModel::RunnableModel(std::shared_ptr<const Gguf> file, std::shared_ptr<const Tokenizer> tokenizer,
                             Configuration configuration, Weights weights, tensor::Backend& backend, uint32_t context)
    : file_(std::move(file)), tokenizer_(std::move(tokenizer)), configuration_(std::move(configuration)),
      weights_(std::move(weights)), backend_(backend) {
  if (configuration_.architecture->positions == Positions::kLearned) return;
  rope_ = make_rope(configuration_, weights_, context);
  window_rope_ = make_window_rope(configuration_, weights_, context);
}

tensor::KvShape RunnableModel::kv_shape(tensor::Type type, uint32_t pages) const {
  const Hyperparameters& s = configuration_.shape;
  tensor::KvShape shape;
  shape.layers.assign(s.layers, {.heads = s.kv_heads, .key_size = s.key_size, .value_size = s.value_size});
  shape.type = type;
  shape.pages = pages;
  return shape;
}

uint32_t RunnableModel::max_rows() const {
  const Hyperparameters& s = configuration_.shape;
  return s.causal ? kMaxRows : std::clamp(s.context, kMaxRows, kMaxEncoderRows);
}

Result<std::vector<float>> RunnableModel::forward(const Batch& batch, tensor::KvStore& store, Output what) {
  SILLOK_TRY(check(batch, store, what));
  if (batch.rows.empty()) return std::vector<float>();
  SILLOK_TRY(grow_scratch(batch.rows.size()));
  Pass pass({configuration_, weights_, backend_, rope_, window_rope_, scratch_, store, batch}, lay_out(batch));
  return pass.run(what);
}

Status RunnableModel::check(const Batch& batch, const tensor::KvStore& store, Output what) const {
  const Hyperparameters& s = configuration_.shape;
  if (batch.rows.size() > max_rows()) {
    return fail(ErrorCode::kLimit, "a batch of " + std::to_string(batch.rows.size()) + " rows; this model takes " +
                                       std::to_string(max_rows()));
  }
  if (what == Output::kLogits && !s.causal && s.pooling != Pooling::kRank) {
    return fail(ErrorCode::kUnsupported, "'" + s.architecture + "' models give vectors, not logits");
  }
  const tensor::KvShape& shape = store.shape();
  if (shape.layers.size() != s.layers || shape.layers.front().heads != s.kv_heads ||
      shape.layers.front().key_size != s.key_size || shape.layers.front().value_size != s.value_size) {
    return fail(ErrorCode::kInvalid, "the KV store was made for another model");
  }
  for (const auto& [adapter, scale] : batch.adapters) {
    const auto* lora = dynamic_cast<const LoraAdapter*>(adapter);
    if (lora == nullptr || lora->model_ != this) return fail(ErrorCode::kInvalid, "an adapter of the batch was opened for another model");
  }
  const bool learned = configuration_.architecture->positions == Positions::kLearned;
  std::vector<size_t> counts(batch.tables.size()), ends(batch.tables.size());
  for (size_t i = 0; i < batch.rows.size(); ++i) {
    const Row& row = batch.rows[i];
    if (row.token < 0 || static_cast<uint32_t>(row.token) >= s.vocabulary) {
      return fail(ErrorCode::kInvalid, row_text(i) + ": token " + std::to_string(row.token) + " is not below " + std::to_string(s.vocabulary));
    }
    if (row.table >= batch.tables.size() || row.adapter > batch.adapters.size()) {
      return fail(ErrorCode::kInvalid, row_text(i) + " names a page table or an adapter that the batch does not have");
    }
    const std::span<const uint32_t> pages = batch.tables[row.table];
    const size_t page = row.position / tensor::kPageTokens;
    if (page >= pages.size() || pages[page] >= shape.pages) {
      return fail(ErrorCode::kInvalid, row_text(i) + ": position " + std::to_string(row.position) + " has no page");
    }
    if (learned && row.position >= s.context) {
      return fail(ErrorCode::kLimit, row_text(i) + ": position " + std::to_string(row.position) + "; the model has " + std::to_string(s.context));
    }
    ++counts[row.table];
    ends[row.table] = std::max(ends[row.table], size_t{row.position} + 1);
  }
  if (!s.causal && counts != ends) {
    return fail(ErrorCode::kInvalid, "'" + s.architecture + "' reads both ways: all tokens of a sequence must be in one batch");
  }
  return {};
}

RowSet RunnableModel::lay_out(const Batch& batch) const {
  const Hyperparameters& s = configuration_.shape;
  const auto& windows = configuration_.windows;
  const uint32_t window = *std::max_element(windows.begin(), windows.end());
  std::vector<uint32_t> ends(batch.tables.size());
  for (const Row& row : batch.rows) ends[row.table] = std::max(ends[row.table], row.position + 1);

  RowSet rows;
  rows.count = batch.rows.size();
  for (const auto& [adapter, scale] : batch.adapters) {
    rows.groups.push_back({static_cast<const LoraAdapter*>(adapter), scale, {}});
  }
  for (uint32_t i = 0; i < rows.count; ++i) {
    const Row& row = batch.rows[i];
    rows.positions.push_back(static_cast<int32_t>(row.position));
    rows.slots.push_back({batch.tables[row.table][row.position / tensor::kPageTokens], row.position % tensor::kPageTokens});
    const uint32_t end = s.causal ? row.position + 1 : ends[row.table];
    rows.keys.push_back({row.table, 0, end});
    rows.window_keys.push_back({row.table, end > window ? end - window : 0, end});
    if (row.output) rows.outputs.push_back(i);
    if (row.adapter > 0) rows.groups[row.adapter - 1].rows.push_back(i);
  }
  std::erase_if(rows.groups, [](const RowSet::Group& group) { return group.rows.empty(); });
  return rows;
}

Status RunnableModel::grow_scratch(size_t rows) {
  if (rows <= scratch_.rows) return {};
  rows = std::min<size_t>(std::max(rows, kMinScratchRows), max_rows());
  const Hyperparameters& s = configuration_.shape;
  const size_t q = size_t{s.heads} * s.key_size;
  const size_t kv = size_t{s.kv_heads} * (size_t{s.key_size} + s.value_size);
  const size_t inner = std::max(s.feed_forward * (s.experts > 0 ? 0 : 2), 2 * configuration_.expert_feed_forward);
  const size_t labels = weights_.classifier_out ? weights_.classifier_out.weight->rows() : 0;
  const size_t wide = std::max({inner, q, size_t{s.experts}, labels});
  Scratch grown;
  SILLOK_ASSIGN(grown.hidden, backend_.allocate(rows * s.width));
  SILLOK_ASSIGN(grown.normed, backend_.allocate(rows * s.width));
  SILLOK_ASSIGN(grown.qkv, backend_.allocate(rows * (q + kv)));
  SILLOK_ASSIGN(grown.attended, backend_.allocate(rows * s.heads * s.value_size));
  SILLOK_ASSIGN(grown.branch, backend_.allocate(rows * s.width));
  SILLOK_ASSIGN(grown.wide, backend_.allocate(rows * wide));
  if (s.experts > 0) {
    SILLOK_ASSIGN(grown.gathered, backend_.allocate(rows * s.width));
    SILLOK_ASSIGN(grown.expert_out, backend_.allocate(rows * s.width));
    SILLOK_ASSIGN(grown.zeros, backend_.allocate(rows * s.width));
  }
  if (s.causal) {
    SILLOK_ASSIGN(grown.logits, backend_.allocate(kLogitRows * s.vocabulary));
  }
  grown.rows = rows;
  scratch_ = std::move(grown);
  return {};
}

}  // namespace sillok::model

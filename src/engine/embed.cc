#include "engine/embed.h"

#include <algorithm>
#include <cmath>
#include <deque>

namespace sillok::engine {
namespace {

using model::Pooling;
using tensor::kPageTokens;

// Pages held for as long as this lives.
class HeldPages {
 public:
  explicit HeldPages(PrefixTree& tree) : tree_(tree) {}
  HeldPages(const HeldPages&) = delete;
  HeldPages& operator=(const HeldPages&) = delete;
  ~HeldPages() {
    for (const Page page : pages_) tree_.release(page);
  }
  bool take(size_t count) {
    while (pages_.size() < count) {
      const std::optional<Page> page = tree_.take();
      if (!page) return false;
      pages_.push_back(*page);
    }
    return true;
  }
  std::span<const Page> pages() const { return pages_; }

 private:
  PrefixTree& tree_;
  std::vector<Page> pages_;
};

void normalise(std::vector<float>& vector) {
  double sum = 0;
  for (const float value : vector) sum += static_cast<double>(value) * static_cast<double>(value);
  const double length = std::sqrt(sum);
  if (length == 0) return;
  for (float& value : vector) value = static_cast<float>(static_cast<double>(value) / length);
}

// Checks the text's length and takes pages for it.
Status take_room(const model::Model& model, std::span<const Token> text, HeldPages& held) {
  const model::Hyperparameters& of = model.hyperparameters();
  if (text.empty()) return fail(ErrorCode::kInvalid, "the text has no tokens");
  const size_t limit = std::min<size_t>(of.causal ? SIZE_MAX : model.max_rows(), of.context > 0 ? of.context : SIZE_MAX);
  if (text.size() > limit) {
    return fail(ErrorCode::kLimit, "the text has " + std::to_string(text.size()) + " tokens, the model takes " +
                                       std::to_string(limit) + " at once; split it");
  }
  if (!held.take((text.size() + kPageTokens - 1) / kPageTokens)) {
    return fail(ErrorCode::kLimit, "the text does not fit into the context beside the requests under way; try again later");
  }
  return {};
}

}  // namespace

Result<float> score_text(model::Model& model, tensor::KvStore& store, PrefixTree& tree, std::span<const Token> pair) {
  const model::Hyperparameters& of = model.hyperparameters();
  if (of.causal || of.pooling != Pooling::kRank) {
    return fail(ErrorCode::kUnsupported, "the model is no reranker: it has no classifier over an encoder (pooling type rank)");
  }
  HeldPages held(tree);
  SILLOK_TRY(take_room(model, pair, held));
  model::Batch batch;
  batch.tables.push_back(held.pages());
  for (size_t i = 0; i < pair.size(); ++i) {
    batch.rows.push_back({.token = pair[i], .position = static_cast<uint32_t>(i), .table = 0, .adapter = 0, .output = i == 0});
  }
  SILLOK_ASSIGN(const std::vector<float> labels, model.forward(batch, store, model::Model::Output::kLogits));
  if (labels.size() != 1) {
    return fail(ErrorCode::kUnsupported, "the model's classifier has " + std::to_string(labels.size()) + " labels; a reranker has one");
  }
  return labels.front();
}

namespace {

// The hidden rows that a text's vector is the mean of.
bool counts(Pooling pooling, size_t row, size_t rows) {
  return pooling == Pooling::kMean || (pooling == Pooling::kCls ? row == 0 : row + 1 == rows);
}

// A text longer than a batch, piece by piece: of a decoder, whose earlier rows know nothing of the later ones.
Result<std::vector<float>> embed_long(model::Model& model, tensor::KvStore& store, const HeldPages& held, std::span<const Token> text, Pooling pooling) {
  const size_t width = model.hyperparameters().width;
  std::vector<double> sum(width);
  for (size_t begin = 0; begin < text.size(); begin += model.max_rows()) {
    const size_t count = std::min<size_t>(model.max_rows(), text.size() - begin);
    model::Batch batch;
    batch.tables.push_back(held.pages());
    for (size_t i = begin; i < begin + count; ++i) {
      batch.rows.push_back({.token = text[i], .position = static_cast<uint32_t>(i), .table = 0, .adapter = 0, .output = counts(pooling, i, text.size())});
    }
    SILLOK_ASSIGN(const std::vector<float> hidden, model.forward(batch, store, model::Model::Output::kHidden));
    for (size_t i = 0; i < hidden.size(); ++i) sum[i % width] += static_cast<double>(hidden[i]);
  }
  return std::vector<float>(sum.begin(), sum.end());
}

}  // namespace

Result<std::vector<std::vector<float>>> embed_texts(model::Model& model, tensor::KvStore& store, PrefixTree& tree, std::span<const std::vector<Token>> texts) {
  const model::Hyperparameters& of = model.hyperparameters();
  if (of.pooling == Pooling::kRank) {
    return fail(ErrorCode::kUnsupported, "the model is a reranker: it gives scores of pairs, no vectors; take an embedding model");
  }
  const Pooling pooling = of.pooling == Pooling::kNone ? (of.causal ? Pooling::kLast : Pooling::kMean) : of.pooling;
  std::vector<std::vector<float>> vectors;
  while (vectors.size() < texts.size()) {
    // As many of the next as one batch and the free pages hold, one at least.
    const size_t first = vectors.size();
    std::deque<HeldPages> held;
    model::Batch batch;
    for (size_t t = first; t < texts.size(); ++t) {
      const std::vector<Token>& text = texts[t];
      if (t > first && batch.rows.size() + text.size() > model.max_rows()) break;
      held.emplace_back(tree);
      if (const Status room = take_room(model, text, held.back()); !room) {
        if (t == first) return fail(room.error());
        break;  // said when it is its turn, if there is still none
      }
      if (text.size() > model.max_rows()) break;
      batch.tables.push_back(held.back().pages());
      for (size_t i = 0; i < text.size(); ++i) {
        batch.rows.push_back({.token = text[i], .position = static_cast<uint32_t>(i), .table = static_cast<uint32_t>(t - first), .adapter = 0, .output = counts(pooling, i, text.size())});
      }
    }
    if (batch.tables.empty()) {
      SILLOK_ASSIGN(std::vector<float> vector, embed_long(model, store, held.front(), texts[first], pooling));
      vectors.push_back(std::move(vector));
    } else {
      SILLOK_ASSIGN(const std::vector<float> hidden, model.forward(batch, store, model::Model::Output::kHidden));
      size_t row = 0;
      for (size_t t = 0; t < batch.tables.size(); ++t) {
        const size_t rows = pooling == Pooling::kMean ? texts[first + t].size() : 1;
        std::vector<double> sum(of.width);
        for (size_t i = row * of.width; i < (row + rows) * of.width; ++i) sum[i % of.width] += static_cast<double>(hidden[i]);
        row += rows;
        vectors.emplace_back(sum.begin(), sum.end());
      }
    }
  }
  for (std::vector<float>& vector : vectors) normalise(vector);  // a mean and a sum have one direction
  return vectors;
}

}  // namespace sillok::engine

// Perplexity of a text.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "model/model.h"

namespace sillok::model {
namespace {

// Logits of the tokens from `first_output` on, a row each, the chunk in as many batches as it needs.
Result<std::vector<float>> logits_from(Model& model, tensor::KvStore& store, std::span<const uint32_t> pages,
                                       std::span<const Token> tokens, size_t first_output) {
  std::vector<float> logits;
  for (size_t done = 0; done < tokens.size();) {
    Batch batch;
    batch.tables.push_back(pages);
    for (; done < tokens.size() && batch.rows.size() < model.max_rows(); ++done) {
      batch.rows.push_back({tokens[done], static_cast<uint32_t>(done), 0, 0, done >= first_output});
    }
    SILLOK_ASSIGN(const std::vector<float> part, model.forward(batch, store, Model::Output::kLogits));
    logits.insert(logits.end(), part.begin(), part.end());
  }
  return logits;
}

// -log p of `token` under the softmax of a row of logits.
double surprise(std::span<const float> logits, Token token) {
  const float best = *std::max_element(logits.begin(), logits.end());
  double whole = 0;
  for (const float logit : logits) whole += std::exp(static_cast<double>(logit - best));
  return std::log(whole) - static_cast<double>(logits[static_cast<size_t>(token)] - best);
}

bool starts_with_bos(const Tokenizer& tokenizer) {
  const std::vector<Token> nothing = tokenizer.encode("", {.special = true, .parse_special = false});
  return tokenizer.bos() && !nothing.empty() && nothing.front() == *tokenizer.bos();
}

}  // namespace

double Perplexity::value() const { return std::exp(mean); }

Result<Perplexity> measure_perplexity(Model& model, tensor::Backend& backend, std::string_view text, uint32_t context,
                                      const std::function<void(size_t, size_t, double)>& progress) {
  if (!model.hyperparameters().causal) return fail(ErrorCode::kUnsupported, "an encoder has no perplexity");
  if (context < 2) return fail(ErrorCode::kInvalid, "a context of " + std::to_string(context) + " tokens scores none");
  const Tokenizer& tokenizer = model.tokenizer();
  std::vector<Token> tokens = tokenizer.encode(text, {.special = true, .parse_special = false});
  const size_t chunks = tokens.size() / context;
  if (chunks == 0) {
    return fail(ErrorCode::kInvalid, "a text of " + std::to_string(tokens.size()) + " tokens does not fill one context of " +
                                         std::to_string(context) + "; give a longer text or a smaller context");
  }
  std::vector<uint32_t> pages((context + tensor::kPageTokens - 1) / tensor::kPageTokens);
  std::iota(pages.begin(), pages.end(), 0U);
  const tensor::KvShape shape = model.kv_shape(tensor::Type::kF16, static_cast<uint32_t>(pages.size()));
  SILLOK_ASSIGN(const std::unique_ptr<tensor::KvStore> store, backend.make_kv(shape));

  const bool bos = starts_with_bos(tokenizer);
  const size_t first = context / 2, vocabulary = model.hyperparameters().vocabulary;
  double sum = 0, squares = 0;
  Perplexity result;
  for (size_t c = 0; c < chunks; ++c) {
    const std::span<Token> chunk(tokens.data() + c * context, context);
    if (bos) chunk.front() = *tokenizer.bos();
    SILLOK_ASSIGN(const std::vector<float> logits, logits_from(model, *store, pages, chunk, first));
    for (size_t i = first; i + 1 < context; ++i) {
      const double value = surprise({logits.data() + (i - first) * vocabulary, vocabulary}, chunk[i + 1]);
      sum += value;
      squares += value * value;
      ++result.scored;
    }
    ++result.chunks;
    const auto n = static_cast<double>(result.scored);
    result.mean = sum / n;
    const double variance = std::max(0.0, squares / n - result.mean * result.mean);
    result.standard_error = result.scored < 2 ? 0 : std::sqrt(variance / (n - 1)) * result.value();
    if (progress) progress(result.chunks, chunks, result.value());
  }
  return result;
}

}  // namespace sillok::model

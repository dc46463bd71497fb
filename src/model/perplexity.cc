// Perplexity of a text.
#include <algorithm>
#include <cmath>

#include "model/model.h"

namespace sillok::model {
namespace {

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
  Sequence sequence(model, backend);
  SILLOK_TRY(sequence.reserve(context));

  const bool bos = starts_with_bos(tokenizer);
  const size_t first = context / 2;
  double sum = 0, squares = 0;
  Perplexity result;
  for (size_t c = 0; c < chunks; ++c) {
    const std::span<Token> chunk(tokens.data() + c * context, context);
    if (bos) chunk.front() = *tokenizer.bos();
    SILLOK_TRY(sequence.run(chunk, 0, first, [&](size_t i, std::span<const float> logits) {
      if (i + 1 == context) return;
      const double value = -log_probability(logits, chunk[i + 1]);
      sum += value;
      squares += value * value;
      ++result.scored;
    }));
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

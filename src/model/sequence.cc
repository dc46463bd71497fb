#include <algorithm>
#include <cmath>
#include <numeric>

#include "model/model.h"

namespace sillok::model {

Status Sequence::reserve(size_t tokens) {
  const size_t wanted = (tokens + tensor::kPageTokens - 1) / tensor::kPageTokens;
  if (wanted <= pages_.size()) return {};
  pages_.resize(wanted);
  std::iota(pages_.begin(), pages_.end(), 0U);
  SILLOK_ASSIGN(store_, backend_.make_kv(model_.kv_shape(tensor::Type::kF16, static_cast<uint32_t>(wanted))));
  return {};
}

Status Sequence::run(std::span<const Token> tokens, size_t position, size_t first, const Sink& sink) {
  SILLOK_CHECK(position + tokens.size() <= pages_.size() * tensor::kPageTokens);
  for (size_t done = 0; done < tokens.size();) {
    Batch batch;
    batch.tables.push_back(pages_);
    if (adapter_ != nullptr) batch.adapters.push_back({adapter_, 1.0F});
    const size_t begin = done;
    for (; done < tokens.size() && batch.rows.size() < model_.max_rows(); ++done) {
      Row row{};
      row.token = tokens[done];
      row.position = static_cast<uint32_t>(position + done);
      row.adapter = adapter_ != nullptr ? 1 : 0;
      row.output = done >= first;
      batch.rows.push_back(row);
    }
    SILLOK_ASSIGN(const std::vector<float> logits, model_.forward(batch, *store_, Model::Output::kLogits));
    const size_t from = std::max(begin, first);
    if (from >= done) continue;
    const size_t width = logits.size() / (done - from);
    for (size_t i = from; i < done; ++i) sink(i, {logits.data() + (i - from) * width, width});
  }
  return {};
}

double log_probability(std::span<const float> logits, Token token) {
  const float best = *std::max_element(logits.begin(), logits.end());
  double whole = 0;
  for (const float logit : logits) whole += std::exp(static_cast<double>(logit - best));
  return static_cast<double>(logits[static_cast<size_t>(token)] - best) - std::log(whole);
}

std::vector<Token> encode_open(const Tokenizer& tokenizer, std::string_view text) {
  std::vector<Token> tokens = tokenizer.encode(text, {.special = true, .parse_special = false});
  while (!tokens.empty() && tokenizer.is_end(tokens.back())) tokens.pop_back();
  return tokens;
}

}  // namespace sillok::model

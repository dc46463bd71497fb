// Private to engine: one vector, or one score, for a text.
#pragma once

#include "engine/pages.h"

namespace sillok::engine {

// The text's vector, of length 1. Encoders take at most max_rows() tokens, decoders what the pages hold: kLimit.
Result<std::vector<float>> embed_text(model::Model& model, tensor::KvStore& store, PrefixTree& tree,
                                      std::span<const Token> text);
// What the classifier of a reranker makes of the first token of a pair.
Result<float> score_text(model::Model& model, tensor::KvStore& store, PrefixTree& tree, std::span<const Token> pair);

}  // namespace sillok::engine

// Private to engine: vectors of texts, and scores of pairs.
#pragma once

#include "engine/pages.h"

namespace sillok::engine {

// The texts' vectors, of length 1, computed together where they fit into a batch; a text's vector is the same alone. Encoders take
// at most max_rows() tokens a text, decoders what the pages hold: kLimit.
Result<std::vector<std::vector<float>>> embed_texts(model::Model& model, tensor::KvStore& store, PrefixTree& tree,
                                                    std::span<const std::vector<Token>> texts);
// What the classifier of a reranker makes of the first token of a pair.
Result<float> score_text(model::Model& model, tensor::KvStore& store, PrefixTree& tree, std::span<const Token> pair);

}  // namespace sillok::engine

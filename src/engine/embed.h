// Private to engine: one vector for a text.
#pragma once

#include "engine/pages.h"

namespace sillok::engine {

// The text's vector, of length 1. Encoders take at most max_rows() tokens, decoders what the pages hold: kLimit.
Result<std::vector<float>> embed_text(model::Model& model, tensor::KvStore& store, PrefixTree& tree,
                                      std::span<const Token> text);

}  // namespace sillok::engine

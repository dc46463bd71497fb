// What "tokenizer.ggml.pre" names: how a byte-level tokenizer cuts text into words, and its defaults.
#pragma once

#include <span>
#include <string_view>

namespace sillok::model {

struct PreTokenizer {
  std::span<const std::string_view> names;     // as GGUF files write them
  std::span<const std::string_view> patterns;  // applied in turn
  bool whole_words = false;   // a word that is a token is taken as it is, whatever the merges say
  bool add_bos = false;       // where the file does not say
  bool raw = false;           // tokens are UTF-8 with U+2581 for a space, not bytes in GPT-2's alphabet
};

// nullptr for a name that is not known. "" is "default", as of files older than the key.
const PreTokenizer* find_pre_tokenizer(std::string_view name);
// By the patterns themselves, as a tokenizer.json gives them; nullptr if none has exactly these.
const PreTokenizer* find_pre_tokenizer(std::span<const std::string_view> patterns, bool whole_words);

}  // namespace sillok::model

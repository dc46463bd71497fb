// SentencePiece model files (tokenizer.model): a protocol-buffer message, of which this reads what a tokenizer needs.
#pragma once

#include "model/model.h"

namespace sillok::model {

struct SentencePieceModel {
  struct Piece {
    std::string text;
    float score = 0;
    int64_t kind = 1;  // 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte: as in GGUF
  };
  std::vector<Piece> pieces;
  bool unigram = false;  // else BPE
  std::string character_map;
  bool add_space_prefix = true;
  bool remove_extra_spaces = true;
};
Result<SentencePieceModel> parse_sentencepiece(std::string_view bytes);

}  // namespace sillok::model

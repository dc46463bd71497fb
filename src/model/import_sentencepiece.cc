#include "model/import_sentencepiece.h"

#include <cstring>

namespace sillok::model {
namespace {

// Walks the fields of one message (protobuf wire format: a varint of number and wire type, then the value).
class Fields {
 public:
  explicit Fields(std::string_view bytes) : bytes_(bytes) {}
  uint64_t number = 0;
  uint64_t value = 0;        // varint, or the bits of a fixed32
  std::string_view content;  // length-delimited

  // False at the end; failed() tells whether it was an orderly one.
  bool next() {
    uint64_t tag = 0;
    if (at_ == bytes_.size() || failed_) return false;
    if (!varint(tag)) return stop();
    number = tag >> 3;
    content = {};
    switch (tag & 7) {
      case 0: return varint(value) || stop();
      case 1: return fixed(8) || stop();
      case 2: {
        uint64_t size = 0;
        if (!varint(size) || size > bytes_.size() - at_) return stop();
        content = bytes_.substr(at_, static_cast<size_t>(size));
        at_ += static_cast<size_t>(size);
        return true;
      }
      case 5: return fixed(4) || stop();
      default: return stop();
    }
  }
  bool failed() const { return failed_; }
  float real() const {
    const auto bits = static_cast<uint32_t>(value);
    float out;
    std::memcpy(&out, &bits, sizeof out);
    return out;
  }

 private:
  bool stop() {
    failed_ = true;
    return false;
  }
  bool fixed(size_t size) {
    if (bytes_.size() - at_ < size) return false;
    value = 0;
    std::memcpy(&value, bytes_.data() + at_, size);
    at_ += size;
    return true;
  }
  bool varint(uint64_t& out) {
    out = 0;
    for (unsigned shift = 0; shift < 64 && at_ < bytes_.size(); shift += 7) {
      const auto byte = static_cast<uint8_t>(bytes_[at_++]);
      out |= uint64_t{byte & 0x7Fu} << shift;
      if (byte < 0x80) return true;
    }
    return false;
  }
  std::string_view bytes_;
  size_t at_ = 0;
  bool failed_ = false;
};

}  // namespace

Result<SentencePieceModel> parse_sentencepiece(std::string_view bytes) {
  SentencePieceModel model;
  bool failed = false;
  Fields fields(bytes);
  while (fields.next()) {
    Fields inner(fields.content);
    if (fields.number == 1) {  // pieces
      SentencePieceModel::Piece piece;
      while (inner.next()) {
        if (inner.number == 1) piece.text = inner.content;
        else if (inner.number == 2) piece.score = inner.real();
        else if (inner.number == 3) piece.kind = static_cast<int64_t>(inner.value);
      }
      if (piece.kind < 1 || piece.kind > 6) failed = true;
      model.pieces.push_back(std::move(piece));
    } else if (fields.number == 2) {  // trainer_spec
      uint64_t type = 1;
      while (inner.next()) {
        if (inner.number == 3) type = inner.value;
      }
      if (type != 1 && type != 2) return fail(ErrorCode::kUnsupported, "a SentencePiece model of words or characters is not imported");
      model.unigram = type == 1;
    } else if (fields.number == 3) {  // normalizer_spec
      while (inner.next()) {
        if (inner.number == 2) model.character_map = inner.content;
        else if (inner.number == 3) model.add_space_prefix = inner.value != 0;
        else if (inner.number == 4) model.remove_extra_spaces = inner.value != 0;
      }
    }
    failed = failed || inner.failed();
  }
  if (failed || fields.failed() || model.pieces.empty()) return fail(ErrorCode::kInvalid, "this is no SentencePiece model, or it is damaged");
  return model;
}

}  // namespace sillok::model

// A vocabulary given in full, encoded by the longest piece that fits.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "model/model.h"

namespace sillok::engine {

class FakeTokenizer : public model::Tokenizer {
 public:
  // All single bytes, then `pieces`, then <bos> (special) and <end> (special, ends the text).
  explicit FakeTokenizer(const std::vector<std::string>& pieces) {
    for (int byte = 0; byte < 256; ++byte) pieces_.emplace_back(1, static_cast<char>(byte));
    pieces_.insert(pieces_.end(), pieces.begin(), pieces.end());
    for (size_t i = 0; i < pieces_.size(); ++i) numbers_.emplace(pieces_[i], static_cast<model::Token>(i));
    pieces_.emplace_back("<bos>");
    pieces_.emplace_back("<end>");
  }
  std::vector<model::Token> encode(std::string_view text, Encode) const override {
    std::vector<model::Token> out;
    while (!text.empty()) {
      size_t length = std::min<size_t>(text.size(), 64);
      while (!numbers_.contains(std::string(text.substr(0, length)))) --length;
      out.push_back(numbers_.at(std::string(text.substr(0, length))));
      text.remove_prefix(length);
    }
    return out;
  }
  std::vector<model::Token> encode_pair(std::string_view first, std::string_view second) const override {
    return encode(std::string(first) + std::string(second), {});
  }
  std::string piece(model::Token token, bool special) const override {
    return is_special(token) && !special ? "" : pieces_[static_cast<size_t>(token)];
  }
  size_t size() const override { return pieces_.size(); }
  std::optional<model::Token> find(std::string_view piece) const override {
    const auto found = numbers_.find(std::string(piece));
    return found == numbers_.end() ? std::nullopt : std::optional(found->second);
  }
  bool is_special(model::Token token) const override { return token >= *bos(); }
  bool is_end(model::Token token) const override { return token == *eos(); }
  std::optional<model::Token> bos() const override { return static_cast<model::Token>(pieces_.size() - 2); }
  std::optional<model::Token> eos() const override { return static_cast<model::Token>(pieces_.size() - 1); }

 private:
  std::vector<std::string> pieces_;
  std::map<std::string, model::Token> numbers_;
};

}  // namespace sillok::engine

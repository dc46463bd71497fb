#include "train/dataset_chat.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>

namespace sillok::train {
namespace {

using Json = nlohmann::ordered_json;
using model::Token;

constexpr uint64_t kMaxDataBytes = uint64_t{8} << 30;
constexpr size_t kMaxLineBytes = 64 << 20;
constexpr size_t kOpenBins = 32;  // sequences that are still being filled; more hardly pack better
// Stands for a message's content to find where the template puts it. Private-use characters: no template looks at them.
constexpr std::string_view kMark = "\xEE\x80\x80sillok\xEE\x80\x81";

constexpr std::string_view kSpaceSign = "\xE2\x96\x81";  // U+2581, SentencePiece's space

// A stretch of rendered text that the model is to write.
struct Span {
  size_t begin = 0, end = 0;
};

class Reader {
 public:
  Reader(const model::Gguf& from, const model::Tokenizer& tokenizer, uint32_t context)
      : from_(from), tokenizer_(tokenizer), context_(context) {}

  Status line(std::string_view text, size_t number, Dataset& out) {
    const Json json = Json::parse(text, nullptr, false);
    if (json.is_discarded()) return tl::unexpected<Error>(Error{ErrorCode::kInvalid, "is no JSON"});
    const bool messages = json.is_object() && json.contains("messages"), plain = json.is_object() && json.contains("text");
    if (messages == plain) return tl::unexpected<Error>(Error{ErrorCode::kInvalid, R"(is not {"messages": [...]} or {"text": "..."})"});
    if (plain) {
      if (!json["text"].is_string()) return tl::unexpected<Error>(Error{ErrorCode::kInvalid, "\"text\" is no string"});
      return add_text(json["text"].get<std::string>(), number, out);
    }
    return conversation(json["messages"], number, out);
  }
  Status text(const std::string& text, size_t number, Dataset& out) const { return add_text(text, number, out); }

  // A line of an answer that is preferred to another one: adds both, or neither.
  Status preference(std::string_view text, size_t number, Dataset& out) {
    const Json json = Json::parse(text, nullptr, false);
    if (json.is_discarded()) return invalid("is no JSON");
    if (!json.is_object() || !json.contains("chosen") || !json.contains("rejected") || (json.contains("prompt") && json.contains("messages"))) {
      return invalid(R"(is not {"prompt": ..., "chosen": ..., "rejected": ...})");
    }
    if (json["chosen"] == json["rejected"]) return invalid("has the same answer as chosen and as rejected");
    const Json prompt = json.contains("prompt") ? json["prompt"] : json.value("messages", Json());
    std::vector<Example> answers;
    for (const char* which : {"chosen", "rejected"}) {
      auto answer = prompt.is_string() ? plain_answer(prompt, json[which]) : chat_answer(prompt, json[which]);
      if (!answer) return fail(answer.error().in(which));
      answers.push_back(std::move(*answer));
    }
    for (Example& answer : answers) SILLOK_TRY(keep_cut(std::move(answer), number, out));
    return {};
  }

 private:
  Status add_text(const std::string& text, size_t number, Dataset& out) const {
    if (trim(text).empty()) return tl::unexpected<Error>(Error{ErrorCode::kInvalid, "has an empty text"});
    std::vector<Token> tokens = tokenizer_.encode(text, {.special = true, .parse_special = false});
    if (tokenizer_.eos() && (tokens.empty() || tokens.back() != *tokenizer_.eos())) tokens.push_back(*tokenizer_.eos());
    for (size_t first = 0; first + 1 < tokens.size(); first += context_) {
      const size_t end = std::min(tokens.size(), first + context_ + 1);
      Example example;
      example.line = number;
      example.tokens.assign(tokens.begin() + static_cast<std::ptrdiff_t>(first), tokens.begin() + static_cast<std::ptrdiff_t>(end));
      example.asked.assign(example.tokens.size(), 1);
      keep(std::move(example), out);
    }
    return {};
  }

  Status conversation(const Json& messages, size_t number, Dataset& out) {
    SILLOK_ASSIGN(Example example, conversation_from(messages, 0));
    return keep_cut(std::move(example), number, out);
  }

  // What the assistant says from message `first` on is asked.
  Result<Example> conversation_from(const Json& messages, size_t first) {
    SILLOK_TRY(check_messages(messages));
    SILLOK_TRY(load_template());
    SILLOK_ASSIGN(const std::string whole, render(messages, false));
    std::vector<Span> spans;
    for (size_t i = first; i < messages.size(); ++i) {
      if (messages[i]["role"] != "assistant") continue;
      SILLOK_ASSIGN(const Span span, find_turn(messages, i, whole));
      spans.push_back(span);
    }
    return tokenise(whole, spans, Marks::kRead);
  }

  Status keep_cut(Example example, size_t number, Dataset& out) const {
    example.line = number;
    if (example.tokens.size() > context_ + 1) {
      example.tokens.resize(context_ + 1);
      example.asked.resize(context_ + 1);
      if (out.cut++ == 0) out.first_cut_line = number;
    }
    if (std::none_of(example.asked.begin() + 1, example.asked.end(), [](uint8_t asked) { return asked != 0; })) {
      return invalid("the assistant's part begins behind the context of " + std::to_string(context_) +
                     (out.group == 2 ? " tokens that each answer has" : " tokens") + "; give a larger --context or leave the line out");
    }
    keep(std::move(example), out);
    return {};
  }

  // `answer` is the assistant's words, its message, or messages up to it; without a prompt, the whole conversation, of which
  // the last message is asked.
  Result<Example> chat_answer(const Json& prompt, const Json& answer) {
    if (!prompt.is_null() && !prompt.is_array()) return invalid("the prompt is neither a text nor a list of messages");
    if (prompt.is_null() && !answer.is_array()) return invalid("is no list of messages, and there is no prompt");
    Json messages = prompt.is_null() ? Json::array() : prompt;
    if (answer.is_string()) messages.push_back({{"role", "assistant"}, {"content", answer}});
    else if (answer.is_object()) messages.push_back(answer);
    else if (answer.is_array()) messages.insert(messages.end(), answer.begin(), answer.end());
    else return invalid("is neither a text nor messages");
    SILLOK_TRY(check_messages(messages));
    if (messages.back()["role"] != "assistant") return invalid("does not end with the assistant's message");
    return conversation_from(messages, prompt.is_null() || prompt.size() >= messages.size() ? messages.size() - 1 : prompt.size());
  }

  // Plain text behind plain text, no chat template; the end of the text is asked too.
  Result<Example> plain_answer(const Json& prompt, const Json& answer) const {
    if (!answer.is_string()) return invalid("is no text, as the prompt is");
    const auto before = prompt.get<std::string>(), words = answer.get<std::string>();
    if (trim(words).empty()) return invalid("is empty");
    SILLOK_ASSIGN(Example example, tokenise(before + words, {{before.size(), before.size() + words.size()}}, Marks::kText));
    const std::vector<Token> usual = tokenizer_.encode(before, {.special = true, .parse_special = false});
    if (!usual.empty() && tokenizer_.bos() == usual.front()) {
      example.tokens.insert(example.tokens.begin(), usual.front());
      example.asked.insert(example.asked.begin(), 0);
    }
    if (tokenizer_.eos()) {
      example.tokens.push_back(*tokenizer_.eos());
      example.asked.push_back(1);
    }
    return example;
  }

  static tl::unexpected<Error> invalid(std::string what) { return tl::unexpected<Error>(Error{ErrorCode::kInvalid, std::move(what)}); }

  static Status check_messages(const Json& messages) {
    const auto bad = [](const std::string& what) { return tl::unexpected<Error>(Error{ErrorCode::kInvalid, what}); };
    if (!messages.is_array() || messages.empty()) return bad("\"messages\" is no list of messages");
    bool answered = false;
    for (size_t i = 0; i < messages.size(); ++i) {
      const Json& message = messages[i];
      const std::string which = "message " + std::to_string(i + 1);
      if (!message.is_object() || !message.contains("role") || !message["role"].is_string()) return bad(which + " has no role");
      if (!message.contains("content") || !message["content"].is_string()) return bad(which + " has no content that is a string");
      const bool assistant = message["role"] == "assistant";
      if (assistant && trim(message["content"].get<std::string>()).empty()) return bad(which + ", of the assistant, is empty");
      answered = answered || assistant;
    }
    return answered ? Status{} : bad("no message is the assistant's: there is nothing to learn");
  }

  Status load_template() {
    if (template_) return {};
    auto source = from_.text("tokenizer.chat_template");
    if (!source) {
      return tl::unexpected<Error>(Error{ErrorCode::kUnsupported, "the model has no chat template for \"messages\"; give lines of {\"text\"}"});
    }
    SILLOK_ASSIGN(model::ChatTemplate parsed, model::ChatTemplate::parse(std::move(*source)));
    template_.emplace(std::move(parsed));
    return {};
  }

  Result<std::string> render(const Json& messages, bool prompt) const {
    const auto piece = [this](std::optional<Token> token) { return token ? tokenizer_.piece(*token, true) : std::string(); };
    return template_->render(messages.dump(), "", prompt, piece(tokenizer_.bos()), piece(tokenizer_.eos()), {}, Micros{0});
  }

  // Where the template put message `i`: found by rendering once more with another content. From there the stretch grows to the
  // left up to the generation prompt, where the conversation up to here, rendered with one, is how the whole begins (a
  // template that writes earlier turns differently has no such place), and to the right over the end-of-turn token.
  Result<Span> find_turn(const Json& messages, size_t i, const std::string& whole) const {
    Json other = messages;
    other[i]["content"] = kMark;
    SILLOK_ASSIGN(const std::string marked, render(other, false));
    const size_t at = marked.find(kMark);
    if (at == marked.npos || whole.compare(0, at, marked, 0, at) != 0) return not_found(i);
    const std::string_view after = std::string_view(marked).substr(at + kMark.size());
    if (whole.size() < at + after.size() || std::string_view(whole).substr(whole.size() - after.size()) != after) return not_found(i);
    Span span{at, whole.size() - after.size()};
    const Json before(messages.begin(), messages.begin() + static_cast<std::ptrdiff_t>(i));
    if (const auto prompt = render(before, true); prompt && prompt->size() <= span.begin && whole.compare(0, prompt->size(), *prompt) == 0) {
      span.begin = prompt->size();
    }
    span.end += end_of_turn(std::string_view(whole).substr(span.end));
    return span;
  }
  static tl::unexpected<Error> not_found(size_t i) {
    return fail(ErrorCode::kUnsupported, "the chat template does not write message " + std::to_string(i + 1) + " as it is: where it lies is not known");
  }

  // Bytes up to and with the token that ends the turn, if that is what comes next but for white space.
  size_t end_of_turn(std::string_view after) const {
    const size_t blank = after.find_first_not_of(" \n\t");
    if (blank == after.npos) return 0;
    const std::vector<Token> next = tokenizer_.encode(after.substr(blank, 64), {.special = false, .parse_special = true});
    if (next.empty() || !tokenizer_.is_end(next.front())) return 0;
    return blank + tokenizer_.piece(next.front(), true).size();
  }

  // A token is asked if it begins in a span. One that begins before and reaches into it (a merge over the end of the prompt) is
  // not: the model would not have to write it. In plain text it is: the space that ends a prompt is part of the answer's first word.
  enum class Marks : uint8_t { kRead, kText };  // what looks like a special token is one, or is text
  Result<Example> tokenise(const std::string& whole, const std::vector<Span>& spans, Marks marks) const {
    Example example;
    example.tokens = tokenizer_.encode(whole, {.special = false, .parse_special = marks == Marks::kRead});
    SILLOK_ASSIGN(const std::vector<size_t> begins, places(example.tokens, whole));
    for (size_t i = 0; i < begins.size(); ++i) {
      const size_t begin = begins[i], end = i + 1 < begins.size() ? begins[i + 1] : whole.size();
      const bool asked = std::any_of(spans.begin(), spans.end(), [&](const Span& s) {
        return begin < s.end && (marks == Marks::kRead ? begin >= s.begin : end > s.begin);
      });
      example.asked.push_back(asked ? 1 : 0);
    }
    return example;
  }

  // Where each token begins in the text. SentencePiece puts a space in front of what it reads, and where its vocabulary lacks the
  // space it writes the three bytes of the sign for it.
  Result<std::vector<size_t>> places(const std::vector<Token>& tokens, std::string_view text) const {
    std::string written;
    std::vector<size_t> ends, begins;
    for (const Token token : tokens) {
      written += tokenizer_.piece(token, true);
      ends.push_back(written.size());
    }
    size_t at = 0, i = 0;
    for (const size_t end : ends) {
      begins.push_back(at);
      while (i < end) {
        const bool sign = written.compare(i, kSpaceSign.size(), kSpaceSign) == 0;
        if (at < text.size() && written[i] == text[at]) {
          ++i, ++at;
        } else if (sign || written[i] == ' ') {
          if (sign && at < text.size() && text[at] == ' ') ++at;
          i += sign ? kSpaceSign.size() : 1;
        } else {
          return not_written_back(text, at);
        }
      }
    }
    if (at != text.size()) return not_written_back(text, at);
    return begins;
  }
  static tl::unexpected<Error> not_written_back(std::string_view text, size_t at) {
    return fail(ErrorCode::kUnsupported, "the model's tokenizer does not write the conversation back as it is, from \"" +
                                             shorten(clean_utf8(text.substr(at, 80)), 20) + "\" on");
  }

  static void keep(Example example, Dataset& out) {
    out.tokens += example.tokens.size() - 1;
    out.targets += static_cast<size_t>(std::count(example.asked.begin() + 1, example.asked.end(), 1));
    out.examples.push_back(std::move(example));
  }

  const model::Gguf& from_;
  const model::Tokenizer& tokenizer_;
  size_t context_;
  std::optional<model::ChatTemplate> template_;
};

}  // namespace

void describe(const Dataset& dataset, RunReport& report) {
  report.examples = dataset.examples.size() / dataset.group;
  report.cut_examples = dataset.cut;
  report.first_cut_line = dataset.first_cut_line;
  report.tokens = dataset.tokens;
  report.targets = dataset.targets;
}

Result<Dataset> read_dataset(const fs::path& path, const model::Gguf& from, const model::Tokenizer& tokenizer, uint32_t context, Lines kind) {
  const uint32_t least = kind == Lines::kPreferences ? 4 : 2;
  if (context < least) return fail(ErrorCode::kInvalid, "a context of " + std::to_string(context) + " tokens asks nothing");
  SILLOK_ASSIGN(const std::string bytes, read_file(path, kMaxDataBytes));
  if (!is_valid_utf8(bytes)) return fail(ErrorCode::kInvalid, path.string() + ": is not UTF-8");
  Dataset dataset;
  dataset.digest = sha256_hex(bytes);
  dataset.group = kind == Lines::kPreferences ? 2 : 1;
  Reader reader(from, tokenizer, kind == Lines::kPreferences ? context / 2 : context);
  const auto read = [&](std::string_view line, size_t number) -> Status {
    if (line.size() > kMaxLineBytes) return fail(ErrorCode::kLimit, "is longer than 64 MiB");
    return kind == Lines::kPreferences ? reader.preference(line, number, dataset) : reader.line(line, number, dataset);
  };
  if (kind == Lines::kExamples && (path.extension() == ".txt" || path.extension() == ".md")) {
    if (const auto added = reader.text(bytes, 1, dataset); !added) return fail(added.error().in(path.string()));
    return dataset;
  }
  size_t number = 0;
  for (const std::string_view line : split(bytes, '\n')) {
    ++number;
    if (trim(line).empty()) continue;
    if (const Status added = read(line, number); !added) return fail(added.error().in(path.string() + ", line " + std::to_string(number)));
  }
  if (dataset.examples.empty()) return fail(ErrorCode::kInvalid, path.string() + ": holds no example");
  return dataset;
}

Status add_text(const std::string& text, const model::Gguf& from, const model::Tokenizer& tokenizer, uint32_t context, Dataset& out) {
  return Reader(from, tokenizer, context).text(text, 0, out);
}

SequenceStream::SequenceStream(const Dataset& dataset, uint32_t context, uint64_t seed)
    : dataset_(dataset), context_(context), seed_(seed), packed_(pack(0)) {}

// First fit over the sequences that are still open; they are given in the order in which they were begun.
std::vector<std::vector<uint32_t>> SequenceStream::pack(uint64_t epoch) const {
  std::vector<uint32_t> order(dataset_.examples.size() / dataset_.group);
  for (uint32_t i = 0; i < order.size(); ++i) order[i] = i;
  Random random(hash64("order of epoch " + std::to_string(epoch), seed_));
  shuffle(order, random);
  struct Bin {
    size_t sequence = 0, room = 0;
  };
  std::vector<std::vector<uint32_t>> sequences;
  std::vector<Bin> open;
  for (const uint32_t group : order) {
    size_t rows = 0;
    for (size_t i = 0; i < dataset_.group; ++i) rows += dataset_.examples[group * dataset_.group + i].tokens.size() - 1;
    auto bin = std::find_if(open.begin(), open.end(), [rows](const Bin& b) { return b.room >= rows; });
    if (bin == open.end()) {
      if (open.size() == kOpenBins) open.erase(open.begin());
      sequences.emplace_back();
      bin = open.insert(open.end(), {sequences.size() - 1, context_});
    }
    sequences[bin->sequence].push_back(group);
    bin->room -= rows;
  }
  return sequences;
}

Sequence SequenceStream::next() {
  if (at_ == packed_.size()) {
    packed_ = pack(++epoch_);
    at_ = 0;
  }
  Sequence sequence;
  const auto add = [&sequence](const Example& example) {
    sequence.begins.push_back(static_cast<uint32_t>(sequence.tokens.size()));
    for (size_t i = 0; i + 1 < example.tokens.size(); ++i) {
      sequence.tokens.push_back(example.tokens[i]);
      sequence.positions.push_back(static_cast<int32_t>(i));
      sequence.targets.push_back(example.asked[i + 1] != 0 ? example.tokens[i + 1] : kNoTarget);
    }
  };
  for (const uint32_t number : packed_[at_++]) {
    for (size_t i = 0; i < dataset_.group; ++i) add(dataset_.examples[number * dataset_.group + i]);
  }
  return sequence;
}

void SequenceStream::skip(uint64_t sequences) {
  while (sequences > 0) {
    if (at_ == packed_.size()) {
      packed_ = pack(++epoch_);
      at_ = 0;
    }
    const uint64_t here = std::min<uint64_t>(sequences, packed_.size() - at_);
    at_ += static_cast<size_t>(here);
    sequences -= here;
  }
}

uint64_t SequenceStream::count(double epochs) const {
  uint64_t whole = 0;
  for (uint64_t epoch = 0; static_cast<double>(epoch) < epochs; ++epoch) {
    const auto sequences = static_cast<double>(pack(epoch).size());
    whole += static_cast<uint64_t>(std::ceil(sequences * std::min(1.0, epochs - static_cast<double>(epoch))));
  }
  return whole;
}

}  // namespace sillok::train

#include <sentencepiece_processor.h>
#include <sentencepiece_trainer.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "text/text.h"
#include "train/ceiling.h"
#include "train/tokenizer.h"

namespace sillok::train {
namespace {

constexpr uint64_t kHeldOutOf = 20;         // one record in so many is measured on and not learned from
constexpr size_t kMaxSentence = 4096;       // bytes; the trainer leaves longer ones out

// The library's words without the place in its source.
Error library_error(const sentencepiece::util::Status& status) {
  const std::string words = collapse_spaces(status.ToString());
  const size_t place = words.find("] ");
  return {ErrorCode::kInvalid, "the tokenizer cannot be trained: " + (place == words.npos ? words : words.substr(place + 2)) +
                                   " (the vocabulary must fit the text: more than its characters and 259, fewer than its parts)"};
}

// Hands the trainer one sentence after the other.
class Sentences : public sentencepiece::SentenceIterator {
 public:
  explicit Sentences(const std::vector<std::string>& all) : all_(all) {}
  bool done() const override { return at_ >= all_.size(); }
  void Next() override { ++at_; }
  const std::string& value() const override { return all_[at_]; }
  sentencepiece::util::Status status() const override { return {}; }

 private:
  const std::vector<std::string>& all_;
  size_t at_ = 0;
};

struct Texts {
  std::set<std::string> labels;
  std::set<int64_t> versions;
  std::vector<std::string> learned, held_out;
  uint64_t learned_bytes = 0, held_out_bytes = 0;
};

Result<Texts> collect(const search::Searcher& searcher, const govern::Clearance& ceiling, uint64_t max_bytes) {
  Texts texts;
  SILLOK_TRY(searcher.passages(ceiling, [&](const search::LearningPassage& p) {
    const bool held_out = hash64(p.record, 1) % kHeldOutOf == 0;
    for (const text::Span span : text::sentences(p.text)) {
      if (span.end - span.begin > kMaxSentence) continue;
      uint64_t& bytes = held_out ? texts.held_out_bytes : texts.learned_bytes;
      if (bytes + (span.end - span.begin) > max_bytes) return;
      bytes += span.end - span.begin;
      (held_out ? texts.held_out : texts.learned).emplace_back(p.text.substr(span.begin, span.end - span.begin));
      texts.labels.emplace(p.label);
      texts.versions.insert(p.version_id);
    }
  }));
  return texts;
}

Result<double> bytes_per_token(std::string_view model, const std::vector<std::string>& texts, uint64_t bytes) {
  sentencepiece::SentencePieceProcessor processor;
  if (const auto status = processor.LoadFromSerializedProto({model.data(), model.size()}); !status.ok()) {
    return fail(ErrorCode::kInvalid, "it is no SentencePiece model");
  }
  uint64_t tokens = 0;
  for (const std::string& text : texts) tokens += processor.EncodeAsIds(text).size();
  return tokens > 0 ? static_cast<double>(bytes) / static_cast<double>(tokens) : 0;
}

std::string vocabulary_text(std::string_view model) {
  sentencepiece::SentencePieceProcessor processor;
  std::string out;
  if (!processor.LoadFromSerializedProto({model.data(), model.size()}).ok()) return out;
  for (int i = 0; i < processor.GetPieceSize(); ++i) out += processor.IdToPiece(i) + "\t" + std::to_string(processor.GetScore(i)) + "\n";
  return out;
}

}  // namespace

Result<std::string> train_pieces(const std::vector<std::string>& texts, const std::string& kind, uint32_t vocabulary) {
  // One thread, and the texts in their order: the same texts give the same bytes. Bytes stand for rare characters, digits stand
  // alone, and nothing is normalised: what is tokenized comes back as it was.
  const std::unordered_map<std::string, std::string> settings = {
      {"model_type", kind},            {"vocab_size", std::to_string(vocabulary)},
      {"character_coverage", "0.9995"}, {"byte_fallback", "true"},
      {"normalization_rule_name", "identity"}, {"remove_extra_whitespaces", "false"},
      {"split_digits", "true"},
      {"num_threads", "1"},            {"minloglevel", "2"},
      {"hard_vocab_limit", "false"},   {"train_extremely_large_corpus", "false"},
      {"max_sentence_length", std::to_string(kMaxSentence)}};
  std::string model;
  Sentences sentences(texts);
  if (const auto status = sentencepiece::SentencePieceTrainer::Train(settings, &sentences, &model); !status.ok()) return fail(library_error(status));
  return model;
}

Status write_tokenizer_gguf(const fs::path& path, std::string_view model, std::string_view kind) {
  sentencepiece::SentencePieceProcessor processor;
  if (!processor.LoadFromSerializedProto({model.data(), model.size()}).ok()) {
    return tl::unexpected<Error>(Error{ErrorCode::kInvalid, "it is no SentencePiece model"});
  }
  enum Kind : int64_t { kNormal = 1, kUnknown = 2, kControl = 3, kUnused = 5, kByte = 6 };
  auto texts = std::make_shared<model::GgufArray>(), scores = std::make_shared<model::GgufArray>(), kinds = std::make_shared<model::GgufArray>();
  for (int i = 0; i < processor.GetPieceSize(); ++i) {
    texts->strings.push_back(processor.IdToPiece(i));
    scores->reals.push_back(static_cast<double>(processor.GetScore(i)));
    kinds->integers.push_back(processor.IsUnknown(i)   ? kUnknown
                              : processor.IsControl(i) ? kControl
                              : processor.IsUnused(i)  ? kUnused
                              : processor.IsByte(i)    ? kByte
                                                       : kNormal);
  }
  const auto id = [](int token) { return static_cast<uint64_t>(token); };
  model::GgufOut out;
  out.metadata = {{"general.architecture", std::string("llama")},
                  {"general.name", std::string("tokenizer")},
                  {"tokenizer.ggml.model", std::string(kind == "bpe" ? "llama" : "t5")},
                  {"tokenizer.ggml.pre", std::string("default")},
                  {"tokenizer.ggml.tokens", texts},
                  {"tokenizer.ggml.scores", scores},
                  {"tokenizer.ggml.token_type", kinds},
                  {"tokenizer.ggml.bos_token_id", id(processor.bos_id())},
                  {"tokenizer.ggml.eos_token_id", id(processor.eos_id())},
                  {"tokenizer.ggml.unknown_token_id", id(processor.unk_id())},
                  {"tokenizer.ggml.add_bos_token", true},
                  {"tokenizer.ggml.add_eos_token", false},
                  {"tokenizer.ggml.add_space_prefix", true},
                  {"tokenizer.ggml.remove_extra_whitespaces", false}};
  return model::write_gguf(path, out, {});
}

Result<TokenizerReport> train_tokenizer(const archive::Archive& archive, const search::Searcher& searcher, const TokenizerOptions& options) {
  if (options.kind != "unigram" && options.kind != "bpe") return fail(ErrorCode::kInvalid, "a tokenizer is unigram or bpe, not '" + options.kind + "'");
  if (options.out.empty()) return fail(ErrorCode::kInvalid, "name the file to write, without .model");
  SILLOK_ASSIGN(const govern::Clearance ceiling, label_ceiling(archive, options.ceiling));
  SILLOK_ASSIGN(const Texts texts, collect(searcher, ceiling, options.max_bytes));
  if (texts.learned.empty()) return fail(ErrorCode::kInvalid, "there is no text under this label ceiling to learn a tokenizer from");
  SILLOK_ASSIGN(const std::string model, train_pieces(texts.learned, options.kind, options.vocabulary));

  TokenizerReport report;
  report.sentences = texts.learned.size();
  report.bytes = texts.learned_bytes;
  report.labels = in_order(archive.settings().lattice, texts.labels);
  report.versions.assign(texts.versions.begin(), texts.versions.end());
  // Of too few records none is held out: then it is measured on what it learned from, which held_out_bytes 0 says.
  const bool held = !texts.held_out.empty();
  report.held_out_bytes = texts.held_out_bytes;
  const std::vector<std::string>& measured = held ? texts.held_out : texts.learned;
  const uint64_t measured_bytes = held ? texts.held_out_bytes : texts.learned_bytes;
  SILLOK_ASSIGN(report.bytes_per_token, bytes_per_token(model, measured, measured_bytes));
  if (!options.compared.empty()) {
    SILLOK_ASSIGN(const std::string other, read_file(options.compared));
    auto compared = bytes_per_token(other, measured, measured_bytes);
    if (!compared) return fail(compared.error().in(options.compared.string()));
    report.compared_bytes_per_token = *compared;
  }
  const std::string vocabulary = vocabulary_text(model);
  report.vocabulary = static_cast<uint32_t>(std::count(vocabulary.begin(), vocabulary.end(), '\n'));
  report.hash = sha256_hex(model);
  std::error_code made;
  if (options.out.has_parent_path()) fs::create_directories(options.out.parent_path(), made);
  SILLOK_TRY(write_file_atomic(options.out.string() + ".model", model));
  SILLOK_TRY(write_file_atomic(options.out.string() + ".vocab", vocabulary));
  SILLOK_TRY(write_tokenizer_gguf(options.out.string() + ".gguf", model, options.kind));
  const nlohmann::ordered_json about{{"made_by", "sillok train tokenizer"}, {"kind", options.kind},       {"vocabulary", report.vocabulary},
                                     {"labels", report.labels},             {"sentences", report.sentences}, {"bytes", report.bytes},
                                     {"bytes_per_token", report.bytes_per_token}, {"sha256", report.hash}};
  SILLOK_TRY(write_file_atomic(options.out.string() + ".json", about.dump(1) + "\n"));
  SILLOK_TRY(keep_made(archive.home(), {"tokenizer", options.out.string() + ".model", report.hash, report.labels, report.versions, now_micros(), {}}));
  return report;
}

}  // namespace sillok::train

#include "engine/draft_model.h"

#include <algorithm>
#include <limits>

namespace sillok::engine {
namespace {

using tensor::kPageTokens;

constexpr size_t kMaxPadding = 256;  // tokens that one vocabulary may have more: tables are rounded up to 64, 128 or 256
constexpr uint64_t kNoAdapter = 0;   // the draft's salt: it guesses without adapters

std::string shown(const model::Tokenizer& tokenizer, Token token) {
  return json_quote(shorten(clean_utf8(tokenizer.piece(token, true)), 40));
}

}  // namespace

Status check_same_vocabulary(const model::Tokenizer& draft, const model::Tokenizer& large) {
  const size_t common = std::min(draft.size(), large.size());
  for (size_t i = 0; i < common; ++i) {
    const auto token = static_cast<Token>(i);
    if (draft.is_end(token) == large.is_end(token) && draft.piece(token, true) == large.piece(token, true)) continue;
    return fail(ErrorCode::kInvalid, "the draft model has another vocabulary: token " + std::to_string(i) + " is " +
                                         shown(draft, token) + (draft.is_end(token) ? " (an end)" : "") + " there and " +
                                         shown(large, token) + (large.is_end(token) ? " (an end)" : "") +
                                         " in the model; take a smaller model of the same family");
  }
  if (std::max(draft.size(), large.size()) - common > kMaxPadding) {
    return fail(ErrorCode::kInvalid, "the draft model has another vocabulary: " + std::to_string(draft.size()) + " tokens, the model has " +
                                         std::to_string(large.size()) + "; take a smaller model of the same family");
  }
  return {};
}

// One sequence while it is being continued.
struct DraftModel::Guessing {
  Guessing(Sequence& of, size_t wanted) : sequence(&of), history(of.tokens), most(std::min(wanted, of.drafting.length)) {
    if (of.constraint) constraint.emplace(of.constraint->copy());
  }
  Sequence* sequence;
  std::vector<Token> history;  // its tokens and the guesses so far
  size_t most;
  std::optional<Constraint> constraint;
  bool read = false;  // the step under way reads all of `history`: its last row gives the next guess
};

Result<std::unique_ptr<DraftModel>> DraftModel::make(std::unique_ptr<model::Model> model, const model::Model& large,
                                                     tensor::Backend& backend, const EngineOptions& options, uint32_t pages) {
  if (!model->hyperparameters().causal) {
    return fail(ErrorCode::kInvalid, "the draft model is an encoder ('" + model->hyperparameters().architecture +
                                         "'), it cannot continue a text; take a smaller model of the same family");
  }
  SILLOK_TRY(check_same_vocabulary(model->tokenizer(), large.tokenizer()));
  auto store = backend.make_kv(model->kv_shape(options.kv_type, pages));
  if (!store) return fail(store.error().in("the draft model"));
  return std::unique_ptr<DraftModel>(
      new DraftModel(std::move(model), std::move(*store), options.prefix_cache, large.hyperparameters().vocabulary));
}

Status DraftModel::guess(std::span<const Asker> askers, size_t rows) {
  std::vector<Guessing> open;
  for (const Asker& asker : askers) {
    rewind(*asker.sequence);
    open.emplace_back(*asker.sequence, asker.most);
  }
  // The first round reads what is new of every sequence, each further one the guess of the round before.
  for (rows = std::min<size_t>(rows, model_->max_rows());; rows = open.size()) {
    model::Batch batch;
    std::erase_if(open, [&](Guessing& one) { return !add_rows(one, rows, batch); });
    if (open.empty()) return {};
    SILLOK_ASSIGN(const std::vector<float> logits, model_->forward(batch, *store_, model::Model::Output::kLogits));
    const size_t vocabulary = model_->hyperparameters().vocabulary;
    size_t row = 0;
    std::erase_if(open, [&](Guessing& one) {
      return !one.read || !take_guess(one, std::span(logits).subspan(row++ * vocabulary, vocabulary));
    });
  }
}

// Back to what the draft model has read of the sequence as it now is, or on to what is known of its prompt. The last token
// is always read: it gives the logits.
void DraftModel::rewind(Sequence& sequence) {
  Sequence::Drafting& drafting = sequence.drafting;
  const std::vector<Token>& tokens = sequence.tokens;
  const size_t most = std::min(drafting.tokens.size(), tokens.size() - 1);
  const auto end = drafting.tokens.begin() + static_cast<std::ptrdiff_t>(most);
  drafting.tokens.erase(std::mismatch(drafting.tokens.begin(), end, tokens.begin()).first, drafting.tokens.end());
  if (prefix_cache_ && drafting.tokens.empty()) {
    drop(sequence);
    drafting.pages = tree_.match(kNoAdapter, tokens, (tokens.size() - 1) / kPageTokens);
    drafting.kept = drafting.pages.size();
    drafting.tokens.assign(tokens.begin(), tokens.begin() + static_cast<std::ptrdiff_t>(drafting.kept * kPageTokens));
  }
}

bool DraftModel::give_pages(Sequence& sequence, size_t tokens) {
  std::vector<Page>& pages = sequence.drafting.pages;
  while (pages.size() * kPageTokens < tokens) {
    const std::optional<Page> page = tree_.take();
    if (!page) return false;
    pages.push_back(*page);
  }
  return true;
}

// Rows for what the draft model has not read of one's history, at most `rows`, of which they are taken. False: none.
bool DraftModel::add_rows(Guessing& one, size_t& rows, model::Batch& batch) {
  Sequence::Drafting& drafting = one.sequence->drafting;
  const size_t begin = drafting.tokens.size(), end = std::min(begin + rows, one.history.size());
  if (begin == end || end > model_->hyperparameters().context || !give_pages(*one.sequence, end)) return false;
  const auto known = one.history.begin();
  const auto vocabulary = static_cast<Token>(model_->hyperparameters().vocabulary);
  if (std::any_of(known + static_cast<std::ptrdiff_t>(begin), known + static_cast<std::ptrdiff_t>(end),
                  [&](Token token) { return token >= vocabulary; })) {
    return false;  // a token that only the large model has: the draft cannot read on
  }
  one.read = end == one.history.size();
  const auto table = static_cast<uint32_t>(batch.tables.size());
  batch.tables.emplace_back(drafting.pages);
  for (size_t i = begin; i < end; ++i) {
    batch.rows.push_back({.token = one.history[i], .position = static_cast<uint32_t>(i), .table = table, .adapter = 0,
                          .output = one.read && i + 1 == end});
  }
  drafting.tokens.assign(known, known + static_cast<std::ptrdiff_t>(end));
  rows -= end - begin;
  return true;
}

// The next guess from the draft's logits. False: no further one is wanted.
bool DraftModel::take_guess(Guessing& one, std::span<const float> logits) {
  Sequence& sequence = *one.sequence;
  Sequence::Drafting& drafting = sequence.drafting;
  // Pages wholly of the sequence's own tokens will not be written again.
  const size_t whole = std::min(drafting.tokens.size(), sequence.tokens.size() - 1) / kPageTokens;
  if (prefix_cache_ && whole > drafting.kept) {
    drafting.kept = whole;
    tree_.keep(kNoAdapter, sequence.tokens, std::span(drafting.pages).first(whole));
  }
  std::vector<float> row(vocabulary_, -std::numeric_limits<float>::infinity());
  std::copy_n(logits.begin(), std::min(logits.size(), row.size()), row.begin());
  std::vector<uint64_t> allowed;
  if (one.constraint) {
    allowed.assign((vocabulary_ + 63) / 64, 0);
    one.constraint->allowed(allowed);
    if (std::all_of(allowed.begin(), allowed.end(), [](uint64_t bits) { return bits == 0; })) return false;
  }
  const uint64_t index = sequence.result.tokens.size() + sequence.draft.size();
  const Token token = sequence.sampler.choose(row, one.history, index, allowed);
  if (model_->tokenizer().is_end(token) && !sequence.request.ignore_end) return false;  // the large model ends by itself
  if (one.constraint && !one.constraint->accept(token)) return false;
  sequence.draft.push_back(token);
  one.history.push_back(token);
  return sequence.draft.size() < one.most;
}

// Two more when all came true, one less otherwise, as Hugging Face's assisted generation has it: guesses cost little where
// they are right, and a draft that is often wrong soon guesses one token at a time.
void DraftModel::learn(Sequence& sequence, size_t guessed, size_t accepted) {
  size_t& length = sequence.drafting.length;
  if (accepted == guessed) length = std::max(length, std::min<size_t>(guessed + 2, kDraftTokens));
  else length = std::max<size_t>(length - 1, 1);
}

void DraftModel::drop(Sequence& sequence) {
  for (const Page page : sequence.drafting.pages) tree_.release(page);
  sequence.drafting.pages.clear();
  sequence.drafting.tokens.clear();
  sequence.drafting.kept = 0;
}

}  // namespace sillok::engine

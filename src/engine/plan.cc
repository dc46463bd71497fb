// Planning a step: who gets which rows and pages.
#include "engine/draft.h"
#include "engine/scheduler.h"

namespace sillok::engine {
namespace {

using tensor::kPageTokens;

constexpr size_t kDraftSequences = 2;  // decoding at once; more of them fill the tile themselves

}  // namespace

// Takes over what others have computed of this prompt since. The last token is always computed: it gives the logits.
void Scheduler::extend_from_tree(Sequence& sequence) {
  if (!options_.prefix_cache || sequence.computed % kPageTokens != 0) return;
  const size_t most = (sequence.tokens.size() - 1) / kPageTokens;
  std::vector<Page> found = tree_.match(sequence.salt, sequence.tokens, most);
  const size_t before = sequence.computed;
  if (found.size() * kPageTokens > sequence.computed) {
    for (const Page page : sequence.pages) tree_.release(page);
    sequence.pages = std::move(found);
    sequence.computed = sequence.pages.size() * kPageTokens;
    sequence.kept = sequence.pages.size();
  } else {
    for (const Page page : found) tree_.release(page);
  }
  copy_part(sequence);
  const size_t gained = sequence.computed - before;
  if (gained > 0 && !sequence.started) {
    sequence.result.cached_tokens += static_cast<uint32_t>(gained);
    live_.cached_tokens += gained;
  }
}

// Evidence seldom ends where a page does. What follows the whole pages may stand at the beginning of another's page: a copy of
// it, written on from there, is far cheaper than computing some of its tokens.
void Scheduler::copy_part(Sequence& sequence) {
  const size_t whole = sequence.computed / kPageTokens;
  if (sequence.pages.size() != whole) return;  // it has a page to write in already
  constexpr size_t kLeast = 4;  // the first tokens of texts that have nothing else in common are often the same
  const auto part = tree_.match_part(sequence.salt, sequence.tokens, whole, sequence.tokens.size() - 1 - sequence.computed);
  if (!part) return;
  const std::optional<Page> own = part->tokens < kLeast ? std::nullopt : tree_.take();
  if (own) {
    backend_.copy_page(*store_, part->page, *own);
    sequence.pages.push_back(*own);
    sequence.computed += part->tokens;
  }
  tree_.release(part->page);
}

// True while an earlier sequence is computing pages that this one will need: it is cheaper to wait for them.
bool Scheduler::waits_for_prefix(const Sequence& sequence) const {
  if (!options_.prefix_cache) return false;
  for (const auto& earlier : running_) {
    if (earlier.get() == &sequence) return false;
    if (earlier->decoding() || earlier->salt != sequence.salt) continue;
    const size_t most = std::min(earlier->tokens.size(), sequence.tokens.size() - 1);
    const auto common = static_cast<size_t>(
        std::mismatch(sequence.tokens.begin(), sequence.tokens.begin() + static_cast<std::ptrdiff_t>(most),
                      earlier->tokens.begin()).first - sequence.tokens.begin());
    if (common / kPageTokens * kPageTokens > sequence.computed) return true;
  }
  return false;
}

Scheduler::Plan Scheduler::plan() {
  Plan plan;
  size_t budget = model_->max_rows();
  plan_decoding(plan, budget);
  const bool streaming = !plan.parts.empty();
  plan_prefill(plan, std::min<size_t>(budget, streaming ? options_.prefill_rows_shared : options_.prefill_rows));
  return plan;
}

// Everybody who is writing writes on in every step.
void Scheduler::plan_decoding(Plan& plan, size_t& budget) {
  std::vector<Sequence*> decoding;
  for (const auto& sequence : running_) {
    if (sequence->decoding()) decoding.push_back(sequence.get());
  }
  guess(decoding);
  for (Sequence* one : decoding) {
    if (budget == 0) break;
    if (!is_running(one)) continue;
    Sequence& sequence = *one;
    const size_t rows = give_pages(sequence, std::min(1 + sequence.draft.size(), budget));
    if (rows == 0) continue;
    sequence.draft.resize(rows - 1);
    add_rows(plan, sequence, rows, rows);
    budget -= rows;
  }
}

// Guesses for those who are decoding, if they are few: from their own words, which costs nothing, else from the draft model.
void Scheduler::guess(std::span<Sequence* const> decoding) {
  for (Sequence* sequence : decoding) sequence->draft.clear();
  if (decoding.size() > kDraftSequences) return;
  std::vector<DraftModel::Asker> askers;
  for (Sequence* sequence : decoding) {
    if (!sequence->request.speculate) continue;
    const size_t most = std::min<size_t>(kDraftTokens, sequence->request.max_tokens - sequence->result.tokens.size() - 1);
    sequence->draft = look_up(sequence->tokens, most, draft_ == nullptr ? kShortestMatch : kShortestMatchBeforeDraft);
    sequence->drafting.guessed = draft_ != nullptr && most > 0 && sequence->draft.empty();
    if (sequence->drafting.guessed) askers.push_back({sequence, most});
  }
  if (askers.empty()) return;
  const Status guessed = draft_->guess(askers, running_.size() > 1 ? options_.prefill_rows_shared : options_.prefill_rows);
  if (guessed) return;
  std::vector<Sequence*> failed;
  for (const DraftModel::Asker& asker : askers) failed.push_back(asker.sequence);
  fail_all(failed, "the draft model: " + guessed.error().message);
}

// The oldest prompt gets half of the rows at least, so that it comes to its end; the rest goes to whose prompt ends first,
// so that a short question does not wait for a long document.
void Scheduler::plan_prefill(Plan& plan, size_t budget) {
  std::vector<Sequence*> order;
  for (const auto& sequence : running_) {
    if (sequence->decoding()) continue;
    extend_from_tree(*sequence);
    if (!waits_for_prefix(*sequence)) order.push_back(sequence.get());
  }
  if (order.empty()) return;
  std::stable_sort(order.begin() + 1, order.end(),
                   [](const Sequence* a, const Sequence* b) { return a->remaining() < b->remaining(); });
  size_t others = 0;
  for (size_t i = 1; i < order.size(); ++i) others += order[i]->remaining();
  const size_t first = std::max((budget + 1) / 2, budget - std::min(budget, others));
  for (size_t i = 0; i < order.size() && budget > 0; ++i) {
    if (!is_running(order[i])) continue;
    Sequence& sequence = *order[i];
    const size_t rows = give_pages(sequence, std::min({sequence.remaining(), budget, i == 0 ? first : budget}));
    if (rows == 0) continue;
    add_rows(plan, sequence, rows, rows == sequence.remaining() ? 1 : 0);
    budget -= rows;
  }
}

// Pages for `rows` more tokens; gives how many rows there is room for, 0 if the sequence itself had to be put back.
size_t Scheduler::give_pages(Sequence& sequence, size_t rows) {
  while (sequence.pages.size() < pages_for(sequence.computed + rows)) {
    if (const std::optional<Page> page = tree_.take()) {
      sequence.pages.push_back(*page);
      continue;
    }
    const size_t room = sequence.pages.size() * kPageTokens - sequence.computed;
    if (room > 0) return room;
    if (!preempt_for(sequence)) return 0;
  }
  return rows;
}

// Puts the least urgent, youngest sequence that this step has not planned back into the queue to free its pages: what it
// has written stays, its keys are computed again, to the same bits. False if that is `sequence` itself.
bool Scheduler::preempt_for(const Sequence& sequence) {
  auto victim = running_.end();
  for (auto at = running_.begin(); at != running_.end(); ++at) {
    if ((*at)->planned) continue;
    if (victim == running_.end() || (*at)->request.priority <= (*victim)->request.priority) victim = at;
  }
  SILLOK_CHECK(victim != running_.end());
  std::unique_ptr<Sequence> taken = std::move(*victim);
  running_.erase(victim);
  const bool itself = taken.get() == &sequence;
  drop_pages(*taken);
  const std::lock_guard lock(mutex_);
  waiting_.push_front(std::move(taken));
  return !itself;
}

// The next `rows` tokens of the sequence (known ones, then its draft); logits for the last `outputs` of them.
void Scheduler::add_rows(Plan& plan, Sequence& sequence, size_t rows, size_t outputs) {
  const auto table = static_cast<uint32_t>(plan.batch.tables.size());
  plan.batch.tables.emplace_back(sequence.pages);
  uint32_t adapter = 0;
  if (sequence.adapter != nullptr) {
    plan.batch.adapters.emplace_back(sequence.adapter.get(), sequence.request.adapter_scale);
    adapter = static_cast<uint32_t>(plan.batch.adapters.size());
  }
  for (size_t i = 0; i < rows; ++i) {
    const size_t position = sequence.computed + i;
    model::Row row;
    row.token = position < sequence.tokens.size() ? sequence.tokens[position] : sequence.draft[position - sequence.tokens.size()];
    row.position = static_cast<uint32_t>(position);
    row.table = table;
    row.adapter = adapter;
    row.output = i + outputs >= rows;
    plan.batch.rows.push_back(row);
  }
  sequence.planned = true;
  plan.parts.push_back({&sequence, rows, outputs});
}

}  // namespace sillok::engine

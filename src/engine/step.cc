// A step and what follows from it.
#include "engine/scheduler.h"

namespace sillok::engine {
namespace {

using tensor::kPageTokens;

double seconds(Clock::duration time) { return std::chrono::duration<double>(time).count(); }

}  // namespace

void Scheduler::step(Plan& plan) {
  Result<std::vector<float>> logits = model_->forward(plan.batch, *store_, model::Model::Output::kLogits);
  ++live_.steps;
  live_.rows += plan.batch.rows.size();
  if (logits) {
    consume(plan, *logits);
  } else {
    std::vector<Sequence*> failed;
    for (const Plan::Part& part : plan.parts) failed.push_back(part.sequence);
    fail_all(failed, logits.error().message);
  }
}

void Scheduler::fail_all(std::span<Sequence* const> sequences, const std::string& error) {
  for (Sequence* sequence : sequences) finish(*sequence, Finish::kError, error);
  std::erase_if(running_, [&](const auto& sequence) {
    return std::find(sequences.begin(), sequences.end(), sequence.get()) != sequences.end();
  });
}

void Scheduler::consume(Plan& plan, std::span<float> logits) {
  const size_t vocabulary = model_->hyperparameters().vocabulary;
  std::vector<const Sequence*> ended;
  size_t row = 0;
  for (const Plan::Part& part : plan.parts) {
    Sequence& sequence = *part.sequence;
    sequence.planned = false;
    const bool prefill = !sequence.decoding();
    const size_t known = sequence.tokens.size() - sequence.computed;  // rows that were not guesses
    sequence.computed += std::min(part.rows, known);
    if (prefill && !sequence.started) live_.prompt_tokens += part.rows;
    const size_t guessed = sequence.draft.size();
    size_t accepted = 0;
    bool goes_on = true;
    for (size_t i = 0; i < part.outputs && goes_on; ++i) {
      goes_on = choose(sequence, logits.subspan((row + i) * vocabulary, vocabulary));
      // A guess that came true is computed already; the first that did not ends the row.
      if (i >= guessed || !goes_on) break;
      if (sequence.tokens.back() != sequence.draft[i]) break;
      ++sequence.computed;
      ++accepted;
    }
    if (part.outputs > 0) sequence.started = true;
    live_.drafted += guessed;
    live_.accepted += accepted;
    sequence.result.drafted += static_cast<uint32_t>(guessed);
    sequence.result.accepted += static_cast<uint32_t>(accepted);
    if (sequence.drafting.guessed && guessed > 0) DraftModel::learn(sequence, guessed, accepted);
    sequence.draft.clear();
    row += part.outputs;
    if (goes_on) {
      keep_pages(sequence);
    } else {
      ended.push_back(&sequence);
    }
  }
  std::erase_if(running_, [&](const auto& sequence) {
    return std::find(ended.begin(), ended.end(), sequence.get()) != ended.end();
  });
}

// The next token of the sequence from its logits, delivered. False if it was the last: the sequence is finished.
bool Scheduler::choose(Sequence& sequence, std::span<float> logits) {
  std::span<const uint64_t> allowed;
  if (sequence.constraint) {
    allowed_.assign((logits.size() + 63) / 64, 0);
    sequence.constraint->allowed(allowed_);
    if (std::all_of(allowed_.begin(), allowed_.end(), [](uint64_t bits) { return bits == 0; })) {
      finish(sequence, Finish::kError, "no token of the vocabulary can continue the text as the grammar asks");
      return false;
    }
    allowed = allowed_;
  }
  const uint32_t wanted = sequence.request.log_probabilities;
  std::vector<float> untouched;
  if (wanted > 0) untouched.assign(logits.begin(), logits.end());
  const uint64_t index = sequence.result.tokens.size();
  const Token token = sequence.sampler.choose(logits, sequence.tokens, index, allowed);
  if (index == 0) {
    sequence.first_token = Clock::now();
    sequence.result.prefill_s = seconds(sequence.first_token - sequence.admitted);
  }
  if (model_->tokenizer().is_end(token) && !sequence.request.ignore_end) {
    finish(sequence, Finish::kEnd);
    return false;
  }
  if (sequence.constraint) SILLOK_CHECK(sequence.constraint->accept(token));
  sequence.tokens.push_back(token);
  sequence.result.tokens.push_back(token);
  if (wanted > 0) sequence.result.chances.push_back(log_probabilities(untouched, token, wanted));
  ++live_.generated_tokens;

  const std::string text = sequence.stream.add(model_->tokenizer().piece(token, false));
  sequence.result.text += text;
  if (!text.empty() && sequence.events.on_text) sequence.events.on_text(text);
  if (sequence.stream.stopped()) {
    finish(sequence, Finish::kStop);
    return false;
  }
  if (sequence.result.tokens.size() >= sequence.request.max_tokens) {
    finish(sequence, Finish::kLength);
    return false;
  }
  return true;
}

void Scheduler::keep_pages(Sequence& sequence) {
  if (!options_.prefix_cache || sequence.computed / kPageTokens <= sequence.kept) return;
  sequence.kept = sequence.computed / kPageTokens;
  tree_.keep(sequence.salt, sequence.tokens, std::span(sequence.pages).first(sequence.kept));
}

// Whole pages stay in the prefix tree, until somebody needs the room.
void Scheduler::drop_pages(Sequence& sequence) {
  keep_pages(sequence);
  for (const Page page : sequence.pages) tree_.release(page);
  if (draft_ != nullptr) draft_->drop(sequence);
  sequence.pages.clear();
  sequence.computed = 0;
  sequence.kept = 0;
  sequence.draft.clear();
}

// Ends the sequence and gives its pages back; the asker hears of it in deliver(). The caller takes it out of its list.
void Scheduler::finish(Sequence& sequence, Finish how, std::string error) {
  const std::string rest = sequence.stream.finish();
  sequence.result.text += rest;
  if (!rest.empty() && sequence.events.on_text) sequence.events.on_text(rest);
  const Clock::time_point now = Clock::now();
  const bool admitted = sequence.admitted != Clock::time_point{};
  sequence.result.queue_s = seconds((admitted ? sequence.admitted : now) - sequence.submitted);
  if (sequence.first_token != Clock::time_point{}) sequence.result.decode_s = seconds(now - sequence.first_token);
  sequence.result.finish = how;
  sequence.result.error = std::move(error);
  drop_pages(sequence);
  if (sequence.events.on_done) {
    done_.push_back([told = std::move(sequence.events.on_done),
                     result = std::make_shared<Generated>(std::move(sequence.result))] { told(std::move(*result)); });
  }
}

// Publishes the counts, then tells those who have ended: who hears of his end finds his pages counted as free.
void Scheduler::deliver() {
  publish_counts();
  for (const auto& told : std::exchange(done_, {})) told();
}

void Scheduler::publish_counts() {
  live_.running = static_cast<uint32_t>(running_.size());
  live_.free_pages = tree_.free_pages();
  live_.cached_pages = tree_.kept_pages();
  const std::lock_guard lock(mutex_);
  const auto queued = static_cast<uint32_t>(waiting_.size());
  counts_ = live_;
  counts_.queued = queued;
}

}  // namespace sillok::engine

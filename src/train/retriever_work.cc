#include "train/retriever_work.h"

#include <algorithm>

namespace sillok::train {
namespace {

constexpr double kEvery = 0.2;  // seconds between points; the list is looked at once a second
// Before a part has begun: what one of its steps costs in pairs of the encoder. Guesses: the first steps of a part correct them.
constexpr double kPairs[kRetrieverParts] = {1, 10, 4};

std::string digits(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g", value);
  return text;
}

}  // namespace

RetrieverWork::RetrieverWork(const RetrieverOptions& options)
    : budget_seconds_(options.budget_seconds), budget_joules_(options.budget_joules),
      meter_(options.watts > 0 ? options.watts : power::EnergyMeter::kWattsPerCore), began_(now_micros()) {}

double RetrieverWork::seconds() const { return static_cast<double>(now_micros() - began_) / 1e6; }

void RetrieverWork::plan(const fs::path& home, TrainingRun run, const std::array<uint64_t, kRetrieverParts>& steps) {
  uint64_t all = 0;
  for (size_t i = 0; i < kRetrieverParts; ++i) all += parts_[i].planned = steps[i];
  last_ = seconds();
  account_.describe(home, std::move(run), false);
  account_.begin(0, all);
}

Status RetrieverWork::did(RetrieverPart part, uint64_t count) {
  const std::lock_guard guard(mutex_);
  return advance(part, count);
}

Status RetrieverWork::learned(uint64_t pairs, double loss, uint64_t terms, double rate) {
  const std::lock_guard guard(mutex_);
  new_loss_ += loss;
  new_pairs_ += pairs;
  terms_ += terms;
  rate_ = rate;
  return advance(RetrieverPart::kLearning, pairs);
}

Status RetrieverWork::advance(RetrieverPart part, uint64_t count) {
  const double now = seconds();
  Part& at = parts_[static_cast<size_t>(part)];
  at.done = std::min(at.planned, at.done + count);
  at.seconds += now - last_;
  last_ = now;
  if (budget_seconds_ > 0 && now > budget_seconds_) {
    return fail(ErrorCode::kLimit, "the training was ended after " + digits(now / 60) + " minutes: its budget allows " + digits(budget_seconds_ / 60) + "; nothing of it is kept");
  }
  if (now - told_ < kEvery) return {};
  told_ = now;
  const double joules = meter_.joules();
  account_.add(point(now, joules));
  if (budget_joules_ > 0 && joules > budget_joules_) {
    return fail(ErrorCode::kLimit, "the training was ended after " + digits(joules / 3600) + " Wh: its budget allows " + digits(budget_joules_ / 3600) + "; nothing of it is kept");
  }
  return {};
}

RunPoint RetrieverWork::point(double seconds, double joules) {
  if (new_pairs_ > 0) loss_ = new_loss_ / static_cast<double>(new_pairs_);
  new_loss_ = 0, new_pairs_ = 0;
  RunPoint p;
  for (const Part& part : parts_) p.step += part.done;
  p.loss = loss_;
  p.rate = rate_;
  const double learning = parts_[0].seconds;
  p.tokens_per_s = learning > 0 ? static_cast<double>(terms_) / learning : 0;
  p.seconds = seconds;
  p.seconds_left = seconds_left();
  p.joules = joules;
  p.energy_estimated = meter_.estimated();
  return p;
}

// Each part at its own pace; one that has not begun at a multiple of the encoder's.
double RetrieverWork::seconds_left() const {
  const double a_pair = parts_[0].done > 0 ? parts_[0].seconds / static_cast<double>(parts_[0].done) : 0;
  double left = 0;
  for (size_t i = 0; i < kRetrieverParts; ++i) {
    const Part& part = parts_[i];
    const double each = part.done > 0 ? part.seconds / static_cast<double>(part.done) : a_pair * kPairs[i];
    left += each * static_cast<double>(part.planned - part.done);
  }
  return left;
}

void RetrieverWork::end(const Error* failure) {
  if (failure == nullptr) {
    for (Part& part : parts_) part.done = part.planned;
    account_.add(point(seconds(), meter_.joules()));
  }
  account_.end(failure);
}

}  // namespace sillok::train

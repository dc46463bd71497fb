// How well the check of sentences keeps what a passage says and stops what it does not, by words and with an encoder.
#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "evaluate/evaluate.h"

namespace sillok::evaluate {
namespace {

using nlohmann::json;

constexpr double kLowest = 0.01;  // of a cosine: what the encoder would say without a threshold

// The encoder with another threshold.
class At final : public answer::Encoder {
 public:
  At(answer::Encoder& encoder, double support) : encoder_(encoder), support_(support) {}
  std::string name() const override { return encoder_.name(); }
  double support() const override { return support_; }
  Result<std::vector<std::vector<float>>> encode(const std::vector<std::string>& texts) override { return encoder_.encode(texts); }

 private:
  answer::Encoder& encoder_;
  double support_;
};

struct Checked {
  const ClaimSet* set = nullptr;
  const std::string* kind = nullptr;  // null: right
  const std::string* sentence = nullptr;
  answer::SentenceCheck check;
};

Result<std::vector<Checked>> check_all(const std::vector<const ClaimSet*>& sets, answer::Encoder* encoder, const Progress& progress) {
  std::vector<Checked> all;
  for (size_t i = 0; i < sets.size(); ++i) {
    const ClaimSet& set = *sets[i];
    const auto check = [&](const std::string& sentence, const std::string* kind) -> Status {
      SILLOK_ASSIGN(answer::SentenceCheck done, answer::check_sentence(set.question, set.context, set.text, sentence, encoder));
      all.push_back({&set, kind, &sentence, std::move(done)});
      return {};
    };
    for (const std::string& sentence : set.right) SILLOK_TRY(check(sentence, nullptr));
    for (const auto& [kind, sentence] : set.wrong) SILLOK_TRY(check(sentence, &kind));
    if (progress) progress(i + 1, sets.size());
  }
  return all;
}

void count(const Checked& checked, SupportFigures& figures) {
  const bool right = checked.kind == nullptr;
  (right ? figures.right : figures.wrong) += 1;
  if (checked.check.supported) (right ? figures.right_kept : figures.wrong_kept) += 1;
}

SupportFigures sum(const SupportFigures& a, const SupportFigures& b) {
  return {a.right + b.right, a.right_kept + b.right_kept, a.wrong + b.wrong, a.wrong_kept + b.wrong_kept};
}

SupportFigures figures_of(const std::vector<Checked>& all) {
  SupportFigures figures;
  for (const Checked& checked : all) count(checked, figures);
  return figures;
}

// Halfway between the nearest wrong sentence that the encoder would keep and the next right one; none: nothing lies above.
Result<std::optional<double>> choose(const std::vector<const ClaimSet*>& sets, answer::Encoder& encoder, const Progress& progress) {
  At low(encoder, kLowest);
  SILLOK_ASSIGN(const std::vector<Checked> all, check_all(sets, &low, progress));
  double wrong = 0;
  std::vector<double> right;
  for (const Checked& checked : all) {
    if (!checked.check.by_meaning) continue;
    if (checked.kind == nullptr) right.push_back(checked.check.support);
    else wrong = std::max(wrong, checked.check.support);
  }
  std::sort(right.begin(), right.end());
  const auto next = std::upper_bound(right.begin(), right.end(), wrong);
  if (next == right.end()) return std::optional<double>();
  return std::optional((wrong + *next) / 2);
}

Result<SupportFigures> measure(const std::vector<const ClaimSet*>& sets, answer::Encoder& encoder, std::optional<double> threshold) {
  At at(encoder, threshold.value_or(1));
  SILLOK_ASSIGN(const std::vector<Checked> all, check_all(sets, &at, {}));
  return figures_of(all);
}

std::string shown(const Checked& checked) {
  std::string text = *checked.sentence;
  text += checked.kind == nullptr ? " (" + checked.check.why + ")" : " (" + *checked.kind + ")";
  return text;
}

json figures_json(const SupportFigures& f) {
  return {{"right", f.right}, {"right_kept", f.right_kept}, {"wrong", f.wrong}, {"wrong_kept", f.wrong_kept}, {"precision", f.precision()}, {"recall", f.recall()}};
}

}  // namespace

double SupportFigures::precision() const {
  return right_kept + wrong_kept == 0 ? 100 : 100 * static_cast<double>(right_kept) / static_cast<double>(right_kept + wrong_kept);
}
double SupportFigures::recall() const { return right == 0 ? 100 : 100 * static_cast<double>(right_kept) / static_cast<double>(right); }

Result<std::vector<ClaimSet>> load_claims(const fs::path& path) {
  SILLOK_ASSIGN(const std::string text, read_file(path));
  std::vector<ClaimSet> sets;
  size_t number = 0;
  for (std::string_view line : split(text, '\n')) {
    ++number;
    if (trim(line).empty()) continue;
    const json entry = json::parse(line, nullptr, false);
    const auto wrong = [&](const char* what) { return fail(ErrorCode::kInvalid, path.string() + ", line " + std::to_string(number) + ": " + what); };
    if (!entry.is_object()) return wrong("not a JSON object");
    ClaimSet set;
    try {
      set.question = entry.value("question", "");
      set.context = entry.value("context", "");
      set.text = entry.at("text").get<std::string>();
      set.right = entry.value("right", std::vector<std::string>());
      set.wrong = entry.value("wrong", std::vector<std::pair<std::string, std::string>>());
    } catch (const json::exception&) {
      return wrong(R"(not {"question":"...","context":"...","text":"...","right":["..."],"wrong":[["kind","..."]]})");
    }
    if (trim(set.text).empty()) return wrong("\"text\" is empty: it is the passage that the sentences are checked against");
    if (set.right.empty() && set.wrong.empty()) return wrong("it has no sentence, neither \"right\" nor \"wrong\"");
    sets.push_back(std::move(set));
  }
  if (sets.empty()) return fail(ErrorCode::kInvalid, path.string() + ": it has no claims");
  return sets;
}

Result<SupportReport> run_support(const std::vector<ClaimSet>& sets, answer::Encoder* encoder, std::optional<double> threshold, const Progress& progress) {
  SupportReport report;
  std::vector<const ClaimSet*> all, halves[2];
  for (size_t i = 0; i < sets.size(); ++i) {
    all.push_back(&sets[i]);
    halves[i % 2].push_back(&sets[i]);
  }
  SILLOK_ASSIGN(std::vector<Checked> checked, check_all(all, nullptr, {}));
  report.words = figures_of(checked);
  if (encoder != nullptr) {
    report.model = encoder->name();
    report.proposed = !threshold;
    if (!threshold) {
      SILLOK_ASSIGN(threshold, choose(all, *encoder, progress));
      if (!threshold) {
        return fail(ErrorCode::kInvalid, "no threshold lets this encoder keep a right sentence and stop the wrong ones; sentences are better checked without it, or with another encoder");
      }
      for (const size_t held : {size_t{0}, size_t{1}}) {
        SILLOK_ASSIGN(const std::optional<double> chosen, choose(halves[1 - held], *encoder, {}));
        SILLOK_ASSIGN(const SupportFigures figures, measure(halves[held], *encoder, chosen));
        report.held_out = sum(report.held_out, figures);
      }
    }
    report.threshold = *threshold;
    At at(*encoder, *threshold);
    SILLOK_ASSIGN(checked, check_all(all, &at, progress));
    report.encoder = figures_of(checked);
  }
  for (const Checked& each : checked) {
    if (each.kind != nullptr) count(each, report.by_kind[*each.kind]);
    if (each.kind == nullptr && !each.check.supported) report.dropped.push_back(shown(each));
    if (each.kind != nullptr && each.check.supported) report.let_through.push_back(shown(each));
  }
  return report;
}

std::string to_json(const SupportReport& report) {
  json out = {{"words", figures_json(report.words)}, {"dropped", report.dropped}, {"let_through", report.let_through}, {"by_kind", json::object()}};
  for (const auto& [kind, figures] : report.by_kind) out["by_kind"][kind] = {{"wrong", figures.wrong}, {"wrong_kept", figures.wrong_kept}};
  if (!report.model.empty()) {
    out["model"] = report.model;
    out["encoder"] = figures_json(report.encoder);
    out["encoder_support"] = report.threshold;
    out["proposed"] = report.proposed;
    if (report.proposed) out["held_out"] = figures_json(report.held_out);
  }
  return out.dump(2, ' ', false, json::error_handler_t::replace);
}

std::string to_text(const SupportReport& report) {
  std::string out;
  const auto line = [&](const char* what, const SupportFigures& f) {
    char text[160];
    std::snprintf(text, sizeof text, "%-20s precision %5.1f  recall %5.1f  (%zu of %zu right ones kept, %zu of %zu wrong ones)\n", what, f.precision(), f.recall(), f.right_kept, f.right,
                  f.wrong_kept, f.wrong);
    out += text;
  };
  line("by words", report.words);
  if (!report.model.empty()) {
    line("with the encoder", report.encoder);
    if (report.proposed) line("  held out by halves", report.held_out);
    char text[80];
    std::snprintf(text, sizeof text, "encoder_support = %.3f%s\n", report.threshold, report.proposed ? "  (proposed)" : "");
    out += text;
  }
  for (const std::string& sentence : report.let_through) out += "let through: " + sentence + "\n";
  for (const std::string& sentence : report.dropped) out += "dropped:     " + sentence + "\n";
  return out;
}

}  // namespace sillok::evaluate

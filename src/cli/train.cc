#include "cli/train.h"

#include <algorithm>
#include <memory>
#include <thread>

#include "cli/common.h"
#include "cli/propose.h"
#include "evaluate/evaluate.h"
#include "release/release.h"
#include "train/train.h"

namespace sillok::cli {
namespace {

constexpr uint32_t kMostThreads = 16;  // more help neither asking nor the folds

uint32_t threads_of(const TrainArguments& arguments) {
  return arguments.threads > 0 ? arguments.threads : std::clamp(std::thread::hardware_concurrency(), 1u, kMostThreads);
}

// Questions with records; others teach a retriever nothing.
std::vector<train::TrainingQuestion> training_questions(const std::vector<evaluate::GoldQuestion>& gold) {
  std::vector<train::TrainingQuestion> questions;
  for (const evaluate::GoldQuestion& q : gold) {
    if (q.answerable && !q.records.empty()) questions.push_back({q.question, q.records, q.category});
  }
  return questions;
}

Json figures_json(const train::RetrieverFigures& f) {
  return {{"recall_at_1", f.recall_at_1}, {"recall_at_5", f.recall_at_5}, {"mrr_10", f.mrr_10}};
}

void print_report(const train::RetrieverReport& r) {
  std::printf("passages              %llu\npairs                 %llu\nmeasured on           %llu %s\n", static_cast<unsigned long long>(r.passages),
              static_cast<unsigned long long>(r.pairs), static_cast<unsigned long long>(r.questions), r.measured_on.c_str());
  if (r.left_out > 0) std::printf("gold left out         %llu: no record in force under the label ceiling\n", static_cast<unsigned long long>(r.left_out));
  std::printf("words alone           recall@1 %.2f  recall@5 %.2f  MRR@10 %.2f\n", r.lexical.recall_at_1, r.lexical.recall_at_5, r.lexical.mrr_10);
  std::printf("trained               recall@1 %.2f  recall@5 %.2f  MRR@10 %.2f\n", r.trained.recall_at_1, r.trained.recall_at_5, r.trained.mrr_10);
  std::printf("took                  %.1f s, %.1f s of it the encoder\n", r.seconds, r.encoder_seconds);
  std::printf("labels                %s\n%s           %s\n", join(r.labels, ", ").c_str(), r.adopted ? "adopted    " : "not adopted", r.reason.c_str());
}

int run_train_retriever(const Common& common, const TrainArguments& arguments) {
  train::RetrieverOptions options;
  options.ceiling = arguments.labels_up_to;
  options.folds = arguments.folds;
  options.seed = arguments.seed;
  options.threads = threads_of(arguments);
  options.adopt = !arguments.measure_only;
  if (!arguments.gold.empty()) {
    const auto gold = evaluate::load_gold(arguments.gold);
    if (!gold) return report_error(gold.error());
    options.gold = training_questions(*gold);
    if (options.gold.empty()) return report_error({ErrorCode::kInvalid, arguments.gold + ": no question names the records that answer it (\"records\")"});
  }
  auto home = open_home(common.home);
  if (!home) return report_error(home.error());
  const auto report = [&] {
    ProgressLine progress("training");
    return train::train_retriever(home->archive, home->searcher, options,
                                  [&](std::string_view what, uint64_t done, uint64_t total) { progress.show(done, total, std::string(what)); });
  }();
  if (!report) return report_error(report.error());
  if (!report->note.empty()) std::fprintf(stderr, "note: %s\n", report->note.c_str());
  if (!common.json) {
    print_report(*report);
    return 0;
  }
  print_json({{"adopted", report->adopted},
              {"reason", report->reason},
              {"measured_on", report->measured_on},
              {"questions", report->questions},
              {"gold_left_out", report->left_out},
              {"lexical", figures_json(report->lexical)},
              {"trained", figures_json(report->trained)},
              {"share", report->share},
              {"cosine_weight", report->cosine_weight},
              {"passages", report->passages},
              {"pairs", report->pairs},
              {"labels", report->labels},
              {"encoder_seconds", report->encoder_seconds},
              {"seconds", report->seconds},
              {"run", report->run.empty() ? Json() : Json(report->run)},
              {"sha256", report->hash}});
  return 0;
}

int run_train_data(const Common& common, const TrainArguments& arguments) {
  auto home = open_home(common.home);
  if (!home) return report_error(home.error());
  train::DataOptions options;
  options.ceiling = arguments.labels_up_to;
  options.gold = arguments.gold;
  options.instructions = arguments.instructions;
  options.taught = arguments.taught;
  if (arguments.instructions) {
    auto measured = release::gold_file(common.home);
    if (!measured) return report_error(measured.error());
    options.measured = std::move(*measured);
  }
  options.out = arguments.out;
  options.seed = arguments.seed;
  options.near_duplicate = arguments.near_duplicate;
  options.min_characters = arguments.min_characters;
  options.min_letters = arguments.min_letters;
  options.max_repeated = arguments.max_repeated;
  options.scripts = arguments.scripts;
  options.validation = arguments.validation;
  options.test = arguments.test;
  const auto report = train::make_dataset(home->archive, home->searcher, options, {});
  if (!report) return report_error(report.error());
  if (common.json) {
    Json json{{"manifest", report->manifest.string()}, {"sha256", report->hash}, {"label", report->label}, {"labels", report->labels}};
    for (const train::DataStep& step : report->steps) json["yield"].push_back({{"step", step.name}, {"passages", step.passages}, {"bytes", step.bytes}});
    for (const auto& [name, passages] : report->splits) json["splits"][name] = passages;
    if (arguments.instructions) json["lessons"] = report->lessons;
    print_json(json);
    return 0;
  }
  uint64_t before = 0;
  for (const train::DataStep& step : report->steps) {
    std::printf("%10llu  %12llu bytes  %s", static_cast<unsigned long long>(step.passages), static_cast<unsigned long long>(step.bytes), step.name.c_str());
    if (&step != &report->steps.front()) std::printf(" (-%llu)", static_cast<unsigned long long>(before - step.passages));
    std::printf("\n");
    before = step.passages;
  }
  for (const auto& [source, lessons] : report->lessons) std::printf("%10llu  lessons: %s\n", static_cast<unsigned long long>(lessons), source.c_str());
  for (const auto& [name, passages] : report->splits) std::printf("%10llu  %s\n", static_cast<unsigned long long>(passages), name.c_str());
  std::printf("labels %s; %s, sha256 %s\n", join(report->labels, ", ").c_str(), report->manifest.c_str(), report->hash.c_str());
  return 0;
}

int run_train_tokenizer(const Common& common, const TrainArguments& arguments) {
  auto home = open_home(common.home);
  if (!home) return report_error(home.error());
  train::TokenizerOptions options;
  options.ceiling = arguments.labels_up_to;
  options.out = arguments.out.empty() ? common.home / "models" / "tokenizer" : fs::path(arguments.out);
  options.kind = arguments.kind;
  options.vocabulary = arguments.vocabulary;
  options.compared = arguments.compared;
  const auto report = train::train_tokenizer(home->archive, home->searcher, options);
  if (!report) return report_error(report.error());
  if (common.json) {
    print_json({{"model", options.out.string() + ".model"},
                {"vocabulary", report->vocabulary},
                {"sentences", report->sentences},
                {"bytes", report->bytes},
                {"held_out_bytes", report->held_out_bytes},
                {"bytes_per_token", report->bytes_per_token},
                {"compared_bytes_per_token", options.compared.empty() ? Json() : Json(report->compared_bytes_per_token)},
                {"labels", report->labels},
                {"sha256", report->hash}});
    return 0;
  }
  std::printf("%s.model: %u pieces from %llu sentences, %.2f bytes per token of %s", options.out.c_str(), report->vocabulary,
              static_cast<unsigned long long>(report->sentences), report->bytes_per_token,
              report->held_out_bytes > 0 ? "held-out text" : "the text it learned from");
  if (!options.compared.empty()) std::printf(" (%s: %.2f)", options.compared.c_str(), report->compared_bytes_per_token);
  std::printf("\n");
  return 0;
}

// Of one file, or of everything that was made in this home.
int run_train_check(const Common& common, const TrainArguments& arguments) {
  auto home = open_home(common.home);
  if (!home) return report_error(home.error());
  std::vector<std::pair<std::string, std::vector<std::string>>> checked;
  if (!arguments.out.empty()) {
    auto stale = train::stale_records(home->archive, arguments.out);
    if (!stale) return report_error(stale.error());
    checked.emplace_back(arguments.out, std::move(*stale));
  } else {
    const auto all = train::all_made(common.home);
    if (!all) return report_error(all.error());
    for (const train::Made& made : *all) checked.emplace_back(made.kind + " " + made.path.string(), train::stale_versions(home->archive, made));
  }
  bool fresh = true;
  Json json = Json::array();
  for (const auto& [name, stale] : checked) {
    fresh = fresh && stale.empty();
    json.push_back({{"file", name}, {"stale", stale}});
    if (common.json) continue;
    std::printf("%s: %s\n", name.c_str(), stale.empty() ? "every record it was made from is in force and unchanged" : "make it anew");
    for (const std::string& line : stale) std::printf("  %s\n", line.c_str());
  }
  if (common.json) print_json(arguments.out.empty() ? Json{{"made", json}} : json[0]);
  else if (checked.empty()) std::printf("nothing was made from this home's records\n");
  return fresh ? 0 : 1;
}

}  // namespace

void define_train(CLI::App& app, Common& common, std::function<int()>& verb) {
  const auto arguments = std::make_shared<TrainArguments>();  // Shared by the verbs' callbacks, which outlive this function.
  auto* train = app.add_subcommand("train", "Learn from the records: datasets, tokenizers, retrievers");
  train->require_subcommand(1);
  const auto add = [&](const char* name, const char* what, int (*run)(const Common&, const TrainArguments&)) {
    CLI::App* sub = train->add_subcommand(name, what);
    sub->add_option("--home", common.home, "The home folder (default: $SILLOK_HOME or ./sillok-home)");
    sub->add_flag("--json", common.json, "Print JSON");
    sub->callback([&common, &verb, arguments, run] { verb = [&common, arguments, run] { return run(common, *arguments); }; });
    return sub;
  };
  const auto ceiling = [&](CLI::App* sub) {
    sub->add_option("--labels-up-to", arguments->labels_up_to, "Learn from records up to this label (default: the least sensitive alone)");
  };
  auto* data = add("data", "Curated text of the records in force, with each step's yield", run_train_data);
  ceiling(data);
  data->add_option("--out", arguments->out, "The folder to write")->required();
  data->add_option("--gold", arguments->gold, "Gold questions to keep out, with their evidence and near-copies");
  data->add_flag("--instructions", arguments->instructions, "Lessons of how to answer from evidence, from headings, links, confirmed proposals and --teach");
  data->add_option("--teach", arguments->taught, "With --instructions: gold questions to teach with");
  data->add_option("--seed", arguments->seed, "Of order and splits");
  data->add_option("--near-duplicate", arguments->near_duplicate, "Similarity from which a passage counts as a copy");
  data->add_option("--min-characters", arguments->min_characters, "Leave out shorter passages");
  data->add_option("--min-letters", arguments->min_letters, "Leave out passages with a smaller share of letters");
  data->add_option("--max-repeated", arguments->max_repeated, "Leave out passages with a larger share of repeated lines");
  data->add_option("--scripts", arguments->scripts, "Only passages mostly in these: hangul, latin, cyrillic, han, other")->delimiter(',');
  data->add_option("--validation", arguments->validation, "Share of the records");
  data->add_option("--test", arguments->test, "Share of the records");

  auto* tokenizer = add("tokenizer", "A SentencePiece tokenizer of the records' text", run_train_tokenizer);
  ceiling(tokenizer);
  tokenizer->add_option("--out", arguments->out, "PATH/NAME to write NAME.model to (default: the home's models/tokenizer)");
  tokenizer->add_option("--kind", arguments->kind, "unigram or bpe");
  tokenizer->add_option("--vocabulary", arguments->vocabulary, "At most so many pieces")->check(CLI::Range(300, 1'000'000));
  tokenizer->add_option("--compare", arguments->compared, "A SentencePiece model to compare bytes per token with");

  auto* retriever = add("retriever", "An encoder and a re-ranker, adopted where they find no less", run_train_retriever);
  ceiling(retriever);
  retriever->add_option("--gold", arguments->gold, "JSONL of questions with the records that answer them");
  retriever->add_option("--folds", arguments->folds, "Of the cross-validation")->check(CLI::Range(2, 100));
  retriever->add_option("--seed", arguments->seed, "Of all that is drawn");
  retriever->add_option("--threads", arguments->threads, "Threads (default: one per core)")->check(CLI::Range(1, 256));
  retriever->add_flag("--measure-only", arguments->measure_only, "Adopt nothing");

  define_propose(*train, common, verb);
  auto* check = add("check", "Is what a dataset or retriever was made from still in force, unchanged?", run_train_check);
  define_train_runs(*train, common, verb);
  check->add_option("file", arguments->out, "A dataset's manifest.json, or a retriever (default: all that was made in the home)");
}

}  // namespace sillok::cli

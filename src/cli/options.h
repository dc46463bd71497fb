// The command line's options, one struct per verb: main.cc fills them, the verbs read them.
#pragma once

#include <string>
#include <vector>

#include "base/base.h"
#include "engine/engine.h"

namespace sillok::cli {

struct Common {
  fs::path home;
  bool json = false;
};

struct AddArguments {
  std::vector<std::string> paths;
  std::string label, effective_from, effective_to, record, erase;
  unsigned jobs = 0;
  bool watch = false, reread = false;
};
struct ReadArguments {
  std::string file;
  bool text = false, html = false;
};
struct SearchArguments {
  bool has_query = false;  // "" is a query too
  std::string query, batch, as_of, as;
  std::vector<std::string> labels;
  size_t limit = 10;
  bool passages = false, all_versions = false;
};
// Which model writes answers; nothing set: as sillok.toml says.
struct WriterArguments {
  std::string model;
  bool quote = false;     // no model: quotes alone
  uint32_t threads = 0;   // 0: as sillok.toml says
  uint64_t seed = 0;
};
struct AskArguments {
  std::string question, as_of, as;
  std::vector<std::string> labels;
  size_t quotes = 3;
  double threshold = -1;  // below 0: the home's
  WriterArguments writer;
  std::string conversation, unsupported;
};
struct RecordArguments {
  std::string record, as_of, at, as;
  uint32_t version = 0;
  bool text = false, html = false, original = false;
};
struct RecordsArguments {
  std::string after, as;
  size_t limit = 100;
  bool failures = false;
};
struct ServeArguments {
  std::string listen = "127.0.0.1:8400", certificate, key, model;
  uint32_t requests_per_minute = 60'000;
  uint64_t upload_mib = 4096;
  bool no_confine = false;
};
struct DoctorArguments {
  bool quick = false, deep = false;  // deep is the default
};

// How to open a model.
struct ModelArguments {
  std::string model;
  uint32_t threads = 0;  // 0: one per core
  uint32_t context = 0;  // tokens of the KV store; 0: what the model was trained for, at most the engine's default
  std::string kv_type = "f16";
  std::string lora;      // FILE or FILE:SCALE
  std::string draft;     // a smaller model that guesses; empty: none
};
struct EvaluateArguments {
  std::string gold, report;
  bool calibrate = false, outcomes = false;
  std::string before, after;  // of compare
  std::string suite = "rag";  // "choice" and "perplexity" ask a model alone, "support" the check of sentences
  std::string encoder_prefix;
  std::optional<double> encoder_support;  // of support; none: one is proposed
  std::string scoring = "letter";
  size_t limit = 0;           // the first questions of the file; 0: all
  ModelArguments model;
  bool quote = false;         // of rag: quotes alone are measured
  std::string as;             // of rag: as this person sees the records
  uint64_t seed = 0;
};
struct GenerateArguments {
  ModelArguments model;
  bool has_prompt = false;  // "" is a prompt too
  std::string prompt, prompt_file;
  uint32_t max_tokens = 256;
  engine::Sampling sampling;
  std::vector<std::string> stop;
  std::string schema, grammar;
  uint32_t log_probabilities = 0;
  bool ignore_end = false, no_speculation = false;
};
struct ChatArguments {
  GenerateArguments generate;
  std::string system;
};
struct BenchModelArguments {
  ModelArguments model;
  uint32_t prompt = 512, generate = 64, repeat = 5;
  std::vector<uint32_t> batch = {1, 2, 4, 8};
};
struct BenchEngineArguments {
  ModelArguments model;
  uint32_t prefix = 4096, question = 16, trials = 20, generate = 32, repeat = 5;
};
struct TokenizeArguments {
  std::string model;
  bool no_special = false, no_parse_special = false;
};
struct ModelFileArguments {
  std::string file, out, type, tokenizer;
  std::vector<std::string> folders;
};

struct TrainArguments {
  std::string labels_up_to, gold, taught, out, kind = "unigram", compared;
  uint64_t seed = 1;
  uint32_t folds = 5, threads = 0, vocabulary = 8000, min_characters = 40;  // threads 0: one per core, at most 16
  double near_duplicate = 0.8, min_letters = 0.5, max_repeated = 0.5, validation = 0.05, test = 0.05;
  std::vector<std::string> scripts;
  bool measure_only = false, instructions = false;
};

// Each gives the exit status: 0 success, 1 the operation failed (the reason is printed), 2 usage.
int run_init(const Common& common);
int run_add(const Common& common, const AddArguments& arguments);
int run_read(const Common& common, const ReadArguments& arguments);
int run_search(const Common& common, const SearchArguments& arguments);
int run_ask(const Common& common, const AskArguments& arguments);
int run_replay(const Common& common, uint64_t entry);
int run_evaluate(const Common& common, const EvaluateArguments& arguments);
int run_evaluate_suite(const Common& common, const EvaluateArguments& arguments);
int run_evaluate_compare(const Common& common, const EvaluateArguments& arguments);
int run_show(const Common& common, const RecordArguments& arguments);
int run_links(const Common& common, const RecordArguments& arguments);
int run_records(const Common& common, const RecordsArguments& arguments);
int run_serve(const Common& common, const ServeArguments& arguments);
int run_doctor(const Common& common, const DoctorArguments& arguments);
int run_generate(const Common& common, const GenerateArguments& arguments);
int run_chat(const Common& common, const ChatArguments& arguments);
int run_bench_model(const Common& common, const BenchModelArguments& arguments);
int run_bench_engine(const Common& common, const BenchEngineArguments& arguments);
int run_tokenize(const Common& common, const TokenizeArguments& arguments);
int run_detokenize(const Common& common, const TokenizeArguments& arguments);
int run_model_show(const Common& common, const ModelFileArguments& arguments);
int run_model_import(const Common& common, const ModelFileArguments& arguments);
int run_model_quantize(const Common& common, const ModelFileArguments& arguments);
int run_model_list(const Common& common, const ModelFileArguments& arguments);

}  // namespace sillok::cli

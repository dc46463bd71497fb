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
  std::string query, batch, as_of;
  std::vector<std::string> labels;
  size_t limit = 10;
  bool passages = false, all_versions = false;
};
struct AskArguments {
  std::string question, as_of;
  std::vector<std::string> labels;
  size_t quotes = 3;
  double threshold = -1;  // below 0: the home's
};
struct EvaluateArguments {
  std::string gold, report;
  bool calibrate = false, outcomes = false;
};
struct RecordArguments {
  std::string record, as_of, at;
  uint32_t version = 0;
  bool text = false, html = false, original = false;
};
struct RecordsArguments {
  std::string after;
  size_t limit = 100;
  bool failures = false;
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
struct TokenizeArguments {
  std::string model;
  bool no_special = false, no_parse_special = false;
};
struct ModelFileArguments {
  std::string file, out, type, tokenizer;
  std::vector<std::string> folders;
};

struct TrainArguments {
  std::string labels_up_to, gold, out, kind = "unigram", compared;
  uint64_t seed = 1;
  uint32_t folds = 5, threads = 0, vocabulary = 8000, min_characters = 40;  // threads 0: one per core, at most 16
  double near_duplicate = 0.8, min_letters = 0.5, max_repeated = 0.5, validation = 0.05, test = 0.05;
  std::vector<std::string> scripts;
  bool measure_only = false;
};

// Each gives the exit status: 0 success, 1 the operation failed (the reason is printed), 2 usage.
int run_init(const Common& common);
int run_add(const Common& common, const AddArguments& arguments);
int run_read(const Common& common, const ReadArguments& arguments);
int run_search(const Common& common, const SearchArguments& arguments);
int run_ask(const Common& common, const AskArguments& arguments);
int run_evaluate(const Common& common, const EvaluateArguments& arguments);
int run_show(const Common& common, const RecordArguments& arguments);
int run_links(const Common& common, const RecordArguments& arguments);
int run_records(const Common& common, const RecordsArguments& arguments);
int run_doctor(const Common& common, const DoctorArguments& arguments);
int run_generate(const Common& common, const GenerateArguments& arguments);
int run_chat(const Common& common, const ChatArguments& arguments);
int run_bench_model(const Common& common, const BenchModelArguments& arguments);
int run_tokenize(const Common& common, const TokenizeArguments& arguments);
int run_detokenize(const Common& common, const TokenizeArguments& arguments);
int run_model_show(const Common& common, const ModelFileArguments& arguments);
int run_model_import(const Common& common, const ModelFileArguments& arguments);
int run_model_quantize(const Common& common, const ModelFileArguments& arguments);
int run_model_list(const Common& common, const ModelFileArguments& arguments);

}  // namespace sillok::cli

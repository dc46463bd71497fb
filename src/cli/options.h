// The command line's options, one struct per verb: main.cc fills them, the verbs read them.
#pragma once

#include <string>
#include <vector>

#include "base/base.h"

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
struct TokenizeArguments {
  std::string model;
  bool no_special = false, no_parse_special = false;
};
struct ModelArguments {
  std::string file, out, type, tokenizer;
  std::vector<std::string> folders;
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
int run_tokenize(const Common& common, const TokenizeArguments& arguments);
int run_detokenize(const Common& common, const TokenizeArguments& arguments);
int run_model_show(const Common& common, const ModelArguments& arguments);
int run_model_import(const Common& common, const ModelArguments& arguments);
int run_model_quantize(const Common& common, const ModelArguments& arguments);
int run_model_list(const Common& common, const ModelArguments& arguments);

}  // namespace sillok::cli

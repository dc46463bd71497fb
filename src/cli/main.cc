// The command line: one verb each, options into structs, the verbs in their own files.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <limits>

#include "cli/common.h"
#include "cli/govern.h"
#include "cli/model_encode.h"
#include "cli/model_run.h"
#include "cli/release.h"
#include "cli/tune.h"
#include "cli/train.h"
#include "documents/documents.h"

namespace sillok::cli {
namespace {

fs::path default_home() {
  const char* home = std::getenv("SILLOK_HOME");
  return home != nullptr && *home != '\0' ? home : "sillok-home";
}

struct Program {
  Common common;
  AddArguments add;
  ReadArguments read;
  SearchArguments search;
  AskArguments ask;
  EvaluateArguments evaluate;
  RecordArguments record;
  RecordsArguments records;
  DoctorArguments doctor;
  ServeArguments serve;
  GenerateArguments generate;
  ChatArguments chat;
  BenchModelArguments bench_model;
  BenchEngineArguments bench_engine;
  TokenizeArguments tokenize;
  ModelFileArguments model_file;
  std::function<int()> verb;
};

// Before the verb or behind it.
void add_common(CLI::App& app, Common& common) {
  app.add_option("--home", common.home, "The home folder (default: $SILLOK_HOME or ./sillok-home)");
  app.add_flag("--json", common.json, "Print JSON");
}

CLI::App* add_verb(CLI::App& app, Program& program, const char* name, const char* what, std::function<int()> run) {
  CLI::App* verb = app.add_subcommand(name, what);
  add_common(*verb, program.common);
  verb->callback([&program, run = std::move(run)] { program.verb = run; });
  return verb;
}

void define_records(CLI::App& app, Program& p) {
  add_verb(app, p, "init", "Make a home", [&p] { return run_init(p.common); });

  auto* add = add_verb(app, p, "add", "Read files and folders into the archive", [&p] { return run_add(p.common, p.add); });
  add->add_option("paths", p.add.paths, "Files and folders");
  add->add_option("--label", p.add.label, "Label for everything added");
  add->add_option("--effective-from", p.add.effective_from, "First day in force, overriding the documents' own");
  add->add_option("--effective-to", p.add.effective_to, "Last day in force, overriding the documents' own");
  add->add_option("--record", p.add.record, "Key of the record (one file only)");
  add->add_option("--jobs", p.add.jobs, "Reader processes (default: one per core)")->check(CLI::Range(1, 256));
  add->add_flag("--reread", p.add.reread, "Read files again though they look unchanged");
  add->add_flag("--watch", p.add.watch, "Stay and follow the folders");
  add->add_option("--erase", p.add.erase, "Remove a record's content for good, leaving a tombstone");

  auto* read = add_verb(app, p, "read", "Show what the reader makes of one file", [&p] { return run_read(p.common, p.read); });
  read->add_option("file", p.read.file, "The file")->required();
  read->add_flag("--text", p.read.text, "Plain text (the default)");
  read->add_flag("--html", p.read.html, "HTML");

  const auto record_options = [&p](CLI::App* verb) {
    verb->add_option("record", p.record.record, "The record's key")->required();
    verb->add_option("--as-of", p.record.as_of, "The version in force on this day");
    verb->add_option("--as", p.record.as, "As this person sees it");
    verb->add_option("--version", p.record.version, "The version with this number")
        ->check(CLI::Range(1u, std::numeric_limits<uint32_t>::max()));
  };
  auto* show = add_verb(app, p, "show", "Show a record", [&p] { return run_show(p.common, p.record); });
  record_options(show);
  show->add_flag("--text", p.record.text, "Text alone");
  show->add_flag("--html", p.record.html, "HTML");
  show->add_flag("--original", p.record.original, "The bytes of the file it was read from");
  show->add_option("--at", p.record.at, "Only the blocks at this anchor, as citations give it");
  auto* links = add_verb(app, p, "links", "Show what a record is linked with", [&p] { return run_links(p.common, p.record); });
  record_options(links);

  auto* records = add_verb(app, p, "records", "List records", [&p] { return run_records(p.common, p.records); });
  records->add_option("--after", p.records.after, "Start after this key");
  records->add_option("--limit", p.records.limit, "At most so many");
  records->add_option("--as", p.records.as, "What this person sees");
  records->add_flag("--failures", p.records.failures, "List the files that could not be read, and why");
}

void writer_options(CLI::App* verb, WriterArguments& writer) {
  auto* model = verb->add_option("-m,--model", writer.model, "Write the answer with this model: a GGUF file, or its name in the home's models/ (default: sillok.toml, [answer])");
  verb->add_flag("--quote", writer.quote, "Quote alone, whatever sillok.toml says")->excludes(model);
  verb->add_option("--threads", writer.threads, "Threads of the model")->check(CLI::Range(1, 1024));
  verb->add_option("--seed", writer.seed, "Another seed, another wording; 0 takes the likeliest words (the default)");
}

void define_questions(CLI::App& app, Program& p) {
  auto* search = add_verb(app, p, "search", "Find passages", [&p] { return run_search(p.common, p.search); });
  search->add_option_function<std::string>("query", [&p](const std::string& query) {
    p.search.has_query = true;
    p.search.query = query;
  }, "Words, \"phrases\", title: type: label: record: after: before:");
  search->add_option("--limit", p.search.limit, "At most so many results")->check(CLI::Range(1, 10000));
  search->add_option("--as-of", p.search.as_of, "As the records stood on this day");
  search->add_option("--as", p.search.as, "What this person would see");
  search->add_option("--labels", p.search.labels, "Only records with these labels")->delimiter(',');
  search->add_flag("--passages", p.search.passages, "Several passages of a record, not only the best");
  search->add_flag("--all-versions", p.search.all_versions, "Superseded versions too");
  search->add_option("--batch", p.search.batch, "A JSONL file of {\"id\",\"question\"}: one line of JSON each");

  auto* ask = add_verb(app, p, "ask", "Answer a question from the records", [&p] { return run_ask(p.common, p.ask); });
  ask->add_option("question", p.ask.question, "The question")->required();
  ask->add_option("--as-of", p.ask.as_of, "As the records stood on this day");
  ask->add_option("--as", p.ask.as, "What this person would be answered");
  ask->add_option("--labels", p.ask.labels, "Only from records with these labels")->delimiter(',');
  ask->add_option("--quotes", p.ask.quotes, "At most so many quotes")->check(CLI::Range(1, 20));
  ask->add_option("--threshold", p.ask.threshold, "Confidence below which the records do not answer");
  writer_options(ask, p.ask.writer);
  ask->add_option("--conversation", p.ask.conversation, "Earlier turns, which the question may lean on: JSONL of {\"question\",\"answer\"}, oldest first");
  ask->add_option("--unsupported", p.ask.unsupported, "What becomes of written sentences that the records do not support: drop or mark")
      ->check(CLI::IsMember({"drop", "mark"}));

  auto* evaluate = add_verb(app, p, "evaluate", "Measure the answer rate on gold questions",
                            [&p] {
                              if (!p.evaluate.before.empty()) return run_evaluate_compare(p.common, p.evaluate);
                              if (p.evaluate.suite != "rag") return run_evaluate_suite(p.common, p.evaluate);
                              return run_evaluate(p.common, p.evaluate);
                            });
  evaluate->add_option("gold", p.evaluate.gold, "JSONL of gold questions; of another suite, its file");
  evaluate->add_option("--suite", p.evaluate.suite, "rag: answers from the records; choice: multiple choice by likelihood; perplexity: of a text; support: the check of written sentences, on claims")
      ->check(CLI::IsMember({"rag", "choice", "perplexity", "support"}));
  auto* model = evaluate->add_option("-m,--model", p.evaluate.model.model, "The model file, or its name in the home's models/; of rag: that writes the answers (default: sillok.toml, [answer]); of support: an encoder (default: answer.encoder)");
  evaluate->add_flag("--quote", p.evaluate.quote, "For rag: measure quoting alone")->excludes(model);
  evaluate->add_option("--seed", p.evaluate.seed, "For rag: another seed, another wording");
  evaluate->add_option("--threads", p.evaluate.model.threads, "Threads (default: one per core)")->check(CLI::Range(1, 1024));
  evaluate->add_option("--encoder-prefix", p.evaluate.encoder_prefix, "For support: what the encoder wants before each text, as \"query: \"");
  evaluate->add_option("--encoder-support", p.evaluate.encoder_support, "For support: measure with this cosine (default: answer.encoder_support with answer.encoder; with -m, one is proposed)")
      ->check(CLI::Range(0.01, 1.0));
  evaluate->add_option("--scoring", p.evaluate.scoring, "For choice: letter (the choices stand in the prompt) or text (they do not)")
      ->check(CLI::IsMember({"letter", "text"}));
  evaluate->add_option("--limit", p.evaluate.limit, "For choice: only the first so many questions");
  auto* as = evaluate->add_option("--as", p.evaluate.as, "For rag: as this person sees the records");
  evaluate->add_flag("--calibrate", p.evaluate.calibrate, "Choose this home's threshold on these questions and keep it")->excludes(as);
  evaluate->add_flag("--outcomes", p.evaluate.outcomes, "Each question's outcome in the JSON too");
  evaluate->add_option("--report", p.evaluate.report, "Where to write the report (default: the home's log/)");
  auto* compare = evaluate->add_subcommand("compare", "Two reports over the same questions: what is better, and how sure that is");
  add_common(*compare, p.common);
  compare->add_option("before", p.evaluate.before, "The earlier report")->required();
  compare->add_option("after", p.evaluate.after, "The later report")->required();

  auto* doctor = add_verb(app, p, "doctor", "Check the home", [&p] { return run_doctor(p.common, p.doctor); });
  doctor->add_flag("--quick", p.doctor.quick, "Leave out what reads everything: hashes of originals and texts");
  doctor->add_flag("--deep", p.doctor.deep, "Everything (the default)")->excludes("--quick");
}

void define_serve(CLI::App& app, Program& p) {
  auto* serve = add_verb(app, p, "serve", "Serve the console, the APIs and MCP", [&p] { return run_serve(p.common, p.serve); });
  serve->add_option("--listen", p.serve.listen, "Address and port (default: 127.0.0.1:8400)");
  auto* certificate = serve->add_option("--tls-cert", p.serve.certificate, "Certificate chain (PEM): TLS 1.3 alone is spoken then")->check(CLI::ExistingFile);
  auto* key = serve->add_option("--tls-key", p.serve.key, "Its private key (PEM)")->check(CLI::ExistingFile)->needs(certificate);
  certificate->needs(key);
  serve->add_option("-m,--model", p.serve.model, "The model that writes answers, instead of [answer] model in sillok.toml");
  serve->add_option("--rate-limit", p.serve.requests_per_minute, "Requests a minute of one person")->check(CLI::Range(10, 100'000'000));
  serve->add_option("--upload-limit", p.serve.upload_mib, "Mebibytes of one upload")->check(CLI::Range(1, 1 << 20));
  serve->add_flag("--no-confine", p.serve.no_confine, "Do not confine the process after start-up (to look for mistakes)");
}

void model_options(CLI::App* verb, ModelArguments& model) {
  verb->add_option("--threads", model.threads, "Threads (default: one per core)")->check(CLI::Range(1, 1024));
  verb->add_option("--context", model.context, "Tokens the key-value store holds")->check(CLI::Range(1, 1 << 24));
  verb->add_option("--kv-type", model.kv_type, "Type of keys and values: f16 or q8_0");
  verb->add_option("--lora", model.lora, "A LoRA adapter, FILE or FILE:SCALE");
}

void generate_options(CLI::App* verb, GenerateArguments& g) {
  verb->add_option("-m,--model", g.model.model, "The model file, or its name in the home's models/")->required();
  model_options(verb, g.model);
  verb->add_option("-n,--tokens", g.max_tokens, "At most so many tokens")->check(CLI::Range(1, 1 << 24));
  verb->add_option("--temp", g.sampling.temperature, "Temperature; 0 takes the likeliest token (the default)")->check(CLI::Range(0.0, 100.0));
  verb->add_option("--top-k", g.sampling.top_k, "Only the k likeliest tokens; 0: all");
  verb->add_option("--top-p", g.sampling.top_p, "Only the likeliest tokens that make up this probability")->check(CLI::Range(0.0, 1.0));
  verb->add_option("--min-p", g.sampling.min_p, "Only tokens at least so likely, relative to the likeliest")->check(CLI::Range(0.0, 1.0));
  verb->add_option("--repeat-penalty", g.sampling.repeat_penalty, "Makes tokens seen lately less likely; 1: off")->check(CLI::Range(0.01, 100.0));
  verb->add_option("--repeat-window", g.sampling.repeat_window, "How many tokens back is lately");
  verb->add_option("--presence-penalty", g.sampling.presence_penalty, "Taken from the logit of a token seen lately");
  verb->add_option("--frequency-penalty", g.sampling.frequency_penalty, "The same, for each time it was seen");
  verb->add_option("--dry", g.sampling.dry_multiplier, "Strength of the penalty on repeating sequences (DRY); 0: off");
  verb->add_option("--seed", g.sampling.seed, "Seed of the draws");
  verb->add_option("--stop", g.stop, "Text that ends the output; may be given several times");
  verb->add_option("--schema", g.schema, "A JSON Schema that the output must follow")->check(CLI::ExistingFile);
  verb->add_option("--grammar", g.grammar, "A grammar (GBNF) that the output must follow")->check(CLI::ExistingFile);
  verb->add_option("--draft", g.model.draft, "A smaller model of the same vocabulary that guesses tokens; changes the speed alone");
  verb->add_flag("--no-speculation", g.no_speculation, "Do not guess tokens; changes the speed alone");
}

void define_generation(CLI::App& app, Program& p) {
  auto* generate = add_verb(app, p, "generate", "Continue a text with a model", [&p] { return run_generate(p.common, p.generate); });
  generate_options(generate, p.generate);
  generate->add_option_function<std::string>("-p,--prompt", [&p](const std::string& prompt) {
    p.generate.has_prompt = true;
    p.generate.prompt = prompt;
  }, "The text");
  generate->add_option("--file", p.generate.prompt_file, "A file with the text; - for standard input");
  generate->add_option("--logprobs", p.generate.log_probabilities, "So many likeliest tokens at each place, in the JSON")->check(CLI::Range(0, 1000));
  generate->add_flag("--ignore-end", p.generate.ignore_end, "Go on after the model's end token");

  auto* chat = add_verb(app, p, "chat", "Talk with a model", [&p] { return run_chat(p.common, p.chat); });
  p.chat.generate.max_tokens = 2048;
  generate_options(chat, p.chat.generate);
  chat->add_option("--system", p.chat.system, "Instructions before the conversation");

  auto* bench = app.add_subcommand("bench", "Measure this machine");
  bench->require_subcommand(1);
  auto* model = add_verb(*bench, p, "model", "Speed of a model: prefill and decoding", [&p] { return run_bench_model(p.common, p.bench_model); });
  model->add_option("file", p.bench_model.model.model, "The model file, or its name in the home's models/")->required();
  model_options(model, p.bench_model.model);
  model->add_option("--prompt", p.bench_model.prompt, "Tokens of the prompt")->check(CLI::Range(0, 1 << 20));
  model->add_option("--gen", p.bench_model.generate, "Tokens written by each request")->check(CLI::Range(0, 1 << 20));
  model->add_option("--batch", p.bench_model.batch, "Requests at once, e.g. 1,2,4,8")->delimiter(',')->check(CLI::Range(1, 512));
  auto* engine = add_verb(*bench, p, "engine", "Many requests at once: a shared prefix, the same tokens, time to the first one",
                          [&p] { return run_bench_engine(p.common, p.bench_engine); });
  engine->add_option("file", p.bench_engine.model.model, "The model file, or its name in the home's models/")->required();
  model_options(engine, p.bench_engine.model);
  engine->add_option("--prefix", p.bench_engine.prefix, "Tokens that all requests share")->check(CLI::Range(1, 1 << 20));
  engine->add_option("--question", p.bench_engine.question, "Tokens that each has of its own")->check(CLI::Range(1, 1 << 20));
  engine->add_option("--gen", p.bench_engine.generate, "Tokens written by each request")->check(CLI::Range(1, 1 << 20));
  engine->add_option("--trials", p.bench_engine.trials, "Requests whose tokens are compared")->check(CLI::Range(1, 1000));
  engine->add_option("--repeat", p.bench_engine.repeat, "Rounds on the shared prefix, of which the median counts")->check(CLI::Range(1, 1000));
  model->add_option("--repeat", p.bench_model.repeat, "Runs of each, of which the median counts")->check(CLI::Range(1, 1000));
}

void define_models(CLI::App& app, Program& p) {
  auto* tokenize = add_verb(app, p, "tokenize", "Text on standard input to a model's tokens", [&p] { return run_tokenize(p.common, p.tokenize); });
  tokenize->add_option("-m,--model", p.tokenize.model, "The GGUF file, or its name in the home's models/")->required();
  tokenize->add_flag("--no-special", p.tokenize.no_special, "Add no beginning or end token");
  tokenize->add_flag("--no-parse-special", p.tokenize.no_parse_special, "Take <|...|> and the like as plain text");
  auto* detokenize = add_verb(app, p, "detokenize", "Tokens as JSON on standard input to text", [&p] { return run_detokenize(p.common, p.tokenize); });
  detokenize->add_option("-m,--model", p.tokenize.model, "The GGUF file, or its name in the home's models/")->required();
  detokenize->add_flag("--no-special", p.tokenize.no_special, "Leave all special tokens out of the text");

  auto* model = app.add_subcommand("model", "Language models: what is in a file, and what it computes");
  model->require_subcommand(1);
  define_model_run(*model, p.common, p.verb);
  define_model_encode(*model, p.common, p.verb);
  auto* show = add_verb(*model, p, "show", "What a GGUF file says of itself", [&p] { return run_model_show(p.common, p.model_file); });
  show->add_option("file", p.model_file.file, "The GGUF file, or its name in the home's models/")->required();
  auto* list = add_verb(*model, p, "list", "The GGUF files in the home's models/ and in folders", [&p] { return run_model_list(p.common, p.model_file); });
  list->add_option("folders", p.model_file.folders, "More folders");
  auto* import = add_verb(*model, p, "import", "A Hugging Face folder or a llama2.c checkpoint to GGUF",
                          [&p] { return run_model_import(p.common, p.model_file); });
  import->add_option("from", p.model_file.file, "The folder, or the checkpoint")->required();
  import->add_option("-o,--out", p.model_file.out, "The GGUF file to write")->required();
  import->add_option("--type", p.model_file.type, "The matrices' type (default: as stored)");
  import->add_option("--tokenizer", p.model_file.tokenizer, "A checkpoint's tokenizer.bin");
  auto* quantize = add_verb(*model, p, "quantize", "A GGUF file in fewer bits", [&p] { return run_model_quantize(p.common, p.model_file); });
  quantize->add_option("in", p.model_file.file, "The GGUF file, or its name in the home's models/")->required();
  quantize->add_option("out", p.model_file.out, "The GGUF file to write")->required();
  quantize->add_option("type", p.model_file.type, "Q8_0, Q4_K_M, Q4_0, ...")->required();
}

// One line, like every other error; CLI11's own has two.
std::string usage_message(const CLI::App*, const CLI::Error& error) {
  std::string what = error.what();
  std::replace(what.begin(), what.end(), '\n', ' ');
  return "sillok: " + what + "; `sillok --help` or `sillok VERB --help` says more\n";
}

int run(int argc, char** argv) {
  Program program;
  program.common.home = default_home();
  CLI::App app("Sillok keeps an organisation's records and answers from them.", "sillok");
  app.set_version_flag("--version", SILLOK_VERSION);
  app.require_subcommand(1);
  app.failure_message(usage_message);
  add_common(app, program.common);
  define_records(app, program);
  define_questions(app, program);
  define_serve(app, program);
  define_govern(app, program.common, program.verb);
  define_generation(app, program);
  define_models(app, program);
  define_release(app, program.common, program.verb);
  define_tune(app, program.common, program.verb);
  define_train(app, program.common, program.verb);
  if (argc > 1 && *argv[1] != '-' &&
      app.get_subcommands([&](CLI::App* verb) { return verb->get_name() == argv[1]; }).empty()) {
    return report_usage({ErrorCode::kInvalid, "there is no command '" + shorten(clean_utf8(argv[1]), 40) +
                                                  "'; `sillok --help` lists them"});
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  if (program.common.home.empty()) return report_usage({ErrorCode::kInvalid, "--home: the name of the home is empty"});
  return program.verb();
}

}  // namespace
}  // namespace sillok::cli

int main(int argc, char** argv) {
  if (argc > 1 && argv[1] == sillok::documents::kReaderVerb) return sillok::documents::reader_main();
  return sillok::cli::run(argc, argv);
}

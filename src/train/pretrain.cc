// Pretraining: a decoder of the Llama architecture from nothing, written as a GGUF file.
//
// The network is made in the layout of the file: queries and keys rotate in neighbouring pairs, so nothing moves when it is saved.
#include <toml++/toml.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <set>

#include "train/tokenizer.h"
#include "train/tune_loop.h"

namespace sillok::train {
namespace {

using model::Gguf;
using model::GgufOut;
using model::GgufValue;

constexpr std::string_view kArchitecture = "llama";

struct Config {
  uint32_t layers = 4, width = 256, heads = 4, kv_heads = 4, feed_forward = 0, vocabulary = 4000;
  double rope_base = 10000, epsilon = 1e-5;
  bool tied = true;
  std::string name = "pretrained", type = "F32";
  RunSettings run;
  std::string text;  // of the file
};

// Reads the keys of one table and remembers which it knows.
class Table {
 public:
  Table(const toml::table& root, std::string name) : name_(std::move(name)), table_(root[name_].as_table()) {}

  template <typename V>
  Status integer(const char* key, V& value, int64_t low, int64_t high) {
    const toml::node* node = find(key);
    if (node == nullptr) return {};
    const auto held = node->value_exact<int64_t>();
    if (!held || *held < low || *held > high) return bad(key, "a whole number from " + std::to_string(low) + " to " + std::to_string(high));
    value = static_cast<V>(*held);
    return {};
  }
  Status real(const char* key, double& value, double low, double high) {
    const toml::node* node = find(key);
    if (node == nullptr) return {};
    const auto held = node->value<double>();
    if (!held || !(*held >= low && *held <= high)) return bad(key, "a number from " + std::to_string(low) + " to " + std::to_string(high));
    value = *held;
    return {};
  }
  Status flag(const char* key, bool& value) {
    const toml::node* node = find(key);
    if (node == nullptr) return {};
    const auto held = node->value_exact<bool>();
    if (!held) return bad(key, "true or false");
    value = *held;
    return {};
  }
  Status text(const char* key, std::string& value) {
    const toml::node* node = find(key);
    if (node == nullptr) return {};
    const auto held = node->value_exact<std::string>();
    if (!held) return bad(key, "a text");
    value = *held;
    return {};
  }
  Status nothing_else() const {
    if (table_ == nullptr) return {};
    for (const auto& [key, node] : *table_) {
      if (known_.contains(std::string(key.str()))) continue;
      return tl::unexpected<Error>(Error{ErrorCode::kInvalid, "[" + name_ + "] has no key '" + std::string(key.str()) + "'; docs/TRAINING.md lists them"});
    }
    return {};
  }
  Status bad(const char* key, const std::string& wanted) const {
    return tl::unexpected<Error>(Error{ErrorCode::kInvalid, "[" + name_ + "] " + key + " is not " + wanted});
  }

 private:
  const toml::node* find(const char* key) {
    known_.insert(key);
    return table_ == nullptr ? nullptr : table_->get(key);
  }
  std::string name_;
  const toml::table* table_;
  std::set<std::string> known_;
};

Status read_model(const toml::table& root, Config& c) {
  Table t(root, "model");
  SILLOK_TRY(t.integer("layers", c.layers, 1, 1024));
  SILLOK_TRY(t.integer("width", c.width, 2, 1 << 16));
  SILLOK_TRY(t.integer("heads", c.heads, 1, 1 << 10));
  c.kv_heads = c.heads;
  SILLOK_TRY(t.integer("kv_heads", c.kv_heads, 1, 1 << 10));
  SILLOK_TRY(t.integer("feed_forward", c.feed_forward, 1, 1 << 18));
  SILLOK_TRY(t.integer("vocabulary", c.vocabulary, 300, 1 << 20));
  SILLOK_TRY(t.real("rope_base", c.rope_base, 1, 1e12));
  SILLOK_TRY(t.real("epsilon", c.epsilon, 0, 1));
  SILLOK_TRY(t.flag("tied", c.tied));
  SILLOK_TRY(t.text("name", c.name));
  SILLOK_TRY(t.text("type", c.type));
  SILLOK_TRY(t.nothing_else());
  if (c.width % c.heads != 0 || (c.width / c.heads) % 2 != 0) return t.bad("width", "an even number a head");
  if (c.heads % c.kv_heads != 0) return t.bad("kv_heads", "a divisor of heads");
  if (c.type != "F32" && c.type != "F16" && c.type != "BF16") return t.bad("type", "F32, F16 or BF16");
  // Two thirds of four times the width, in whole 64s: as many weights as an ungated layer four times as wide as the model.
  if (c.feed_forward == 0) c.feed_forward = (c.width * 8 / 3 + 63) / 64 * 64;
  return {};
}

Status read_training(const toml::table& root, RunSettings& run) {
  Table t(root, "training");
  std::string schedule = "cosine";
  run.schedule.rate = 1e-3;
  run.optimiser.beta2 = 0.95;
  run.optimiser.weight_decay = 0.1;
  SILLOK_TRY(t.integer("steps", run.steps, 0, INT64_MAX));
  SILLOK_TRY(t.real("epochs", run.epochs, 0, 1e9));
  SILLOK_TRY(t.integer("batch", run.batch, 1, 1 << 20));
  SILLOK_TRY(t.integer("context", run.context, 2, 1 << 20));
  SILLOK_TRY(t.real("rate", run.schedule.rate, 0, 1e3));
  SILLOK_TRY(t.text("schedule", schedule));
  SILLOK_TRY(t.integer("warmup", run.schedule.warmup_steps, 0, INT64_MAX));
  SILLOK_TRY(t.real("final_share", run.schedule.final_share, 0, 1));
  SILLOK_TRY(t.real("decay_share", run.schedule.decay_share, 0, 1));
  SILLOK_TRY(t.real("weight_decay", run.optimiser.weight_decay, 0, 1e3));
  SILLOK_TRY(t.real("beta1", run.optimiser.beta1, 0, 0.999999));
  SILLOK_TRY(t.real("beta2", run.optimiser.beta2, 0, 0.999999));
  SILLOK_TRY(t.real("clip", run.clip, 0, 1e9));
  SILLOK_TRY(t.flag("eight_bit_state", run.optimiser.eight_bit_state));
  SILLOK_TRY(t.integer("seed", run.seed, 0, INT64_MAX));
  SILLOK_TRY(t.integer("save_every", run.save_every, 1, INT64_MAX));
  SILLOK_TRY(t.nothing_else());
  if (schedule == "cosine") run.schedule.kind = Schedule::kCosine;
  else if (schedule == "wsd") run.schedule.kind = Schedule::kWarmupStableDecay;
  else if (schedule == "constant") run.schedule.kind = Schedule::kConstant;
  else return t.bad("schedule", "cosine, wsd or constant");
  return {};
}

Result<Config> read_config(const fs::path& path) {
  Config config;
  SILLOK_ASSIGN(config.text, read_file(path, 1 << 20));
  toml::table root;
  try {
    root = toml::parse(config.text, path.string());
  } catch (const toml::parse_error& error) {
    return fail(ErrorCode::kInvalid, path.string() + ", line " + std::to_string(error.source().begin.line) + ": " + std::string(error.description()));
  }
  for (const auto& [key, node] : root) {
    if ((key != "model" && key != "training") || !node.is_table()) {
      return fail(ErrorCode::kInvalid, path.string() + ": '" + std::string(key.str()) + "' is neither the table [model] nor [training]");
    }
  }
  if (const auto read = read_model(root, config); !read) return fail(read.error().in(path.string()));
  if (const auto read = read_training(root, config.run); !read) return fail(read.error().in(path.string()));
  return config;
}

// ---------------------------------------------------------------------------------------------
// The network

model::Decoder describe(const Config& c, size_t vocabulary) {
  model::Decoder d;
  model::Hyperparameters& s = d.shape;
  s.architecture = kArchitecture;
  s.name = c.name;
  s.layers = c.layers;
  s.width = c.width;
  s.heads = c.heads;
  s.kv_heads = c.kv_heads;
  s.key_size = s.value_size = c.width / c.heads;
  s.feed_forward = c.feed_forward;
  s.context = c.run.context;
  s.vocabulary = static_cast<uint32_t>(vocabulary);
  d.epsilon = static_cast<float>(c.epsilon);
  d.attention_scale = 1 / std::sqrt(static_cast<float>(s.key_size));
  d.rope.head_size = d.rope.rotated = s.key_size;
  for (uint32_t i = 0; i < s.key_size / 2; ++i) {
    d.rope.frequency.push_back(static_cast<float>(std::pow(c.rope_base, -2.0 * i / s.key_size)));
  }
  return d;
}

double normal(Random& random) {  // Box and Muller
  const double radius = std::sqrt(-2 * std::log(1 - random.uniform()));
  return radius * std::cos(2 * std::numbers::pi * random.uniform());
}

class Maker {
 public:
  Maker(Network<float>& net, uint64_t seed) : net_(net), seed_(seed) {}

  Linear<float> linear(const std::string& name, size_t rows, size_t columns, double size) {
    Linear<float> made;
    made.name = name;
    made.trained = net_.add(name, rows, columns, true);
    made.weight = {rows, columns, tensor::Type::kF32, nullptr, made.trained->value.data()};
    Random random(hash64(name, seed_));
    for (float& value : made.trained->value) value = static_cast<float>(size * normal(random));
    return made;
  }
  Norm<float> norm(const std::string& name, size_t columns) {
    Norm<float> made;
    made.trained = net_.add(name, 1, columns, false);
    std::fill(made.trained->value.begin(), made.trained->value.end(), 1.0F);
    return made;
  }

 private:
  Network<float>& net_;
  uint64_t seed_;
};

// Weights normal with 0.02; those that write into the residual stream smaller by sqrt(2 layers), so that its size does not grow
// with depth (Radford et al. 2019, section 2.3).
Network<float> make_network(const Config& c, size_t vocabulary) {
  Network<float> net;
  net.decoder = describe(c, vocabulary);
  const model::Hyperparameters& s = net.decoder.shape;
  constexpr double kSize = 0.02;
  const double into_residual = kSize / std::sqrt(2.0 * s.layers);
  const size_t q = size_t{s.heads} * s.key_size, kv = size_t{s.kv_heads} * s.key_size;
  Maker make(net, c.run.seed);
  net.embedding = make.linear("token_embd.weight", vocabulary, s.width, kSize);
  for (uint32_t l = 0; l < s.layers; ++l) {
    const std::string blk = "blk." + std::to_string(l) + ".";
    TrainedLayer<float> layer;
    layer.attention_norm = make.norm(blk + "attn_norm.weight", s.width);
    layer.q = make.linear(blk + "attn_q.weight", q, s.width, kSize);
    layer.k = make.linear(blk + "attn_k.weight", kv, s.width, kSize);
    layer.v = make.linear(blk + "attn_v.weight", kv, s.width, kSize);
    layer.out = make.linear(blk + "attn_output.weight", s.width, q, into_residual);
    layer.feed_forward_norm = make.norm(blk + "ffn_norm.weight", s.width);
    layer.gate = make.linear(blk + "ffn_gate.weight", s.feed_forward, s.width, kSize);
    layer.up = make.linear(blk + "ffn_up.weight", s.feed_forward, s.width, kSize);
    layer.down = make.linear(blk + "ffn_down.weight", s.width, s.feed_forward, into_residual);
    net.layers.push_back(std::move(layer));
  }
  net.final_norm = make.norm("output_norm.weight", s.width);
  net.output = c.tied ? net.embedding : make.linear("output.weight", vocabulary, s.width, kSize);
  return net;
}

Status write_model(const fs::path& path, const Network<float>& net, const Config& c, const Gguf& tokenizer, const std::string& label) {
  const model::Hyperparameters& s = net.decoder.shape;
  const std::string prefix = std::string(kArchitecture) + ".";
  const tensor::Type type = tensor::find_type(std::string_view(c.type))->type;
  GgufOut out;
  out.metadata = {{"general.architecture", std::string(kArchitecture)},
                  {"general.name", c.name},
                  {prefix + "block_count", uint64_t{s.layers}},
                  {prefix + "context_length", uint64_t{s.context}},
                  {prefix + "embedding_length", uint64_t{s.width}},
                  {prefix + "feed_forward_length", uint64_t{s.feed_forward}},
                  {prefix + "attention.head_count", uint64_t{s.heads}},
                  {prefix + "attention.head_count_kv", uint64_t{s.kv_heads}},
                  {prefix + "attention.layer_norm_rms_epsilon", c.epsilon},
                  {prefix + "rope.dimension_count", uint64_t{s.key_size}},
                  {prefix + "rope.freq_base", c.rope_base},
                  {prefix + "vocab_size", uint64_t{s.vocabulary}}};
  for (const auto& [key, value] : tokenizer.metadata()) {
    if (key.starts_with("tokenizer.")) out.metadata.emplace_back(key, value);
  }
  if (!label.empty()) out.metadata.emplace_back("sillok.label", label);  // what it was learned from: module release
  for (const auto& p : net.parameters) {
    if (p->rows == 1) out.tensors.push_back({p->name, tensor::Type::kF32, {p->columns}});
    else out.tensors.push_back({p->name, type, {p->columns, p->rows}});
  }
  return model::write_gguf(path, out, [&](size_t i, const std::function<Status(std::string_view)>& append) -> Status {
    const Parameter<float>& p = *net.parameters[i];
    std::string row(tensor::row_bytes(out.tensors[i].type, p.columns), '\0');
    for (size_t r = 0; r < p.rows; ++r) {
      tensor::quantize(out.tensors[i].type, p.value.data() + r * p.columns, row.data(), p.columns);
      SILLOK_TRY(append(row));
    }
    return {};
  });
}

Result<RunReport> pretrain_with(Ranks& ranks, const PretrainOptions& options, RunAccount& account, const StepProgress& progress) {
  SILLOK_ASSIGN(Config config, read_config(options.config));
  config.run.threads = options.threads;
  config.run.resume = options.resume;
  SILLOK_ASSIGN(const std::shared_ptr<const Gguf> from, tokenizer_of_run(options, config.vocabulary));
  auto tokenizer = model::Tokenizer::from(*from);
  if (!tokenizer) return fail(tokenizer.error().in(options.tokenizer.empty() ? "the tokenizer" : options.tokenizer.string()));
  SILLOK_ASSIGN(const std::optional<Made> learned_from, dataset_of(options.data));
  SILLOK_ASSIGN(const Dataset dataset, read_dataset(options.data, *from, **tokenizer, config.run.context));
  SILLOK_ASSIGN(const std::optional<FileLock> lock, open_run_folder(ranks, options.out, config.run.resume));

  Network<float> network = make_network(config, (*tokenizer)->size());
  Fingerprint fingerprint;
  fingerprint.add("data", dataset.digest);
  fingerprint.add("configuration", sha256_hex(config.text));
  fingerprint.add("tokens of the tokenizer", (*tokenizer)->size());
  fingerprint.add(config.run);
  Workers workers(ranks.threads(config.run.threads));
  SequenceStream stream(dataset, config.run.context, config.run.seed);
  account.describe(options.home, account_of(ranks, "pretrain", options.data, options.out, learned_from), config.run.resume);
  SILLOK_ASSIGN(RunReport report, run_steps({ranks, network, workers, stream, config.run, options.out, fingerprint, 0, &account}, progress));
  if (!ranks.first()) return report;
  report.learned_from = learned_from;
  SILLOK_TRY(write_model(options.out / "model.gguf", network, config, *from, learned_from ? learned_from->label : ""));
  report.files = {options.out / "model.gguf"};
  describe(dataset, report);
  return report;
}

}  // namespace

Result<RunReport> pretrain(const PretrainOptions& options, const StepProgress& progress) {
  SILLOK_ASSIGN(const std::unique_ptr<Ranks> ranks, Ranks::join());
  RunAccount account;
  return end_of(account, ranks->together([&] { return pretrain_with(*ranks, options, account, progress); }));
}

}  // namespace sillok::train

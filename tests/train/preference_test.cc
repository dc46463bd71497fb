// Preference tuning: the gradient against differences, what is read, what a tiny model learns, resuming.
#include "train/dataset_chat.h"
#include "train/preference.h"
#include "training_models.h"

namespace sillok::train {
namespace {

TEST(PreferenceTest, GradientAgreesWithDifferences) {
  for (const char* name : {"llama", "qwen3"}) {
    const model::Folder folder;
    Network<double> net = open_network<double>(write_model(folder, name));
    LoraSettings settings;
    settings.rank = 3;
    if (net.output.name == "output.weight") settings.targets.push_back("output");
    ASSERT_TRUE(add_adapters(net, settings, 1));
    for (size_t i = 0; i < net.parameters.size(); ++i) fill(net.parameters[i]->value, i + 10, 0.1);
    Workers workers(1);
    DecoderPass<double> pass(net, workers);
    const Sequence pairs = make_sequence({7, 5, 4, 6}, net.decoder.shape.vocabulary);
    net.zero_gradients();
    const PreferenceSums sums = preference_loss_and_gradient(pass, pairs, 0.3, 0.25);
    EXPECT_EQ(sums.loss, preference_loss(pass, pairs, 0.3).loss);
    for (size_t p = 0; p < net.parameters.size(); p += 3) {
      Parameter<double>& parameter = *net.parameters[p];
      expect_gradient(parameter.value, parameter.gradient, [&] { return 0.25 * preference_loss(pass, pairs, 0.3).loss; }, parameter.name, 3);
    }
  }
}

// The formula, from the losses of each answer alone under two networks: with the adapter, and opened anew without.
TEST(PreferenceTest, TheReferenceIsTheModelWithoutItsAdapter) {
  const model::Folder folder;
  const fs::path path = write_model(folder, "llama");
  Network<double> net = open_network<double>(path), base = open_network<double>(path);
  ASSERT_TRUE(add_adapters(net, {}, 1));
  const Sequence pair = make_sequence({7, 5}, net.decoder.shape.vocabulary);
  Workers workers(1);
  DecoderPass<double> pass(net, workers), base_pass(base, workers);
  EXPECT_EQ(preference_loss(pass, pair, 0.3).loss, std::log(2.0));  // B is zero: nothing is preferred yet
  for (size_t i = 0; i < net.parameters.size(); ++i) fill(net.parameters[i]->value, i + 10, 0.2);
  double margin = 0;
  for (const size_t d : {0U, 1U}) {
    const size_t begin = d == 0 ? 0 : 7, end = d == 0 ? 7 : 12;
    const auto part = [&](const auto& values) { return std::decay_t<decltype(values)>(values.begin() + static_cast<long>(begin), values.begin() + static_cast<long>(end)); };
    const Sequence answer{part(pair.tokens), part(pair.targets), part(pair.positions), {0}};
    margin += (d == 0 ? 0.3 : -0.3) * (base_pass.loss(answer) - pass.loss(answer));
  }
  const PreferenceSums sums = preference_loss(pass, pair, 0.3);
  EXPECT_NEAR(sums.margin, margin, 1e-10);
  EXPECT_NEAR(sums.loss, std::log(1 + std::exp(-margin)), 1e-10);
  EXPECT_EQ(sums.right, margin > 0 ? 1 : 0);
  EXPECT_NE(net.layers[0].q.a, nullptr);  // the adapter is back
}

class PreferenceRunTest : public testing::Test {
 protected:
  void SetUp() override {
    model::SmallModel small = model::small_model("llama");
    small.file.metadata.emplace_back("tokenizer.chat_template",
                                     std::string("{% for message in messages %}[{{ message.role }}]\n{{ message.content }}"
                                                 "{% if message.role == 'assistant' %}{{ eos_token }}{% endif %}\n{% endfor %}"
                                                 "{% if add_generation_prompt %}[assistant]\n{% endif %}"));
    ASSERT_TRUE(model::write_small_model(small, folder_.path / "model.gguf"));
    file_ = *model::Gguf::open(folder_.path / "model.gguf");
    tokenizer_ = *model::Tokenizer::from(*file_);
  }
  void write_data(const std::string& lines) { std::ofstream(folder_.path / "pairs.jsonl", std::ios::binary) << lines; }
  Result<Dataset> read(const std::string& lines, uint32_t context = 256) {
    write_data(lines);
    return read_dataset(folder_.path / "pairs.jsonl", *file_, *tokenizer_, context, Lines::kPreferences);
  }
  std::string asked_text(const Example& example) const {
    std::vector<model::Token> asked;
    for (size_t i = 0; i < example.tokens.size(); ++i) {
      if (example.asked[i] != 0) asked.push_back(example.tokens[i]);
    }
    return tokenizer_->decode(asked, true);
  }
  TuneOptions options(const std::string& out) {
    TuneOptions o;
    o.model = folder_.path / "model.gguf";
    o.data = folder_.path / "pairs.jsonl";
    o.out = folder_.path / out;
    o.method = Method::kPreferences;
    o.lora.rank = 4;
    o.run.steps = 40;
    o.run.context = 128;
    o.run.batch = 2;
    o.run.save_every = 4;
    o.run.schedule.rate = 5e-3;
    return o;
  }
  std::string bytes(const std::string& out, const char* name) { return read_file(folder_.path / out / name).value_or(""); }

  model::Folder folder_;
  std::shared_ptr<const model::Gguf> file_;
  std::shared_ptr<const model::Tokenizer> tokenizer_;
};

TEST_F(PreferenceRunTest, ReadsEveryForm) {
  const auto data = read(R"({"prompt":"one ","chosen":"two","rejected":"three"})" "\n"
                         R"({"prompt":[{"role":"user","content":"a?"}],"chosen":"yes","rejected":{"role":"assistant","content":"no"}})" "\n"
                         R"({"messages":[{"role":"user","content":"a?"},{"role":"assistant","content":"b"},{"role":"user","content":"c?"}],)"
                         R"("chosen":[{"role":"assistant","content":"d"}],"rejected":[{"role":"assistant","content":"e"}]})" "\n"
                         R"({"chosen":[{"role":"user","content":"a"},{"role":"assistant","content":"f"}],)"
                         R"("rejected":[{"role":"user","content":"a"},{"role":"assistant","content":"g"}]})" "\n");
  ASSERT_TRUE(data) << data.error().message;
  ASSERT_EQ(data->group, 2U);
  std::vector<std::string> asked;
  for (const Example& example : data->examples) {
    std::string text = asked_text(example);
    asked.push_back(text);
  }
  EXPECT_EQ(data->examples[0].tokens.front(), *tokenizer_->bos());
  // The earlier turn of a conversation is not asked.
  EXPECT_EQ(asked, (std::vector<std::string>{"two</s>", "three</s>", "yes</s>", "no</s>", "d</s>", "e</s>", "f</s>", "g</s>"}));
  SequenceStream stream(*data, 256, 1);
  const Sequence sequence = stream.next();
  ASSERT_EQ(sequence.begins.size() % 2, 0U);
}

TEST_F(PreferenceRunTest, ComplaintsNameTheLine) {
  const auto complaint = [this](const std::string& line, uint32_t context = 256) {
    const auto data = read("{\"prompt\":\"a\",\"chosen\":\"b\",\"rejected\":\"c\"}\n" + line + "\n", context);
    return data ? std::string("none") : data.error().message;
  };
  EXPECT_NE(complaint(R"({"prompt":"a","chosen":"b"})").find("pairs.jsonl, line 2"), std::string::npos);
  EXPECT_NE(complaint(R"({"text":"a"})").find("rejected"), std::string::npos);
  EXPECT_NE(complaint(R"({"prompt":"a","chosen":"b","rejected":"b"})").find("same answer"), std::string::npos);
  EXPECT_NE(complaint(R"({"prompt":"a","chosen":"b","rejected":3})").find("rejected"), std::string::npos);
  EXPECT_NE(complaint(R"({"prompt":"a","chosen":" ","rejected":"b"})").find("empty"), std::string::npos);
  EXPECT_NE(complaint(R"({"chosen":"a","rejected":"b"})").find("no prompt"), std::string::npos);
  EXPECT_NE(complaint(R"({"prompt":7,"chosen":"a","rejected":"b"})").find("prompt"), std::string::npos);
  EXPECT_NE(complaint(R"({"prompt":[{"role":"user","content":"a"}],"chosen":[{"role":"user","content":"b"}],"rejected":"c"})").find("chosen"), std::string::npos);
  EXPECT_NE(complaint(R"({"prompt":"a very long prompt that leaves no room","chosen":"b","rejected":"c"})", 40).find("context"), std::string::npos);
}

TEST_F(PreferenceRunTest, LearnsWhatIsPreferred) {
  write_data("{\"prompt\":\"the pump is \",\"chosen\":\"sealed\",\"rejected\":\"broken\"}\n"
             "{\"prompt\":\"the hall is \",\"chosen\":\"cold\",\"rejected\":\"warm\"}\n");
  const auto report = tune(options("out"));
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->examples, 2U);
  EXPECT_NEAR(report->first_loss, std::log(2.0), 1e-6);
  EXPECT_LT(report->last_loss, 0.2);
  ASSERT_TRUE(report->preferences);
  EXPECT_EQ(report->preferences->accuracy, 1);
  EXPECT_GT(report->preferences->margin, 1);
  EXPECT_NE(bytes("out", "log.jsonl").find("\"reward_margin\":"), std::string::npos);
}

TEST_F(PreferenceRunTest, ResumesBitForBitAndNotWithAnotherBeta) {
  write_data("{\"prompt\":\"a \",\"chosen\":\"b\",\"rejected\":\"c\"}\n{\"prompt\":\"d \",\"chosen\":\"e\",\"rejected\":\"f\"}\n"
             "{\"prompt\":\"g \",\"chosen\":\"h\",\"rejected\":\"i\"}\n");
  struct Killed {};
  ASSERT_TRUE(tune(options("whole")));
  TuneOptions o = options("killed");
  EXPECT_THROW((void)tune(o, [](const StepReport& step) { if (step.step == 11) throw Killed(); }), Killed);
  o.run.resume = true;
  o.beta = 0.2;
  const auto other = tune(o);
  ASSERT_FALSE(other);
  EXPECT_NE(other.error().message.find("beta = 0.1"), std::string::npos) << other.error().message;
  o.beta = 0.1;
  const auto report = tune(o);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->resumed_from, 8U);
  EXPECT_EQ(bytes("killed", "adapter.gguf"), bytes("whole", "adapter.gguf"));
}

}  // namespace
}  // namespace sillok::train

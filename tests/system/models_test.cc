// Model files through the program: shown, run, constrained, adapted, made smaller; and what is no model refused.
#include <sstream>

#include "program.h"

namespace sillok::system_test {
namespace {

class ModelsTest : public SystemTest {
 protected:
  // A small model of tests/model/small_models.cc, written into the home's models/.
  std::string model(const std::string& name) {
    fs::create_directories(home() / "models");
    const std::string command = fs::path(SILLOK_PROGRAM).parent_path() / "make_models";
    EXPECT_EQ(std::system((command + " '" + (home() / "models").string() + "' " + name + " > /dev/null").c_str()), 0);
    return (home() / "models" / (name + ".gguf")).string();
  }
  std::string text_file(const std::string& text) { return write("text.txt", text).string(); }
};

TEST_F(ModelsTest, GeneratesTheSameTokensHoweverItIsRun) {
  model("llama");
  const Json first = json({"generate", "-m", "llama", "-p", "abc abc abc", "-n", "24", "--ignore-end", "--threads", "1"});
  EXPECT_EQ(first["tokens"].size(), 24U);
  EXPECT_EQ(first["finish"], "length");
  EXPECT_GT(first["prompt_tokens"], 0);
  EXPECT_GT(first["prefill_tokens_per_s"], 0);
  EXPECT_GT(first["decode_tokens_per_s"], 0);
  const Json threads = json({"generate", "-m", "llama", "-p", "abc abc abc", "-n", "24", "--ignore-end", "--threads", "3", "--no-speculation"});
  EXPECT_EQ(threads["tokens"], first["tokens"]);
  const Json from_file = json({"generate", "-m", "llama", "--file", text_file("abc abc abc"), "-n", "24", "--ignore-end"});
  EXPECT_EQ(from_file["tokens"], first["tokens"]);
}

TEST_F(ModelsTest, ADraftModelChangesNoToken) {
  model("llama");
  model("llama-bias");  // the same vocabulary, other weights
  model("bert");
  const auto run = [&](std::vector<std::string> more) {
    more.insert(more.begin(), {"generate", "-m", "llama", "-p", "hear me", "-n", "48", "--ignore-end"});
    return json(more);
  };
  for (const std::vector<std::string>& how : {std::vector<std::string>{"--temp", "0"}, {"--temp", "1.5", "--seed", "3"}}) {
    const auto with = [&](std::vector<std::string> more) {
      more.insert(more.begin(), how.begin(), how.end());
      return run(more);
    };
    const Json plain = with({"--no-speculation"}), itself = with({"--draft", "llama"}), other = with({"--draft", "llama-bias"});
    EXPECT_EQ(plain["drafted"], 0);
    EXPECT_EQ(itself["tokens"], plain["tokens"]);
    EXPECT_EQ(other["tokens"], plain["tokens"]);
    EXPECT_GT(itself["accepted"], 20);
    EXPECT_GT(other["drafted"], 20);
  }
  const std::string adapter = model("lora-one") + ":2";
  EXPECT_EQ(run({"--lora", adapter, "--draft", "llama"})["tokens"], run({"--lora", adapter, "--no-speculation"})["tokens"]);
  refused({"generate", "-m", "llama", "-p", "abc", "--draft", "bert"}, 1, "draft model");
  refused({"generate", "-m", "llama", "-p", "abc", "--draft", "absent"}, 1, "absent");
}

// The small model has short factors up to 64 tokens and long ones up to 128.
TEST_F(ModelsTest, TheContextAskedForDecidesLongRope) {
  model("phi3-long");
  const auto first = [&](std::vector<std::string> more) {
    more.insert(more.begin(), {"generate", "-m", "phi3-long", "-p", "the quick brown", "-n", "1", "--logprobs", "8", "--ignore-end"});
    return json(more)["logprobs"];
  };
  EXPECT_EQ(first({"--context", "64"}), first({"--context", "32"}));
  EXPECT_NE(first({"--context", "64"}), first({"--context", "65"}));
  EXPECT_EQ(first({"--context", "65"}), first({}));
}

TEST_F(ModelsTest, TheSeedDecidesTheDraw) {
  model("llama");
  const auto drawn = [&](const std::string& seed) {
    return json({"generate", "-m", "llama", "-p", "abc", "-n", "24", "--ignore-end", "--temp", "2", "--seed", seed})["tokens"];
  };
  EXPECT_EQ(drawn("7"), drawn("7"));
  EXPECT_NE(drawn("7"), drawn("8"));
}

TEST_F(ModelsTest, TheGrammarIsKept) {
  model("llama");
  const std::string grammar = write("answer.gbnf", "root ::= \"yes\" | \"no\"\n").string();
  const Json answer = json({"generate", "-m", "llama", "-p", "abc", "--grammar", grammar});
  EXPECT_TRUE(answer["text"] == "yes" || answer["text"] == "no") << answer;
  refused({"generate", "-m", "llama", "-p", "abc", "--grammar", write("bad.gbnf", "root ::= (").string()}, 1, "bad.gbnf");
}

TEST_F(ModelsTest, AnAdapterChangesWhatIsSaidAndZeroScaleDoesNot) {
  model("llama");
  const std::string adapter = model("lora-one");
  const auto tokens = [&](std::vector<std::string> more) {
    more.insert(more.begin(), {"generate", "-m", "llama", "-p", "abc", "-n", "16", "--ignore-end"});
    return json(more)["tokens"];
  };
  EXPECT_NE(tokens({"--lora", adapter + ":2"}), tokens({}));
  EXPECT_EQ(tokens({"--lora", adapter + ":0"}), tokens({}));
  refused({"generate", "-m", "llama", "-p", "abc", "--lora", adapter + ":much"}, 1, "no scale");
}

// The scores are the reference engine's (tests/model/golden/bert-rank-pairs.txt); its tokens are [CLS] question [SEP] document [SEP].
TEST_F(ModelsTest, ARerankerScoresAsTheReferenceDoes) {
  model("bert-rank");
  std::istringstream golden(read_file(fs::path(SILLOK_SOURCE_DIR) / "tests/model/golden/bert-rank-pairs.txt").value_or(""));
  std::string query, documents, line;
  std::vector<double> scores;
  while (std::getline(golden, line)) {
    if (line.starts_with("row")) {
      scores.push_back(std::strtod(line.c_str() + line.find(':') + 1, nullptr));
      continue;
    }
    std::istringstream words(line);
    std::string texts[3], word;
    size_t text = 0;
    for (words >> word >> word; words >> word;) {
      if (word == "3") ++text;
      else texts[text] += "w" + word + " ";
    }
    query = texts[0];
    documents += texts[1] + "\n";
  }
  ASSERT_EQ(scores.size(), 3U);
  const Ran ran = run_with_input({"model", "rerank", "-m", "bert-rank", "--query", query, "--json"}, documents);
  ASSERT_EQ(ran.status, 0) << ran.err;
  const Json results = ran.json()["results"];
  ASSERT_EQ(results.size(), 3U);
  for (const Json& result : results) EXPECT_NEAR(result["score"], scores[result["index"].get<size_t>()], 3e-3);
  EXPECT_EQ(results[0]["index"], 1) << "the best first";
  EXPECT_EQ(results[2]["index"], 0);
}

TEST_F(ModelsTest, OneLineTooLongForAnEncoderStopsNoOther) {
  model("bert-rank");
  std::string words;
  for (int i = 0; i < 200; ++i) words += "w9 ";
  const Ran ran = run_with_input({"model", "rerank", "-m", "bert-rank", "--query", "w5", "--json"}, "w6\n" + words + "\nw7\r\n");
  EXPECT_EQ(ran.status, 1);
  EXPECT_NE(ran.err.find("line 2: the text has 204 tokens, the model takes 128"), std::string::npos) << ran.err;
  EXPECT_EQ(ran.json()["results"].size(), 2U);
  EXPECT_EQ(ran.json()["errors"][0]["line"], 2);
}

TEST_F(ModelsTest, TextsBecomeVectors) {
  for (const std::string name : {"bert", "nomic-bert", "llama"}) {
    model(name);
    const Ran ran = run_with_input({"model", "embed", "-m", name, "--json"}, "w22 w5 w79\nw30\nw22 w5 w79");
    ASSERT_EQ(ran.status, 0) << ran.err;
    const Json vectors = ran.json()["vectors"];
    ASSERT_EQ(vectors.size(), 3U);
    EXPECT_EQ(vectors[0], vectors[2]);
    double length = 0, product = 0;
    for (size_t i = 0; i < vectors[0].size(); ++i) {
      length += vectors[0][i].get<double>() * vectors[0][i].get<double>();
      product += vectors[0][i].get<double>() * vectors[1][i].get<double>();
    }
    EXPECT_EQ(vectors[0].size(), 64U);
    EXPECT_NEAR(length, 1, 1e-5);
    EXPECT_LT(product, 0.999);
  }
  model("bert-rank");
  EXPECT_NE(run_with_input({"model", "embed", "-m", "bert-rank", "--json"}, "w5").err.find("reranker"), std::string::npos);
  const Ran none = run_with_input({"model", "rerank", "-m", "bert", "--query", "w5"}, "w6");
  EXPECT_EQ(none.status, 1);
  EXPECT_NE(none.err.find("no reranker"), std::string::npos) << none.err;
  refused({"model", "embed", "-m", "bert"}, 1, "standard input is empty");
}

TEST_F(ModelsTest, RequestsThatMeetAreMeasured) {
  model("llama");
  const Json measured = json({"bench", "engine", "llama", "--prefix", "70", "--question", "3", "--gen", "8", "--trials", "4", "--repeat", "2"});
  EXPECT_EQ(measured["shared_prefix"]["hits"], 8);
  EXPECT_EQ(measured["shared_prefix"]["least_hits_of_4"], 4);
  EXPECT_GT(measured["shared_prefix"]["ratio"], 0);
  EXPECT_EQ(measured["determinism"]["cold_and_cached_same"], 4);
  EXPECT_EQ(measured["determinism"]["alone_and_in_a_batch_of_8_same"], 4);
  EXPECT_GT(measured["start"]["beyond_prefill_s"], 0);
}

TEST_F(ModelsTest, LogitsPerplexityAndSpeedAreMeasured) {
  const std::string file = model("llama");
  const Json logits = json({"model", "logits", "-m", file, "--tokens", "1,2,3"});
  EXPECT_GT(logits["logits"].size(), 10U);
  std::string words;
  for (int i = 0; i < 400; ++i) words += "abc abd ";
  EXPECT_GT(json({"model", "perplexity", "-m", file, text_file(words), "--context", "64"})["perplexity"], 0);
  const Json speed = json({"bench", "model", file, "--prompt", "32", "--gen", "4", "--batch", "1,2", "--repeat", "1"});
  EXPECT_GT(speed["prefill"]["tokens_per_s"]["median"], 0);
  EXPECT_EQ(speed["decode"].size(), 2U);
}

TEST_F(ModelsTest, IsListedShownAndMadeSmaller) {
  const std::string file = model("llama");
  EXPECT_EQ(json({"model", "list"})["models"].size(), 1U);
  EXPECT_EQ(json({"model", "show", file})["architecture"], "llama");
  const std::string smaller = (home() / "models" / "smaller.gguf").string();
  json({"model", "quantize", file, smaller, "Q8_0"});
  EXPECT_LT(fs::file_size(smaller), fs::file_size(file));
  EXPECT_EQ(json({"generate", "-m", "smaller", "-p", "abc", "-n", "4", "--ignore-end"})["tokens"].size(), 4U);
}

TEST_F(ModelsTest, WhatIsNoModelIsRefusedInOneLine) {
  refused({"generate", "-m", "absent", "-p", "abc"}, 1, "absent");
  refused({"generate", "-m", write("text.gguf", "not a model").string(), "-p", "abc"}, 1, "text.gguf");
  const std::string file = model("llama");
  const std::string bytes = read_file(file).value_or("");
  refused({"generate", "-m", write("cut.gguf", bytes.substr(0, bytes.size() / 2)).string(), "-p", "abc"}, 1, "cut.gguf");
  refused({"generate", "-m", "llama"}, 2, "-p");
  refused({"generate", "-m", "llama", "-p", "abc", "--kv-type", "q3"}, 1, "--kv-type");
  refused({"chat", "-m", "llama"}, 1, "no chat template");
}

}  // namespace
}  // namespace sillok::system_test

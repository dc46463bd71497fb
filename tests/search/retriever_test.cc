// What was learned, in use: the file, vectors under filters, and that hidden records change nothing.
#include "search/retriever.h"

#include <gtest/gtest.h>

#include <random>

#include "index_corpus.h"
#include "search/index.h"
#include "search/vectors.h"

namespace sillok::search {
namespace {

const govern::Clearance kOpen{0, {}}, kSecret{1, {}};
constexpr uint32_t kBuckets = 512, kDimension = 24, kHidden = 3;

RetrieverModel random_model(uint32_t seed) {
  std::mt19937 random(seed);
  const auto value = [&] { return static_cast<float>(random() % 2001) / 1000.0f - 1; };
  RetrieverModel m;
  m.labels = {"O"};
  m.versions = {1, 5, 9};
  m.change = 77;
  m.trained_on = "{\"seed\":1}";
  m.encoder.buckets = kBuckets, m.encoder.dimension = kDimension;
  for (uint32_t b = 0; b < kBuckets; ++b) m.encoder.scales.push_back(0.01f);
  for (uint32_t i = 0; i < kBuckets * kDimension; ++i) m.encoder.rows.push_back(static_cast<int8_t>(random() % 255 - 127));
  m.cosine_weight = 0.1f;
  m.network.hidden = kHidden;
  m.network.share = 0.5f;
  for (size_t f = 0; f < kFeatures; ++f) {
    m.network.mean.push_back(value());
    m.network.deviation.push_back(1 + value() / 2);
    m.network.linear.push_back(value());
  }
  for (size_t i = 0; i < kFeatures * kHidden; ++i) m.network.inner.push_back(value());
  for (size_t h = 0; h < kHidden; ++h) m.network.bias.push_back(value()), m.network.outer.push_back(value());
  return m;
}

TEST(Retriever, IsReadBackAsItWasWritten) {
  const RetrieverModel m = random_model(1);
  const std::string bytes = encode_retriever(m);
  const auto read = decode_retriever(bytes);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->labels, m.labels);
  EXPECT_EQ(read->versions, m.versions);
  EXPECT_EQ(read->change, m.change);
  EXPECT_EQ(read->trained_on, m.trained_on);
  EXPECT_EQ(read->encoder.rows, m.encoder.rows);
  EXPECT_EQ(read->network.inner, m.network.inner);
  EXPECT_EQ(encode_retriever(*read), bytes);
}

TEST(Retriever, DamageIsRefused) {
  const std::string bytes = encode_retriever(random_model(2));
  for (size_t size : {size_t{0}, size_t{7}, size_t{63}, bytes.size() / 2, bytes.size() - 1}) EXPECT_FALSE(decode_retriever(bytes.substr(0, size))) << size;
  std::mt19937 random(3);
  for (int i = 0; i < 200; ++i) {
    std::string damaged = bytes;
    damaged[random() % damaged.size()] ^= static_cast<char>(1 << random() % 8);
    EXPECT_FALSE(decode_retriever(damaged));
  }
}

// Sizes that lie, with a checksum that does not.
TEST(Retriever, ImpossibleSizesAreRefused) {
  for (size_t at : {16u, 20u, 24u, 28u, 32u, 36u, 48u, 52u}) {
    std::string bytes = encode_retriever(random_model(2));
    const uint32_t large = 0x7FFFFFFF;
    std::copy_n(reinterpret_cast<const char*>(&large), 4, bytes.begin() + static_cast<std::ptrdiff_t>(at));
    bytes.resize(bytes.size() - 4);
    const uint32_t crc = crc32c(bytes);
    bytes.append(reinterpret_cast<const char*>(&crc), 4);
    EXPECT_FALSE(decode_retriever(bytes)) << at;
  }
}

TEST(Retriever, DotIsExactAtEveryLengthAndPlace) {
  std::mt19937 random(4);
  std::vector<int8_t> a(600), b(600);
  for (auto* v : {&a, &b}) {
    for (int8_t& x : *v) x = static_cast<int8_t>(random() % 256 - 128);
  }
  for (size_t size = 0; size < 140; ++size) {
    for (size_t shift : {0u, 1u, 3u}) {
      int32_t sum = 0;
      for (size_t i = 0; i < size; ++i) sum += a[shift + i] * b[i];
      EXPECT_EQ(dot(a.data() + shift, b.data(), size), sum);
    }
  }
}

struct Written {
  std::string record, text, label;
};

// A searcher over the texts, each version numbered by its place in `all`.
class Home {
 public:
  Home(const std::vector<Written>& all, const std::function<bool(const Written&)>& present) {
    auto index = Index::open(folder_.path() / "index");
    EXPECT_TRUE(index);
    std::vector<PassageEntry> entries;
    for (size_t i = 0; i < all.size(); ++i) {
      if (!present(all[i])) continue;
      PassageEntry e;
      e.version = static_cast<int64_t>(i + 1), e.number = 1;
      e.record = all[i].record, e.text = all[i].text, e.label = all[i].label, e.format = "text";
      e.length = append_terms(e.text, e.terms);
      entries.push_back(std::move(e));
    }
    EXPECT_TRUE(index->add_passages(entries));
    EXPECT_TRUE(write_file_atomic(folder_.path() / "sillok.toml", "[labels]\ndefault = \"O\"\nknown = [{ name = \"O\" }, { name = \"S\" }]\n"));
    auto searcher = Searcher::open(folder_.path());
    EXPECT_TRUE(searcher);
    searcher_.emplace(std::move(*searcher));
  }
  Searcher& searcher() { return *searcher_; }
  // Everything a search says, one result a line.
  std::string ask(const std::string& query, std::optional<govern::Clearance> clearance) const {
    Request request;
    request.query = query;
    request.clearance = std::move(clearance);
    const auto response = searcher_->search(request);
    EXPECT_TRUE(response);
    std::string out;
    for (const PassageResult& r : response->results) {
      char numbers[80];
      std::snprintf(numbers, sizeof numbers, " %.17g %.17g ", r.score, r.share);
      out += r.record + numbers + r.snippet + "\n";
    }
    for (const std::string& note : response->notes) out += note + "\n";
    return out;
  }
  const fs::path& path() const { return folder_.path(); }

 private:
  testing::Folder folder_;
  std::optional<Searcher> searcher_;
};

std::vector<Written> random_records(size_t count, uint32_t seed) {
  const std::vector<std::string> words = {"교정", "주기", "압력", "게이지", "밸브", "한도", "구매", "담당자", "토크", "valve", "torque", "gauge", "12", "2024년"};
  std::mt19937 random(seed);
  std::vector<Written> records;
  for (size_t i = 0; i < count; ++i) {
    std::string text;
    for (size_t w = 0; w < 8 + random() % 20; ++w) text += words[random() % words.size()] + (random() % 5 == 0 ? "이다. " : " ");
    records.push_back({"R" + std::to_string(1000 + i), text, random() % 3 == 0 ? "S" : "O"});
  }
  return records;
}

TEST(Retriever, HiddenRecordsChangeNotABit) {
  const std::vector<Written> records = random_records(300, 5);
  Home all(records, [](const Written&) { return true; }), open(records, [](const Written& w) { return w.label == "O"; });
  const RetrieverModel model = random_model(6);
  all.searcher().use(model);
  open.searcher().use(model);
  size_t said = 0;
  for (const char* query : {"교정 주기", "압력 게이지는 언제 교체하나?", "torque valve 12", "구매 한도는 얼마인가", "없는말 밸브"}) {
    const std::string of_all = all.ask(query, kOpen);
    EXPECT_EQ(of_all, open.ask(query, kOpen)) << query;
    EXPECT_EQ(of_all.find("R1000 S"), of_all.npos);
    said += of_all.size();
  }
  EXPECT_GT(said, 0u);
}

TEST(Retriever, IsOnlyForThoseWhoMaySeeAllItWasLearnedFrom) {
  const std::vector<Written> records = random_records(200, 7);
  const auto every = [](const Written&) { return true; };
  Home with(records, every), without(records, every);
  RetrieverModel model = random_model(8);
  model.labels = {"O", "S"};
  with.searcher().use(model);
  bool differs = false;
  for (const char* query : {"교정 주기", "압력 게이지", "torque valve 12", "구매 한도"}) {
    EXPECT_EQ(with.ask(query, kOpen), without.ask(query, kOpen));
    differs |= with.ask(query, kSecret) != without.ask(query, kSecret);
  }
  EXPECT_TRUE(differs) << "the model has no effect, so the test shows nothing";
}

TEST(Retriever, NearestAreThoseOfAScanOfWhatPasses) {
  const std::vector<Written> records = random_records(400, 9);
  Home home(records, [](const Written&) { return true; });
  const auto index = Index::open(home.path() / "index");
  ASSERT_TRUE(index);
  const Snapshot snapshot = index->snapshot();
  const auto retriever = std::make_shared<Retriever>(Retriever{random_model(10), std::string(64, 'a')});
  VectorCache cache(home.path() / "index" / "vectors", retriever);
  const SnapshotVectors vectors = cache.of(snapshot);
  Filter filter;
  filter.labels = std::vector<std::string>{"S"};
  const TextVector query = encode(retriever->model.encoder, encoder_terms("압력 게이지 교정"));
  std::vector<std::pair<float, std::string>> expected;
  for (const Written& w : records) {
    if (w.label == "S") expected.emplace_back(-cosine(query, encode(retriever->model.encoder, encoder_terms(w.text))), w.record);
  }
  std::sort(expected.begin(), expected.end());
  for (const size_t for_threads : {kForThreads, size_t{1}}) {
    const auto found = nearest(snapshot, vectors, query, filter, 12, for_threads);
    ASSERT_EQ(found.size(), 12u);
    for (size_t i = 0; i < found.size(); ++i) {
      EXPECT_EQ(snapshot.passage(found[i].hit).record, expected[i].second);
      EXPECT_EQ(found[i].cosine, -expected[i].first);
    }
  }
  // Among all, and of everything that is asked for: the same from one thread and from several.
  for (const size_t limit : {size_t{5}, size_t{1000}}) {
    const auto one = nearest(snapshot, vectors, query, Filter{}, limit), several = nearest(snapshot, vectors, query, Filter{}, limit, 1);
    ASSERT_EQ(one.size(), several.size());
    for (size_t i = 0; i < one.size(); ++i) EXPECT_TRUE(one[i].hit.segment == several[i].hit.segment && one[i].hit.passage == several[i].hit.passage) << i;
  }
}

TEST(Retriever, VectorFilesAreMadeAnewWhenDamagedAndGoWithTheirModel) {
  const std::vector<Written> records = random_records(50, 11);
  Home home(records, [](const Written&) { return true; });
  home.searcher().use(random_model(12));
  const auto files = [&] {
    std::vector<fs::path> found;
    for (const auto& entry : fs::directory_iterator(home.path() / "index" / "vectors")) found.push_back(entry.path());
    return found;
  };
  ASSERT_EQ(files().size(), 1u);
  const std::string before = home.ask("교정 주기", std::nullopt);
  std::string bytes = *read_file(files()[0]);
  bytes[100] ^= 1;
  ASSERT_TRUE(write_file_atomic(files()[0], bytes));
  home.searcher().use(random_model(12));
  EXPECT_EQ(home.ask("교정 주기", std::nullopt), before);
  const fs::path old = files()[0];
  home.searcher().use(random_model(13));
  ASSERT_EQ(files().size(), 1u);
  EXPECT_NE(files()[0], old);
}

TEST(Retriever, ADamagedFileInTheHomeIsSaidAndLeftOut) {
  const std::vector<Written> records = random_records(50, 14);
  Home home(records, [](const Written&) { return true; });
  const std::string before = home.ask("교정 주기", std::nullopt);
  fs::create_directories(home.path() / "models");
  ASSERT_TRUE(write_file_atomic(retriever_path(home.path()), "SILLOKRT but no more"));
  auto searcher = Searcher::open(home.path());
  ASSERT_TRUE(searcher);
  Request request;
  request.query = "교정 주기";
  const auto response = searcher->search(request);
  ASSERT_TRUE(response);
  ASSERT_EQ(response->notes.size(), 1u);
  EXPECT_NE(response->notes[0].find("damaged"), std::string::npos);
  EXPECT_FALSE(before.empty());
  EXPECT_EQ(before.substr(0, before.find(' ')), response->results.at(0).record);
}

}  // namespace
}  // namespace sillok::search

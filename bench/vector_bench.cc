// The nearest vectors under a filter, at a size given: latency and what 8 bits cost.
//
//   vector_bench [PASSAGES [DIMENSION [QUESTIONS]]]     default 1000000 256 200
//
// Passages are made up, one in ten has the label that the asker may see; the encoder's rows are random. Before anything is
// timed, the ten nearest are compared with those by float vectors of all visible passages (recall@10).
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <unordered_set>

#include "search/index.h"
#include "search/vectors.h"

namespace sillok::bench {
namespace {

using namespace search;

constexpr uint32_t kBuckets = 1 << 16;
constexpr size_t kWords = 30;        // of a passage
constexpr size_t kCompared = 50;     // questions whose recall is taken
constexpr uint32_t kVisibleOf = 10;

double processor_ms() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return 1e3 * static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_nsec);
}

// What a person waits: large searches are spread over the cores.
double wall_ms() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return 1e3 * static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_nsec);
}

std::string words(std::mt19937& random, size_t count) {
  std::string text;
  for (size_t i = 0; i < count; ++i) text += "w" + std::to_string(random() % 200'000) + " ";
  return text;
}

std::vector<float> float_vector(const EncoderTable& table, std::string_view text) {
  std::vector<uint64_t> terms = encoder_terms(text);
  std::sort(terms.begin(), terms.end());
  std::vector<float> sum(table.dimension, 0);
  for (size_t i = 0; i < terms.size();) {
    size_t next = i;
    while (next < terms.size() && terms[next] == terms[i]) ++next;
    const size_t b = terms[i] % table.buckets;
    for (size_t d = 0; d < sum.size(); ++d) {
      sum[d] += table.scales[b] * std::log1p(static_cast<float>(next - i)) * static_cast<float>(table.rows[b * table.dimension + d]);
    }
    i = next;
  }
  float length = 0;
  for (float v : sum) length += v * v;
  for (float& v : sum) v /= std::sqrt(length);
  return sum;
}

int run(size_t passages, uint32_t dimension, size_t questions) {
  std::mt19937 random(1);
  const fs::path folder = fs::temp_directory_path() / ("sillok-vector-bench-" + std::to_string(::getpid()));
  auto index = Index::open(folder);
  if (!index) return 1;
  Retriever retriever;
  retriever.hash = std::string(64, 'b');
  EncoderTable& table = retriever.model.encoder;
  table.buckets = kBuckets, table.dimension = dimension;
  table.scales.assign(kBuckets, 0.01f);
  for (size_t i = 0; i < size_t{kBuckets} * dimension; ++i) table.rows.push_back(static_cast<int8_t>(random() % 255 - 127));

  std::vector<std::vector<float>> visible;
  std::vector<std::string> visible_record;
  for (size_t from = 0; from < passages; from += 20'000) {
    std::vector<PassageEntry> entries;
    std::vector<std::string> texts, keys;
    const size_t count = std::min<size_t>(20'000, passages - from);
    texts.reserve(count), keys.reserve(count);
    for (size_t i = 0; i < count; ++i) {
      texts.push_back(words(random, kWords));
      keys.push_back("R" + std::to_string(from + i));
      PassageEntry e;
      e.version = static_cast<int64_t>(from + i + 1), e.number = 1;
      e.record = keys.back(), e.text = texts.back(), e.label = (from + i) % kVisibleOf == 0 ? "seen" : "hidden";
      e.length = kWords;  // No terms: ranking is not what is measured.
      if (e.label == "seen") visible.push_back(float_vector(table, e.text)), visible_record.emplace_back(e.record);
      entries.push_back(std::move(e));
    }
    if (!index->add_passages(entries)) return 1;
  }
  const Snapshot snapshot = index->snapshot();
  const EncoderTable again = table;
  VectorCache cache(folder / "vectors", std::make_shared<Retriever>(std::move(retriever)));
  const double encoding = processor_ms();
  const SnapshotVectors vectors = cache.of(snapshot);
  const double encoded_ms = processor_ms() - encoding;
  Filter filter;
  filter.labels = std::vector<std::string>{"seen"};
  size_t found = 0, compared = 0;
  std::vector<double> ms, all_ms;
  for (size_t q = 0; q < questions; ++q) {
    const std::string text = words(random, 12);
    const TextVector query = encode(again, encoder_terms(text));
    double start = wall_ms();
    const std::vector<Neighbour> near = nearest(snapshot, vectors, query, filter, 10);
    ms.push_back(wall_ms() - start);
    start = wall_ms();
    nearest(snapshot, vectors, query, Filter{}, 10);
    all_ms.push_back(wall_ms() - start);
    if (q >= kCompared) continue;
    const std::vector<float> exact = float_vector(again, text);
    std::vector<std::pair<float, size_t>> order;
    for (size_t i = 0; i < visible.size(); ++i) {
      float sum = 0;
      for (size_t d = 0; d < dimension; ++d) sum += exact[d] * visible[i][d];
      order.emplace_back(-sum, i);
    }
    std::partial_sort(order.begin(), order.begin() + 10, order.end());
    std::unordered_set<std::string> right;
    for (size_t i = 0; i < 10; ++i) right.insert(visible_record[order[i].second]);
    for (const Neighbour& n : near) found += right.contains(std::string(snapshot.passage(n.hit).record)) ? 1 : 0;
    compared += 10;
  }
  const double recall = static_cast<double>(found) / static_cast<double>(std::max<size_t>(1, compared));
  std::error_code ignored;
  fs::remove_all(folder, ignored);
  for (auto* times : {&ms, &all_ms}) std::sort(times->begin(), times->end());
  const auto at = [](const std::vector<double>& v, double share) { return v[static_cast<size_t>(share * static_cast<double>(v.size() - 1))]; };
  std::printf("%zu x %u: recall@10 of exact %.3f; one in %u visible p50 %.2f ms p99 %.2f ms; all visible p50 %.2f ms p99 %.2f ms; %.0f passages/s encoded\n",
              passages, dimension, recall, kVisibleOf, at(ms, 0.5), at(ms, 0.99), at(all_ms, 0.5), at(all_ms, 0.99),
              1e3 * static_cast<double>(passages) / encoded_ms);
  return recall >= 0.95 ? 0 : 1;
}

}  // namespace
}  // namespace sillok::bench

int main(int argc, char** argv) {
  const auto number = [&](int i, size_t otherwise) { return argc > i ? std::strtoull(argv[i], nullptr, 10) : otherwise; };
  return sillok::bench::run(number(1, 1'000'000), static_cast<uint32_t>(number(2, 256)), number(3, 200));
}

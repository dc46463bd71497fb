// The KV store and attention: against float64 softmax, and bit for bit whatever shares the call.
#include "backend_fixture.h"

namespace sillok::tensor {
namespace {

struct Case {
  Type type = Type::kF16;
  uint32_t kv_heads = 2, heads = 6, key_size = 24, value_size = 40;
  float softcap = 0;
  bool sinks = false;
};

// Two sequences whose pages lie scattered in one store.
constexpr uint32_t kTokens = 75, kPages = 8;
const std::vector<std::vector<uint32_t>> kTables = {{5, 0, 3}, {1, 7, 2}};

struct Attending {
  const Case& of;
  std::vector<float> keys, values, queries, sinks;  // [2 * kTokens rows], [sequence][token]

  explicit Attending(const Case& c) : of(c) {
    keys = normal_values(2 * kTokens * c.kv_heads * c.key_size, 1);
    values = normal_values(2 * kTokens * c.kv_heads * c.value_size, 2);
    queries = normal_values(2 * kTokens * c.heads * c.key_size, 3);
    sinks = normal_values(c.heads, 4);
  }

  // Rows of queries[from] with their keys, one call of attend for each run of `batch` rows.
  std::vector<float> attend(Isa isa, uint32_t threads, const std::vector<Keys>& rows, const std::vector<uint32_t>& from,
                            size_t batch, float garbage = 0) const {
    auto on = backend(isa, threads);
    const KvShape shape{.layers = {{1, 8, 8}, {of.kv_heads, of.key_size, of.value_size}}, .type = of.type, .pages = kPages};
    auto store = *on->make_kv(shape);
    // Whatever a page held before must not matter: first fill every slot.
    {
      const std::vector<float> k(kPageTokens * of.kv_heads * of.key_size, garbage), v(kPageTokens * of.kv_heads * of.value_size, garbage);
      const Matrix key(*on, kPageTokens, of.kv_heads * of.key_size, k), value(*on, kPageTokens, of.kv_heads * of.value_size, v);
      for (uint32_t page = 0; page < kPages; ++page) {
        std::vector<Slot> slots;
        for (uint32_t i = 0; i < kPageTokens; ++i) slots.push_back({page, i});
        on->store(*store, 1, key.view(), value.view(), slots);
      }
    }
    const Matrix key(*on, 2 * kTokens, of.kv_heads * of.key_size, keys), value(*on, 2 * kTokens, of.kv_heads * of.value_size, values);
    std::vector<Slot> slots;
    for (uint32_t row = 0; row < 2 * kTokens; ++row) {
      const uint32_t token = row % kTokens;
      slots.push_back({kTables[row / kTokens][token / kPageTokens], token % kPageTokens});
    }
    on->store(*store, 1, key.view(), value.view(), slots);
    std::vector<float> picked;
    for (const uint32_t row : from) {
      picked.insert(picked.end(), queries.begin() + static_cast<std::ptrdiff_t>(row * of.heads * of.key_size),
                    queries.begin() + static_cast<std::ptrdiff_t>((row + 1) * of.heads * of.key_size));
    }
    const Matrix query(*on, rows.size(), of.heads * of.key_size, picked), out(*on, rows.size(), of.heads * of.value_size);
    const std::vector<std::span<const uint32_t>> tables = {kTables[0], kTables[1]};
    for (size_t row = 0; row < rows.size(); row += batch) {
      const size_t count = std::min(batch, rows.size() - row);
      on->attend({.query = query.view().row_range(row, count),
                  .out = out.view().row_range(row, count),
                  .store = store.get(),
                  .layer = 1,
                  .heads = of.heads,
                  .scale = 0.2f,
                  .softcap = of.softcap,
                  .sinks = of.sinks ? std::span<const float>(sinks) : std::span<const float>(),
                  .keys = std::span<const Keys>(rows).subspan(row, count),
                  .tables = tables});
    }
    return out.read();
  }

  double exact(const Keys& row, uint32_t query, uint32_t head, uint32_t feature) const {
    const uint32_t kv = head / (of.heads / of.kv_heads);
    std::vector<double> scores;
    for (uint32_t token = row.begin; token < row.end; ++token) {
      double score = 0;
      for (uint32_t i = 0; i < of.key_size; ++i) {
        score += static_cast<double>(queries[(query * of.heads + head) * of.key_size + i]) *
                 static_cast<double>(keys[((row.table * kTokens + token) * of.kv_heads + kv) * of.key_size + i]);
      }
      score *= static_cast<double>(0.2f);
      if (of.softcap > 0) score = static_cast<double>(of.softcap) * std::tanh(score / static_cast<double>(of.softcap));
      scores.push_back(std::exp(score));
    }
    double sum = of.sinks ? std::exp(static_cast<double>(sinks[head])) : 0, out = 0;
    for (uint32_t token = row.begin; token < row.end; ++token) {
      sum += scores[token - row.begin];
      out += scores[token - row.begin] *
             static_cast<double>(values[((row.table * kTokens + token) * of.kv_heads + kv) * of.value_size + feature]);
    }
    return sum > 0 ? out / sum : 0;
  }
};

// Whole sequences, windows, a lone key, no key at all.
const std::vector<Keys> kRows = {{0, 0, 1}, {1, 0, 33}, {0, 0, 75}, {1, 40, 75}, {0, 31, 32}, {1, 64, 64}, {0, 5, 64}, {1, 0, 32}};
const std::vector<uint32_t> kQueries = {0, 100, 74, 149, 31, 140, 63, 106};

class AttentionCases : public testing::TestWithParam<Case> {};

TEST_P(AttentionCases, IsSoftmaxOverTheKeys) {
  const Case& c = GetParam();
  const Attending run(c);
  const auto scalar = run.attend(Isa::kScalar, 1, kRows, kQueries, 1);
  // Keys and values rounded to halves move a score by about 2^-11 |q| |k| * scale, to 8 bits by 2^-8 of it.
  const double tolerance = c.type == Type::kF16 ? 4e-3 : 3e-2;
  for (size_t row = 0; row < kRows.size(); ++row) {
    for (uint32_t head = 0; head < c.heads; ++head) {
      for (uint32_t i = 0; i < c.value_size; ++i) {
        ASSERT_NEAR(static_cast<double>(scalar[(row * c.heads + head) * c.value_size + i]),
                    run.exact(kRows[row], kQueries[row], head, i), tolerance)
            << "row " << row << " head " << head << " feature " << i;
      }
    }
  }
  for (const Isa isa : available_isas()) {
    EXPECT_TRUE(same_bits(run.attend(isa, 1, kRows, kQueries, 1), scalar)) << to_string(isa);
    EXPECT_TRUE(same_bits(run.attend(isa, 3, kRows, kQueries, 8), scalar)) << to_string(isa);
    EXPECT_TRUE(same_bits(run.attend(isa, 2, kRows, kQueries, 3), scalar)) << to_string(isa);
    // What stale slots hold does not matter, NaN neither.
    EXPECT_TRUE(same_bits(run.attend(isa, 1, kRows, kQueries, 8, std::numeric_limits<float>::quiet_NaN()), scalar));
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, AttentionCases,
                         testing::Values(Case{}, Case{.type = Type::kQ8_0}, Case{.softcap = 3, .sinks = true},
                                         Case{.kv_heads = 1, .heads = 7, .key_size = 64, .value_size = 64},
                                         Case{.kv_heads = 4, .heads = 4, .key_size = 80, .value_size = 80, .sinks = true},
                                         Case{.type = Type::kQ8_0, .kv_heads = 1, .heads = 5, .key_size = 80, .value_size = 96}));

TEST(KvStoreTest, CopiesAPage) {
  auto on = backend(Isa::kScalar, 1);
  const KvShape shape{.layers = {{1, 8, 8}}, .type = Type::kF16, .pages = 3};
  auto store = *on->make_kv(shape);
  EXPECT_GE(store->bytes(), 3u * kPageTokens * 16 * 2);
  const auto k = normal_values(8, 1), v = normal_values(8, 2);
  const Matrix key(*on, 1, 8, k), value(*on, 1, 8, v), out(*on, 1, 8);
  const Slot slot{0, 4};
  on->store(*store, 0, key.view(), value.view(), {&slot, 1});
  on->copy_page(*store, 0, 2);
  const uint32_t page = 2;
  const Keys keys{0, 4, 5};
  const std::span<const uint32_t> table(&page, 1);
  on->attend({.query = key.view(), .out = out.view(), .store = store.get(), .layer = 0, .heads = 1, .scale = 1, .softcap = 0,
              .sinks = {}, .keys = {&keys, 1}, .tables = {&table, 1}});
  const auto got = out.read();
  for (size_t i = 0; i < 8; ++i) EXPECT_EQ(got[i], half_to_float(float_to_half(v[i])));
}

TEST(KvStoreTest, RefusesWhatItCannotHold) {
  auto on = backend(Isa::kScalar, 1);
  EXPECT_EQ(on->make_kv({.layers = {{1, 8, 8}}, .type = Type::kQ4_0, .pages = 1}).error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(on->make_kv({.layers = {{1, 8, 12}}, .type = Type::kF16, .pages = 1}).error().code, ErrorCode::kUnsupported);
}

}  // namespace
}  // namespace sillok::tensor

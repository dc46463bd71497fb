#include "plain_backend.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>

namespace sillok::model {
namespace {

using namespace tensor;

struct PlainBuffer final : Buffer {
  std::vector<float> values;
  size_t size() const override { return values.size(); }
};
struct PlainWeight final : Weight {
  Type kind = Type::kF32;
  size_t height = 0, width = 0;
  std::vector<float> values;
  Type type() const override { return kind; }
  size_t rows() const override { return height; }
  size_t columns() const override { return width; }
  const float* row(size_t r) const { return values.data() + r * width; }
};
struct PlainKv final : KvStore {
  KvShape form;
  std::vector<std::vector<float>> keys, values;  // by layer: [page][index][head][feature]
  const KvShape& shape() const override { return form; }
  size_t bytes() const override { return 0; }
};

float* row_of(const View& view, size_t r) {
  SILLOK_CHECK(r < view.rows);
  auto& values = static_cast<PlainBuffer*>(view.buffer)->values;
  const size_t at = view.offset + r * view.stride;
  SILLOK_CHECK(at + view.columns <= values.size());
  return values.data() + at;
}
const PlainWeight& plain(const Weight& weight) { return static_cast<const PlainWeight&>(weight); }

double activation(Activation kind, double x) {
  switch (kind) {
    case Activation::kSilu: return x / (1 + std::exp(-x));
    case Activation::kGeluTanh: return x / 2 * (1 + std::tanh(std::sqrt(2 / std::numbers::pi) * (x + 0.044715 * x * x * x)));
    case Activation::kGeluErf: return x / 2 * (1 + std::erf(x / std::numbers::sqrt2));
    case Activation::kRelu: return std::max(x, 0.0);
    case Activation::kReluSquared: return x > 0 ? x * x : 0;
  }
  return 0;
}

class PlainBackend final : public Backend {
 public:
  std::string name() const override { return "plain"; }

  Result<std::unique_ptr<Buffer>> allocate(size_t floats) override {
    auto buffer = std::make_unique<PlainBuffer>();
    buffer->values.resize(floats);
    return buffer;
  }
  Result<std::unique_ptr<Weight>> load(const WeightData& data, WeightUse, std::shared_ptr<const void>) override {
    auto weight = std::make_unique<PlainWeight>();
    weight->kind = data.type;
    weight->height = data.rows;
    weight->width = data.columns;
    weight->values.resize(data.rows * data.columns);
    for (size_t r = 0; r < data.rows; ++r) {
      dequantize(data.type, static_cast<const char*>(data.data) + r * row_bytes(data.type, data.columns),
                 weight->values.data() + r * data.columns, data.columns);
    }
    return weight;
  }
  Result<std::unique_ptr<KvStore>> make_kv(const KvShape& shape) override {
    auto store = std::make_unique<PlainKv>();
    store->form = shape;
    for (const auto& layer : shape.layers) {
      const size_t tokens = size_t{shape.pages} * kPageTokens * layer.heads;
      // What was never stored must not be read: it would show as NaN.
      store->keys.emplace_back(tokens * layer.key_size, std::nanf(""));
      store->values.emplace_back(tokens * layer.value_size, std::nanf(""));
    }
    return store;
  }
  void copy_page(KvStore&, uint32_t, uint32_t) override { SILLOK_CHECK(false); }

  void write(View to, const float* from) override {
    for (size_t r = 0; r < to.rows; ++r) std::memcpy(row_of(to, r), from + r * to.columns, to.columns * sizeof(float));
  }
  void read(View from, float* to) override {
    for (size_t r = 0; r < from.rows; ++r) std::memcpy(to + r * from.columns, row_of(from, r), from.columns * sizeof(float));
  }

  void gather(const Weight& table, std::span<const int32_t> ids, View out) override {
    SILLOK_CHECK(ids.size() == out.rows && table.columns() == out.columns);
    for (size_t r = 0; r < out.rows; ++r) {
      std::copy_n(plain(table).row(static_cast<size_t>(ids[r])), out.columns, row_of(out, r));
    }
  }
  void gather_rows(View x, std::span<const uint32_t> rows, View out) override {
    SILLOK_CHECK(rows.size() == out.rows && x.columns == out.columns);
    for (size_t r = 0; r < rows.size(); ++r) std::copy_n(row_of(x, rows[r]), out.columns, row_of(out, r));
  }
  void scatter_add(View x, std::span<const uint32_t> rows, std::span<const float> scale, View out) override {
    SILLOK_CHECK(rows.size() == x.rows && scale.size() == x.rows);
    for (size_t r = 0; r < rows.size(); ++r) {
      for (size_t c = 0; c < x.columns; ++c) row_of(out, rows[r])[c] += scale[r] * row_of(x, r)[c];
    }
  }

  void multiply(View x, std::span<const Product> products) override {
    for (const Product& product : products) {
      const PlainWeight& w = plain(*product.weight);
      SILLOK_CHECK(w.width == x.columns && w.height == product.y.columns && product.y.rows == x.rows);
      for (size_t r = 0; r < x.rows; ++r) {
        for (size_t o = 0; o < w.height; ++o) row_of(product.y, r)[o] = static_cast<float>(dot(w.row(o), row_of(x, r), w.width));
      }
    }
  }
  void add_low_rank(View x, View y, const LowRank& adapter) override {
    const PlainWeight &a = plain(*adapter.a), &b = plain(*adapter.b);
    const auto add_row = [&](size_t r) {
      std::vector<float> inner(a.height);
      for (size_t i = 0; i < a.height; ++i) inner[i] = static_cast<float>(dot(a.row(i), row_of(x, r), a.width));
      for (size_t o = 0; o < b.height; ++o) row_of(y, r)[o] += adapter.scale * static_cast<float>(dot(b.row(o), inner.data(), b.width));
    };
    for (const uint32_t r : adapter.rows) add_row(r);
    if (adapter.rows.empty()) {
      for (size_t r = 0; r < x.rows; ++r) add_row(r);
    }
  }

  void copy(View x, View out) override {
    for (size_t r = 0; r < x.rows; ++r) std::copy_n(row_of(x, r), x.columns, row_of(out, r));
  }
  void add(View x, View y) override {
    SILLOK_CHECK(x.rows == y.rows && x.columns == y.columns);
    for (size_t r = 0; r < y.rows; ++r) {
      for (size_t c = 0; c < y.columns; ++c) row_of(y, r)[c] += row_of(x, r)[c];
    }
  }
  void add_vector(const Weight& bias, View y) override {
    SILLOK_CHECK(bias.columns() == y.columns);
    each(y, [&](float value, size_t c) { return value + plain(bias).values[c]; });
  }
  void scale(View y, float factor) override {
    each(y, [&](float value, size_t) { return value * factor; });
  }
  void softcap(View y, float cap) override {
    each(y, [&](float value, size_t) { return cap * std::tanh(value / cap); });
  }
  void activate(Activation kind, View y) override {
    each(y, [&](float value, size_t) { return static_cast<float>(activation(kind, value)); });
  }
  void activate_and_multiply(Activation kind, View gate, View y) override {
    for (size_t r = 0; r < y.rows; ++r) {
      for (size_t c = 0; c < y.columns; ++c) row_of(y, r)[c] *= static_cast<float>(activation(kind, row_of(gate, r)[c]));
    }
  }
  void rms_norm(View x, const Weight* weight, float epsilon, size_t group, View y) override {
    const size_t size = group == 0 ? x.columns : group;
    for (size_t r = 0; r < x.rows; ++r) {
      for (size_t first = 0; first < x.columns; first += size) {
        const float* in = row_of(x, r) + first;
        const double scale = 1 / std::sqrt(dot(in, in, size) / static_cast<double>(size) + epsilon);
        for (size_t c = 0; c < size; ++c) {
          const double w = weight == nullptr ? 1 : plain(*weight).values[(first + c) % weight->columns()];
          row_of(y, r)[first + c] = static_cast<float>(in[c] * scale * w);
        }
      }
    }
  }
  void layer_norm(View x, const Weight* weight, const Weight* bias, float epsilon, View y) override {
    for (size_t r = 0; r < x.rows; ++r) {
      const float* in = row_of(x, r);
      double mean = 0, variance = 0;
      for (size_t c = 0; c < x.columns; ++c) mean += in[c] / static_cast<double>(x.columns);
      for (size_t c = 0; c < x.columns; ++c) variance += (in[c] - mean) * (in[c] - mean) / static_cast<double>(x.columns);
      for (size_t c = 0; c < x.columns; ++c) {
        const double w = weight == nullptr ? 1 : plain(*weight).values[c], b = bias == nullptr ? 0 : plain(*bias).values[c];
        row_of(y, r)[c] = static_cast<float>((in[c] - mean) / std::sqrt(variance + epsilon) * w + b);
      }
    }
  }
  void rotate(View y, const Rope& rope, std::span<const int32_t> positions) override {
    SILLOK_CHECK(positions.size() == y.rows && rope.frequency.size() == rope.rotated / 2);
    const size_t half = rope.rotated / 2;
    for (size_t r = 0; r < y.rows; ++r) {
      for (size_t head = 0; head < y.columns; head += rope.head_size) {
        for (size_t i = 0; i < half; ++i) {
          float& a = row_of(y, r)[head + (rope.halves ? i : 2 * i)];
          float& b = row_of(y, r)[head + (rope.halves ? i + half : 2 * i + 1)];
          const double angle = static_cast<double>(positions[r]) * rope.frequency[i];
          const double cosine = std::cos(angle) * rope.magnitude, sine = std::sin(angle) * rope.magnitude;
          const double x0 = a, x1 = b;
          a = static_cast<float>(x0 * cosine - x1 * sine);
          b = static_cast<float>(x0 * sine + x1 * cosine);
        }
      }
    }
  }
  void store(KvStore& store, uint32_t layer, View key, View value, std::span<const Slot> slots) override {
    auto& kv = static_cast<PlainKv&>(store);
    for (size_t r = 0; r < slots.size(); ++r) {
      const size_t token = size_t{slots[r].page} * kPageTokens + slots[r].index;
      std::copy_n(row_of(key, r), key.columns, kv.keys[layer].begin() + static_cast<std::ptrdiff_t>(token * key.columns));
      std::copy_n(row_of(value, r), value.columns, kv.values[layer].begin() + static_cast<std::ptrdiff_t>(token * value.columns));
    }
  }
  void attend(const Attention& a) override {
    const auto& kv = static_cast<const PlainKv&>(*a.store);
    const KvShape::Layer& shape = kv.form.layers[a.layer];
    SILLOK_CHECK(a.keys.size() == a.query.rows && a.out.rows == a.query.rows);
    for (size_t r = 0; r < a.query.rows; ++r) {
      const Keys& range = a.keys[r];
      for (size_t h = 0; h < a.heads; ++h) {
        const size_t kv_head = h / (a.heads / shape.heads);
        const float* q = row_of(a.query, r) + h * shape.key_size;
        std::vector<double> scores;
        for (uint32_t t = range.begin; t < range.end; ++t) {
          const float* k = kv.keys[a.layer].data() + (token(a, range, t) * shape.heads + kv_head) * shape.key_size;
          const double score = a.scale * dot(q, k, shape.key_size);
          scores.push_back(a.softcap > 0 ? a.softcap * std::tanh(score / a.softcap) : score);
        }
        const double best = *std::max_element(scores.begin(), scores.end());
        double whole = 0;
        for (double& score : scores) whole += score = std::exp(score - best);
        float* out = row_of(a.out, r) + h * shape.value_size;
        for (size_t c = 0; c < shape.value_size; ++c) {
          double sum = 0;
          for (uint32_t t = range.begin; t < range.end; ++t) {
            sum += scores[t - range.begin] *
                   kv.values[a.layer][(token(a, range, t) * shape.heads + kv_head) * shape.value_size + c];
          }
          out[c] = static_cast<float>(sum / whole);
        }
      }
    }
  }

 private:
  static double dot(const float* a, const float* b, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; ++i) sum += static_cast<double>(a[i]) * b[i];
    return sum;
  }
  static size_t token(const Attention& a, const Keys& range, uint32_t t) {
    return size_t{a.tables[range.table][t / kPageTokens]} * kPageTokens + t % kPageTokens;
  }
  template <typename F>
  static void each(View y, F f) {
    for (size_t r = 0; r < y.rows; ++r) {
      for (size_t c = 0; c < y.columns; ++c) row_of(y, r)[c] = f(row_of(y, r)[c], c);
    }
  }
};

}  // namespace

std::unique_ptr<tensor::Backend> make_plain_backend() { return std::make_unique<PlainBackend>(); }

}  // namespace sillok::model

// The retriever's file, little-endian:
//   0   8   "SILLOKRT"
//   8   4   kRetrieverFormat
//   12  4   kIndexVersion: the terms it was trained on
//   16  4   kFeatures
//   20  4   buckets of the encoder (0: none)
//   24  4   dimension
//   28  4   hidden units of the re-ranker (0: none)
//   32  4   number of labels
//   36  4   bytes of trained_on
//   40  8   i64 change
//   48  8   u64 number of versions
//   56  4   f32 cosine_weight
//   60  4   f32 share
//   64  ..  labels, each u32 size and bytes; trained_on; versions, i64 each
//       ..  f32 scales [buckets], i8 rows [buckets x dimension]
//       ..  f32 mean, deviation, linear [kFeatures each], inner [kFeatures x hidden], bias, outer [hidden each]
//   last 4  CRC-32C of all before it
#include "search/retriever.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "search/segment.h"

namespace sillok::search {
namespace {

static_assert(std::endian::native == std::endian::little, "the file is written as it lies in memory");

constexpr std::string_view kMagic = "SILLOKRT";
constexpr uint32_t kRetrieverFormat = 1;
constexpr size_t kFixed = 64;
constexpr uint64_t kMaxVersions = 1ull << 28;
constexpr uint32_t kMaxBuckets = 1u << 22, kMaxDimension = 4096, kMaxHidden = 1024, kMaxLabels = 4096;

template <typename T>
void put(std::string& out, const T& value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof(T));
}
template <typename T>
void put_all(std::string& out, const std::vector<T>& values) {
  out.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
}

// Reads forwards; once something is missing everything reads as zero and `ok` is false.
class Bytes {
 public:
  explicit Bytes(std::string_view bytes) : bytes_(bytes) {}
  template <typename T>
  T get() {
    T value{};
    const std::string_view from = take(sizeof(T));
    if (ok) std::memcpy(&value, from.data(), sizeof(T));
    return value;
  }
  template <typename T>
  std::vector<T> get_all(size_t count) {
    const std::string_view from = take(count * sizeof(T));  // Counts are bounded before: no overflow.
    std::vector<T> values(ok ? count : 0);
    if (ok && count > 0) std::memcpy(values.data(), from.data(), from.size());
    return values;
  }
  std::string_view take(size_t size) {
    if (!ok || bytes_.size() - at_ < size) {
      ok = false;
      return {};
    }
    at_ += size;
    return bytes_.substr(at_ - size, size);
  }
  bool at_end() const { return at_ == bytes_.size(); }
  bool ok = true;

 private:
  std::string_view bytes_;
  size_t at_ = 0;
};

bool finite(const std::vector<float>& values) {
  return std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); });
}

bool usable(const RetrieverModel& m) {
  const RerankNetwork& n = m.network;
  return finite(m.encoder.scales) && finite(n.mean) && finite(n.deviation) && finite(n.linear) && finite(n.inner) && finite(n.bias) &&
         finite(n.outer) && std::isfinite(n.share) && std::isfinite(m.cosine_weight);
}

// GCC's vectoriser turns the loop into products of 16-bit pairs where the target has them; sums of integers do not
// depend on their order.
inline __attribute__((always_inline)) int32_t dot_loop(const int8_t* a, const int8_t* b, size_t size) {
  int32_t sum = 0;
  for (size_t i = 0; i < size; ++i) sum += static_cast<int32_t>(a[i]) * static_cast<int32_t>(b[i]);
  return sum;
}
int32_t dot_plain(const int8_t* a, const int8_t* b, size_t size) { return dot_loop(a, b, size); }
#if defined(__x86_64__)
__attribute__((target("avx2"))) int32_t dot_avx2(const int8_t* a, const int8_t* b, size_t size) { return dot_loop(a, b, size); }
#endif

using Dot = int32_t (*)(const int8_t*, const int8_t*, size_t);
Dot choose_dot() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2")) return dot_avx2;
#endif
  return dot_plain;
}

}  // namespace

int32_t dot(const int8_t* a, const int8_t* b, size_t size) {
  static const Dot chosen = choose_dot();
  return chosen(a, b, size);
}

std::string encode_retriever(const RetrieverModel& m) {
  SILLOK_CHECK(m.encoder.rows.size() == size_t{m.encoder.buckets} * m.encoder.dimension && m.encoder.scales.size() == m.encoder.buckets);
  std::string out(kMagic);
  for (uint32_t value : {kRetrieverFormat, kIndexVersion, static_cast<uint32_t>(kFeatures), m.encoder.buckets, m.encoder.dimension,
                         m.network.hidden, static_cast<uint32_t>(m.labels.size()), static_cast<uint32_t>(m.trained_on.size())}) {
    put(out, value);
  }
  put(out, m.change);
  put(out, static_cast<uint64_t>(m.versions.size()));
  put(out, m.cosine_weight);
  put(out, m.network.share);
  for (const std::string& label : m.labels) {
    put(out, static_cast<uint32_t>(label.size()));
    out += label;
  }
  out += m.trained_on;
  put_all(out, m.versions);
  put_all(out, m.encoder.scales);
  put_all(out, m.encoder.rows);
  if (m.network.hidden > 0) {
    for (const auto* values : {&m.network.mean, &m.network.deviation, &m.network.linear, &m.network.inner, &m.network.bias, &m.network.outer}) {
      put_all(out, *values);
    }
  }
  put(out, crc32c(out));
  return out;
}

Result<RetrieverModel> decode_retriever(std::string_view bytes) {
  const auto damaged = [] { return fail(ErrorCode::kInvalid, "it is damaged or no retriever; train it anew or remove it"); };
  if (bytes.size() < kFixed + 4 || !bytes.starts_with(kMagic)) return damaged();
  uint32_t crc = 0;
  std::memcpy(&crc, bytes.data() + bytes.size() - 4, 4);
  if (crc != crc32c(bytes.substr(0, bytes.size() - 4))) return damaged();
  Bytes in(bytes.substr(0, bytes.size() - 4));
  in.take(kMagic.size());
  const auto format = in.get<uint32_t>(), terms = in.get<uint32_t>(), features = in.get<uint32_t>();
  if (format != kRetrieverFormat || terms != kIndexVersion || features != kFeatures) {
    return fail(ErrorCode::kUnsupported, "it was trained by another release of this program; train it anew or remove it");
  }
  RetrieverModel m;
  m.encoder.buckets = in.get<uint32_t>();
  m.encoder.dimension = in.get<uint32_t>();
  m.network.hidden = in.get<uint32_t>();
  const auto labels = in.get<uint32_t>(), described = in.get<uint32_t>();
  m.change = in.get<int64_t>();
  const auto versions = in.get<uint64_t>();
  m.cosine_weight = in.get<float>();
  m.network.share = in.get<float>();
  if (m.encoder.buckets > kMaxBuckets || m.encoder.dimension > kMaxDimension || m.network.hidden > kMaxHidden || labels > kMaxLabels || versions > kMaxVersions) return damaged();
  for (uint32_t i = 0; i < labels; ++i) m.labels.emplace_back(in.take(in.get<uint32_t>()));
  m.trained_on = in.take(described);
  m.versions = in.get_all<int64_t>(versions);
  m.encoder.scales = in.get_all<float>(m.encoder.buckets);
  m.encoder.rows = in.get_all<int8_t>(size_t{m.encoder.buckets} * m.encoder.dimension);
  if (const size_t hidden = m.network.hidden; hidden > 0) {
    RerankNetwork& n = m.network;
    n.mean = in.get_all<float>(kFeatures);
    n.deviation = in.get_all<float>(kFeatures);
    n.linear = in.get_all<float>(kFeatures);
    n.inner = in.get_all<float>(hidden * kFeatures);
    n.bias = in.get_all<float>(hidden);
    n.outer = in.get_all<float>(hidden);
  }
  if (!in.ok || !in.at_end() || !usable(m)) return damaged();
  return m;
}

TextVector encode(const EncoderTable& table, std::vector<TermId> terms) {
  TextVector vector;
  if (table.buckets == 0 || terms.empty()) return vector;
  // In order of their ids: sums of floats are then the same however the text's terms were gathered.
  std::sort(terms.begin(), terms.end());
  std::vector<float> sum(table.dimension, 0);
  for (size_t i = 0; i < terms.size();) {
    size_t next = i;
    while (next < terms.size() && terms[next] == terms[i]) ++next;
    const size_t bucket = terms[i] % table.buckets;
    const float weight = table.scales[bucket] * std::log1p(static_cast<float>(next - i));
    const int8_t* const row = &table.rows[bucket * table.dimension];
    for (size_t d = 0; d < table.dimension; ++d) sum[d] += weight * static_cast<float>(row[d]);
    i = next;
  }
  float most = 0, square = 0;
  for (float v : sum) most = std::max(most, std::abs(v)), square += v * v;
  if (!(square > 0)) return vector;
  vector.values.resize(table.dimension);
  for (size_t d = 0; d < sum.size(); ++d) vector.values[d] = static_cast<int8_t>(std::lround(sum[d] / most * 127));
  vector.scale = most / 127 / std::sqrt(square);
  return vector;
}

float cosine(const TextVector& a, const TextVector& b) {
  if (a.scale == 0 || b.scale == 0) return 0;
  return static_cast<float>(dot(a.values.data(), b.values.data(), a.values.size())) * a.scale * b.scale;
}

float rerank_gain(const RerankNetwork& n, const Features& features) {
  if (n.hidden == 0) return 0;
  constexpr float kClip = 4;  // deviations: one odd value must not decide
  float sum = 0;
  std::vector<float> units = n.bias;
  for (size_t f = 0; f < kFeatures; ++f) {
    const float x = n.deviation[f] > 0 ? std::clamp((features[f] - n.mean[f]) / n.deviation[f], -kClip, kClip) : 0;
    sum += n.linear[f] * x;
    for (size_t h = 0; h < n.hidden; ++h) units[h] += n.inner[f * n.hidden + h] * x;
  }
  for (size_t h = 0; h < n.hidden; ++h) sum += n.outer[h] * std::max(0.0f, units[h]);
  return n.share * sum;
}

bool may_use(const RetrieverModel& model, const govern::Lattice& lattice, const govern::Clearance& clearance) {
  return std::all_of(model.labels.begin(), model.labels.end(), [&](const std::string& label) { return lattice.dominates(clearance, label); });
}

}  // namespace sillok::search

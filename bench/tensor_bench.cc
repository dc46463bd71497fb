// Products of the CPU backend beside the machine's limits, measured in the same run.
//
//   tensor_bench [--threads N] [--types Q4_0,F16] [--batches 1,8,512] [--clock wall|cpu] [--rows N]
//
// The clock is the wall's; on a machine that others use, one thread by the processor's clock tells more.
//
// A batch of 1 reads each weight once: its figure is GB/s of packed weights over those of a plain sum of as many bytes.
// A batch of 512 computes: its figure is GFLOP/s over those of fused multiply-adds on registers. Medians of five runs. Every
// product is compared with a float64 product of a few rows before it is timed.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <random>
#include <string>
#include <thread>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "tensor/tensor.h"

namespace {

using namespace sillok;
using namespace sillok::tensor;

size_t weight_rows = 16384;  // 64 Mi weights, 17 MiB at 2 bits
constexpr size_t kColumns = 4096;
constexpr int kRepeats = 5;

bool processor_clock = false;
double seconds() {
  if (processor_clock) {
    timespec time{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
  }
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}
template <typename Function>
double median_seconds(const Function& f) {
  std::vector<double> times;
  for (int i = 0; i < kRepeats; ++i) {
    const double start = seconds();
    double end = start;
    int calls = 0;
    // Short calls are repeated until the clock has something to tell.
    for (; end - start < 0.02; ++calls, end = seconds()) f();
    times.push_back((end - start) / calls);
  }
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}
template <typename Function>
void on_threads(uint32_t threads, const Function& f) {
  std::vector<std::thread> others;
  for (uint32_t i = 1; i < threads; ++i) others.emplace_back([&f, i] { f(i); });
  f(0);
  for (auto& other : others) other.join();
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) uint64_t sum_bytes(const std::byte* from, size_t bytes) {
  __m256i sums[4] = {};
  for (size_t i = 0; i + 128 <= bytes; i += 128) {
    for (size_t j = 0; j < 4; ++j) {
      sums[j] = _mm256_add_epi64(sums[j], _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + i + 32 * j)));
    }
  }
  const __m256i sum = _mm256_add_epi64(_mm256_add_epi64(sums[0], sums[1]), _mm256_add_epi64(sums[2], sums[3]));
  return static_cast<uint64_t>(_mm256_extract_epi64(sum, 0) + _mm256_extract_epi64(sum, 1) + _mm256_extract_epi64(sum, 2) +
                               _mm256_extract_epi64(sum, 3));
}
constexpr int kFmaLoops = 20'000'000;
__attribute__((target("avx2,fma"))) float fma_loop() {
  __m256 sums[12];
  for (auto& sum : sums) sum = _mm256_set1_ps(0.5f);
  const __m256 a = _mm256_set1_ps(0.999f), b = _mm256_set1_ps(1e-6f);
  for (int i = 0; i < kFmaLoops; ++i) {
#pragma GCC unroll 12
    for (auto& sum : sums) sum = _mm256_fmadd_ps(sum, a, b);
  }
  float result = 0;
  for (const auto& sum : sums) result += _mm256_cvtss_f32(sum);
  return result;
}
double fma_flops() { return 12.0 * 8 * 2 * kFmaLoops; }
#else
uint64_t sum_bytes(const std::byte* from, size_t bytes) {
  uint64_t sum = 0;
  for (size_t i = 0; i + 8 <= bytes; i += 8) {
    uint64_t word;
    std::memcpy(&word, from + i, 8);
    sum += word;
  }
  return sum;
}
float fma_loop() { return 0; }
double fma_flops() { return 0; }
#endif

struct Limits {
  double bytes_a_second = 0, flops_a_second = 0;
};
volatile uint64_t kept = 0;

double read_bandwidth(uint32_t threads, size_t bytes) {
  std::vector<std::byte> memory(bytes);
  std::memset(memory.data(), 1, bytes);
  const double time = median_seconds([&] {
    on_threads(threads, [&](uint32_t i) { kept = kept + sum_bytes(memory.data() + bytes / threads * i, bytes / threads); });
  });
  return static_cast<double>(bytes) / time;
}
double fma_peak(uint32_t threads) {
  const double time = median_seconds([&] { on_threads(threads, [](uint32_t) { kept = kept + static_cast<uint64_t>(fma_loop()); }); });
  return threads * fma_flops() / time;
}

struct Bench {
  Backend& on;
  uint32_t threads;
  std::vector<float> x;
  Limits limits;

  void verify(const WeightData& data, const float* y, size_t batch) const {
    const size_t row_size = row_bytes(data.type, data.columns);
    std::vector<float> w(data.columns);
    for (const size_t row : {size_t{0}, data.rows / 2 + 5, data.rows - 1}) {
      dequantize(data.type, static_cast<const uint8_t*>(data.data) + row * row_size, w.data(), data.columns);
      for (const size_t b : {size_t{0}, batch - 1}) {
        double exact = 0, norm = 0;
        for (size_t k = 0; k < data.columns; ++k) {
          const double product = static_cast<double>(w[k]) * static_cast<double>(x[b * data.columns + k]);
          exact += product;
          norm += product * product;
        }
        if (!(std::fabs(exact - static_cast<double>(y[b * data.rows + row])) < 0.05 * std::sqrt(norm))) {
          std::fprintf(stderr, "wrong product: type %s row %zu batch %zu: %g, expected %g\n",
                       std::string(info(data.type).name).c_str(), row, batch, static_cast<double>(y[b * data.rows + row]), exact);
          std::exit(1);
        }
      }
    }
  }

  void run(Type type, const std::vector<size_t>& batches) {
    // One random row of the type, repeated with a turn: quantising every row would take minutes for nothing.
    const size_t row_size = row_bytes(type, kColumns);
    std::mt19937 generator(1);
    std::normal_distribution<float> normal;
    std::vector<float> row(kColumns);
    std::vector<uint8_t> some(64 * row_size), bytes(weight_rows * row_size);
    for (size_t i = 0; i < 64; ++i) {
      for (float& value : row) value = normal(generator);
      quantize(type, row.data(), some.data() + i * row_size, kColumns);
    }
    for (size_t i = 0; i < weight_rows; ++i) std::memcpy(bytes.data() + i * row_size, some.data() + i * 37 % 64 * row_size, row_size);
    const WeightData data{type, weight_rows, kColumns, bytes.data()};
    const double load_start = seconds();
    auto weight = *on.load(data, WeightUse::kMatrix, nullptr);
    const double load_time = seconds() - load_start;
    std::printf("%-7s load %5.2f GB/s\n", std::string(info(type).name).c_str(), static_cast<double>(bytes.size()) / load_time / 1e9);
    double alone = 0;
    for (const size_t batch : batches) {
      auto from = *on.allocate(batch * kColumns), to = *on.allocate(batch * weight_rows);
      const View in{from.get(), 0, batch, kColumns, kColumns}, out{to.get(), 0, batch, weight_rows, weight_rows};
      on.write(in, x.data());
      const Product product{weight.get(), out};
      on.multiply(in, {&product, 1});
      std::vector<float> y(batch * weight_rows);
      on.read(out, y.data());
      verify(data, y.data(), batch);
      const double time = median_seconds([&] { on.multiply(in, {&product, 1}); });
      const double rate = static_cast<double>(bytes.size()) / time;
      const double flops = 2.0 * static_cast<double>(batch * weight_rows * kColumns) / time;
      if (batch == 1) alone = time;
      std::printf("%-7s batch %3zu  %4.2f of bandwidth  %5.2f GB/s   %4.2f of fma peak %6.1f GFLOP/s", std::string(info(type).name).c_str(),
                  batch, rate / limits.bytes_a_second, rate / 1e9, flops / limits.flops_a_second, flops / 1e9);
      if (alone > 0) std::printf("   %5.2f x batch 1", static_cast<double>(batch) * alone / time);
      std::printf("\n");
      std::fflush(stdout);
    }
  }
};

std::vector<std::string> parts_of(const std::string& text) {
  std::vector<std::string> out;
  for (const std::string_view part : split(text, ',')) out.emplace_back(part);
  return out;
}

}  // namespace

int main(int count, char** arguments) {
  uint32_t threads = std::max(1u, std::thread::hardware_concurrency());
  std::vector<std::string> types = {"F32",  "F16",  "BF16", "Q8_0", "Q4_0", "Q4_1",   "Q5_0", "Q5_1",
                                    "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "IQ4_NL", "MXFP4"};
  std::vector<size_t> batches = {1, 2, 4, 8, 512};
  for (int i = 1; i + 1 < count; i += 2) {
    const std::string option = arguments[i], value = arguments[i + 1];
    if (option == "--threads") threads = static_cast<uint32_t>(std::stoul(value));
    if (option == "--clock") processor_clock = value == "cpu";
    if (option == "--rows") weight_rows = std::stoul(value);
    if (option == "--types") types = parts_of(value);
    if (option == "--batches") {
      batches.clear();
      for (const std::string& part : parts_of(value)) batches.push_back(std::stoul(part));
    }
  }
  auto on = make_cpu_backend({.threads = threads, .isa = {}});
  if (!on) {
    std::fprintf(stderr, "%s\n", on.error().message.c_str());
    return 1;
  }
  Bench bench{**on, threads, {}, {read_bandwidth(threads, size_t{512} << 20), fma_peak(threads)}};
  std::printf("%s: reads %.1f GB/s, fused multiply-adds %.1f GFLOP/s\n", (*on)->name().c_str(),
              bench.limits.bytes_a_second / 1e9, bench.limits.flops_a_second / 1e9);
  std::mt19937 generator(2);
  std::normal_distribution<float> normal;
  bench.x.resize(kColumns * *std::max_element(batches.begin(), batches.end()));
  for (float& value : bench.x) value = normal(generator);
  for (const std::string& name : types) {
    const TypeInfo* type = find_type(name);
    if (type == nullptr || !can_quantize(type->type)) {
      std::fprintf(stderr, "no such weight type: %s\n", name.c_str());
      return 1;
    }
    bench.run(type->type, batches);
  }
  return 0;
}

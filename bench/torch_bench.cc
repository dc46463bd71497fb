// The peer of train_bench: LoRA tuning of a decoder of the same shape in libtorch (Debian's libtorch-dev), on random weights.
//   torch_bench [CONTEXT [RANK [STEPS [LAYERS WIDTH HEADS KV_HEADS FEED_FORWARD VOCABULARY]]]]
// Prints tokens a processor second, as train_bench does: run them one after the other on the same machine. Built where libtorch is.
#include <sys/resource.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace {

using torch::Tensor;

double processor_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6; };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

struct Shape {
  int64_t layers = 16, width = 2048, heads = 32, kv_heads = 8, feed_forward = 8192, vocabulary = 128'256;
  int64_t head() const { return width / heads; }
};

// y = x W' + (x A') B', W frozen.
struct Adapted {
  Tensor w, a, b;
  Adapted(int64_t in, int64_t out, int64_t rank, std::vector<Tensor>& trained)
      : w(torch::randn({out, in}) * 0.02), a((torch::randn({rank, in}) * 0.02).set_requires_grad(true)), b(torch::zeros({out, rank}).set_requires_grad(true)) {
    trained.push_back(a);
    trained.push_back(b);
  }
  Tensor operator()(const Tensor& x) const { return torch::linear(x, w) + torch::linear(torch::linear(x, a), b); }
};

struct Layer {
  Adapted q, k, v, o, gate, up, down;
  Layer(const Shape& s, int64_t rank, std::vector<Tensor>& trained)
      : q(s.width, s.width, rank, trained), k(s.width, s.kv_heads * s.head(), rank, trained), v(s.width, s.kv_heads * s.head(), rank, trained),
        o(s.width, s.width, rank, trained), gate(s.width, s.feed_forward, rank, trained), up(s.width, s.feed_forward, rank, trained),
        down(s.feed_forward, s.width, rank, trained) {}
};

Tensor normed(const Tensor& x) { return x * torch::rsqrt(x.pow(2).mean(-1, true) + 1e-5); }

// x: [heads, n, head size]; angles: [n, head size / 2]
Tensor rotated(const Tensor& x, const Tensor& cosine, const Tensor& sine) {
  const auto halves = x.chunk(2, -1);
  return torch::cat({halves[0] * cosine - halves[1] * sine, halves[1] * cosine + halves[0] * sine}, -1);
}

}  // namespace

int main(int argc, char** argv) {
  const auto number = [&](int i, int64_t otherwise) { return argc > i ? std::strtoll(argv[i], nullptr, 10) : otherwise; };
  const int64_t n = number(1, 512), rank = number(2, 16), steps = number(3, 3);
  Shape s;
  int at = 4;
  for (int64_t* field : {&s.layers, &s.width, &s.heads, &s.kv_heads, &s.feed_forward, &s.vocabulary}) {
    *field = number(at, *field);
    ++at;
  }
  torch::manual_seed(1);
  std::vector<Tensor> trained;
  std::vector<Layer> layers;
  for (int64_t i = 0; i < s.layers; ++i) layers.emplace_back(s, rank, trained);
  const Tensor table = torch::randn({s.vocabulary, s.width}) * 0.02;
  torch::optim::AdamW optimiser(trained, torch::optim::AdamWOptions(1e-4));

  const Tensor tokens = torch::randint(s.vocabulary, {n}), targets = torch::randint(s.vocabulary, {n});
  const Tensor frequency = torch::pow(10000.0, -torch::arange(0, s.head(), 2).to(torch::kFloat) / static_cast<double>(s.head()));
  const Tensor angles = torch::outer(torch::arange(n).to(torch::kFloat), frequency);
  const Tensor cosine = angles.cos(), sine = angles.sin();
  const Tensor mask = torch::full({n, n}, -INFINITY).triu(1);
  std::vector<double> rates;
  for (int64_t step = 0; step < steps; ++step) {
    const double start = processor_seconds();
    Tensor h = torch::embedding(table, tokens);
    for (const Layer& l : layers) {
      const Tensor x = normed(h);
      const auto split = [&](const Tensor& t, int64_t heads) { return t.view({n, heads, s.head()}).transpose(0, 1); };
      const Tensor q = rotated(split(l.q(x), s.heads), cosine, sine);
      const auto shared = [&](const Tensor& t) { return t.repeat_interleave(s.heads / s.kv_heads, 0); };
      const Tensor k = shared(rotated(split(l.k(x), s.kv_heads), cosine, sine)), v = shared(split(l.v(x), s.kv_heads));
      const Tensor scores = torch::softmax(torch::matmul(q, k.transpose(1, 2)) / std::sqrt(static_cast<double>(s.head())) + mask, -1);
      h = h + l.o(torch::matmul(scores, v).transpose(0, 1).reshape({n, s.width}));
      const Tensor y = normed(h);
      h = h + l.down(torch::silu(l.gate(y)) * l.up(y));
    }
    const Tensor loss = torch::nn::functional::cross_entropy(torch::linear(normed(h), table), targets);
    optimiser.zero_grad();
    loss.backward();
    optimiser.step();
    const double seconds = processor_seconds() - start;
    rates.push_back(static_cast<double>(n) / seconds);
    std::printf("step %lld: loss %.4f, %.1f tokens a processor second\n", static_cast<long long>(step + 1), loss.item<double>(), rates.back());
  }
  std::sort(rates.begin(), rates.end());
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  std::printf("libtorch %s: median %.1f tokens a processor second; peak memory %.2f GB\n", TORCH_VERSION, rates[rates.size() / 2],
              static_cast<double>(usage.ru_maxrss) / 1048576);
  return 0;
}

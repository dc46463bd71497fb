// LoRA tuning against the arithmetic limit: train_bench MODEL.gguf [CONTEXT [RANK [KEPT_MB [STEPS]]]]
//
// Measures, in one process and alternately, OpenBLAS's sgemm on the shape of a layer and whole training steps (forward, backward,
// AdamW) on random tokens. Both in processor time, so that what else runs on the machine counts little. The limit is the
// tokens a processor second would give if nothing were done but the products that the mathematics needs, at sgemm's speed:
// every weight forward and again backward for d x, attention's, and the pairs'; what is computed a second
// time to save memory, dequantisation, norms, softmax and the optimiser are overhead.
#include <cblas.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "train/autograd_decoder.h"
#include "train/autograd_random.h"
#include "train/lora.h"
#include "train/optimiser.h"

using namespace sillok;
using namespace sillok::train;

namespace {

double processor_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6; };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// Floating-point operations of sgemm in a second of one processor, [n, width] x [width, width], best of three.
double gemm_rate(size_t n, size_t width) {
  std::vector<float> a(n * width, 0.5F), b(width * width, 0.25F), c(n * width);
  double best = 0;
  for (int i = 0; i < 3; ++i) {
    const double start = processor_seconds();
    int runs = 0;
    do {
      gemm<float>({n, width, width}, 1, {a.data(), width}, {b.data(), width, Op::kTransposed}, 0, c.data(), width);
      ++runs;
    } while (processor_seconds() - start < 0.5);
    const double flops = 2.0 * static_cast<double>(n * width * width) * runs;
    best = std::max(best, flops / (processor_seconds() - start));
  }
  return best;
}

// What a step of n tokens needs; see the top.
double needed_flops(Network<float>& net, size_t n) {
  const auto tokens = static_cast<double>(n);
  const model::Hyperparameters& s = net.decoder.shape;
  double flops = 0;
  std::vector<Linear<float>*> matrices = net.matrices();
  matrices.push_back(&net.output);
  for (size_t i = 0; i < matrices.size(); ++i) {
    const Linear<float>& l = *matrices[i];
    const bool first = i < 3;  // nothing is trained below q, k and v of the first layer
    flops += (first ? 2.0 : 4.0) * tokens * static_cast<double>(l.weight.rows * l.weight.columns);
    if (l.a != nullptr) flops += 6.0 * tokens * static_cast<double>(l.a->value.size() + l.b->value.size());
  }
  // Two products forward and four backward over half of the n x n scores.
  flops += s.layers * s.heads * 6.0 * 2.0 * tokens * tokens / 2 * s.key_size;
  return flops;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: train_bench MODEL.gguf [CONTEXT [RANK [KEPT_MB [STEPS]]]]\n");
    return 2;
  }
  const auto number = [&](int i, uint64_t otherwise) { return argc > i ? std::strtoull(argv[i], nullptr, 10) : otherwise; };
  const size_t context = number(2, 512);
  LoraSettings lora;
  lora.rank = static_cast<uint32_t>(number(3, 16));
  const size_t kept = number(4, 1024) << 20, steps = number(5, 3);

  auto file = model::Gguf::open(argv[1]);
  if (!file) return std::fprintf(stderr, "train_bench: %s\n", file.error().message.c_str()), 1;
  auto net = read_network<float>(*file, static_cast<uint32_t>(context));
  if (!net) return std::fprintf(stderr, "train_bench: %s\n", net.error().message.c_str()), 1;
  if (const auto added = add_adapters(*net, lora, 1); !added) return std::fprintf(stderr, "train_bench: %s\n", added.error().message.c_str()), 1;

  Workers workers(0);
  DecoderPass<float> pass(*net, workers, {kept});
  Optimiser optimiser(net->parameters, {}, workers);
  Sequence sequence;
  Random random(1);
  sequence.begins = {0};
  for (size_t i = 0; i < context; ++i) {
    sequence.tokens.push_back(static_cast<model::Token>(random.below(net->decoder.shape.vocabulary)));
    sequence.targets.push_back(static_cast<model::Token>(random.below(net->decoder.shape.vocabulary)));
    sequence.positions.push_back(static_cast<int32_t>(i));
  }
  const double flops = needed_flops(*net, context);
  std::vector<double> shares;
  for (size_t step = 0; step < steps; ++step) {
    const double rate = gemm_rate(context, net->decoder.shape.width);
    const double start = processor_seconds();
    net->zero_gradients();
    const double loss = pass.loss_and_gradient(sequence, 1.0F / static_cast<float>(context)) / static_cast<double>(context);
    optimiser.step(1e-4, 1);
    const double seconds = processor_seconds() - start;
    shares.push_back(flops / rate / seconds);
    std::printf("step %zu: loss %.4f, %.1f tokens a processor second, limit %.1f (sgemm %.1f GFLOP/s): %.0f %%\n", step + 1, loss,
                static_cast<double>(context) / seconds, static_cast<double>(context) * rate / flops, rate / 1e9, 100 * shares.back());
  }
  std::sort(shares.begin(), shares.end());
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  std::printf("median %.0f %% of the arithmetic limit; %.2f TFLOP a step; peak memory %.2f GB, the mapped file in it\n",
              100 * shares[shares.size() / 2], flops / 1e12, static_cast<double>(usage.ru_maxrss) / 1048576);
  return 0;
}

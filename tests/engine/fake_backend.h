// A backend for the fake model: it makes its store and can do nothing else.
#pragma once

#include <algorithm>
#include <cstdlib>

#include "tests/engine/fake_model.h"

namespace sillok::engine {

class FakeBackend final : public tensor::Backend {
 public:
  using View = tensor::View;
  using Weight = tensor::Weight;
  std::string name() const override { return "fake"; }
  Result<std::unique_ptr<tensor::KvStore>> make_kv(const tensor::KvShape& shape) override {
    return std::make_unique<FakeStore>(shape.pages);
  }
  Result<std::unique_ptr<tensor::Buffer>> allocate(size_t) override { std::abort(); }
  Result<std::unique_ptr<Weight>> load(const tensor::WeightData&, tensor::WeightUse, std::shared_ptr<const void>) override {
    std::abort();
  }
  void copy_page(tensor::KvStore& store, uint32_t from, uint32_t to) override {
    auto& tokens = static_cast<FakeStore&>(store).tokens;
    std::copy_n(tokens.begin() + from * tensor::kPageTokens, tensor::kPageTokens, tokens.begin() + to * tensor::kPageTokens);
  }
  void write(View, const float*) override { std::abort(); }
  void read(View, float*) override { std::abort(); }
  void gather(const Weight&, std::span<const int32_t>, View) override { std::abort(); }
  void gather_rows(View, std::span<const uint32_t>, View) override { std::abort(); }
  void scatter_add(View, std::span<const uint32_t>, std::span<const float>, View) override { std::abort(); }
  void multiply(View, std::span<const tensor::Product>) override { std::abort(); }
  void add_low_rank(View, View, const tensor::LowRank&) override { std::abort(); }
  void copy(View, View) override { std::abort(); }
  void add(View, View) override { std::abort(); }
  void add_vector(const Weight&, View) override { std::abort(); }
  void scale(View, float) override { std::abort(); }
  void softcap(View, float) override { std::abort(); }
  void activate(tensor::Activation, View) override { std::abort(); }
  void activate_and_multiply(tensor::Activation, View, View) override { std::abort(); }
  void rms_norm(View, const Weight*, float, size_t, View) override { std::abort(); }
  void layer_norm(View, const Weight*, const Weight*, float, View) override { std::abort(); }
  void rotate(View, const tensor::Rope&, std::span<const int32_t>) override { std::abort(); }
  void store(tensor::KvStore&, uint32_t, View, View, std::span<const tensor::Slot>) override { std::abort(); }
  void attend(const tensor::Attention&) override { std::abort(); }
};

}  // namespace sillok::engine

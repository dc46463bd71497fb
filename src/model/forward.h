// The model as it is run: weights in a backend, and one pass over a batch. Private to model.
#pragma once

#include "model/rope.h"
#include "model/weights.h"

namespace sillok::model {

// One adapter's addition to one matrix; null where it has none.
struct AdapterPair {
  std::unique_ptr<tensor::Weight> a, b;
  float scale = 1;  // alpha / rank
};
class LoraAdapter final : public Adapter {
 public:
  const std::string& name() const override { return name_; }

  std::string name_;
  const Model* model_ = nullptr;   // the model it was checked against
  std::vector<AdapterPair> pairs_;  // by Linear::target
};

// The rows of a batch in the form the backend takes them.
struct RowSet {
  size_t count = 0;
  std::vector<int32_t> positions;
  std::vector<tensor::Slot> slots;
  std::vector<tensor::Keys> keys, window_keys;
  std::vector<uint32_t> outputs;  // rows whose result is wanted
  struct Group {
    const LoraAdapter* adapter = nullptr;
    float scale = 1;
    std::vector<uint32_t> rows;
  };
  std::vector<Group> groups;  // by adapter
};

// Activations, for `rows` rows; grown when a batch needs more.
struct Scratch {
  size_t rows = 0;
  std::unique_ptr<tensor::Buffer> hidden, normed, qkv, attended, branch, wide, gathered, expert_out, zeros, logits;
};

class RunnableModel final : public Model {
 public:
  RunnableModel(std::shared_ptr<const Gguf> file, std::shared_ptr<const Tokenizer> tokenizer, Configuration configuration,
                Weights weights, tensor::Backend& backend, uint32_t context);

  const Hyperparameters& hyperparameters() const override { return configuration_.shape; }
  const Gguf& file() const override { return *file_; }
  const Tokenizer& tokenizer() const override { return *tokenizer_; }
  tensor::KvShape kv_shape(tensor::Type type, uint32_t pages) const override;
  Result<std::vector<float>> forward(const Batch& batch, tensor::KvStore& store, Output what) override;
  uint32_t max_rows() const override;

  const Weights& weights() const { return weights_; }

 private:
  Status check(const Batch& batch, const tensor::KvStore& store, Output what) const;
  RowSet lay_out(const Batch& batch) const;
  Status grow_scratch(size_t rows);

  std::shared_ptr<const Gguf> file_;
  std::shared_ptr<const Tokenizer> tokenizer_;
  Configuration configuration_;
  Weights weights_;
  tensor::Backend& backend_;
  tensor::Rope rope_, window_rope_;
  Scratch scratch_;
};

}  // namespace sillok::model

// A model file as a network whose weights are frozen.
#include <algorithm>

#include "train/autograd_decoder.h"

namespace sillok::train {
namespace {

using model::Gguf;
using model::GgufTensor;

// describe_decoder has checked that what must be there is there, with its shape.
template <typename T>
std::vector<T> read_vector(const Gguf& file, const std::string& name) {
  const GgufTensor* found = file.tensor(name);
  if (found == nullptr) return {};
  std::vector<float> narrow(static_cast<size_t>(found->shape[0]));
  tensor::dequantize(found->type, found->bytes.data(), narrow.data(), narrow.size());
  return {narrow.begin(), narrow.end()};
}

template <typename T>
Linear<T> read_linear(const Gguf& file, const std::string& name) {
  const GgufTensor& found = *file.tensor(name + ".weight");
  Linear<T> linear;
  linear.name = name + ".weight";
  linear.weight = {static_cast<size_t>(found.shape[1]), static_cast<size_t>(found.shape[0]), found.type, found.bytes.data(), nullptr};
  linear.bias = read_vector<T>(file, name + ".bias");
  return linear;
}

template <typename T>
TrainedLayer<T> read_layer(const Gguf& file, const std::string& blk) {
  TrainedLayer<T> layer;
  layer.attention_norm.weight = read_vector<T>(file, blk + "attn_norm.weight");
  layer.feed_forward_norm.weight = read_vector<T>(file, blk + "ffn_norm.weight");
  layer.query_norm.weight = read_vector<T>(file, blk + "attn_q_norm.weight");
  layer.key_norm.weight = read_vector<T>(file, blk + "attn_k_norm.weight");
  layer.q = read_linear<T>(file, blk + "attn_q");
  layer.k = read_linear<T>(file, blk + "attn_k");
  layer.v = read_linear<T>(file, blk + "attn_v");
  layer.out = read_linear<T>(file, blk + "attn_output");
  layer.gate = read_linear<T>(file, blk + "ffn_gate");
  layer.up = read_linear<T>(file, blk + "ffn_up");
  layer.down = read_linear<T>(file, blk + "ffn_down");
  return layer;
}

}  // namespace

template <typename T>
std::vector<Linear<T>*> Network<T>::matrices() {
  std::vector<Linear<T>*> all;
  for (TrainedLayer<T>& l : layers) all.insert(all.end(), {&l.q, &l.k, &l.v, &l.out, &l.gate, &l.up, &l.down});
  return all;
}

template <typename T>
Parameter<T>* Network<T>::add(std::string name, size_t rows, size_t columns, bool decays) {
  auto parameter = std::make_unique<Parameter<T>>();
  parameter->name = std::move(name);
  parameter->rows = rows;
  parameter->columns = columns;
  parameter->decays = decays;
  parameter->value.resize(rows * columns);
  parameter->gradient.resize(rows * columns);
  return parameters.emplace_back(std::move(parameter)).get();
}

template <typename T>
void Network<T>::zero_gradients() {
  for (const auto& parameter : parameters) std::fill(parameter->gradient.begin(), parameter->gradient.end(), T(0));
}

template <typename T>
Result<Network<T>> read_network(std::shared_ptr<const Gguf> file, uint32_t context) {
  Network<T> net;
  SILLOK_ASSIGN(net.decoder, model::describe_decoder(*file, context));
  net.embedding = read_linear<T>(*file, "token_embd");
  net.output = read_linear<T>(*file, file->tensor("output.weight") != nullptr ? "output" : "token_embd");
  net.final_norm.weight = read_vector<T>(*file, "output_norm.weight");
  for (uint32_t l = 0; l < net.decoder.shape.layers; ++l) net.layers.push_back(read_layer<T>(*file, "blk." + std::to_string(l) + "."));
  net.file = std::move(file);
  return net;
}

template struct Network<float>;
template struct Network<double>;
template Result<Network<float>> read_network(std::shared_ptr<const Gguf>, uint32_t);
template Result<Network<double>> read_network(std::shared_ptr<const Gguf>, uint32_t);

}  // namespace sillok::train

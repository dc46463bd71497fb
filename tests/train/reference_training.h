// Training written to be read, in double: every number is a node of a tape that remembers what it came from, one token after
// the other, one feature after the other. It shares nothing with src/train but the file it reads, the first values of the
// pairs and the sequences of tokens.
#pragma once

#include <cmath>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "model/model.h"

namespace sillok::reference {

// Reverse-mode differentiation over scalars.
class Tape {
 public:
  struct Edge {
    int parent;
    double slope;  // d node / d parent
  };
  int leaf(double value) { return node(value, {}); }
  int node(double value, const std::vector<Edge>& edges) {
    values_.push_back(value);
    edges_.insert(edges_.end(), edges.begin(), edges.end());
    ends_.push_back(edges_.size());
    return static_cast<int>(values_.size()) - 1;
  }
  double value(int n) const { return values_[static_cast<size_t>(n)]; }
  // d root / d node for every node.
  std::vector<double> slopes(int root) const {
    std::vector<double> d(values_.size());
    d[static_cast<size_t>(root)] = 1;
    for (size_t n = values_.size(); n-- > 0;) {
      for (size_t e = n == 0 ? 0 : ends_[n - 1]; e < ends_[n]; ++e) d[static_cast<size_t>(edges_[e].parent)] += d[n] * edges_[e].slope;
    }
    return d;
  }

  int add(int a, int b) { return node(value(a) + value(b), {{a, 1}, {b, 1}}); }
  int mul(int a, int b) { return node(value(a) * value(b), {{a, value(b)}, {b, value(a)}}); }
  int times(int a, double c) { return node(value(a) * c, {{a, c}}); }
  int exp(int a) { return node(std::exp(value(a)), {{a, std::exp(value(a))}}); }
  int log(int a) { return node(std::log(value(a)), {{a, 1 / value(a)}}); }
  int inverse(int a) { return node(1 / value(a), {{a, -1 / (value(a) * value(a))}}); }
  int inverse_root(int a) { return node(1 / std::sqrt(value(a)), {{a, -0.5 * std::pow(value(a), -1.5)}}); }
  int sum(const std::vector<int>& all) {
    double whole = 0;
    std::vector<Edge> edges;
    for (const int n : all) whole += value(n), edges.push_back({n, 1});
    return node(whole, edges);
  }
  int dot(const std::vector<int>& a, const std::vector<int>& b) {
    double whole = 0;
    std::vector<Edge> edges;
    for (size_t i = 0; i < a.size(); ++i) {
      whole += value(a[i]) * value(b[i]);
      edges.push_back({a[i], value(b[i])});
      edges.push_back({b[i], value(a[i])});
    }
    return node(whole, edges);
  }
  int dot(const std::vector<int>& a, const double* constants) {
    double whole = 0;
    std::vector<Edge> edges;
    for (size_t i = 0; i < a.size(); ++i) whole += value(a[i]) * constants[i], edges.push_back({a[i], constants[i]});
    return node(whole, edges);
  }

 private:
  std::vector<double> values_;
  std::vector<Edge> edges_;
  std::vector<size_t> ends_;
};

using Row = std::vector<int>;  // nodes

struct Pair {  // of a matrix
  size_t rank = 0, rows = 0, columns = 0;
  std::vector<double> a, b;  // [rank, columns], [rows, rank]
  std::vector<int> a_nodes, b_nodes;
};

// A llama from its GGUF file, sizes from its metadata.
class Llama {
 public:
  explicit Llama(const model::Gguf& file) {
    const auto number = [&file](const char* key) { return static_cast<size_t>(file.integer(std::string("llama.") + key).value()); };
    layers = number("block_count"), width = number("embedding_length"), heads = number("attention.head_count");
    kv_heads = number("attention.head_count_kv");
    epsilon = static_cast<double>(static_cast<float>(file.real("llama.attention.layer_norm_rms_epsilon").value()));
    base = file.real("llama.rope.freq_base").value();
    for (const model::GgufTensor& t : file.tensors()) {
      size_t rows = 1;
      for (size_t d = 1; d < t.shape.size(); ++d) rows *= t.shape[d];
      std::vector<float> row(t.shape[0]);
      for (size_t r = 0; r < rows; ++r) {
        tensor::dequantize(t.type, t.bytes.data() + r * tensor::row_bytes(t.type, row.size()), row.data(), row.size());
        weights[t.name].insert(weights[t.name].end(), row.begin(), row.end());
      }
    }
  }

  size_t layers, width, heads, kv_heads;
  double epsilon, base;
  std::map<std::string, std::vector<double>> weights;
  std::map<std::string, Pair> pairs;
  double scale = 1;  // alpha / rank

  // Sum of -log p over what is asked of one document; targets below 0 ask nothing.
  int loss(Tape& t, const std::vector<int>& tokens, const std::vector<int>& targets) {
    std::vector<Row> x;
    for (const int token : tokens) {
      Row row;
      for (size_t c = 0; c < width; ++c) row.push_back(t.leaf(weights["token_embd.weight"][static_cast<size_t>(token) * width + c]));
      x.push_back(row);
    }
    for (size_t l = 0; l < layers; ++l) layer(t, "blk." + std::to_string(l) + ".", x);
    std::vector<int> parts;
    for (size_t i = 0; i < x.size(); ++i) {
      if (targets[i] < 0) continue;
      const Row logits = linear(t, "output.weight", norm(t, "output_norm.weight", x[i]));
      Row powers;
      for (const int logit : logits) powers.push_back(t.exp(logit));
      parts.push_back(t.add(t.log(t.sum(powers)), t.times(logits[static_cast<size_t>(targets[i])], -1)));
    }
    return t.sum(parts);
  }

  // Puts the pairs' values on a new tape.
  void place(Tape& t) {
    for (auto& [name, pair] : pairs) {
      pair.a_nodes.clear(), pair.b_nodes.clear();
      for (const double v : pair.a) pair.a_nodes.push_back(t.leaf(v));
      for (const double v : pair.b) pair.b_nodes.push_back(t.leaf(v));
    }
  }

 private:
  Row norm(Tape& t, const std::string& name, const Row& x) {
    const int mean = t.times(t.dot(x, x), 1 / static_cast<double>(x.size()));
    const int s = t.inverse_root(t.add(mean, t.leaf(epsilon)));
    Row y;
    for (size_t i = 0; i < x.size(); ++i) y.push_back(t.times(t.mul(x[i], s), weights[name][i]));
    return y;
  }
  Row linear(Tape& t, const std::string& name, const Row& x) {
    const std::vector<double>& w = weights.at(name);
    Row y;
    for (size_t r = 0; r < w.size() / x.size(); ++r) y.push_back(t.dot(x, w.data() + r * x.size()));
    const auto found = pairs.find(name);
    if (found == pairs.end()) return y;
    const Pair& p = found->second;
    Row low;
    for (size_t k = 0; k < p.rank; ++k) low.push_back(t.dot(x, Row(p.a_nodes.begin() + static_cast<long>(k * p.columns), p.a_nodes.begin() + static_cast<long>((k + 1) * p.columns))));
    for (size_t r = 0; r < p.rows; ++r) {
      const Row b(p.b_nodes.begin() + static_cast<long>(r * p.rank), p.b_nodes.begin() + static_cast<long>((r + 1) * p.rank));
      y[r] = t.add(y[r], t.times(t.dot(low, b), scale));
    }
    return y;
  }
  // Neighbouring features turn by position * base^(-2i / size).
  Row rotated(Tape& t, const Row& x, size_t size, size_t position) {
    Row y = x;
    for (size_t i = 0; i < x.size(); i += 2) {
      const double angle = static_cast<double>(position) * std::pow(base, -static_cast<double>(i % size) / static_cast<double>(size));
      y[i] = t.add(t.times(x[i], std::cos(angle)), t.times(x[i + 1], -std::sin(angle)));
      y[i + 1] = t.add(t.times(x[i], std::sin(angle)), t.times(x[i + 1], std::cos(angle)));
    }
    return y;
  }
  void layer(Tape& t, const std::string& blk, std::vector<Row>& x) {
    const size_t size = width / heads;
    std::vector<Row> q, k, v;
    for (size_t i = 0; i < x.size(); ++i) {
      const Row n = norm(t, blk + "attn_norm.weight", x[i]);
      q.push_back(rotated(t, linear(t, blk + "attn_q.weight", n), size, i));
      k.push_back(rotated(t, linear(t, blk + "attn_k.weight", n), size, i));
      v.push_back(linear(t, blk + "attn_v.weight", n));
    }
    for (size_t i = 0; i < x.size(); ++i) {
      Row attended;
      for (size_t h = 0; h < heads; ++h) {
        const size_t from = h / (heads / kv_heads) * size;
        const auto slice = [size](const Row& row, size_t at) { return Row(row.begin() + static_cast<long>(at), row.begin() + static_cast<long>(at + size)); };
        Row powers;
        for (size_t j = 0; j <= i; ++j) {
          powers.push_back(t.exp(t.times(t.dot(slice(q[i], h * size), slice(k[j], from)), 1 / std::sqrt(static_cast<double>(size)))));
        }
        const int whole = t.inverse(t.sum(powers));
        for (size_t c = 0; c < size; ++c) {
          Row column;
          for (size_t j = 0; j <= i; ++j) column.push_back(v[j][from + c]);
          attended.push_back(t.mul(t.dot(powers, column), whole));
        }
      }
      add_to(t, x[i], linear(t, blk + "attn_output.weight", attended));
      const Row n = norm(t, blk + "ffn_norm.weight", x[i]);
      Row gate = linear(t, blk + "ffn_gate.weight", n);
      const Row up = linear(t, blk + "ffn_up.weight", n);
      for (size_t c = 0; c < gate.size(); ++c) {
        const int sigmoid = t.inverse(t.add(t.leaf(1), t.exp(t.times(gate[c], -1))));
        gate[c] = t.mul(t.mul(gate[c], sigmoid), up[c]);
      }
      add_to(t, x[i], linear(t, blk + "ffn_down.weight", gate));
    }
  }
  static void add_to(Tape& t, Row& x, const Row& branch) {
    for (size_t c = 0; c < x.size(); ++c) x[c] = t.add(x[c], branch[c]);
  }
};

// AdamW on all pairs, gradients clipped to `clip`.
struct Adam {
  double beta1, beta2, epsilon, decay, clip;
  std::vector<double> m, v;
  int steps = 0;

  void step(std::vector<double*>& values, std::vector<double> gradient, double rate) {
    m.resize(values.size()), v.resize(values.size());
    ++steps;
    double norm = 0;
    for (const double g : gradient) norm += g * g;
    norm = std::sqrt(norm);
    for (size_t i = 0; i < values.size(); ++i) {
      const double g = norm > clip ? gradient[i] * clip / norm : gradient[i];
      m[i] = beta1 * m[i] + (1 - beta1) * g;
      v[i] = beta2 * v[i] + (1 - beta2) * g * g;
      const double m_hat = m[i] / (1 - std::pow(beta1, steps)), v_hat = v[i] / (1 - std::pow(beta2, steps));
      *values[i] -= rate * (m_hat / (std::sqrt(v_hat) + epsilon) + decay * *values[i]);
    }
  }
};

}  // namespace sillok::reference

// Attention of one row's heads over one key/value head, over lanes.h. See attention.h for layouts and order.
//
// A page at a time: s[t] = scale * (q . k[t]); m' = max(m, s); p[t] = exp(s[t] - m');
//                   l = l exp(m - m') + sum p; o = o exp(m - m') + sum p[t] v[t];   out = o / l
#pragma once

#include "tensor/attention.h"
#include "tensor/kernel_elementwise.h"

namespace sillok::tensor {
namespace {

constexpr size_t kHeadTile = 4;  // query heads that share one reading of keys and values

struct PageView {
  const std::byte* at;       // this head's part of the page
  size_t first, last;        // tokens [first, last) of the page take part
};

inline Floats load_codes(const int8_t* from) { return to_floats(load_signed(from)); }

// scores[h][t] = q[h] . k[t] for the 16 tokens from `token`.
template <size_t kHeads>
inline void score_tokens(const HeadLayout& layout, const std::byte* page, size_t token, const float* query,
                         float (*scores)[kPageTokens]) {
  Floats sum[kHeads][2] = {};
  if (layout.type == Type::kF16) {
    const auto* keys = reinterpret_cast<const uint16_t*>(page + layout.keys) + token;
    for (size_t i = 0; i < layout.key_size; ++i, keys += kPageTokens) {
      const Floats first = load_halves(keys), second = load_halves(keys + 8);
#pragma GCC unroll 4
      for (size_t h = 0; h < kHeads; ++h) {
        const Floats q = splat(query[h * layout.key_size + i]);
        sum[h][0] = fma(first, q, sum[h][0]);
        sum[h][1] = fma(second, q, sum[h][1]);
      }
    }
  } else {
    const auto* keys = reinterpret_cast<const int8_t*>(page + layout.keys) + token;
    const auto* scales = reinterpret_cast<const uint16_t*>(page + layout.key_scales) + token;
    for (size_t from = 0; from < layout.key_size; from += kBlock, scales += kPageTokens) {
      Floats part[kHeads][2] = {};
      const size_t to = from + kBlock < layout.key_size ? from + kBlock : layout.key_size;
      for (size_t i = from; i < to; ++i, keys += kPageTokens) {
        const Floats first = load_codes(keys), second = load_codes(keys + 8);
#pragma GCC unroll 4
        for (size_t h = 0; h < kHeads; ++h) {
          const Floats q = splat(query[h * layout.key_size + i]);
          part[h][0] = fma(first, q, part[h][0]);
          part[h][1] = fma(second, q, part[h][1]);
        }
      }
      const Floats first = load_halves(scales), second = load_halves(scales + 8);
      for (size_t h = 0; h < kHeads; ++h) {
        sum[h][0] = fma(part[h][0], first, sum[h][0]);
        sum[h][1] = fma(part[h][1], second, sum[h][1]);
      }
    }
  }
  for (size_t h = 0; h < kHeads; ++h) {
    store(sum[h][0], &scores[h][token]);
    store(sum[h][1], &scores[h][token + 8]);
  }
}

// Eight features of a token's value, from feature i on; without its scale.
inline Floats load_value(const HeadLayout& layout, const std::byte* page, size_t token, size_t i) {
  const std::byte* values = page + layout.values;
  if (layout.type == Type::kF16) return load_halves(reinterpret_cast<const uint16_t*>(values) + token * layout.value_size + i);
  return load_codes(reinterpret_cast<const int8_t*>(values) + token * layout.value_size + i);
}

// out[h][t] = p[h][t] * scale of token t in the block of 32 features that holds feature i
template <size_t kHeads>
inline void weigh_scales(const HeadLayout& layout, const std::byte* page, size_t i, const float (*p)[kPageTokens],
                         float (*out)[kPageTokens]) {
  const auto* scales = reinterpret_cast<const uint16_t*>(page + layout.value_scales) + i / kBlock * kPageTokens;
  for (size_t t = 0; t < kPageTokens; t += kLanes) {
    const Floats scale = load_halves(scales + t);
    for (size_t h = 0; h < kHeads; ++h) store(load(p[h] + t) * scale, out[h] + t);
  }
}

// out[h][i..] = out * keep[h] + sum over tokens of p[h][t] * value[t]; kVectors vectors of features at once. p holds the
// scales of 8-bit values.
template <size_t kHeads, size_t kVectors>
inline void add_values(const HeadLayout& layout, const PageView& page, const float (*p)[kPageTokens], const float* keep,
                       float* out, size_t i) {
  Floats sum[kHeads][kVectors];
#pragma GCC unroll 4
  for (size_t h = 0; h < kHeads; ++h) {
#pragma GCC unroll 2
    for (size_t v = 0; v < kVectors; ++v) sum[h][v] = load(out + h * layout.value_size + i + 8 * v) * keep[h];
  }
  for (size_t token = page.first; token < page.last; ++token) {
    Floats value[kVectors];
#pragma GCC unroll 2
    for (size_t v = 0; v < kVectors; ++v) value[v] = load_value(layout, page.at, token, i + 8 * v);
#pragma GCC unroll 4
    for (size_t h = 0; h < kHeads; ++h) {
      const Floats weight = splat(p[h][token]);
#pragma GCC unroll 2
      for (size_t v = 0; v < kVectors; ++v) sum[h][v] = fma(value[v], weight, sum[h][v]);
    }
  }
#pragma GCC unroll 4
  for (size_t h = 0; h < kHeads; ++h) {
#pragma GCC unroll 2
    for (size_t v = 0; v < kVectors; ++v) store(sum[h][v], out + h * layout.value_size + i + 8 * v);
  }
}

// Scores to weights of one head; the new maximum and denominator. Returns what the old output is multiplied by.
inline float weigh_tokens(const HeadAttention& attention, const PageView& page, float* scores, float* most, float* sum) {
  const Floats index = {0, 1, 2, 3, 4, 5, 6, 7};
  const auto first = static_cast<float>(page.first), last = static_cast<float>(page.last);
  const float nowhere = -__builtin_inff();
  Floats top = splat(*most);
  for (size_t t = 0; t < kPageTokens; t += kLanes) {
    Floats s = load(scores + t) * attention.scale;
    if (attention.softcap > 0) s = hyperbolic_tangent(s / attention.softcap) * attention.softcap;
    const Floats at = index + static_cast<float>(t);
    s = at < first ? splat(nowhere) : s;
    s = at >= last ? splat(nowhere) : s;
    store(s, scores + t);
    top = s > top ? s : top;
  }
  const float new_most = largest(top);
  // All scores so far -inf (or NaN): subtracting the maximum would make NaN of the former.
  const float base = new_most == nowhere ? 0.0f : new_most;
  Floats added = {};
  for (size_t t = 0; t < kPageTokens; t += kLanes) {
    const Floats p = exponential(load(scores + t) - base);
    store(p, scores + t);
    added += p;
  }
  const float keep = exponential(splat(*most - base))[0];
  *sum = *sum * keep + total(added);
  *most = new_most;
  return keep;
}

template <size_t kHeads>
inline void attend_heads(const HeadAttention& attention, size_t head) {
  const HeadLayout& layout = attention.layout;
  const float* query = attention.query + head * layout.key_size;
  float* out = attention.out + head * layout.value_size;
  for (size_t i = 0; i < kHeads * layout.value_size; ++i) out[i] = 0;
  float most[kHeads], sum[kHeads] = {}, keep[kHeads];
  for (float& value : most) value = -__builtin_inff();
  alignas(32) float p[kHeads][kPageTokens];
  for (size_t token = attention.begin; token < attention.end;) {
    const size_t index = token / kPageTokens, start = index * kPageTokens;
    PageView page{attention.base + attention.pages[index] * attention.page_bytes, token - start, kPageTokens};
    if (attention.end - start < kPageTokens) page.last = attention.end - start;
    score_tokens<kHeads>(layout, page.at, 0, query, p);
    score_tokens<kHeads>(layout, page.at, 16, query, p);
    for (size_t h = 0; h < kHeads; ++h) keep[h] = weigh_tokens(attention, page, p[h], &most[h], &sum[h]);
    alignas(32) float weighed[kHeads][kPageTokens];
    for (size_t i = 0; i < layout.value_size; i += 16) {
      const bool scaled = layout.type == Type::kQ8_0;
      if (scaled && i % kBlock == 0) weigh_scales<kHeads>(layout, page.at, i, p, weighed);
      if (i + 16 <= layout.value_size) {
        add_values<kHeads, 2>(layout, page, scaled ? weighed : p, keep, out, i);
      } else {
        add_values<kHeads, 1>(layout, page, scaled ? weighed : p, keep, out, i);
      }
    }
    token = start + page.last;
  }
  for (size_t h = 0; h < kHeads; ++h) {
    float factor = 1;
    if (attention.sinks != nullptr) {
      const float sink = attention.sinks[head + h];
      const float new_most = sink > most[h] ? sink : most[h];
      factor = exponential(splat(most[h] - new_most))[0];
      sum[h] = sum[h] * factor + exponential(splat(sink - new_most))[0];
    }
    factor = sum[h] == 0 ? 0.0f : factor / sum[h];
    scale_lanes(out + h * layout.value_size, factor, layout.value_size);
  }
}

// Heads in fours. A head's result does not depend on which others share its tile.
void attend_lanes(const HeadAttention& attention) {
  size_t head = 0;
  for (; head + kHeadTile <= attention.group; head += kHeadTile) attend_heads<kHeadTile>(attention, head);
  switch (attention.group - head) {
    case 1: return attend_heads<1>(attention, head);
    case 2: return attend_heads<2>(attention, head);
    case 3: return attend_heads<3>(attention, head);
    default: return;
  }
}

}  // namespace
}  // namespace sillok::tensor

// The KV store and attention over it. Layouts: attention.h.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "tensor/convert.h"
#include "tensor/cpu_backend.h"

namespace sillok::tensor {
namespace {

size_t aligned(size_t bytes) { return (bytes + 63) / 64 * 64; }
size_t blocks_of(size_t size) { return (size + kBlock - 1) / kBlock; }

// Up to 32 features of one token in 8 bits: d = largest magnitude / 127 as a half. Returns the half.
uint16_t quantize_features(const float* from, size_t count, int8_t* codes) {
  float largest = 0;
  bool finite = true;
  for (size_t i = 0; i < count; ++i) {
    largest = std::max(largest, std::fabs(from[i]));
    finite = finite && std::isfinite(from[i]);
  }
  if (!finite) {
    std::fill(codes, codes + count, int8_t{0});
    return 0x7E00;  // NaN: what was not a number stays none
  }
  const uint16_t half = float_to_half(largest / 127.0f);
  const float d = half_to_float(half), inverse = d > 0 && std::isfinite(d) ? 1.0f / d : 0.0f;
  for (size_t i = 0; i < count; ++i) codes[i] = static_cast<int8_t>(nearest(from[i] * inverse, -127, 127));
  return half;
}

void store_f16(const Kernels& kernels, const HeadLayout& layout, std::byte* head, uint32_t token, const float* key,
               const float* value, std::vector<uint16_t>& halves) {
  halves.resize(layout.key_size);
  kernels.narrow(key, layout.key_size, halves.data());
  auto* keys = reinterpret_cast<uint16_t*>(head + layout.keys) + token;
  for (size_t i = 0; i < layout.key_size; ++i) keys[i * kPageTokens] = halves[i];
  kernels.narrow(value, layout.value_size, reinterpret_cast<uint16_t*>(head + layout.values) + token * layout.value_size);
}

void store_q8(const HeadLayout& layout, std::byte* head, uint32_t token, const float* key, const float* value) {
  auto* key_scales = reinterpret_cast<uint16_t*>(head + layout.key_scales) + token;
  auto* keys = reinterpret_cast<int8_t*>(head + layout.keys) + token;
  for (size_t from = 0; from < layout.key_size; from += kBlock) {
    int8_t codes[kBlock];
    const size_t count = std::min(kBlock, layout.key_size - from);
    key_scales[from / kBlock * kPageTokens] = quantize_features(key + from, count, codes);
    for (size_t i = 0; i < count; ++i) keys[(from + i) * kPageTokens] = codes[i];
  }
  auto* value_scales = reinterpret_cast<uint16_t*>(head + layout.value_scales) + token;
  auto* values = reinterpret_cast<int8_t*>(head + layout.values) + token * layout.value_size;
  for (size_t from = 0; from < layout.value_size; from += kBlock) {
    value_scales[from / kBlock * kPageTokens] =
        quantize_features(value + from, std::min(kBlock, layout.value_size - from), values + from);
  }
}

}  // namespace

HeadLayout head_layout(Type type, size_t key_size, size_t value_size) {
  HeadLayout layout{.type = type, .key_size = key_size, .value_size = value_size};
  const size_t element = type == Type::kF16 ? 2 : 1;
  const bool scales = type == Type::kQ8_0;
  layout.keys = scales ? aligned(blocks_of(key_size) * kPageTokens * 2) : 0;
  layout.value_scales = aligned(layout.keys + key_size * kPageTokens * element);
  layout.values = layout.value_scales + (scales ? aligned(blocks_of(value_size) * kPageTokens * 2) : 0);
  layout.bytes = aligned(layout.values + value_size * kPageTokens * element);
  return layout;
}

size_t CpuKvStore::page_bytes(const KvShape& shape) {
  size_t bytes = 0;
  for (const KvShape::Layer& layer : shape.layers) {
    bytes += layer.heads * head_layout(shape.type, layer.key_size, layer.value_size).bytes;
  }
  return bytes;
}

CpuKvStore::CpuKvStore(KvShape shape, Memory memory)
    : shape_(std::move(shape)), memory_(std::move(memory)), page_bytes_(page_bytes(shape_)) {
  size_t offset = 0;
  for (const KvShape::Layer& layer : shape_.layers) {
    offsets_.push_back(offset);
    layouts_.push_back(head_layout(shape_.type, layer.key_size, layer.value_size));
    offset += layer.heads * layouts_.back().bytes;
  }
}

Result<std::unique_ptr<KvStore>> CpuBackend::make_kv(const KvShape& shape) {
  if (shape.type != Type::kF16 && shape.type != Type::kQ8_0) {
    return fail(ErrorCode::kUnsupported,
                "KV store of type " + std::string(info(shape.type).name) + ": choose F16 or Q8_0");
  }
  for (const KvShape::Layer& layer : shape.layers) {
    // Lanes own eight features of a value.
    if (layer.value_size % 8 != 0 || layer.key_size == 0 || layer.key_size > 65536 || layer.value_size > 65536) {
      return fail(ErrorCode::kUnsupported, "KV store: heads of " + std::to_string(layer.key_size) + " key and " +
                                               std::to_string(layer.value_size) +
                                               " value features; values must be a multiple of 8, neither above 65536");
    }
  }
  const size_t page = CpuKvStore::page_bytes(shape);
  if (page != 0 && shape.pages > SIZE_MAX / page) return fail(ErrorCode::kLimit, "KV store: size overflows");
  auto memory = Memory::map(page * shape.pages);
  if (!memory) return fail(memory.error().in("KV store"));
  return std::make_unique<CpuKvStore>(shape, std::move(*memory));
}

void CpuBackend::copy_page(KvStore& store, uint32_t from, uint32_t to) {
  const auto& kv = static_cast<const CpuKvStore&>(store);
  SILLOK_CHECK(from < kv.shape().pages && to < kv.shape().pages);
  if (from != to) std::memcpy(kv.page(to), kv.page(from), kv.page_bytes());
}

void CpuBackend::store(KvStore& store, uint32_t layer, View key, View value, std::span<const Slot> slots) {
  const auto& kv = static_cast<const CpuKvStore&>(store);
  SILLOK_CHECK(layer < kv.shape().layers.size());
  const HeadLayout& layout = kv.layout(layer);
  const size_t heads = kv.shape().layers[layer].heads;
  const Rows keys = rows_of(key), values = rows_of(value);
  SILLOK_CHECK(keys.count == slots.size() && values.count == slots.size());
  SILLOK_CHECK(keys.columns == heads * layout.key_size && values.columns == heads * layout.value_size);
  for_rows(slots.size(), keys.columns + values.columns, [&](size_t row) {
    thread_local std::vector<uint16_t> halves;
    const Slot slot = slots[row];
    SILLOK_CHECK(slot.page < kv.shape().pages && slot.index < kPageTokens);
    for (size_t head = 0; head < heads; ++head) {
      std::byte* at = kv.page(slot.page) + kv.layer_offset(layer) + head * layout.bytes;
      const float* k = keys.row(row) + head * layout.key_size;
      const float* v = values.row(row) + head * layout.value_size;
      if (layout.type == Type::kF16) {
        store_f16(kernels_, layout, at, slot.index, k, v, halves);
      } else {
        store_q8(layout, at, slot.index, k, v);
      }
    }
  });
}

void CpuBackend::attend(const Attention& attention) {
  const auto& kv = static_cast<const CpuKvStore&>(*attention.store);
  SILLOK_CHECK(attention.layer < kv.shape().layers.size());
  const HeadLayout& layout = kv.layout(attention.layer);
  const size_t kv_heads = kv.shape().layers[attention.layer].heads;
  SILLOK_CHECK(kv_heads > 0 && attention.heads % kv_heads == 0);
  const size_t group = attention.heads / kv_heads;
  const Rows query = rows_of(attention.query), out = rows_of(attention.out);
  SILLOK_CHECK(query.count == attention.keys.size() && out.count == query.count);
  SILLOK_CHECK(query.columns == attention.heads * layout.key_size && out.columns == attention.heads * layout.value_size);
  SILLOK_CHECK(attention.sinks.empty() || attention.sinks.size() == attention.heads);
  // Heads innermost, so that rows of one sequence that run together read the same pages.
  team_.run(query.count * kv_heads, [&](size_t task, uint32_t) {
    const size_t row = task / kv_heads, head = task % kv_heads;
    const Keys keys = attention.keys[row];
    SILLOK_CHECK(keys.table < attention.tables.size());
    const std::span<const uint32_t> pages = attention.tables[keys.table];
    SILLOK_CHECK(keys.begin >= keys.end || (keys.end + kPageTokens - 1) / kPageTokens <= pages.size());
    for (size_t page = keys.begin / kPageTokens; page * kPageTokens < keys.end; ++page) {
      SILLOK_CHECK(pages[page] < kv.shape().pages);
    }
    kernels_.attend({.layout = layout,
                     .base = kv.page(0) + kv.layer_offset(attention.layer) + head * layout.bytes,
                     .page_bytes = kv.page_bytes(),
                     .pages = pages.data(),
                     .begin = keys.begin,
                     .end = keys.end,
                     .query = query.row(row) + head * group * layout.key_size,
                     .out = out.row(row) + head * group * layout.value_size,
                     .group = group,
                     .scale = attention.scale,
                     .softcap = attention.softcap,
                     .sinks = attention.sinks.empty() ? nullptr : attention.sinks.data() + head * group});
  });
}

}  // namespace sillok::tensor

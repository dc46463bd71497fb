// Operations over rows that are not products: gathering, elementwise functions, norms, RoPE.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "tensor/cpu_backend.h"

namespace sillok::tensor {
namespace {

const float* vector_of(const Weight* weight) {
  if (weight == nullptr) return nullptr;
  const float* values = static_cast<const CpuWeight*>(weight)->vector();
  SILLOK_CHECK(values != nullptr);  // loaded as kVector
  return values;
}
size_t vector_size(const Weight* weight) { return weight == nullptr ? 0 : weight->rows() * weight->columns(); }

Rows same_shape(const View& view, const Rows& as) {
  const Rows rows = rows_of(view);
  SILLOK_CHECK(rows.count == as.count && rows.columns == as.columns);
  return rows;
}

}  // namespace

void CpuBackend::gather(const Weight& table, std::span<const int32_t> ids, View out) {
  const auto& weight = static_cast<const CpuWeight&>(table);
  const Rows to = rows_of(out);
  SILLOK_CHECK(weight.file_rows != nullptr && to.count == ids.size() && to.columns == weight.columns());
  const size_t bytes = row_bytes(weight.type(), weight.columns());
  for_rows(to.count, to.columns, [&](size_t row) {
    const auto id = static_cast<size_t>(ids[row]);
    SILLOK_CHECK(ids[row] >= 0 && id < weight.rows());
    dequantize(weight.type(), weight.file_rows + id * bytes, to.row(row), to.columns);
  });
}

void CpuBackend::gather_rows(View x, std::span<const uint32_t> rows, View out) {
  const Rows from = rows_of(x), to = rows_of(out);
  SILLOK_CHECK(to.count == rows.size() && to.columns == from.columns);
  for_rows(to.count, to.columns, [&](size_t row) {
    SILLOK_CHECK(rows[row] < from.count);
    std::memcpy(to.row(row), from.row(rows[row]), to.columns * sizeof(float));
  });
}

void CpuBackend::scatter_add(View x, std::span<const uint32_t> rows, std::span<const float> scale, View out) {
  const Rows from = rows_of(x), to = rows_of(out);
  SILLOK_CHECK(from.count == rows.size() && scale.size() == rows.size() && to.columns == from.columns);
  // In order: two rows may go to the same place.
  for (size_t i = 0; i < from.count; ++i) {
    SILLOK_CHECK(rows[i] < to.count);
    kernels_.add_scaled(from.row(i), scale[i], to.row(rows[i]), to.columns);
  }
}

void CpuBackend::copy(View x, View out) {
  const Rows from = rows_of(x), to = same_shape(out, from);
  for_rows(to.count, to.columns, [&](size_t row) {
    std::memmove(to.row(row), from.row(row), to.columns * sizeof(float));
  });
}

void CpuBackend::add(View x, View y) {
  const Rows from = rows_of(x), to = same_shape(y, from);
  for_rows(to.count, to.columns, [&](size_t row) { kernels_.add(from.row(row), to.row(row), to.columns); });
}

void CpuBackend::add_vector(const Weight& bias, View y) {
  const Rows to = rows_of(y);
  const float* values = vector_of(&bias);
  SILLOK_CHECK(vector_size(&bias) == to.columns);
  for_rows(to.count, to.columns, [&](size_t row) { kernels_.add(values, to.row(row), to.columns); });
}

void CpuBackend::scale(View y, float factor) {
  const Rows to = rows_of(y);
  for_rows(to.count, to.columns, [&](size_t row) { kernels_.scale(to.row(row), factor, to.columns); });
}

void CpuBackend::softcap(View y, float cap) {
  const Rows to = rows_of(y);
  for_rows(to.count, to.columns, [&](size_t row) { kernels_.softcap(to.row(row), cap, to.columns); });
}

void CpuBackend::activate(Activation kind, View y) {
  const Rows to = rows_of(y);
  for_rows(to.count, to.columns, [&](size_t row) { kernels_.activate(kind, to.row(row), to.row(row), to.columns); });
}

void CpuBackend::activate_and_multiply(Activation kind, View gate, View y) {
  const Rows from = rows_of(gate), to = same_shape(y, from);
  for_rows(to.count, to.columns, [&](size_t row) {
    kernels_.activate_multiply(kind, from.row(row), to.row(row), to.columns);
  });
}

void CpuBackend::rms_norm(View x, const Weight* weight, float epsilon, size_t group, View y) {
  const Rows from = rows_of(x), to = same_shape(y, from);
  if (group == 0) group = from.columns;
  const float* values = vector_of(weight);
  const size_t count = vector_size(weight);
  SILLOK_CHECK(group > 0 && from.columns % group == 0 && (weight == nullptr || count == group || count == from.columns));
  const bool every_column = count == from.columns;
  for_rows(to.count, to.columns, [&](size_t row) {
    for (size_t at = 0; at < to.columns; at += group) {
      const float* w = values == nullptr ? nullptr : values + (every_column ? at : 0);
      kernels_.rms_norm(from.row(row) + at, w, epsilon, to.row(row) + at, group);
    }
  });
}

void CpuBackend::layer_norm(View x, const Weight* weight, const Weight* bias, float epsilon, View y) {
  const Rows from = rows_of(x), to = same_shape(y, from);
  const float *w = vector_of(weight), *b = vector_of(bias);
  SILLOK_CHECK((w == nullptr || vector_size(weight) == to.columns) && (b == nullptr || vector_size(bias) == to.columns));
  for_rows(to.count, to.columns, [&](size_t row) {
    kernels_.layer_norm(from.row(row), w, b, epsilon, to.row(row), to.columns);
  });
}

// (a, b) at angle t = position * frequency becomes (a cos t - b sin t, a sin t + b cos t). Angles in double: at position
// 100000 a float32 angle is off by 0.004.
void CpuBackend::rotate(View y, const Rope& rope, std::span<const int32_t> positions) {
  const Rows to = rows_of(y);
  const size_t size = rope.head_size, pairs = rope.rotated / 2;
  SILLOK_CHECK(positions.size() == to.count && size > 0 && to.columns % size == 0 && rope.rotated <= size);
  SILLOK_CHECK(rope.frequency.size() == pairs && rope.rotated % 2 == 0);
  for_rows(to.count, to.columns, [&](size_t row) {
    thread_local std::vector<float> turns;  // cosine, sine of each pair
    turns.resize(2 * pairs);
    for (size_t i = 0; i < pairs; ++i) {
      const double angle = static_cast<double>(positions[row]) * static_cast<double>(rope.frequency[i]);
      turns[2 * i] = static_cast<float>(std::cos(angle)) * rope.magnitude;
      turns[2 * i + 1] = static_cast<float>(std::sin(angle)) * rope.magnitude;
    }
    const size_t step = rope.halves ? 1 : 2, partner = rope.halves ? pairs : 1;
    for (float* head = to.row(row); head < to.row(row) + to.columns; head += size) {
      for (size_t i = 0; i < pairs; ++i) {
        float &first = head[i * step], &second = head[i * step + partner];
        const float a = first, b = second, cosine = turns[2 * i], sine = turns[2 * i + 1];
        first = a * cosine - b * sine;
        second = a * sine + b * cosine;
      }
    }
  });
}

}  // namespace sillok::tensor

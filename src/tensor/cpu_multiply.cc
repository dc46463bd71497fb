// Products: y = x Wᵀ for every weight of a list at once, and low-rank additions.
//
// The work is cut into tasks: some panels of one weight, times a slice of the rows of x. Weights are read from memory
// once for each slice; a slice's activations stay in the second-level cache while a thread goes through its panels.
#include <algorithm>
#include <cstring>

#include "tensor/cpu_backend.h"

namespace sillok::tensor {
namespace {

// Rows of x that a task takes: a multiple of both tiles. Fewer read the weights more often, more do not fit the cache.
constexpr size_t kSlice = 192;
// With few rows (kFewRows) the weights' way from memory is all that counts: a task is a long run of it.
constexpr size_t kRunBytes = size_t{128} << 10;
constexpr size_t kFewRows = 12;

// How far ahead of a kernel weights are asked for: what arrives in about a quarter of a microsecond.
constexpr size_t kAheadBytes = 4096;

// Rows of a tile, at most `most`, so that tiles differ little: 8 rows are 4 and 4 rather than 6 and 2.
size_t even_tile(size_t rows, size_t most) {
  const size_t tiles = (rows + most - 1) / most;
  return (rows + tiles - 1) / tiles;
}

size_t chunks_of(size_t columns) { return (columns + kChunk - 1) / kChunk; }

}  // namespace

namespace {

// Where a panel's tile is written: straight to y, or for the last panel, if it is not full, to `edge` first.
class Output {
 public:
  Output(const CpuWeight& weight, float* y, size_t stride, size_t panel, size_t rows, std::vector<float>* edge)
      : y_(y + panel * kPanel), stride_(stride), width_(std::min(kPanel, weight.rows() - panel * kPanel)), rows_(rows) {
    if (width_ < kPanel) {
      edge->resize(rows * kPanel);
      edge_ = edge->data();
    }
  }
  Tile tile(size_t row, size_t rows, bool start) const {
    Tile tile{.y = y_ + row * stride_, .stride = stride_, .rows = rows, .start = start};
    if (edge_ != nullptr) {
      tile.y = edge_ + row * kPanel;
      tile.stride = kPanel;
    }
    return tile;
  }
  void finish() const {
    if (edge_ == nullptr) return;
    for (size_t row = 0; row < rows_; ++row) {
      std::memcpy(y_ + row * stride_, edge_ + row * kPanel, width_ * sizeof(float));
    }
  }

 private:
  float* y_;
  size_t stride_, width_, rows_;
  float* edge_ = nullptr;
};

}  // namespace

void CpuBackend::multiply(View x, std::span<const Product> products) {
  const Rows rows = rows_of(x);
  std::vector<Job> jobs;
  jobs.reserve(products.size());
  for (const Product& product : products) {
    const Rows y = rows_of(product.y);
    const auto* weight = static_cast<const CpuWeight*>(product.weight);
    SILLOK_CHECK(weight != nullptr && weight->columns() == x.columns && y.columns == weight->rows() && y.count == x.rows);
    jobs.push_back(Job{.weight = weight, .y = y.data, .stride = y.stride, .first_task = 0, .panels_a_task = 0});
  }
  multiply_rows(rows, jobs);
}

void CpuBackend::multiply_rows(const Rows& x, std::span<const Job> wanted) {
  if (x.count == 0 || wanted.empty()) return;
  std::vector<Job> jobs(wanted.begin(), wanted.end());
  const size_t slices = (x.count + kSlice - 1) / kSlice;
  size_t tasks = 0;
  bool quantised = false;
  for (Job& job : jobs) {
    if (job.weight->packed.size() == 0) {
      // An embedding that is multiplied for the first time. What mmap refuses here the loader could not have either.
      SILLOK_CHECK(job.weight->file_rows != nullptr);
      auto* weight = const_cast<CpuWeight*>(job.weight);
      SILLOK_CHECK(pack(*weight, weight->file_rows, &weight->packed).has_value());
    }
    quantised |= !is_plain(job.weight->type());
    const size_t run = x.count > kFewRows ? kGroup : kRunBytes / job.weight->panel_bytes();
    job.panels_a_task = std::clamp<size_t>(run, 1, std::max<size_t>(1, job.weight->panels() / (2 * team_.size())));
    job.first_task = tasks;
    tasks += slices * ((job.weight->panels() + job.panels_a_task - 1) / job.panels_a_task);
  }
  if (quantised) quantise_rows(x);
  while (scratch_.size() < team_.size()) scratch_.push_back(std::make_unique<Scratch>());

  team_.run(tasks, [&](size_t task, uint32_t thread) {
    size_t index = jobs.size() - 1;
    while (jobs[index].first_task > task) --index;
    const Job& job = jobs[index];
    const size_t runs = (job.weight->panels() + job.panels_a_task - 1) / job.panels_a_task;
    const size_t slice = (task - job.first_task) / runs, run = (task - job.first_task) % runs;
    const size_t first_row = slice * kSlice, rows = std::min(kSlice, x.count - first_row);
    const size_t first = run * job.panels_a_task, last = std::min(job.weight->panels(), first + job.panels_a_task);
    Job part = job;
    part.y += first_row * job.stride;
    if (is_plain(job.weight->type())) {
      multiply_plain(part, {x.row(first_row), rows, x.columns, x.stride}, first, last, *scratch_[thread]);
    } else {
      multiply_quantised(part, first_row, rows, first, last, *scratch_[thread]);
    }
  });
}

void CpuBackend::multiply_plain(const Job& job, const Rows& x, size_t first, size_t last, Scratch& scratch) {
  const CpuWeight& weight = *job.weight;
  const Type type = weight.type();
  const size_t column_bytes = kPanel * info(type).block_bytes, tile_rows = even_tile(x.count, kFloatTile);
  const size_t group_size = x.count <= kFloatTile ? 1 : kGroup;
  // A single tile needs no second look at a chunk: the panel in one go.
  const size_t chunk_columns = x.count <= kFloatTile ? x.columns : kChunk;
  for (size_t group = first; group < last; group += group_size) {
    const size_t panels = std::min(group_size, last - group);
    // Only the last panel of a weight can have an edge.
    std::vector<Output> outs;
    outs.reserve(panels);
    for (size_t p = 0; p < panels; ++p) outs.emplace_back(weight, job.y, job.stride, group + p, x.count, &scratch.edge);
    for (size_t column = 0; column < x.columns; column += chunk_columns) {
      const size_t columns = std::min(chunk_columns, x.columns - column);
      for (size_t row = 0; row < x.count; row += tile_rows) {
        const size_t rows = std::min(tile_rows, x.count - row);
        for (size_t p = 0; p < panels; ++p) {
          const uint8_t* from = weight.panel(group + p) + column * column_bytes;
          Tile tile = outs[p].tile(row, rows, column == 0);
          if (row == 0) tile.ahead = from + std::max(kAheadBytes, columns == x.columns ? 0 : columns * column_bytes);
          kernels_.multiply(type, from, columns, x.row(row) + column, x.stride, tile);
        }
      }
    }
    for (const Output& out : outs) out.finish();
  }
}

void CpuBackend::multiply_quantised(const Job& job, size_t first_row, size_t rows, size_t first, size_t last,
                                    Scratch& scratch) {
  const CpuWeight& weight = *job.weight;
  const PackedBlock packed = packed_block(weight.type());
  const size_t chunk_bytes = kChunk / packed.columns * packed.bytes;
  const DotKind kind = dot_kind(weight.type());
  const auto* x = reinterpret_cast<const ActivationChunk*>(activations_.data());
  const size_t group_size = rows <= kDotTile ? 1 : kGroup, tile_rows = even_tile(rows, kDotTile);
  for (size_t group = first; group < last; group += group_size) {
    const size_t panels = std::min(group_size, last - group);
    std::vector<Output> outs;
    outs.reserve(panels);
    for (size_t p = 0; p < panels; ++p) outs.emplace_back(weight, job.y, job.stride, group + p, rows, &scratch.edge);
    for (size_t chunk = 0; chunk < chunks_of(weight.columns()); ++chunk) {
      const size_t columns = std::min(kChunk, weight.columns() - chunk * kChunk);
      for (size_t p = 0; p < panels; ++p) {
        const uint8_t* from = weight.panel(group + p) + chunk * chunk_bytes;
        kernels_.unpack(weight.type(), from, columns / kBlock, &scratch.chunks[p]);
      }
      const ActivationChunk* of_chunk = x + chunk * activation_rows_ + first_row;
      for (size_t row = 0; row < rows; row += tile_rows) {
        const size_t count = std::min(tile_rows, rows - row);
        for (size_t p = 0; p < panels; ++p) {
          Tile tile = outs[p].tile(row, count, chunk == 0);
          if (row == 0) {  // the panel's next chunk, or the next panel
            tile.ahead = weight.panel(group + p) + (chunk + 1) * chunk_bytes;
            tile.ahead_step = chunk_bytes / kChunkBlocks;
          }
          kernels_.dot(kind, scratch.chunks[p], columns / kBlock, of_chunk + row, tile);
        }
      }
    }
    for (const Output& out : outs) out.finish();
  }
}

void CpuBackend::quantise_rows(const Rows& x) {
  const size_t chunks = chunks_of(x.columns), bytes = chunks * x.count * sizeof(ActivationChunk);
  if (activations_.size() < bytes) {
    auto memory = Memory::map(bytes);
    SILLOK_CHECK(memory.has_value());
    activations_ = std::move(*memory);
  }
  activation_rows_ = x.count;
  auto* out = reinterpret_cast<ActivationChunk*>(activations_.data());
  for_rows(x.count, x.columns, [&](size_t row) {
    for (size_t chunk = 0; chunk < chunks; ++chunk) {
      kernels_.quantize(x.row(row) + chunk * kChunk, std::min(kChunk, x.columns - chunk * kChunk),
                        out + chunk * x.count + row);
    }
  });
}

void CpuBackend::add_low_rank(View x, View y, const LowRank& adapter) {
  const auto& a = static_cast<const CpuWeight&>(*adapter.a);
  const auto& b = static_cast<const CpuWeight&>(*adapter.b);
  Rows from = rows_of(x);
  const Rows to = rows_of(y);
  SILLOK_CHECK(a.columns() == x.columns && b.columns() == a.rows() && b.rows() == y.columns && x.rows == y.rows);
  const size_t count = adapter.rows.empty() ? from.count : adapter.rows.size();
  if (count == 0) return;
  if (!adapter.rows.empty()) {
    low_rank_x_.resize(count * from.columns);
    for (size_t i = 0; i < count; ++i) {
      SILLOK_CHECK(adapter.rows[i] < from.count);
      std::memcpy(low_rank_x_.data() + i * from.columns, from.row(adapter.rows[i]), from.columns * sizeof(float));
    }
    from = {low_rank_x_.data(), count, from.columns, from.columns};
  }
  low_rank_.resize(count * (a.rows() + b.rows()));
  float* inner = low_rank_.data();
  float* outer = inner + count * a.rows();
  const Job first{&a, inner, a.rows(), 0, 0};
  multiply_rows(from, {&first, 1});
  const Job second{&b, outer, b.rows(), 0, 0};
  multiply_rows({inner, count, a.rows(), a.rows()}, {&second, 1});
  for_rows(count, to.columns, [&](size_t i) {
    float* row = to.row(adapter.rows.empty() ? i : adapter.rows[i]);
    kernels_.add_scaled(outer + i * b.rows(), adapter.scale, row, to.columns);
  });
}

}  // namespace sillok::tensor

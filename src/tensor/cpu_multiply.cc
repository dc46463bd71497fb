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

// Rows of x up to which weights may be used without unpacking them first; a group is then one panel.
constexpr size_t kDirectRows = 2;
static_assert(kDirectRows <= kDotTile);

size_t chunks_of(size_t columns) { return (columns + kChunk - 1) / kChunk; }

}  // namespace

namespace {

// At least `bytes` in `memory`, whose former contents may be lost.
std::byte* room(Memory* memory, size_t bytes) {
  if (memory->size() < bytes) {
    *memory = Memory();  // first, so that both need not fit
    auto larger = Memory::map(bytes);
    SILLOK_CHECK(larger.has_value());  // far smaller than the buffers that the caller has got
    *memory = std::move(*larger);
  }
  return memory->data();
}

// Where a panel's tiles are summed: in y itself if there are few rows; else together in `sums`, since rows of y lie far apart,
// often a power of two of bytes, and would compete for the same places of the cache chunk after chunk. A panel that reaches
// past the last output row must not write there.
class Output {
 public:
  Output(const CpuWeight& weight, float* y, size_t stride, size_t panel, size_t rows, std::vector<float>* sums)
      : y_(y + panel * kPanel), stride_(stride), width_(std::min(kPanel, weight.rows() - panel * kPanel)), rows_(rows) {
    if (width_ < kPanel || rows > kFloatTile) {
      if (sums->size() < rows * kPanel) sums->resize(rows * kPanel);
      sums_ = sums->data();
    }
  }
  Tile tile(size_t row, size_t rows, bool start) const {
    Tile tile{.y = y_ + row * stride_, .stride = stride_, .rows = rows, .start = start};
    if (sums_ != nullptr) {
      tile.y = sums_ + row * kPanel;
      tile.stride = kPanel;
    }
    return tile;
  }
  void finish() const {
    if (sums_ == nullptr) return;
    for (size_t row = 0; row < rows_; ++row) {
      std::memcpy(y_ + row * stride_, sums_ + row * kPanel, width_ * sizeof(float));
    }
  }

 private:
  float* y_;
  size_t stride_, width_, rows_;
  float* sums_ = nullptr;
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
    jobs.push_back({.weight = weight, .y = y.data, .stride = y.stride});
  }
  multiply_rows(rows, jobs);
}

void CpuBackend::multiply_rows(const Rows& x, std::span<const Job> wanted) {
  if (x.count == 0 || wanted.empty()) return;
  std::vector<Job> jobs(wanted.begin(), wanted.end());
  const size_t slices = (x.count + kSlice - 1) / kSlice;
  size_t tasks = 0;
  bool quantised = false, plain = false;
  for (Job& job : jobs) {
    auto* weight = const_cast<CpuWeight*>(job.weight);
    if (!weight->is_packed && weight->was_used) pack(*weight);
    job.packs = !weight->is_packed;
    weight->was_used = true;
    job.panel_bytes = weight->panel_bytes();
    job.panels = reinterpret_cast<const uint8_t*>(weight->packed.data());
    (is_plain(weight->type()) ? plain : quantised) = true;
    const size_t group = is_plain(weight->type()) ? kPlainGroup : kQuantisedGroup;
    const size_t run = x.count > kFewRows ? group : kRunBytes / job.panel_bytes;
    job.panels_a_task = std::clamp<size_t>(run, 1, std::max<size_t>(1, weight->panels() / (2 * team_.size())));
    job.first_task = tasks;
    // A task that packs goes through all slices, so as to pack once.
    tasks += (job.packs ? 1 : slices) * ((weight->panels() + job.panels_a_task - 1) / job.panels_a_task);
  }
  if (quantised) quantise_rows(x);
  if (plain && x.count > kFloatTile) arrange_rows(x);
  while (scratch_.size() < team_.size()) scratch_.push_back(std::make_unique<Scratch>());

  team_.run(tasks, [&](size_t task, uint32_t thread) {
    size_t index = jobs.size() - 1;
    while (jobs[index].first_task > task) --index;
    const Job& job = jobs[index];
    const size_t runs = (job.weight->panels() + job.panels_a_task - 1) / job.panels_a_task;
    const size_t slice = (task - job.first_task) / runs, run = (task - job.first_task) % runs;
    const size_t first = run * job.panels_a_task, last = std::min(job.weight->panels(), first + job.panels_a_task);
    Job part = job;
    if (job.packs) {
      auto* panels = reinterpret_cast<uint8_t*>(room(&scratch_[thread]->panels, (last - first) * job.panel_bytes));
      pack_panels(*job.weight, first, last, FilePages::kKeep, panels);
      part.panels = panels;
      part.first_panel = first;
    }
    const size_t last_row = job.packs ? x.count : std::min(x.count, (slice + 1) * kSlice);
    for (size_t first_row = slice * kSlice; first_row < last_row; first_row += kSlice) {
      const size_t rows = std::min(kSlice, last_row - first_row);
      part.y = job.y + first_row * job.stride;
      if (is_plain(job.weight->type())) {
        multiply_plain(part, x, first_row, rows, first, last, *scratch_[thread]);
      } else {
        multiply_quantised(part, first_row, rows, first, last, *scratch_[thread]);
      }
    }
  });
}

void CpuBackend::multiply_plain(const Job& job, const Rows& x, size_t first_row, size_t rows, size_t first, size_t last,
                                Scratch& scratch) {
  const CpuWeight& weight = *job.weight;
  const Type type = weight.type();
  const size_t column_bytes = kPanel * info(type).block_bytes, tile_rows = even_tile(rows, kFloatTile);
  // A lone tile takes a panel in one go, and x where it is.
  const bool lone = x.count <= kFloatTile;
  const size_t group_size = lone ? 1 : kPlainGroup, chunk_columns = lone ? x.columns : kChunk;
  const auto* arranged = reinterpret_cast<const float*>(arranged_.data());
  for (size_t group = first; group < last; group += group_size) {
    const size_t panels = std::min(group_size, last - group);
    std::vector<Output> outs;
    outs.reserve(panels);
    for (size_t p = 0; p < panels; ++p) outs.emplace_back(weight, job.y, job.stride, group + p, rows, &scratch.sums[p]);
    for (size_t column = 0; column < x.columns; column += chunk_columns) {
      const size_t columns = std::min(chunk_columns, x.columns - column);
      const float* of_chunk = lone ? x.data : arranged + column * x.count + first_row * kChunk;
      const size_t stride = lone ? x.stride : kChunk;
      for (size_t row = 0; row < rows; row += tile_rows) {
        for (size_t p = 0; p < panels; ++p) {
          const uint8_t* from = job.panel(group + p) + column * column_bytes;
          Tile tile = outs[p].tile(row, std::min(tile_rows, rows - row), column == 0);
          if (row == 0) tile.ahead = from + (lone ? kAheadBytes : columns * column_bytes);
          kernels_.multiply(type, from, columns, of_chunk + row * stride, stride, tile);
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
  const size_t group_size = rows <= kDotTile ? 1 : kQuantisedGroup, tile_rows = even_tile(rows, kDotTile);
  for (size_t group = first; group < last; group += group_size) {
    const size_t panels = std::min(group_size, last - group);
    std::vector<Output> outs;
    outs.reserve(panels);
    for (size_t p = 0; p < panels; ++p) outs.emplace_back(weight, job.y, job.stride, group + p, rows, &scratch.sums[p]);
    for (size_t chunk = 0; chunk < chunks_of(weight.columns()); ++chunk) {
      const size_t columns = std::min(kChunk, weight.columns() - chunk * kChunk);
      if (rows <= kDirectRows && kernels_.dot_direct != nullptr) {
        const uint8_t* from = job.panel(group) + chunk * chunk_bytes;
        Tile tile = outs[0].tile(0, rows, chunk == 0);
        tile.ahead = from + chunk_bytes;
        tile.ahead_step = chunk_bytes / kChunkBlocks;
        const ActivationChunk* of_chunk = x + chunk * activation_rows_ + first_row;
        if (kernels_.dot_direct(weight.type(), from, columns / kBlock, of_chunk, tile)) continue;
      }
      for (size_t p = 0; p < panels; ++p) {
        const uint8_t* from = job.panel(group + p) + chunk * chunk_bytes;
        kernels_.unpack(weight.type(), from, columns / kBlock, &scratch.chunks[p]);
      }
      const ActivationChunk* of_chunk = x + chunk * activation_rows_ + first_row;
      for (size_t row = 0; row < rows; row += tile_rows) {
        const size_t count = std::min(tile_rows, rows - row);
        for (size_t p = 0; p < panels; ++p) {
          Tile tile = outs[p].tile(row, count, chunk == 0);
          if (row == 0) {  // the panel's next chunk, or the next panel
            tile.ahead = job.panel(group + p) + (chunk + 1) * chunk_bytes;
            tile.ahead_step = chunk_bytes / kChunkBlocks;
          }
          kernels_.dot(kind, scratch.chunks[p], columns / kBlock, of_chunk + row, tile);
        }
      }
    }
    for (const Output& out : outs) out.finish();
  }
}

// [chunk][row][kChunk]: what a task reads of a chunk lies together. Rows of x a power of two of bytes apart would compete for
// the same few places of the first-level cache.
void CpuBackend::arrange_rows(const Rows& x) {
  const size_t chunks = chunks_of(x.columns);
  auto* to = reinterpret_cast<float*>(room(&arranged_, chunks * kChunk * x.count * sizeof(float)));
  for_rows(x.count, x.columns, [&](size_t row) {
    for (size_t chunk = 0; chunk < chunks; ++chunk) {
      const size_t columns = std::min(kChunk, x.columns - chunk * kChunk);
      std::memcpy(to + (chunk * x.count + row) * kChunk, x.row(row) + chunk * kChunk, columns * sizeof(float));
    }
  });
}

void CpuBackend::quantise_rows(const Rows& x) {
  const size_t chunks = chunks_of(x.columns);
  activation_rows_ = x.count;
  auto* out = reinterpret_cast<ActivationChunk*>(room(&activations_, chunks * x.count * sizeof(ActivationChunk)));
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
  const Job first{.weight = &a, .y = inner, .stride = a.rows()};
  multiply_rows(from, {&first, 1});
  const Job second{.weight = &b, .y = outer, .stride = b.rows()};
  multiply_rows({inner, count, a.rows(), a.rows()}, {&second, 1});
  for_rows(count, to.columns, [&](size_t i) {
    float* row = to.row(adapter.rows.empty() ? i : adapter.rows[i]);
    kernels_.add_scaled(outer + i * b.rows(), adapter.scale, row, to.columns);
  });
}

}  // namespace sillok::tensor

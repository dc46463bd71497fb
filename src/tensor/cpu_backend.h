// The CPU backend's own types, private to tensor. cpu_backend.cc makes and loads, cpu_multiply.cc multiplies,
// cpu_operations.cc does what is elementwise, cpu_attention.cc holds the KV store and attention.
#pragma once

#include <algorithm>

#include "tensor/attention.h"
#include "tensor/kernels.h"
#include "tensor/memory.h"
#include "tensor/pack.h"
#include "tensor/thread_team.h"

namespace sillok::tensor {

class CpuBuffer final : public Buffer {
 public:
  CpuBuffer(Memory memory, size_t floats) : memory_(std::move(memory)), floats_(floats) {}
  size_t size() const override { return floats_; }
  float* data() const { return reinterpret_cast<float*>(memory_.data()); }

 private:
  Memory memory_;
  size_t floats_;
};

class CpuWeight final : public Weight {
 public:
  CpuWeight(Type type, size_t rows, size_t columns) : type_(type), rows_(rows), columns_(columns) {}
  Type type() const override { return type_; }
  size_t rows() const override { return rows_; }
  size_t columns() const override { return columns_; }

  size_t panels() const { return (rows_ + kPanel - 1) / kPanel; }
  size_t panel_bytes() const { return packed_panel_bytes(type_, columns_); }
  const float* vector() const { return reinterpret_cast<const float*>(plain.data()); }

  // What a weight is multiplied with: panels, room for which is mapped by load and touched when they are packed. Weights of a
  // file are packed when they are multiplied for the second time; the first time each thread packs what it is about to use
  // into its scratch. A model then gives its first token before all of it has been written to memory once more.
  Memory packed;
  bool is_packed = false, was_used = false;
  Memory plain;   // kVector: float32
  // The rows as in the file, kept by keep_alive or, for an embedding without one, by `copy`. Null once they are not needed.
  const uint8_t* file_rows = nullptr;
  bool is_file = false;  // file_rows are pages of a file
  std::shared_ptr<const void> keep_alive;
  Memory copy;

 private:
  Type type_;
  size_t rows_, columns_;
};

// Packs panels first .. last - 1 of weight.file_rows. Pages of a file that will not be read again are dropped.
enum class FilePages : uint8_t { kKeep, kDrop };
void pack_panels(const CpuWeight& weight, size_t first, size_t last, FilePages pages, uint8_t* to);

class CpuKvStore final : public KvStore {
 public:
  CpuKvStore(KvShape shape, Memory memory);
  const KvShape& shape() const override { return shape_; }
  size_t bytes() const override { return memory_.size(); }

  static size_t page_bytes(const KvShape& shape);
  std::byte* page(uint32_t page) const { return memory_.data() + page * page_bytes_; }
  size_t page_bytes() const { return page_bytes_; }
  // Offset in a page of a layer's first head, and the layout of each of its heads.
  size_t layer_offset(uint32_t layer) const { return offsets_[layer]; }
  const HeadLayout& layout(uint32_t layer) const { return layouts_[layer]; }

 private:
  KvShape shape_;
  Memory memory_;
  std::vector<size_t> offsets_;
  std::vector<HeadLayout> layouts_;
  size_t page_bytes_ = 0;
};

// Rows of floats in memory: what a View is once its buffer is known.
struct Rows {
  float* data = nullptr;
  size_t count = 0, columns = 0, stride = 0;
  float* row(size_t index) const { return data + index * stride; }
};
Rows rows_of(const View& view);  // checks that the view lies inside its buffer

class CpuBackend final : public Backend {
 public:
  CpuBackend(const Kernels& kernels, uint32_t threads) : kernels_(kernels), team_(threads) {}

  std::string name() const override;
  Result<std::unique_ptr<Buffer>> allocate(size_t floats) override;
  Result<std::unique_ptr<Weight>> load(const WeightData& data, WeightUse use,
                                       std::shared_ptr<const void> keep_alive) override;
  Result<std::unique_ptr<KvStore>> make_kv(const KvShape& shape) override;
  void copy_page(KvStore& store, uint32_t from, uint32_t to) override;

  void write(View to, const float* from) override;
  void read(View from, float* to) override;
  void gather(const Weight& table, std::span<const int32_t> ids, View out) override;
  void gather_rows(View x, std::span<const uint32_t> rows, View out) override;
  void scatter_add(View x, std::span<const uint32_t> rows, std::span<const float> scale, View out) override;

  void multiply(View x, std::span<const Product> products) override;
  void add_low_rank(View x, View y, const LowRank& adapter) override;

  void copy(View x, View out) override;
  void add(View x, View y) override;
  void add_vector(const Weight& bias, View y) override;
  void scale(View y, float factor) override;
  void softcap(View y, float cap) override;
  void activate(Activation kind, View y) override;
  void activate_and_multiply(Activation kind, View gate, View y) override;
  void rms_norm(View x, const Weight* weight, float epsilon, size_t group, View y) override;
  void layer_norm(View x, const Weight* weight, const Weight* bias, float epsilon, View y) override;
  void rotate(View y, const Rope& rope, std::span<const int32_t> positions) override;
  void store(KvStore& store, uint32_t layer, View key, View value, std::span<const Slot> slots) override;
  void attend(const Attention& attention) override;

 private:
  // Panels that share a reading of a chunk of x. Quantised: their unpacked chunks, 7 KiB each, stay in the first level of the
  // cache. Floats: 8 or 16 KiB each, in the second, from where they come as fast as they are used.
  static constexpr size_t kQuantisedGroup = 2;
  static constexpr size_t kPlainGroup = 8;
  // One weight of a multiplication and where its product goes.
  struct Job {
    const CpuWeight* weight = nullptr;
    float* y = nullptr;
    size_t stride = 0;
    size_t first_task = 0, panels_a_task = 0;
    bool packs = false;                 // each task packs its panels first
    const uint8_t* panels = nullptr;    // packed, from first_panel on
    size_t first_panel = 0, panel_bytes = 0;

    const uint8_t* panel(size_t index) const { return panels + (index - first_panel) * panel_bytes; }
  };
  // A thread's room for unpacked weights.
  struct Scratch {
    Chunk chunks[kQuantisedGroup];
    std::vector<float> sums[kPlainGroup];  // see Output
    Memory panels;                         // see Job::packs
  };

  // Whether the bytes, which `owner` keeps, are pages of a file.
  bool is_file(const void* data, size_t bytes, const std::shared_ptr<const void>& owner);
  void pack(CpuWeight& weight);
  void multiply_rows(const Rows& x, std::span<const Job> jobs);
  void multiply_plain(const Job& job, const Rows& x, size_t first_row, size_t rows, size_t first_panel, size_t last_panel,
                      Scratch& scratch);
  void multiply_quantised(const Job& job, size_t first_row, size_t rows, size_t first_panel, size_t last_panel,
                          Scratch& scratch);
  void quantise_rows(const Rows& x);
  void arrange_rows(const Rows& x);
  // Calls f(row) for each of `count` rows, in parallel if they are worth it.
  template <typename Function>
  void for_rows(size_t count, size_t columns, const Function& f) {
    // Below this many floats, waking the team costs more than it saves.
    constexpr size_t kWorthwhile = 16384;
    if (count * columns < kWorthwhile) {
      for (size_t row = 0; row < count; ++row) f(row);
      return;
    }
    // Runs of rows, so that a task is worth taking.
    const size_t run = std::max<size_t>(1, kWorthwhile / 4 / std::max<size_t>(1, columns));
    team_.run((count + run - 1) / run, [&](size_t task, uint32_t) {
      for (size_t row = task * run; row < std::min(count, (task + 1) * run); ++row) f(row);
    });
  }

  const Kernels& kernels_;
  ThreadTeam team_;
  // The mapping that weights were last loaded from, and what keeps it: all weights of a model lie in one.
  FileMapping mapping_;
  std::weak_ptr<const void> mapping_owner_;
  // Room that operations reuse: activations in 8 bits and in floats by chunk, results of low-rank products, scratch per
  // thread.
  Memory activations_, arranged_;
  size_t activation_rows_ = 0;
  std::vector<float> low_rank_, low_rank_x_;
  std::vector<std::unique_ptr<Scratch>> scratch_;
};

}  // namespace sillok::tensor

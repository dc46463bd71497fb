// Making a CPU backend, its memory, and loading weights.
#include "tensor/cpu_backend.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <thread>

namespace sillok::tensor {
namespace {

std::string shape_text(const WeightData& data) {
  return std::string(info(data.type).name) + " " + std::to_string(data.rows) + " x " + std::to_string(data.columns);
}

bool runs_here(Isa isa) {
  switch (isa) {
    case Isa::kScalar: return true;
#if defined(__x86_64__)
    case Isa::kAvx2:
      return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
    case Isa::kAvx512:
#if defined(SILLOK_EMULATE_AVX512)
      return runs_here(Isa::kAvx2);
#endif
      return runs_here(Isa::kAvx2) && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
             __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni");
#endif
#if defined(__aarch64__)
    case Isa::kNeon: return true;  // part of the architecture
#endif
    default: return false;
  }
}

}  // namespace

std::span<const Kernels* const> kernel_tables() {
  static const Kernels* const kTables[] = {
      &scalar_kernels(),
#ifdef SILLOK_HAVE_AVX2
      &avx2_kernels(),
#endif
#ifdef SILLOK_HAVE_AVX512
      &avx512_kernels(),
#endif
#ifdef SILLOK_HAVE_NEON
      &neon_kernels(),
#endif
  };
  return kTables;
}

std::string_view to_string(Isa isa) {
  switch (isa) {
    case Isa::kScalar: return "scalar";
    case Isa::kAvx2: return "avx2";
    case Isa::kAvx512: return "avx512";
    case Isa::kNeon: return "neon";
  }
  return "unknown";
}

std::vector<Isa> available_isas() {
  std::vector<Isa> found;
  for (const Kernels* table : kernel_tables()) {
    if (runs_here(table->isa)) found.push_back(table->isa);
  }
  return found;
}

Result<std::unique_ptr<Backend>> make_cpu_backend(const CpuOptions& options) {
  const std::vector<Isa> available = available_isas();
  std::string wanted;
  if (options.isa) {
    wanted = to_string(*options.isa);
  } else if (const char* named = std::getenv("SILLOK_ISA"); named != nullptr && *named != '\0') {
    wanted = ascii_lower(named);
  } else {
    wanted = to_string(available.back());
  }
  std::string names;
  for (const Isa isa : available) names += (names.empty() ? "" : ", ") + std::string(to_string(isa));
  uint32_t threads = options.threads != 0 ? options.threads : std::max(1u, std::thread::hardware_concurrency());
  constexpr uint32_t kMostThreads = 1024;
  if (threads > kMostThreads) {
    return fail(ErrorCode::kInvalid, "cpu backend: " + std::to_string(threads) + " threads; at most 1024 are allowed");
  }
  for (const Kernels* table : kernel_tables()) {
    if (to_string(table->isa) == wanted && std::find(available.begin(), available.end(), table->isa) != available.end()) {
      return std::make_unique<CpuBackend>(*table, threads);
    }
  }
  return fail(ErrorCode::kUnsupported,
              "cpu backend: this machine and build have no instruction set \"" + wanted + "\"; choose one of " + names);
}

std::string CpuBackend::name() const {
  return "cpu " + std::string(to_string(kernels_.isa)) + ", " + std::to_string(team_.size()) +
         (team_.size() == 1 ? " thread" : " threads");
}

Rows rows_of(const View& view) {
  if (view.rows == 0 || view.columns == 0) return {nullptr, view.rows, view.columns, view.stride};
  const auto* buffer = static_cast<const CpuBuffer*>(view.buffer);
  SILLOK_CHECK(buffer != nullptr && (view.rows == 1 || view.stride >= view.columns));
  SILLOK_CHECK(view.offset + (view.rows - 1) * view.stride + view.columns <= buffer->size());
  return {buffer->data() + view.offset, view.rows, view.columns, view.stride};
}

Result<std::unique_ptr<Buffer>> CpuBackend::allocate(size_t floats) {
  if (floats > SIZE_MAX / sizeof(float)) return fail(ErrorCode::kLimit, "memory: size overflows");
  SILLOK_ASSIGN(Memory memory, Memory::map(floats * sizeof(float)));
  return std::make_unique<CpuBuffer>(std::move(memory), floats);
}

Result<std::unique_ptr<Weight>> CpuBackend::load(const WeightData& data, WeightUse use,
                                                 std::shared_ptr<const void> keep_alive) {
  if (!can_dequantize(data.type)) {
    return fail(ErrorCode::kUnsupported, "weight of type " + std::string(info(data.type).name) + ": it holds no weights");
  }
  if (data.columns == 0 || data.rows == 0 || data.columns % info(data.type).block_elements != 0) {
    return fail(ErrorCode::kInvalid, "weight " + shape_text(data) + ": columns must be a multiple of " +
                                         std::to_string(info(data.type).block_elements) + " and nothing may be empty");
  }
  const size_t bytes_of_row = row_bytes(data.type, data.columns);
  // Packed, a row takes at most the bytes of float32, and a panel is at most 16 rows more.
  if (data.rows > SIZE_MAX / 64 / data.columns) return fail(ErrorCode::kLimit, "weight " + shape_text(data) + ": too large");
  const auto* rows = static_cast<const uint8_t*>(data.data);
  auto weight = std::make_unique<CpuWeight>(data.type, data.rows, data.columns);
  switch (use) {
    case WeightUse::kVector: {
      SILLOK_ASSIGN(weight->plain, Memory::map(data.rows * data.columns * sizeof(float)));
      auto* to = reinterpret_cast<float*>(weight->plain.data());
      for (size_t row = 0; row < data.rows; ++row) {
        dequantize(data.type, rows + row * bytes_of_row, to + row * data.columns, data.columns);
      }
      break;
    }
    case WeightUse::kEmbedding:
    case WeightUse::kMatrix:
      // Untouched, it costs nothing; refused, it is refused here.
      SILLOK_ASSIGN(weight->packed, Memory::map(weight->panels() * weight->panel_bytes()));
      weight->file_rows = rows;
      weight->is_file = is_file(rows, data.rows * bytes_of_row, keep_alive);
      if (keep_alive != nullptr) {
        weight->keep_alive = std::move(keep_alive);
      } else if (use == WeightUse::kMatrix) {
        pack(*weight);
        weight->file_rows = nullptr;
      } else {
        SILLOK_ASSIGN(weight->copy, Memory::map(data.rows * bytes_of_row));
        std::memcpy(weight->copy.data(), rows, data.rows * bytes_of_row);
        weight->file_rows = reinterpret_cast<const uint8_t*>(weight->copy.data());
        weight->is_file = false;
      }
      break;
  }
  return weight;
}

bool CpuBackend::is_file(const void* data, size_t bytes, const std::shared_ptr<const void>& owner) {
  if (owner == nullptr || mapping_owner_.lock() != owner || !mapping_.holds(data, bytes)) {
    mapping_ = file_mapping_of(data);
    mapping_owner_ = owner;
  }
  return mapping_.holds(data, bytes);
}

void pack_panels(const CpuWeight& weight, size_t first, size_t last, FilePages pages, uint8_t* to) {
  const size_t bytes_of_row = row_bytes(weight.type(), weight.columns());
  const uint8_t* from = weight.file_rows + first * kPanel * bytes_of_row;
  const size_t bytes = (std::min(weight.rows(), last * kPanel) - first * kPanel) * bytes_of_row;
  if (weight.is_file && pages == FilePages::kDrop) want_pages(from, bytes);  // the system may have taken them back
  for (size_t panel = first; panel < last; ++panel) {
    const size_t row = panel * kPanel;
    const uint8_t* rows = weight.file_rows + row * bytes_of_row;
    const uint8_t* next = row + 2 * kPanel <= weight.rows() ? rows + kPanel * bytes_of_row : nullptr;
    pack_panel(weight.type(), rows, bytes_of_row, std::min(kPanel, weight.rows() - row), weight.columns(), next,
               to + (panel - first) * weight.panel_bytes());
  }
  if (weight.is_file && pages == FilePages::kDrop) drop_pages(from, bytes);
}

void CpuBackend::pack(CpuWeight& weight) {
  auto* to = reinterpret_cast<uint8_t*>(weight.packed.data());
  // About a megabyte a task: pages of the file are asked for and given back in runs, and never pile up.
  const size_t run = std::max<size_t>(1, (size_t{1} << 20) / weight.panel_bytes());
  team_.run((weight.panels() + run - 1) / run, [&](size_t task, uint32_t) {
    const size_t first = task * run, last = std::min(weight.panels(), first + run);
    pack_panels(weight, first, last, FilePages::kDrop, to + first * weight.panel_bytes());
  });
  weight.is_packed = true;
}

void CpuBackend::write(View to, const float* from) {
  const Rows rows = rows_of(to);
  for (size_t row = 0; row < rows.count; ++row) {
    std::memcpy(rows.row(row), from + row * rows.columns, rows.columns * sizeof(float));
  }
}

void CpuBackend::read(View from, float* to) {
  const Rows rows = rows_of(from);
  for (size_t row = 0; row < rows.count; ++row) {
    std::memcpy(to + row * rows.columns, rows.row(row), rows.columns * sizeof(float));
  }
}

}  // namespace sillok::tensor

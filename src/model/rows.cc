#include "model/rows.h"

#include <algorithm>
#include <thread>

namespace sillok::model {
namespace {

constexpr size_t kChunkElements = size_t{1} << 22;  // 16 MB of float32 at a time

}  // namespace

Status convert_rows(tensor::Type from, tensor::Type to, size_t rows, size_t columns,
                    const std::function<const char*(size_t row)>& source, const std::function<void(std::span<float>)>& edit,
                    const std::function<Status(std::string_view)>& append) {
  const size_t out_bytes = tensor::row_bytes(to, columns);
  const bool same = from == to && !edit;
  const size_t chunk = std::clamp<size_t>(kChunkElements / columns, 1, rows);
  std::string out(chunk * out_bytes, '\0');
  for (size_t start = 0; start < rows; start += chunk) {
    const size_t count = std::min(chunk, rows - start);
    const size_t workers = std::clamp<size_t>(std::min<size_t>(std::thread::hardware_concurrency(), count), 1, 64);
    const auto work = [&](size_t worker) {
      std::vector<float> values(columns);
      for (size_t row = count * worker / workers; row < count * (worker + 1) / workers; ++row) {
        const char* in = source(start + row);
        char* to_row = out.data() + row * out_bytes;
        if (same) {
          std::copy_n(in, out_bytes, to_row);
          continue;
        }
        tensor::dequantize(from, in, values.data(), columns);
        if (edit) edit(values);
        tensor::quantize(to, values.data(), to_row, columns);
      }
    };
    std::vector<std::thread> threads;
    for (size_t i = 1; i < workers; ++i) threads.emplace_back(work, i);
    work(0);
    for (std::thread& thread : threads) thread.join();
    SILLOK_TRY(append(std::string_view(out).substr(0, count * out_bytes)));
  }
  return {};
}

}  // namespace sillok::model

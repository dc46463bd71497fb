// Memory from the operating system, private to tensor: zeroed, aligned to pages, in huge pages where it is large.
#pragma once

#include <cstddef>

#include "base/base.h"

namespace sillok::tensor {

class Memory {
 public:
  Memory() = default;
  // kLimit if the system refuses.
  static Result<Memory> map(size_t bytes);
  Memory(Memory&& other) noexcept;
  Memory& operator=(Memory&& other) noexcept;
  ~Memory();
  std::byte* data() const { return data_; }
  size_t size() const { return size_; }

 private:
  std::byte* data_ = nullptr;
  size_t size_ = 0;
};

// A mapping of a file that this process can only read: its pages may be dropped and will come back from the file.
struct FileMapping {
  uintptr_t begin = 0, end = 0;
  bool holds(const void* data, size_t bytes) const {
    const auto at = reinterpret_cast<uintptr_t>(data);
    return at >= begin && at < end && bytes <= end - at;
  }
};
// The one that `data` points into; empty if it points elsewhere. Reads /proc/self/maps: a tenth of a millisecond.
FileMapping file_mapping_of(const void* data);
// Asks for the pages of a range in such a mapping, or gives back those that lie wholly inside it.
void want_pages(const void* data, size_t bytes);
void drop_pages(const void* data, size_t bytes);

}  // namespace sillok::tensor

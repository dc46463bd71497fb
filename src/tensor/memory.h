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

// Whether the whole range lies in one mapping of a file that this process can only read: its pages may be dropped and
// will come back from the file.
bool is_read_only_file(const void* data, size_t bytes);
// Asks for the pages of a range in a read-only file mapping, or gives back those that lie wholly inside it.
void want_pages(const void* data, size_t bytes);
void drop_pages(const void* data, size_t bytes);

}  // namespace sillok::tensor

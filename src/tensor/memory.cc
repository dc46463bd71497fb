#include "tensor/memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cinttypes>
#include <cstdio>
#include <fstream>
#include <utility>

namespace sillok::tensor {
namespace {

constexpr size_t kHugePage = size_t{2} << 20;

size_t page_size() {
  static const auto size = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  return size;
}

// The pages that touch [data, data + bytes), or only those inside it.
enum class Cover : uint8_t { kTouched, kInside };
void advise(const void* data, size_t bytes, Cover cover, int advice) {
  const uintptr_t page = page_size();
  auto begin = reinterpret_cast<uintptr_t>(data);
  uintptr_t end = begin + bytes;
  if (cover == Cover::kTouched) {
    begin = begin / page * page;
    end = (end + page - 1) / page * page;
  } else {
    begin = (begin + page - 1) / page * page;
    end = end / page * page;
  }
  // Advice that the kernel does not take costs speed or memory, never the result.
  if (begin < end) (void)madvise(reinterpret_cast<void*>(begin), end - begin, advice);
}

}  // namespace

Result<Memory> Memory::map(size_t bytes) {
  Memory memory;
  if (bytes == 0) return memory;
  // Large runs start on a huge page's boundary, so that the kernel can use one from the first byte.
  const bool huge = bytes >= kHugePage;
  const size_t slack = huge ? kHugePage : 0;
  if (bytes > SIZE_MAX - slack - page_size()) return fail(ErrorCode::kLimit, "memory: size overflows");
  void* at = mmap(nullptr, bytes + slack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (at == MAP_FAILED) {
    return fail(ErrorCode::kLimit, "memory: the system refuses " + std::to_string(bytes >> 20) +
                                       " MiB; use a smaller model, context or batch, or a machine with more memory");
  }
  auto* begin = static_cast<std::byte*>(at);
  if (huge) {
    const size_t page = page_size();
    const size_t skip = (kHugePage - reinterpret_cast<uintptr_t>(at) % kHugePage) % kHugePage;
    if (skip > 0) munmap(at, skip);
    begin += skip;
    const size_t kept = (bytes + page - 1) / page * page;
    if (slack > skip) munmap(begin + kept, slack - skip);
    (void)madvise(begin, kept, MADV_HUGEPAGE);
  }
  memory.data_ = begin;
  memory.size_ = bytes;
  return memory;
}

Memory::Memory(Memory&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
Memory& Memory::operator=(Memory&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}
Memory::~Memory() {
  if (data_ != nullptr) munmap(data_, size_);
}

FileMapping file_mapping_of(const void* data) {
  const auto at = reinterpret_cast<uintptr_t>(data);
  std::ifstream maps("/proc/self/maps");
  std::string line;
  while (std::getline(maps, line)) {
    uint64_t from = 0, to = 0, inode = 0;
    char access[5] = {};
    // from-to access offset device inode path
    if (std::sscanf(line.c_str(), "%" SCNx64 "-%" SCNx64 " %4s %*s %*s %" SCNu64, &from, &to, access, &inode) != 4) continue;
    if (at < from || at >= to) continue;
    if (inode != 0 && access[0] == 'r' && access[1] == '-') return {static_cast<uintptr_t>(from), static_cast<uintptr_t>(to)};
    break;
  }
  return {};
}

void want_pages(const void* data, size_t bytes) {
#ifdef MADV_POPULATE_READ
  advise(data, bytes, Cover::kTouched, MADV_POPULATE_READ);
#else
  advise(data, bytes, Cover::kTouched, MADV_WILLNEED);
#endif
}
void drop_pages(const void* data, size_t bytes) { advise(data, bytes, Cover::kInside, MADV_DONTNEED); }

}  // namespace sillok::tensor

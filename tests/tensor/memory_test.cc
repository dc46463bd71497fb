// Memory, pages of files, and the thread team.
#include "tensor/memory.h"

#include <atomic>
#include <fstream>

#include "backend_fixture.h"
#include "tensor/thread_team.h"

namespace sillok::tensor {
namespace {

TEST(MemoryTest, IsZeroedAndWritable) {
  for (const size_t bytes : {size_t{1}, size_t{4096}, (size_t{5} << 20) + 3}) {
    auto memory = Memory::map(bytes);
    ASSERT_TRUE(memory.has_value());
    EXPECT_EQ(memory->data()[bytes - 1], std::byte{0});
    memory->data()[bytes - 1] = std::byte{7};
    Memory moved = std::move(*memory);
    EXPECT_EQ(moved.data()[bytes - 1], std::byte{7});
  }
  EXPECT_EQ(Memory::map(SIZE_MAX / 2).error().code, ErrorCode::kLimit);
  EXPECT_EQ(Memory::map(SIZE_MAX).error().code, ErrorCode::kLimit);
}

class TemporaryFile {
 public:
  explicit TemporaryFile(std::span<const uint8_t> bytes) : path_(testing::TempDir() + "tensor_memory_test.bin") {
    std::ofstream(path_, std::ios::binary).write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  }
  ~TemporaryFile() { fs::remove(path_); }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

// Pages of a file are dropped while it is packed; memory that is no file must never be.
TEST(MemoryTest, LoadsFromAMappedFileAndFromMemory) {
  const QuantisedMatrix matrix(Type::kQ8_0, 1000, 256, 1);
  const TemporaryFile file(matrix.bytes);
  auto mapped = MappedFile::open(file.path());
  ASSERT_TRUE(mapped.has_value());
  const FileMapping mapping = file_mapping_of(mapped->bytes().data());
  EXPECT_TRUE(mapping.holds(mapped->bytes().data(), mapped->bytes().size()));
  EXPECT_FALSE(mapping.holds(mapped->bytes().data(), mapped->bytes().size() + (size_t{1} << 40)));
  EXPECT_FALSE(mapping.holds(matrix.bytes.data(), 1));
  EXPECT_FALSE(file_mapping_of(matrix.bytes.data()).holds(matrix.bytes.data(), 1));
  auto on = backend(available_isas().back(), 2);
  WeightData from_file = matrix.data();
  from_file.data = mapped->bytes().data();
  auto a = *on->load(from_file, WeightUse::kMatrix, nullptr), b = *on->load(matrix.data(), WeightUse::kMatrix, nullptr);
  EXPECT_EQ(std::memcmp(mapped->bytes().data(), matrix.bytes.data(), matrix.bytes.size()), 0);
  const Matrix x(*on, 2, 256, normal_values(512, 2)), ya(*on, 2, 1000), yb(*on, 2, 1000);
  const Product products[] = {{a.get(), ya.view()}, {b.get(), yb.view()}};
  on->multiply(x.view(), products);
  EXPECT_TRUE(same_bits(ya.read(), yb.read()));
}

// What keeps a file's mapping may keep other memory, too: a weight of that must not have its pages dropped.
TEST(MemoryTest, OneOwnerOfAFileAndOfMemory) {
  const QuantisedMatrix matrix(Type::kQ8_0, 1000, 256, 1);
  const TemporaryFile file(matrix.bytes);
  struct Owner {
    MappedFile mapped;
    std::vector<uint8_t> bytes;
  };
  const auto owner = std::make_shared<Owner>(*MappedFile::open(file.path()), matrix.bytes);
  auto on = backend(available_isas().back(), 2);
  WeightData from_file = matrix.data(), from_memory = matrix.data();
  from_file.data = owner->mapped.bytes().data();
  from_memory.data = owner->bytes.data();
  auto a = *on->load(from_file, WeightUse::kMatrix, owner), b = *on->load(from_memory, WeightUse::kMatrix, owner);
  const Matrix x(*on, 2, 256, normal_values(512, 2)), ya(*on, 2, 1000), yb(*on, 2, 1000);
  const Product products[] = {{a.get(), ya.view()}, {b.get(), yb.view()}};
  on->multiply(x.view(), products);
  const std::vector<float> first = ya.read();
  EXPECT_TRUE(same_bits(first, yb.read()));
  on->multiply(x.view(), products);  // packed for good; the file's pages are dropped
  EXPECT_TRUE(same_bits(first, ya.read()));
  EXPECT_TRUE(same_bits(first, yb.read()));
  EXPECT_EQ(owner->bytes, matrix.bytes);
}

TEST(ThreadTeamTest, EveryTaskOnceInManyJobs) {
  for (const uint32_t threads : {1u, 2u, 5u}) {
    ThreadTeam team(threads);
    EXPECT_EQ(team.size(), threads);
    std::vector<std::atomic<int>> calls(67);
    std::atomic<bool> strange = false;
    for (int job = 0; job < 3000; ++job) {
      const auto count = static_cast<size_t>(job % 68);
      team.run(count, [&](size_t index, uint32_t thread) {
        if (index >= count || thread >= threads) strange = true;
        calls[index].fetch_add(1, std::memory_order_relaxed);
      });
      // Long enough for workers to yield and to sleep.
      if (job % 1000 == 999) std::this_thread::sleep_for(std::chrono::milliseconds(30));
    }
    EXPECT_FALSE(strange);
    for (size_t index = 0; index < calls.size(); ++index) {
      int expected = 0;
      for (int job = 0; job < 3000; ++job) expected += static_cast<size_t>(job % 68) > index;
      EXPECT_EQ(calls[index].load(), expected);
    }
  }
}

}  // namespace
}  // namespace sillok::tensor

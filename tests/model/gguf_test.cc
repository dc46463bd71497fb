#include <cstring>

#include "files.h"

namespace sillok::model {
namespace {

using tensor::Type;

GgufOut sample() {
  GgufOut out;
  out.metadata = {
      {"general.architecture", std::string("llama")},
      {"a.small", uint64_t{7}},
      {"a.large", uint64_t{1} << 40},
      {"a.negative", int64_t{-3}},
      {"a.real", 0.5},
      {"a.true", true},
      {"a.strings", strings({"한글", "", std::string("\xff\0x", 3)})},
      {"a.reals", reals({1.5, -2})},
      {"a.integers", integers({-1, 2, 3})},
      {"a.wide", integers({int64_t{1} << 40})},
      {"a.none", integers({})},
  };
  out.tensors = {{"first", Type::kF32, {3}}, {"second", Type::kQ8_0, {64, 5}}, {"third", Type::kQ4_K, {256, 2, 3}}};
  return out;
}

TEST(Gguf, WritesAndReadsBack) {
  const Folder folder;
  const GgufOut out = sample();
  ASSERT_TRUE(write_gguf(folder.path / "a.gguf", out, filled(out, 9)));
  auto opened = Gguf::open(folder.path / "a.gguf");
  ASSERT_TRUE(opened) << opened.error().message;
  const Gguf& file = **opened;
  EXPECT_EQ(file.version(), 3u);
  EXPECT_EQ(*file.text("general.architecture"), "llama");
  EXPECT_EQ(*file.integer("a.small"), 7u);
  EXPECT_EQ(*file.integer("a.large"), uint64_t{1} << 40);
  EXPECT_EQ(*file.real("a.real"), 0.5);
  EXPECT_TRUE(*file.boolean("a.true"));
  EXPECT_EQ((*file.array("a.strings"))->strings, (std::vector<std::string>{"한글", "", std::string("\xff\0x", 3)}));
  EXPECT_EQ((*file.array("a.reals"))->reals, (std::vector<double>{1.5, -2}));
  EXPECT_EQ((*file.array("a.integers"))->integers, (std::vector<int64_t>{-1, 2, 3}));
  EXPECT_EQ((*file.array("a.wide"))->integers, (std::vector<int64_t>{int64_t{1} << 40}));
  EXPECT_EQ((*file.array("a.none"))->size(), 0u);
  ASSERT_EQ(file.tensors().size(), 3u);
  const GgufTensor* third = file.tensor("third");
  ASSERT_NE(third, nullptr);
  EXPECT_EQ(third->shape, (std::vector<uint64_t>{256, 2, 3}));
  EXPECT_EQ(third->type, Type::kQ4_K);
  EXPECT_EQ(third->bytes, std::string(144 * 6, 9));
  EXPECT_EQ(file.tensor("fourth"), nullptr);
  for (const GgufTensor& tensor : file.tensors()) {
    EXPECT_EQ(reinterpret_cast<uintptr_t>(tensor.bytes.data()) % 32, 0u) << tensor.name;
  }
}

TEST(Gguf, AccessorsNameKeyAndFile) {
  const Folder folder;
  const GgufOut out = sample();
  ASSERT_TRUE(write_gguf(folder.path / "b.gguf", out, filled(out, 0)));
  const auto file = *Gguf::open(folder.path / "b.gguf");
  const auto absent = file->text("a.absent");
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().code, ErrorCode::kNotFound);
  EXPECT_NE(absent.error().message.find("a.absent"), std::string::npos);
  EXPECT_NE(absent.error().message.find("b.gguf"), std::string::npos);
  EXPECT_EQ(file->integer("a.negative").error().code, ErrorCode::kInvalid);
  EXPECT_EQ(file->integer("a.real").error().code, ErrorCode::kInvalid);
  EXPECT_EQ(file->text("a.small").error().code, ErrorCode::kInvalid);
  EXPECT_EQ(file->array("a.small").error().code, ErrorCode::kInvalid);
}

TEST(Gguf, ReadsAVocabularyWithoutTensors) {
  GgufOut out;
  out.metadata = {{"general.architecture", std::string("llama")}};
  const std::string bytes = gguf_bytes(out);
  EXPECT_TRUE(Gguf::parse(bytes));
}

TEST(Gguf, HonoursTheAlignment) {
  GgufOut out = sample();
  out.metadata.emplace_back("general.alignment", uint64_t{256});
  const std::string bytes = gguf_bytes(out);
  const auto file = Gguf::parse(bytes);
  ASSERT_TRUE(file) << file.error().message;
  for (const GgufTensor& tensor : (*file)->tensors()) {
    EXPECT_EQ(static_cast<size_t>(tensor.bytes.data() - bytes.data()) % 256, 0u);
  }
}

// Every prefix of a good file is refused (or, past the last tensor's bytes, is whole), and none crashes.
TEST(Gguf, RefusesEveryTruncation) {
  const GgufOut out = sample();
  const std::string bytes = gguf_bytes(out);
  size_t accepted = 0;
  for (size_t size = 0; size < bytes.size(); ++size) {
    const std::string cut(bytes, 0, size);
    const auto file = Gguf::parse(cut);
    if (file) ++accepted;
    else EXPECT_TRUE(file.error().code == ErrorCode::kInvalid) << file.error().message;
  }
  EXPECT_LT(accepted, 32u);  // only cuts in the padding of the last tensor
}

// Puts `value` at `offset` of `bytes` and gives the refusal.
template <typename T>
std::string refusal(std::string bytes, size_t offset, T value, ErrorCode code = ErrorCode::kInvalid) {
  std::memcpy(bytes.data() + offset, &value, sizeof value);
  const auto file = Gguf::parse(bytes);
  if (file) return "accepted";
  EXPECT_EQ(file.error().code, code) << file.error().message;
  return file.error().message;
}

#define EXPECT_SAYS(message, part) EXPECT_NE((message).find(part), std::string::npos) << (message)

TEST(Gguf, RefusesDamagedHeaders) {
  const GgufOut out = sample();
  const std::string bytes = gguf_bytes(out);
  EXPECT_SAYS(refusal(bytes, 0, 'g'), "no GGUF file");
  EXPECT_SAYS(refusal(bytes, 4, uint32_t{1}, ErrorCode::kUnsupported), "version 1");
  EXPECT_SAYS(refusal(bytes, 4, uint32_t{4}, ErrorCode::kUnsupported), "version 4");
  EXPECT_SAYS(refusal(bytes, 4, uint32_t{0x03000000}, ErrorCode::kUnsupported), "big-endian");
  EXPECT_SAYS(refusal(bytes, 8, UINT64_MAX), "room");
  EXPECT_SAYS(refusal(bytes, 16, UINT64_MAX), "room");
  EXPECT_SAYS(refusal(bytes, 24, UINT64_MAX), "ends inside");    // length of the first key
  EXPECT_SAYS(refusal(bytes, 24, uint64_t{0}), "empty");
  EXPECT_SAYS(refusal(bytes, 52, uint32_t{99}), "kind 99");      // kind of the first value
}

TEST(Gguf, RefusesDamagedMetadata) {
  GgufOut out;
  out.metadata = {{"k", integers({1, 2})}, {"b", true}, {"c", true}};
  const std::string bytes = gguf_bytes(out);
  // Entry 1: 24 length, 32 "k", 33 kind, 37 element kind, 41 count, 49 elements; entry 2: 57 length, 65 "b", 66 kind, 70.
  EXPECT_SAYS(refusal(bytes, 37, uint32_t{9}), "array of arrays");
  EXPECT_SAYS(refusal(bytes, 37, uint32_t{77}), "kind 77");
  EXPECT_SAYS(refusal(bytes, 41, uint64_t{1000}), "elements");
  EXPECT_SAYS(refusal(bytes, 41, UINT64_MAX, ErrorCode::kLimit), "elements together");
  EXPECT_SAYS(refusal(bytes, 65, 'c'), "'c' is there twice");
  EXPECT_SAYS(refusal(bytes, 70, uint8_t{2}), "truth");
}

TEST(Gguf, RefusesDamagedTensors) {
  GgufOut out;
  out.tensors = {{"aaaa", Type::kQ8_0, {32, 4}}, {"bbbb", Type::kF32, {8}}};
  const std::string bytes = gguf_bytes(out);
  ASSERT_TRUE(Gguf::parse(bytes));
  // Tensor 1: 24 length, 32 name, 36 dimensions, 40 columns, 48 rows, 56 type, 60 offset;
  // tensor 2: 68 length, 76 name, 80 dimensions, 84 columns, 92 type, 96 offset; data at 128.
  EXPECT_SAYS(refusal(bytes, 36, uint32_t{5}), "5 dimensions");
  EXPECT_SAYS(refusal(bytes, 40, uint64_t{31}), "block");
  EXPECT_SAYS(refusal(bytes, 40, uint64_t{0}), "empty dimension");
  EXPECT_SAYS(refusal(bytes, 48, UINT64_MAX), "2^63");
  EXPECT_SAYS(refusal(bytes, 48, uint64_t{1000}), "reaches");
  EXPECT_SAYS(refusal(bytes, 56, uint32_t{23}, ErrorCode::kUnsupported), "IQ4_XS");
  EXPECT_SAYS(refusal(bytes, 56, uint32_t{12345}, ErrorCode::kUnsupported), "number 12345");
  EXPECT_SAYS(refusal(bytes, 60, uint64_t{1}), "alignment");
  EXPECT_SAYS(refusal(bytes, 96, uint64_t{0}), "overlap");
  EXPECT_SAYS(refusal(bytes, 96, uint64_t{1} << 62), "reaches");
  EXPECT_SAYS(refusal(bytes, 96, UINT64_MAX - 31), "reaches");
  std::string twice = bytes;
  twice.replace(76, 4, "aaaa");
  EXPECT_SAYS(refusal(twice, 0, 'G'), "twice");
}

TEST(Gguf, RefusesABadAlignment) {
  GgufOut out = sample();
  out.metadata = {{"general.alignment", uint64_t{64}}};
  const std::string bytes = gguf_bytes(out);
  const size_t at = 24 + 8 + 17 + 4;
  EXPECT_SAYS(refusal(bytes, at, uint32_t{0}), "power of two");
  EXPECT_SAYS(refusal(bytes, at, uint32_t{48}), "power of two");
  EXPECT_SAYS(refusal(bytes, at, uint32_t{1} << 31), "power of two");
}

TEST(Gguf, WriterRefusesWhatTheReaderWould) {
  const Folder folder;
  const fs::path path = folder.path / "c.gguf";
  GgufOut out;
  out.tensors = {{"a", Type::kF32, {4}}, {"a", Type::kF32, {4}}};
  EXPECT_SAYS(write_gguf(path, out, filled(out, 0)).error().message, "twice");
  out.tensors = {{"a", Type::kQ4_K, {100}}};
  EXPECT_SAYS(write_gguf(path, out, filled(out, 0)).error().message, "block");
  out.tensors = {{"a", Type::kF32, {4}}};
  const auto short_fill = [](size_t, const std::function<Status(std::string_view)>& append) { return append("1234"); };
  EXPECT_SAYS(write_gguf(path, out, short_fill).error().message, "4 bytes, not its 16");
  const auto failing = [](size_t, const std::function<Status(std::string_view)>&) -> Status {
    return tl::unexpected<Error>(Error{ErrorCode::kIo, "the source is gone"});
  };
  EXPECT_SAYS(write_gguf(path, out, failing).error().message, "the source is gone");
  out.metadata = {{"k", true}, {"k", true}};
  EXPECT_SAYS(write_gguf(path, out, filled(out, 0)).error().message, "twice");
  EXPECT_TRUE(fs::is_empty(folder.path)) << "a refused file left something behind";
}

TEST(Gguf, OpensNothingThatIsNotThere) {
  EXPECT_EQ(Gguf::open("/nowhere/x.gguf").error().code, ErrorCode::kNotFound);
  const Folder folder;
  EXPECT_FALSE(Gguf::open(folder.path));
  std::ofstream(folder.path / "empty.gguf");
  EXPECT_EQ(Gguf::open(folder.path / "empty.gguf").error().code, ErrorCode::kInvalid);
}

TEST(Gguf, ReadsRealVocabularies) {
  const fs::path folder = data_path("models/ggml-vocab");
  if (folder.empty()) GTEST_SKIP() << "SILLOK_DATA has no models/ggml-vocab";
  size_t read = 0;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() != ".gguf") continue;
    const auto file = Gguf::open(entry.path());
    ASSERT_TRUE(file) << file.error().message;
    EXPECT_TRUE((*file)->has("tokenizer.ggml.tokens"));
    ++read;
  }
  EXPECT_GT(read, 0u);
}

}  // namespace
}  // namespace sillok::model

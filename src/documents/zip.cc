// Containers of files: ZIP and gzip. Members are read one after the other, each through
// read_source.
#include <zlib.h>

#include "documents/reader.h"

namespace sillok::documents {
namespace {

constexpr size_t kInflateBytes = 256u << 10;

// What a Mac adds beside each file: its icon and window position, not content.
bool is_mac_metadata(std::string_view name) {
  const size_t slash = name.rfind('/');
  const std::string_view last = slash == std::string_view::npos ? name : name.substr(slash + 1);
  return name.starts_with("__MACOSX/") || last == ".DS_Store";
}

Result<std::string> inflate_gzip(std::string_view bytes, Budget& budget) {
  z_stream stream{};
  if (inflateInit2(&stream, 15 + 16) != Z_OK)
    return fail(ErrorCode::kInternal, "cannot decompress");
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  std::string out;
  std::vector<char> buffer(kInflateBytes);
  int code = Z_OK;
  Status charged;
  while (code == Z_OK && charged) {
    stream.next_out = reinterpret_cast<Bytef*>(buffer.data());
    stream.avail_out = static_cast<uInt>(buffer.size());
    code = inflate(&stream, Z_NO_FLUSH);
    const size_t made = buffer.size() - stream.avail_out;
    charged = budget.charge(made);
    if (charged) out.append(buffer.data(), made);
    // A gzip file may be several, one after the other.
    if (code == Z_STREAM_END && stream.avail_in > 0) code = inflateReset(&stream);
  }
  inflateEnd(&stream);
  if (!charged) return fail(charged.error());
  if (code != Z_STREAM_END)
    return fail(ErrorCode::kInvalid, "the compressed data is damaged or cut off");
  return out;
}

}  // namespace

Status read_zip(const Source& source, Budget& budget, const ItemSink& sink) {
  SILLOK_ASSIGN(const ZipArchive archive, ZipArchive::open(source.bytes, budget));
  const std::string prefix = source.part.empty() ? "" : source.part + "/";
  for (const std::string& stored : archive.names()) {
    if (stored.ends_with('/') || is_mac_metadata(stored)) continue;
    // Windows packs names in the local charset and says nothing of it.
    const std::string name = decode_text(stored);
    if (budget.passes_over(prefix + name)) continue;
    const size_t slash = name.find_last_of("/\\");
    const std::string last = slash == std::string::npos ? name : name.substr(slash + 1);
    const auto bytes = archive.read(stored);
    if (!bytes) {
      SILLOK_TRY(budget.count_item());
      if (budget.exhausted()) return fail(bytes.error());
      sink(Item{prefix + name, source.part, fail(bytes.error())});
      continue;
    }
    SILLOK_TRY(read_source(Source{*bytes, last, prefix + name, source.part, source.depth + 1},
                           budget, sink));
  }
  return {};
}

Status read_gzip(const Source& source, Budget& budget, const ItemSink& sink) {
  SILLOK_ASSIGN(const std::string bytes, inflate_gzip(source.bytes, budget));
  std::string name = source.name;
  if (starts_with_nocase(
          std::string_view(name).substr(name.size() - std::min<size_t>(name.size(), 3)), ".gz"))
    name.resize(name.size() - 3);
  // One file in another wrapping: it keeps its place.
  if (source.depth + 1 > budget.limits().depth)
    return fail(ErrorCode::kLimit, "is compressed too many times over");
  return read_source(Source{bytes, name, source.part, source.parent, source.depth + 1}, budget,
                     sink);
}

}  // namespace sillok::documents

// Documents inside documents: whole files stored as package parts, and OLE objects, which wrap them
// once more.
#include <gsf/gsf.h>

#include <mutex>

#include "documents/office_package.h"

namespace sillok::documents {
namespace {

constexpr std::string_view kOleSignature("\xD0\xCF\x11\xE0", 4);

struct Unref {
  void operator()(void* object) const { g_object_unref(object); }
};
template <typename T>
using Held = std::unique_ptr<T, Unref>;

// A stream of an OLE file by name; empty if there is none.
std::string ole_stream(GsfInfile* file, const char* name, Budget& budget) {
  const Held<GsfInput> stream(gsf_infile_child_by_name(file, name));
  if (!stream) return "";
  const gsf_off_t size = gsf_input_size(stream.get());
  if (size <= 0 || !budget.charge(static_cast<uint64_t>(size))) return "";
  std::string bytes(static_cast<size_t>(size), '\0');
  if (gsf_input_read(stream.get(), bytes.size(), reinterpret_cast<guint8*>(bytes.data())) ==
      nullptr)
    return "";
  return bytes;
}

// "\1Ole10Native" (a file dropped into a document): 4 size, 2 type, label, file name, 4, 4 + path,
// 4 size, data.
std::pair<std::string, std::string> native_file(std::string_view stream) {
  size_t at = 6;
  const auto text = [&] {
    const size_t end = std::min(stream.find('\0', std::min(at, stream.size())), stream.size());
    const std::string out(
        stream.substr(std::min(at, stream.size()), end - std::min(at, stream.size())));
    at = end + 1;
    return out;
  };
  const auto number = [&]() -> size_t {
    size_t value = 0;
    if (at + 4 > stream.size()) return SIZE_MAX;
    for (size_t i = 4; i-- > 0;) value = value << 8 | static_cast<uint8_t>(stream[at + i]);
    at += 4;
    return value;
  };
  const std::string label = text();
  (void)text();
  at += 4;
  const size_t path = number();
  if (path > stream.size()) return {};
  at += path;
  const size_t size = number();
  if (at > stream.size() || size > stream.size() - at) return {};
  return {label, std::string(stream.substr(at, size))};
}

struct Inner {
  std::string name;
  std::string bytes;
};

// The document an OLE object wraps; the object itself where it is an old binary document.
Inner unwrap_ole(std::string_view name, std::string_view bytes, Budget& budget) {
  static std::once_flag once;
  std::call_once(once, [] { gsf_init(); });
  Inner inner{std::string(name), ""};
  const Held<GsfInput> input(gsf_input_memory_new(reinterpret_cast<const guint8*>(bytes.data()),
                                                  static_cast<gsf_off_t>(bytes.size()), FALSE));
  const Held<GsfInfile> file(input ? gsf_infile_msole_new(input.get(), nullptr) : nullptr);
  if (!file) return inner;
  for (const char* stream : {"Package", "CONTENTS", "Contents", "EmbeddedOdf"}) {
    inner.bytes = ole_stream(file.get(), stream, budget);
    if (!inner.bytes.empty()) return inner;
  }
  const std::string native = ole_stream(file.get(), "\1Ole10Native", budget);
  if (!native.empty()) {
    auto [label, content] = native_file(native);
    if (!label.empty()) inner.name = decode_text(label);
    inner.bytes = std::move(content);
    return inner;
  }
  inner.bytes = bytes;
  return inner;
}

void append_blocks(Document& document, std::string_view name, Document&& inner) {
  const auto first = static_cast<uint32_t>(document.blocks.size());
  for (Block& block : inner.blocks) {
    std::string part = "embedded: " + std::string(name);
    if (!block.anchor.part.empty()) part += " › " + block.anchor.part;
    block.anchor.part = std::move(part);
    document.blocks.push_back(std::move(block));
  }
  for (Hyperlink& link : inner.links) {
    link.block += first;
    document.links.push_back(std::move(link));
  }
}

}  // namespace

void note_unread(Document& document, std::string_view part, std::string_view reason) {
  std::string& note = document.meta.other["not read"];
  if (!note.empty()) note += "; ";
  note += std::string(part) + ": " + std::string(reason);
}

void append_embedded(Document& document, const Source& outer, Budget& budget, std::string_view name,
                     std::string_view bytes) {
  Inner inner{std::string(name), ""};
  if (bytes.substr(0, kOleSignature.size()) == kOleSignature) {
    inner = unwrap_ole(name, bytes, budget);
    if (inner.bytes.empty())
      return note_unread(document, name, "the OLE object holds no known document");
    bytes = inner.bytes;
  }
  // What can only be read later (an old binary document, by way of LibreOffice) becomes an item of its own, and needs a
  // part of its own: with the outer document's it would be taken for that document's next version.
  const std::string part = part_inside(outer, inner.name);
  const Source source{bytes, inner.name, part, outer.part, outer.depth + 1};
  const Status status = read_source(source, budget, [&](Item&& item) {
    const std::string what = inner.name + item.part.substr(std::min(part.size(), item.part.size()));
    if (!item.document) return note_unread(document, what, item.document.error().message);
    append_blocks(document, what, std::move(*item.document));
  });
  if (!status) note_unread(document, inner.name, status.error().message);
}

void append_embedded_parts(Document& document, const OfficePackage& package,
                           const Relations& relations, const Source& outer, Budget& budget) {
  for (const auto& [id, relation] : relations) {
    if (relation.external || (relation.type != "package" && relation.type != "oleObject")) continue;
    if (!package.has(relation.target)) continue;
    const std::string name = relation.target.substr(relation.target.rfind('/') + 1);
    const auto bytes = package.bytes(relation.target);
    if (bytes)
      append_embedded(document, outer, budget, name, *bytes);
    else
      note_unread(document, name, bytes.error().message);
  }
}

}  // namespace sillok::documents

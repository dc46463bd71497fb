// Charts and OLE objects of Hangul documents. They are kept in parts of their own and come after the text, in the order
// of their numbers, so that HWP and HWPX give the same.
#include "documents/drawingml.h"
#include "documents/hangul.h"
#include "documents/hwp_records.h"

namespace sillok::documents::hangul {
namespace {

constexpr std::string_view kOleSignature("\xD0\xCF\x11\xE0", 4);
constexpr std::string_view kChartStream = "OOXMLChartContents";  // beside Hangul's own binary form of the same chart

// Charts before Hangul 2018: serialised objects, the first of which names its class near the beginning.
bool is_binary_chart(std::string_view ole_object) {
  const auto ole = hwp::Compound::open(ole_object);
  if (!ole) return false;
  const auto contents = ole->read("Contents");
  return contents && contents->substr(0, 64).find("VtChart") != std::string::npos;
}

// Hangul writes the size of the compound file, a uint32, before it.
std::string_view without_size(std::string_view bytes) {
  return bytes.size() > 8 && bytes.substr(4, 4) == kOleSignature ? bytes.substr(4) : bytes;
}

}  // namespace

void append_chart(Document& document, std::string xml, std::string_view name, uint32_t number) {
  const auto parsed = Xml::parse(std::move(xml), name);
  if (!parsed) return note_unread(document, name, parsed.error().message);
  Anchor anchor;
  anchor.part = "chart " + std::to_string(number);
  for (Block& block : chart_blocks(parsed->root(), anchor)) document.blocks.push_back(std::move(block));
}

bool is_ole(std::string_view bytes) { return without_size(bytes).starts_with(kOleSignature); }

bool is_chart(std::string_view ole_object) {
  const auto ole = hwp::Compound::open(without_size(ole_object));
  return ole && ole->has(kChartStream);
}

void append_object(Document& document, const Source& source, Budget& budget, std::string_view name,
                   std::string_view bytes, uint32_t& charts) {
  bytes = without_size(bytes);
  if (is_chart(bytes)) {
    ++charts;
    auto xml = hwp::Compound::open(bytes)->read(kChartStream);
    if (!xml) return note_unread(document, name, xml.error().message);
    return append_chart(document, std::move(*xml), name, charts);
  }
  if (is_binary_chart(bytes)) {
    return note_unread(document, name, "a chart in Hangul's old binary form, which is not read; save the document again "
                                       "with a current Hangul");
  }
  append_embedded(document, source, budget, name, bytes);
}

}  // namespace sillok::documents::hangul

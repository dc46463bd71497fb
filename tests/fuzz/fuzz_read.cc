// Any bytes through the readers. The first byte forces one of them (its value picks from the list
// below) or, for the other values, leaves the choice to detection, as in the program.
#include "documents/reader.h"

using namespace sillok::documents;

namespace {

using DocumentReader = sillok::Result<Document> (*)(const Source&, Budget&);
using ItemReader = sillok::Status (*)(const Source&, Budget&, const ItemSink&);
constexpr DocumentReader kDocumentReaders[] = {read_hwp,      read_hwpx, read_pdf, read_docx,
                                               read_xlsx,     read_pptx, read_odf, read_html,
                                               read_markdown, read_text, read_csv, read_image};
constexpr ItemReader kItemReaders[] = {read_json, read_jsonl, read_eml,
                                       read_mbox, read_zip,   read_gzip};

ReadLimits small_limits() {
  ReadLimits limits;
  limits.expanded_bytes = 64 << 20;
  limits.items = 1000;
  return limits;
}

void use(const Document& document) {
  if (!decode(encode(document))) __builtin_trap();  // What a reader makes must survive the pipe.
  (void)to_text(document);
  (void)to_html(document);
  (void)to_json(document);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const ReadLimits limits = small_limits();
  Budget budget(limits);
  const Source source{bytes, "input", "", "", 0};
  const auto sink = [](Item&& item) {
    if (item.document) use(*item.document);
  };
  const size_t choice = data[0], documents = std::size(kDocumentReaders);
  if (choice < documents) {
    auto document = kDocumentReaders[choice](source, budget);
    if (document) {
      finish(*document, source);
      use(*document);
    }
  } else if (choice - documents < std::size(kItemReaders)) {
    (void)kItemReaders[choice - documents](source, budget, sink);
  } else {
    (void)read_in_process(bytes, "input", limits, sink);
  }
  return 0;
}

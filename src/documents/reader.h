// Private to documents: what every reader is given and must give.
#pragma once

#include <optional>

#include "documents/documents.h"

namespace sillok::documents {

// Counts what one file may use in all; passed down through containers.
class Budget {
 public:
  explicit Budget(const ReadLimits& limits) : limits_(limits) {}
  const ReadLimits& limits() const { return limits_; }
  // Call before or while expanding compressed data; kLimit once the sum passes limits().expanded_bytes.
  Status charge(uint64_t expanded_bytes);
  Status count_item();
  // True once either has failed: nothing more of this file can be read.
  bool exhausted() const { return exhausted_; }

  // Instead of documents, the bytes of one part: readers of containers pass over what is neither it nor holds it.
  void want(std::string_view part) { wanted_ = std::string(part); }
  bool passes_over(std::string_view part) const;
  // True if this is the part that is wanted: its bytes are kept.
  bool take(std::string_view part, std::string_view bytes);
  // What was taken; none if it was not there, or twice: then nobody can tell which one is meant.
  std::optional<std::string> taken() { return times_ == 1 ? std::move(taken_) : std::nullopt; }

 private:
  std::string wanted_;  // "": documents are
  std::optional<std::string> taken_;
  size_t times_ = 0;
  ReadLimits limits_;
  uint64_t expanded_ = 0;
  uint32_t items_ = 0;
  bool exhausted_ = false;
};

// One file, or one member of a container, being read.
struct Source {
  std::string_view bytes;
  std::string name;    // last path component, a hint only
  std::string part;    // Item::part of the document to be made
  std::string parent;  // Item::parent
  uint32_t depth = 0;  // containers above this one
};

// Item::part of what `outer` contains under this name: "a.docx/budget.xls".
std::string part_inside(const Source& outer, std::string_view name);

// Readers of one document. `budget` outlives the call. Errors name what is wrong inside the file; the
// caller adds which file. Each sets meta.format and leaves Anchor::path to finish().
Result<Document> read_hwp(const Source& source, Budget& budget);
Result<Document> read_hwpx(const Source& source, Budget& budget);
Result<Document> read_pdf(const Source& source, Budget& budget);
Result<Document> read_docx(const Source& source, Budget& budget);
Result<Document> read_xlsx(const Source& source, Budget& budget);
Result<Document> read_pptx(const Source& source, Budget& budget);
Result<Document> read_odf(const Source& source, Budget& budget);     // odt; ods and odp where simple
Result<Document> read_html(const Source& source, Budget& budget);
Result<Document> read_markdown(const Source& source, Budget& budget);
Result<Document> read_text(const Source& source, Budget& budget);
Result<Document> read_csv(const Source& source, Budget& budget);
Result<Document> read_image(const Source& source, Budget& budget);   // OCR
Result<Document> read_legacy(const Source& source, std::string_view format, Budget& budget);  // rtf, doc, xls, ppt

// Readers that give several items; they recurse through read_source.
Status read_json(const Source& source, Budget& budget, const ItemSink& sink);  // one value: a document, or records
Status read_jsonl(const Source& source, Budget& budget, const ItemSink& sink);
Status read_eml(const Source& source, Budget& budget, const ItemSink& sink);
Status read_mbox(const Source& source, Budget& budget, const ItemSink& sink);
Status read_zip(const Source& source, Budget& budget, const ItemSink& sink);
Status read_gzip(const Source& source, Budget& budget, const ItemSink& sink);  // one compressed file

// Detects the format, runs the reader, finishes the document, gives its items. An unreadable member of a
// container is an item with an error, not a failure of the whole.
Status read_source(const Source& source, Budget& budget, const ItemSink& sink);

// What every document goes through last: cleans text, drops empty blocks, sets heading paths, joins tables
// over page breaks, finds title, document number, revision and dates where the format did not say.
void finish(Document& document, const Source& source);

// OCR of one page image (8-bit grey or RGB rows), Korean and English; blocks in reading order.
Result<std::vector<Block>> ocr_image(const uint8_t* pixels, int width, int height, int channels, int stride,
                                     int dpi);

// Shared helpers.
// A ZIP's members by name; names are as stored. kInvalid if it is not a ZIP. All reads are charged.
class ZipArchive {
 public:
  static Result<ZipArchive> open(std::string_view bytes, Budget& budget);
  ZipArchive(ZipArchive&&) noexcept;
  ~ZipArchive();
  const std::vector<std::string>& names() const;
  bool has(std::string_view name) const;
  Result<std::string> read(std::string_view name) const;  // kNotFound, kLimit, kProtected, kInvalid
  // The directory at the end was damaged, but every member was found without it; to be said in the metadata.
  bool repaired() const;

 private:
  struct State;
  explicit ZipArchive(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Paragraphs, headings (Markdown's # and the articles of statutes) and list items of plain text, in UTF-8.
// Anchor::line counts from first_line.
std::vector<Block> blocks_of_text(std::string_view text, uint32_t first_line);

// Any charset to clean UTF-8: BOM, valid UTF-8, then CP949/EUC-KR, UTF-16 without BOM, uchardet's guess.
// `declared` (e.g. an HTML or MIME charset) is tried first if given and plausible.
std::string decode_text(std::string_view bytes, std::string_view declared = {});

// Bounded recursion over XML: refuses documents with a DTD entity bomb or deeper than this.
inline constexpr int kMaxXmlDepth = 512;

}  // namespace sillok::documents

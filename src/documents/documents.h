// documents: from the bytes of a file to a Document, one reader per format, each run in a confined
// child process.
//
// Contents: Document and its parts | what a read gives | reading in a sandbox | reading in process |
//           rendering | storage form
//
// Main path: ReaderPool::read -> (child) read_in_process -> detect_format -> one reader -> finish
// -> Item. Nothing here knows of archives, labels or indexes.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/base.h"

namespace sillok::documents {

// ---------------------------------------------------------------------------------------------
// Document

// Where a block is, in the terms a person would use to find it. Unknown parts are 0 or empty.
struct Anchor {
  uint32_t page = 0;   // 1-based page of a PDF, HWP or scan
  uint32_t slide = 0;  // 1-based slide
  uint32_t line = 0;   // 1-based line of a text, Markdown, HTML, CSV or JSONL source
  std::string sheet;   // worksheet name
  std::string cell;    // first cell, e.g. "B3"
  std::string part;    // "text box 2", "header", "note 3", "message body": set where it is not the main flow
  std::string path;    // headings above the block, outermost first, joined with " › "; set by finish()
};
// "p. 3 › 제1장 총칙 › 제2조 (정의)", "Sheet1!B3", "slide 4", "line 12"; "" if nothing is known.
std::string to_string(const Anchor& anchor);

enum class BlockKind : uint8_t {
  kHeading, kParagraph, kListItem, kTable, kCaption, kFootnote, kComment, kHeader, kFooter,
};
std::string_view to_string(BlockKind kind);

struct Cell {
  std::string text;       // nested tables rendered as lines with " | " between cells
  uint16_t row_span = 1;  // 1 = not merged
  uint16_t col_span = 1;
  uint32_t column = 0;    // 0-based grid column of the cell's left edge
};
struct Row {
  std::vector<Cell> cells;  // only cells that start in this row; merged continuations are absent
  uint32_t line = 0;        // 1-based source line or sheet row, 0 if unknown
};
struct Table {
  std::vector<Row> rows;
  uint32_t header_rows = 0;  // how many of the first rows name the columns; 0 = no header known
};

struct Block {
  BlockKind kind = BlockKind::kParagraph;
  uint8_t level = 0;  // heading: 1..6; list item: nesting depth from 1; else 0
  std::string text;   // empty for a table
  Table table;        // for kTable only
  Anchor anchor;
};

struct Hyperlink {
  std::string text;
  std::string target;      // as written: URL, mailto:, file name, #bookmark
  uint32_t block = 0;      // index into blocks
};

struct Metadata {
  std::string title;
  std::string author;
  std::string format;           // "hwp", "hwpx", "pdf", "docx", ..., set by the reader
  std::string created;          // ISO 8601 as far as known, "" if not
  std::string modified;
  std::string document_number;  // "WS-102", "문서번호" as written
  std::string revision;         // "3", "Rev. C"
  std::string effective_from;   // YYYY-MM-DD, "" if the document does not say
  std::string effective_to;
  std::string identity;         // set where the source names its own lasting identity (JSONL id, front matter
                                // id or 법령ID, Message-ID): files with the same identity are versions of one record
  std::string label;            // as written in the source (JSONL label), "" if none
  std::string url;
  std::string message_id, in_reply_to;      // mail
  std::vector<std::string> references;      // mail
  std::map<std::string, std::string> other;  // everything else worth keeping, by its own name
};

struct Document {
  Metadata meta;
  std::vector<Block> blocks;  // reading order; headers and footers are blocks too, kept apart by kind
  std::vector<Hyperlink> links;
};

// ---------------------------------------------------------------------------------------------
// What reading a file gives: one item for a plain document; one for each line of a JSONL file, each
// message of an mbox, each member of a ZIP, each attachment of a mail.

struct Item {
  std::string part;    // "" for the file itself; JSONL: the id; containers: the member's path, nested with "/"
  std::string parent;  // the part this one was attached to or contained in; "" for the file itself
  Result<Document> document;
};
using ItemSink = std::function<void(Item&&)>;

struct ReadLimits {
  uint64_t file_bytes = 512ull << 20;      // larger files are refused
  uint64_t expanded_bytes = 1ull << 30;    // sum of all decompressed bytes of one file
  uint64_t memory_bytes = 1536ull << 20;   // address space the child may add
  uint32_t cpu_seconds = 60;               // processor time per file
  uint32_t wall_seconds = 120;             // time per file
  uint32_t depth = 8;                      // containers within containers, nested tables
  uint32_t items = 1'000'000;              // items of one file
};

// ---------------------------------------------------------------------------------------------
// Reading in a sandbox: what everyone but the child itself uses.

// One confined reader process, started once, forking a child per file. The child can make no socket
// and write no file; a crash, hang or bomb costs that file alone and is reported as its error. Not
// thread-safe: one ReaderProcess per thread.
class ReaderProcess {
 public:
  // Starts the reader by executing this same program (/proc/self/exe) with the hidden verb below.
  static Result<ReaderProcess> start(ReadLimits limits = {});
  ReaderProcess(ReaderProcess&&) noexcept;
  ReaderProcess& operator=(ReaderProcess&&) noexcept;
  ~ReaderProcess();

  // Reads one file; items reach the sink as they are made. An error means that the file as a whole
  // could not be read (not found, crashed, timed out, ...); items given before it stand.
  // `name` (file name) helps only where content cannot tell, e.g. CSV against plain text.
  Status read(const fs::path& path, const ItemSink& sink);
  // The bytes of one item of a container (Item::part) as they lie in it, decompressed. `name` as in read(). kNotFound if the file has no
  // such part, or it is none that has bytes of its own (a record of a JSON file).
  Result<std::string> extract(const fs::path& path, std::string_view name, std::string_view part);

 private:
  struct State;
  explicit ReaderProcess(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};
inline constexpr std::string_view kReaderVerb = "__reader";
// What the hidden verb runs: serves requests on the inherited socket until it closes. Returns the
// exit status. The program's main() calls it before anything else when argv[1] is kReaderVerb.
int reader_main();

// ---------------------------------------------------------------------------------------------
// Reading in process: what the child runs, and fuzz targets. Must not be given untrusted bytes elsewhere.

// The short name of the format the content shows ("hwp", "hwpx", "pdf", "docx", "xlsx", "pptx", "odt",
// "html", "markdown", "text", "csv", "json", "jsonl", "eml", "mbox", "zip", "png", "jpeg", "tiff", "rtf",
// "doc", "xls", "ppt", "gzip", ...); "" if it is none that is known.
std::string detect_format(std::string_view bytes, std::string_view name);

Status read_in_process(std::string_view bytes, std::string_view name, const ReadLimits& limits,
                       const ItemSink& sink);
// As ReaderProcess::extract.
Result<std::string> extract_in_process(std::string_view bytes, std::string_view name, const ReadLimits& limits, std::string_view part);

// ---------------------------------------------------------------------------------------------
// Rendering

// Plain text: one line per block, headings bare, table rows as "cell | cell", footnotes in place after
// their paragraph, headers and footers last under a line "[header]" / "[footer]".
std::string to_text(const Document& document);
// One element per block with id="b<index>", rows of tables with id="b<index>r<row>"; a complete page without scripts or
// outside references. What the address points at (#b3) is highlighted.
std::string to_html(const Document& document);
// {"metadata":{...},"blocks":[{"kind","level","text","anchor",...,"rows":[[...]]}],"links":[...]}
std::string to_json(const Document& document);
// A table row with its header: "품번: A-1 | 수량: 3"; without a header "A-1 | 3". Row spans carry down.
std::string row_text(const Table& table, size_t row);
// A cell-exact grid (merged cells repeated), for those who need columns; rows x columns.
std::vector<std::vector<std::string>> grid(const Table& table);

// ---------------------------------------------------------------------------------------------
// Storage form: a compact binary encoding, used between processes and in the archive.
// decode treats its input as untrusted: kInvalid for anything malformed.

std::string encode(const Document& document);
Result<Document> decode(std::string_view bytes);

}  // namespace sillok::documents

// The format of a file by its content. Its name decides only where content cannot: CSV and Markdown
// are also plain text, and one JSON object is also a JSONL file of one line.
#include "documents/detect.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "documents/reader.h"

namespace sillok::documents {
namespace {

constexpr size_t kSampleBytes = 64u << 10;  // of text: more does not change the verdict
constexpr size_t kPdfHeaderBytes = 1024;  // ISO 32000-1, annex H: the header may stand this far in
constexpr size_t kMaxZipNames = 20'000;

// Like substr, but empty where there is nothing.
std::string_view part_of(std::string_view bytes, size_t at, size_t size) {
  return at < bytes.size() ? bytes.substr(at, size) : std::string_view();
}

struct Magic {
  std::string_view bytes;
  size_t offset;
  std::string_view format;
};
using namespace std::string_view_literals;
constexpr Magic kMagic[] = {
    {"{\\rtf"sv, 0, "rtf"},
    {"\x89PNG\r\n\x1A\n"sv, 0, "png"},
    {"\xFF\xD8\xFF"sv, 0, "jpeg"},
    {"II*\0"sv, 0, "tiff"},
    {"MM\0*"sv, 0, "tiff"},
    {"GIF87a"sv, 0, "gif"},
    {"GIF89a"sv, 0, "gif"},
    {"WEBPVP8"sv, 8, "webp"},
    {"\x1F\x8B"sv, 0, "gzip"},
    {"HWP Document File V"sv, 0, "hwp3"},
    {"\x78\x9F\x3E\x22"sv, 0, "tnef"},
    {"\x7F"
     "ELF"sv,
     0, "elf"},
    {"\xCA\xFE\xBA\xBE"sv, 0, "java-class"},
    {"\xCF\xFA\xED\xFE"sv, 0, "mach-o"},
    {"7z\xBC\xAF\x27\x1C"sv, 0, "7z"},
    {"Rar!\x1A\x07"sv, 0, "rar"},
    {"\xFD"
     "7zXZ\0"sv,
     0, "xz"},
    {"BZh"sv, 0, "bzip2"},
    {"\x28\xB5\x2F\xFD"sv, 0, "zstd"},
    {"MSCF\0\0\0\0"sv, 0, "cab"},
    {"ustar"sv, 257, "tar"},
    {"SQLite format 3\0"sv, 0, "sqlite"},
    {"ID3"sv, 0, "mp3"},
    {"OggS"sv, 0, "ogg"},
    {"fLaC"sv, 0, "flac"},
    {"WAVEfmt"sv, 8, "wav"},
    {"AVI LIST"sv, 8, "avi"},
    {"\x1A\x45\xDF\xA3"sv, 0, "matroska"},
    {"8BPS"sv, 0, "psd"},
    {"\xD7\xCD\xC6\x9A"sv, 0, "wmf"},
    {" EMF"sv, 40, "emf"},
    {"\0\0\1\0"sv, 0, "ico"},
    {"\0\1\0\0\0"sv, 0, "font"},
    {"OTTO\0"sv, 0, "font"},
    {"wOFF"sv, 0, "font"},
    {"wOF2"sv, 0, "font"},
    {"FWS"sv, 0, "flash"},
    {"CWS"sv, 0, "flash"},
    {"!BDN"sv, 0, "pst"},
    {"\0\1\0\0Standard "sv, 0, "access"},
    {"\0\0\0\x0CjP  "sv, 0, "jpeg2000"},
    {"%!PS"sv, 0, "postscript"},
    {"AC10"sv, 0, "dwg"},
    {"PAR1"sv, 0, "parquet"},
    {"GGUF"sv, 0, "gguf"},
};

struct Refusal {
  std::string_view format, words;
};
constexpr Refusal kRefusals[] = {
    {"encrypted-office", "the office document is encrypted; remove its password and add it again"},
    {"msg", "an Outlook message (.msg) is not read; save it as .eml"},
    {"pst", "an Outlook mailbox (.pst) is not read; export it as mbox or as .eml files"},
    {"tnef",
     "Outlook's winmail.dat is not read; ask the sender to send HTML or plain text instead of rich "
     "text"},
    {"hwp3", "a document of Hangul 97 or older (HWP 3) is not read; save it as HWP 5 or HWPX"},
    {"hwpml", "an HWPML document is not read; save it as HWP 5 or HWPX"},
    {"visio", "a Visio drawing is not read; export it as PDF"},
    {"dwg", "a CAD drawing (DWG) is not read; export it as PDF"},
    {"postscript", "PostScript is not read; convert it to PDF"},
    {"access", "an Access database is not read; export its tables as CSV"},
    {"sqlite", "an SQLite database is not read; export its tables as CSV"},
    {"xlsb", "a binary workbook (.xlsb) is not read; save it as .xlsx"},
    {"xps", "an XPS document is not read; convert it to PDF"},
    {"ole", "an OLE compound file that holds no known document"},
    {"xml", "an XML file of no known document type"},
    {"elf", "a program (ELF), not a document"},
    {"mach-o", "a program (Mach-O), not a document"},
    {"exe", "a Windows program, not a document"},
    {"java-class", "a program (Java class), not a document"},
    {"7z", "a 7z archive is not read; pack it as ZIP or unpack it"},
    {"rar", "a RAR archive is not read; pack it as ZIP or unpack it"},
    {"tar", "a tar archive is not read; pack it as ZIP or unpack it"},
    {"jpeg2000", "a JPEG 2000 picture is not read; convert it to PNG"},
    {"heic", "a HEIC picture is not read; convert it to JPEG"},
};

// ---------------------------------------------------------------------------------------------
// ZIP: by the names in its directory, or, if that is cut off, in its local headers

uint32_t u32(std::string_view bytes, size_t at) {
  uint32_t value = 0;
  if (at + 4 <= bytes.size()) std::memcpy(&value, bytes.data() + at, 4);
  return value;
}
uint32_t u16(std::string_view bytes, size_t at) { return u32(bytes, at) & 0xFFFF; }

std::vector<std::string_view> zip_names(std::string_view bytes) {
  std::vector<std::string_view> names;
  const size_t end = bytes.rfind("PK\5\6"sv);
  size_t at = end == std::string_view::npos ? bytes.size() : u32(bytes, end + 16);
  while (names.size() < kMaxZipNames && at + 46 <= bytes.size() &&
         bytes.substr(at, 4) == "PK\1\2"sv) {
    const size_t name = u16(bytes, at + 28);
    names.push_back(part_of(bytes, at + 46, name));
    at += 46 + name + u16(bytes, at + 30) + u16(bytes, at + 32);
  }
  // A directory that ends before its end is damaged: the members themselves say more.
  const std::string_view next = part_of(bytes, at, 4);
  const bool whole = next == "PK\5\6"sv || next == "PK\6\6"sv || next == "PK\5\5"sv;
  if (!names.empty() && (whole || names.size() == kMaxZipNames)) return names;
  for (at = 0;
       names.size() < kMaxZipNames && (at = bytes.find("PK\3\4"sv, at)) != std::string_view::npos;
       at += 4) {
    if (at + 30 <= bytes.size()) names.push_back(part_of(bytes, at + 30, u16(bytes, at + 26)));
  }
  return names;
}

std::string detect_zip(std::string_view bytes) {
  // The first member of ODF, HWPX and EPUB is stored and says what the file is.
  if (part_of(bytes, 30, 8) == "mimetype") {
    const std::string_view type = part_of(bytes, 38 + u16(bytes, 28), 80);
    if (type.starts_with("application/hwp+zip") || type.starts_with("application/owpml"))
      return "hwpx";
    constexpr std::string_view kOdf = "application/vnd.oasis.opendocument.";
    if (type.starts_with(kOdf)) {
      const std::string_view kind = type.substr(kOdf.size());
      return kind.starts_with("spreadsheet")    ? "ods"
             : kind.starts_with("presentation") ? "odp"
                                                : "odt";
    }
  }
  size_t word = 0, excel = 0, slides = 0;
  bool package = false;
  for (const std::string_view name : zip_names(bytes)) {
    if (name == "Contents/content.hpf" || name == "Contents/header.xml") return "hwpx";
    if (name == "xl/workbook.bin") return "xlsb";
    if (name == "FixedDocSeq.fdseq" || name == "FixedDocumentSequence.fdseq") return "xps";
    package = package || name == "[Content_Types].xml" || name == "_rels/.rels";
    if (name.starts_with("visio/")) return "visio";
    word += name.starts_with("word/");
    excel += name.starts_with("xl/");
    slides += name.starts_with("ppt/");
  }
  if (!package || word + excel + slides == 0) return "zip";
  return word >= excel && word >= slides ? "docx" : excel >= slides ? "xlsx" : "pptx";
}

// ---------------------------------------------------------------------------------------------
// Text

bool has_ending(std::string_view name, std::initializer_list<std::string_view> endings) {
  const std::string lower = ascii_lower(name);
  return std::any_of(endings.begin(), endings.end(),
                     [&](std::string_view e) { return lower.ends_with(e); });
}

// Control characters, zero bytes included, and what no charset explains: a damaged text has few, a
// binary file many.
bool looks_binary(std::string_view text, std::string_view sample) {
  size_t odd = 0, total = 0;
  for (size_t i = 0; i < text.size(); ++total) odd += decode_utf8(text, i) == kReplacement;
  const bool wide = wide_charset(sample) != nullptr || sample.starts_with("\xFF\xFE") ||
                    sample.starts_with("\xFE\xFF");
  if (!wide) {
    odd += static_cast<size_t>(std::count_if(sample.begin(), sample.end(), [](char c) {
      return static_cast<uint8_t>(c) < 0x20 && c != '\n' && c != '\r' && c != '\t' && c != '\f' &&
             c != 0x1B;
    }));
  }
  return odd * 40 > total;
}

std::vector<std::string_view> first_lines(std::string_view text, size_t count) {
  std::vector<std::string_view> lines;
  while (!text.empty() && lines.size() < count) {
    const size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    lines.push_back(line);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return lines;
}

// The length of the header's name if the line is "Name: value", else 0.
size_t header_name(std::string_view line) {
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos || colon == 0 || colon > 60) return 0;
  const auto is_name = [](char c) { return c > 32 && c < 127; };
  return std::all_of(line.begin(), line.begin() + static_cast<long>(colon), is_name) ? colon : 0;
}

bool is_mail(std::string_view text) {
  constexpr std::string_view kStrong[] = {"received", "message-id", "mime-version", "return-path",
                                          "delivered-to"};
  constexpr std::string_view kPlain[] = {"from", "to",           "subject",  "date",
                                         "cc",   "content-type", "reply-to", "sender"};
  int strong = 0, plain = 0;
  for (const std::string_view line : first_lines(text, 200)) {
    if (line.empty()) break;
    if (line[0] == ' ' || line[0] == '\t') continue;
    const std::string name = ascii_lower(line.substr(0, header_name(line)));
    if (name.empty())
      return strong > 0 && strong + plain >= 3;  // A cut-off or broken header block.
    strong += std::count(std::begin(kStrong), std::end(kStrong), name) > 0;
    plain += std::count(std::begin(kPlain), std::end(kPlain), name) > 0;
  }
  return (strong > 0 && strong + plain >= 2) || plain >= 3;
}

// "From someone Mon Jun 01 04:28:28 2009": what separates the messages of an mbox.
bool is_mbox(std::string_view text) {
  if (!text.starts_with("From ")) return false;
  const auto lines = first_lines(text, 2);
  const std::string_view line = lines[0];
  const bool clock = std::count(line.begin(), line.end(), ':') >= 2;
  return clock && line.size() < 400 && lines.size() > 1 &&
         (lines[1].empty() || lines[1][0] == '>' || header_name(lines[1]) > 0);
}

bool is_html(std::string_view text) {
  const std::string head = ascii_lower(text.substr(0, 4096));
  const std::string_view start = trim(head);
  if (start.starts_with("<!doctype html") || start.starts_with("<html")) return true;
  if (start.empty() || start[0] != '<') {
    return head.find("<html") != std::string::npos && head.find('>') != std::string::npos &&
           head.find("<body") != std::string::npos;
  }
  constexpr std::string_view kTags[] = {"<html", "<head", "<body", "<table",   "<div",    "<p>",
                                        "<p ",   "<h1",   "<meta", "<title",   "<script", "<style",
                                        "<br",   "<span", "<ul",   "<frameset"};
  return std::any_of(std::begin(kTags), std::end(kTags),
                     [&](std::string_view tag) { return head.find(tag) != std::string::npos; });
}

// Bytes of the JSON object or array at the front as far as brackets tell, npos if it does not
// close.
size_t json_extent(std::string_view text) {
  int depth = 0;
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      if (c == '\\') ++i;
      quoted = c != '"';
      continue;
    }
    quoted = c == '"';
    depth += (c == '{' || c == '[') - (c == '}' || c == ']');
    if (depth == 0) return i + 1;
  }
  return std::string_view::npos;
}

std::string detect_json(std::string_view text, std::string_view name) {
  const std::string_view body = trim(text);
  if (body.empty() || (body[0] != '{' && body[0] != '[')) return "";
  const std::string_view inside = trim(body.substr(1, 64));
  // "{" must be followed by a key, "[" by a value: "[공고]" and "{template}" are text.
  const char next = inside.empty() ? '\0' : inside[0];
  const bool object = body[0] == '{' && (next == '"' || next == '}');
  const bool array = body[0] == '[' && (std::strchr("\"{[]-0123456789", next) != nullptr ||
                                        inside.starts_with("true") || inside.starts_with("false") ||
                                        inside.starts_with("null"));
  if (!object && !array) return "";
  const size_t extent = json_extent(body);
  if (has_ending(name, {".jsonl", ".ndjson"}) && object) return "jsonl";
  if (extent == std::string_view::npos) {
    // "[1] See above" is text; "{"a":1, ..." without an end is cut off, or longer than the sample.
    return object || next == '{' || next == '"' || has_ending(name, {".json"}) ? "json" : "";
  }
  const std::string_view rest = trim(body.substr(extent));
  if (rest.empty()) return "json";
  const bool lines =
      object && body.substr(extent, rest.data() - (body.data() + extent)).find('\n') !=
                    std::string_view::npos;
  if (lines && rest[0] == '{') return "jsonl";
  if (object && body.substr(0, extent).find('\n') == std::string_view::npos && lines)
    return "jsonl";  // A bad second line.
  return has_ending(name, {".json"}) ? "json" : "";
}

// Content alone shows a CSV only if every one of several lines has the same number of separators
// and nothing looks like a sentence.
bool is_csv(std::string_view text) {
  const auto lines = first_lines(text, 40);
  if (lines.size() < 4) return false;
  for (const char separator : {'\t', ',', ';'}) {
    const auto columns = std::count(lines[0].begin(), lines[0].end(), separator);
    if (columns < (separator == '\t' ? 1 : 2)) continue;
    const bool same = std::all_of(lines.begin(), lines.end() - 1, [&](std::string_view line) {
      return std::count(line.begin(), line.end(), separator) == columns &&
             line.find(", ") == std::string_view::npos;
    });
    if (same) return true;
  }
  return false;
}

bool is_markdown(std::string_view text, std::string_view name) {
  if (has_ending(name, {".md", ".markdown"})) return true;
  const auto lines = first_lines(text, 400);
  int headings = 0, marks = 0;
  for (const std::string_view line : lines) {
    const size_t hashes = std::min(line.find_first_not_of('#'), line.size());
    headings += hashes >= 1 && hashes <= 6 && hashes < line.size() && line[hashes] == ' ';
    marks += line.starts_with("```") || line.starts_with("|--") || line.starts_with("| --") ||
             line.starts_with("|:-") || line.find("](") != std::string_view::npos;
  }
  const bool front_matter =
      !lines.empty() && lines[0] == "---" && std::count(lines.begin() + 1, lines.end(), "---") > 0;
  return (headings >= 2 && marks >= 1) || (front_matter && headings >= 1);
}

std::string detect_text(std::string_view bytes, std::string_view name) {
  const std::string_view sample = bytes.substr(0, kSampleBytes);
  const std::string text = decode_text(sample);
  if (trim(text).empty())
    return bytes.find_first_not_of(" \t\r\n") == std::string_view::npos ? "text" : "";
  if (looks_binary(text, sample)) return "";
  const std::string_view start = trim(text);
  if (start.starts_with("<?xml") || start.starts_with("<!")) {
    if (start.find("<HWPML") != std::string_view::npos) return "hwpml";
    const std::string head = ascii_lower(start.substr(0, 2048));
    return head.find("<html") != std::string::npos ||
                   head.find("<!doctype html") != std::string::npos || !start.starts_with("<?xml")
               ? "html"
               : "xml";
  }
  if (is_mbox(text)) return "mbox";
  if (is_mail(start)) return "eml";
  const auto lines = first_lines(text, 1);
  // Apple Mail: the size of the message on a line of its own, then the message.
  if (!lines.empty() && !trim(lines[0]).empty() &&
      trim(lines[0]).find_first_not_of("0123456789") == std::string_view::npos &&
      text.size() > lines[0].size() + 1 &&
      is_mail(std::string_view(text).substr(lines[0].size() + 1))) {
    return "eml";
  }
  if (std::string json = detect_json(text, name); !json.empty()) return json;
  if (has_ending(name, {".md", ".markdown"})) return "markdown";
  if (has_ending(name, {".csv", ".tsv"})) return "csv";
  if (is_html(text)) return "html";
  if (is_markdown(text, name)) return "markdown";
  if (!has_ending(name, {".txt", ".log"}) && is_csv(text)) return "csv";
  return "text";
}

}  // namespace

std::string detect_format(std::string_view bytes, std::string_view name) {
  if (bytes.starts_with("\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1")) return detect_ole(bytes);
  if (bytes.starts_with("PK\3\4"sv) || bytes.starts_with("PK\5\6"sv) ||
      bytes.starts_with("PK00PK\3\4"sv))
    return detect_zip(bytes);
  if (bytes.substr(0, kPdfHeaderBytes).find("%PDF-") != std::string_view::npos) return "pdf";
  for (const Magic& magic : kMagic) {
    if (bytes.size() > magic.offset && bytes.substr(magic.offset).starts_with(magic.bytes))
      return std::string(magic.format);
  }
  if (bytes.starts_with("BM") && bytes.size() > 26 && u32(bytes, 2) >= 26 && u16(bytes, 6) == 0 &&
      u32(bytes, 14) <= 124)
    return "bmp";
  if (bytes.starts_with("MZ") && bytes.size() > 64 &&
      bytes.substr(0, 1024).find('\0') != std::string_view::npos)
    return "exe";
  if (part_of(bytes, 4, 4) == "ftyp") {
    const std::string_view brand = part_of(bytes, 8, 4);
    return brand == "heic" || brand == "mif1" || brand == "heix" ? "heic" : "mp4";
  }
  return detect_text(bytes, name);
}

Error refusal(std::string_view name) {
  if (name.empty()) return {ErrorCode::kUnsupported, "the content is of no known document format"};
  for (const Refusal& known : kRefusals) {
    if (known.format != name) continue;
    return {name == "encrypted-office" ? ErrorCode::kProtected : ErrorCode::kUnsupported,
            std::string(known.words)};
  }
  return {ErrorCode::kUnsupported,
          "files of the format '" + std::string(name) + "' hold no readable document"};
}

}  // namespace sillok::documents

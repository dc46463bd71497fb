// HWP 5: an OLE compound file of Hancom ("한글 문서 파일 형식 5.0").
//
// Streams: FileHeader (256 bytes: 0 signature, 32 uint32 version, 36 uint32 flags), DocInfo (shapes, styles,
// numberings), BodyText/SectionN (the text), \005HwpSummaryInformation. DocInfo and the sections are raw
// deflate if the flags say so. A file protected for distribution has its text encrypted in ViewText.
#include "documents/hwp_records.h"
#include "documents/office_package.h"

namespace sillok::documents {
namespace {

constexpr std::string_view kOldSignature = "HWP Document File V";  // Hangul 3.x: no compound file
constexpr std::string_view kSignature = "HWP Document File";
constexpr size_t kFlagsOffset = 36;
constexpr size_t kMaxSections = 4096;  // Hangul's own limit is far lower

enum Flag : uint32_t {
  kCompressed = 1u << 0, kPassword = 1u << 1, kDistribution = 1u << 2, kDrm = 1u << 4,
  kCertificate = 1u << 8, kCertificateDrm = 1u << 10,
};

// The flags, or why the file may not be read.
Result<uint32_t> parse_header(std::string_view header) {
  hwp::Reader reader(header);
  std::string_view signature = reader.take(32);
  uint32_t version = reader.u32();
  uint32_t flags = reader.u32();
  if (!reader.ok() || !signature.starts_with(kSignature)) {
    return fail(ErrorCode::kInvalid, "the HWP file header is missing or damaged (no signature in FileHeader)");
  }
  static_assert(kFlagsOffset == 36);
  if (version >> 24 != 5) {
    return fail(ErrorCode::kUnsupported, "HWP version " + std::to_string(version >> 24) +
                                             " is not read, only version 5; save it again with a current Hangul");
  }
  if (flags & kPassword) {
    return fail(ErrorCode::kProtected, "the HWP file is locked with a password; save it without one in Hangul and add it again");
  }
  if (flags & kDistribution) {
    return fail(ErrorCode::kProtected,
                "the HWP file is a distribution document (배포용 문서), its text is encrypted; ask its author for the original");
  }
  if (flags & (kDrm | kCertificateDrm)) {
    return fail(ErrorCode::kProtected, "the HWP file is under DRM; release it there and add it again");
  }
  if (flags & kCertificate) {
    return fail(ErrorCode::kProtected, "the HWP file is encrypted with a certificate; save it without and add it again");
  }
  return flags;
}

Result<std::string> read_stream(const hwp::Compound& ole, std::string_view path, uint32_t flags, Budget& budget) {
  SILLOK_ASSIGN(std::string raw, ole.read(path));
  if (!(flags & kCompressed)) return raw;
  auto text = hwp::inflate_raw(raw, budget);
  if (!text) return fail(text.error().in(path));
  return text;
}

// Charts and embedded documents. One that is damaged is noted: the text is whole without it.
Status append_objects(const hwp::Compound& ole, std::string_view doc_info, const Source& source, Budget& budget,
                      Document& document) {
  SILLOK_ASSIGN(auto names, hwp::parse_ole_names(doc_info));
  uint32_t charts = 0;
  for (const std::string& name : names) {
    const auto stored = ole.read("BinData/" + name);
    if (!stored) {
      note_unread(document, name, stored.error().message);
      continue;
    }
    // Each object is packed or not by a flag of its own, beside the file's; what it is shows that more surely.
    if (hangul::is_ole(*stored)) {
      hangul::append_object(document, source, budget, name, *stored, charts);
      continue;
    }
    const auto unpacked = hwp::inflate_raw(*stored, budget);
    if (budget.exhausted()) return fail(unpacked.error());
    if (unpacked) hangul::append_object(document, source, budget, name, *unpacked, charts);
    else note_unread(document, name, unpacked.error().message);
  }
  return {};
}

}  // namespace

Result<Document> read_hwp(const Source& source, Budget& budget) {
  if (source.bytes.starts_with(kOldSignature)) {
    return fail(ErrorCode::kUnsupported,
                "the file is of Hangul 3.x (HWP 3.0), which is not read; open it in Hangul and save it as HWP 5 or HWPX");
  }
  if (source.bytes.substr(0, 1024).find("<HWPML") != std::string_view::npos) {
    return fail(ErrorCode::kUnsupported,
                "the file is HWPML (Hangul's old XML), which is not read; open it in Hangul and save it as HWPX");
  }
  SILLOK_ASSIGN(hwp::Compound ole, hwp::Compound::open(source.bytes));
  auto header = ole.read("FileHeader");
  if (!header) return fail(ErrorCode::kInvalid, "no HWP document: the compound file's FileHeader cannot be read");
  SILLOK_ASSIGN(uint32_t flags, parse_header(*header));
  SILLOK_ASSIGN(std::string doc_info, read_stream(ole, "DocInfo", flags, budget));
  SILLOK_ASSIGN(hangul::Definitions definitions, hwp::parse_definitions(doc_info));

  std::vector<hangul::Paragraph> paragraphs;
  for (size_t i = 0; i < kMaxSections; ++i) {
    std::string path = "BodyText/Section" + std::to_string(i);
    if (i > 0 && !ole.has(path)) break;
    SILLOK_ASSIGN(std::string stream, read_stream(ole, path, flags, budget));
    SILLOK_ASSIGN(auto section, hwp::parse_section(stream, path));
    std::move(section.begin(), section.end(), std::back_inserter(paragraphs));
  }

  Document document;
  document.meta.format = "hwp";
  if (auto summary = ole.read("\005HwpSummaryInformation")) hwp::parse_summary(*summary, document.meta);
  SILLOK_TRY(hangul::lower(paragraphs, definitions, document));
  SILLOK_TRY(append_objects(ole, doc_info, source, budget, document));
  return document;
}

}  // namespace sillok::documents

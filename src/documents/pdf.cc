// PDF: pages to lines, lines to blocks, scans to text; comments, form values, links and embedded files besides.
#include <chrono>

#include "documents/pdf_layout.h"

namespace sillok::documents {
namespace {

constexpr size_t kMinText = 8;           // characters: a page with fewer and a picture is a scan
constexpr double kMinScanShare = 0.2;    // of a page's area under images for it to be looked at as a scan
constexpr double kMinUnreadable = 0.5;   // of characters without a meaning: the font has no mapping to Unicode
constexpr double kOcrShare = 0.6;        // of the time a file may take, spent on recognising its scans
constexpr double kPagesShare = 0.85;     // of the time a file may take, spent in all

class Clock {
 public:
  explicit Clock(const ReadLimits& limits)
      : limit_(static_cast<double>(std::min(limits.cpu_seconds, limits.wall_seconds))) {}
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }
  bool past(double share, double expected = 0) const { return seconds() + expected > limit_ * share; }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  double limit_;
};

Block note(uint32_t page, std::string text) {
  Block block;
  block.kind = BlockKind::kComment;
  block.anchor.page = page;
  block.anchor.part = "reader's note";
  block.text = std::move(text);
  return block;
}

// Pages whose text is in pictures, or in fonts that do not say which characters they draw.
bool is_scan(const PdfPage& page) {
  size_t characters = 0, unreadable = 0;
  for (const PdfLine& line : page.lines) {
    const std::string text = line.text();
    for (size_t i = 0; i < text.size();) {
      const char32_t c = decode_utf8(text, i);
      characters += c != ' ';
      unreadable += c == kReplacement || c < 0x20 || (c >= 0xE000 && c <= 0xF8FF);
    }
  }
  if (characters < kMinText) return page.image_share >= kMinScanShare;
  return static_cast<double>(unreadable) > kMinUnreadable * static_cast<double>(characters);
}


std::string to_string(const std::vector<uint32_t>& pages) {
  std::string out;
  for (size_t i = 0; i < pages.size();) {
    size_t end = i;
    while (end + 1 < pages.size() && pages[end + 1] == pages[end] + 1) ++end;
    if (!out.empty()) out += ", ";
    out += std::to_string(pages[i]);
    if (end > i) out += "-" + std::to_string(pages[end]);
    i = end + 1;
  }
  return out;
}

class PdfReader {
 public:
  PdfReader(PdfFile file, const Source& source, Budget& budget)
      : file_(std::move(file)), source_(source), budget_(budget), clock_(budget.limits()) {}

  Result<Document> read() {
    document_.meta.format = "pdf";
    file_.read_metadata(document_.meta);
    read_pages();
    mark_running_lines(pages_);
    for (PdfPage& page : pages_) order_columns(page);
    const PdfStyle style(pages_, file_.outline());
    for (const PdfPage& page : pages_) append(page, style);
    report_left_out();
    if (source_.depth < budget_.limits().depth) append_attachments();
    return std::move(document_);
  }

 private:
  void read_pages() {
    const uint32_t count = file_.page_count();
    for (uint32_t number = 1; number <= count; ++number) {
      if (clock_.past(kPagesShare)) {
        unread_.push_back(number);
        continue;
      }
      pages_.push_back(file_.page(number));
    }
  }

  void append(const PdfPage& page, const PdfStyle& style) {
    if (!page.error.empty()) {
      document_.blocks.push_back(note(page.number, "page " + std::to_string(page.number) +
                                                       " could not be read whole: " + page.error));
    }
    if (!is_scan(page)) {
      append_page(page, style, document_);
      return;
    }
    // Comments and the like are drawn over a scan; its few letters are part of the picture or found again by OCR.
    if (!recognise(page)) append_page(page, style, document_);
  }

  bool recognise(const PdfPage& page) {
    if (clock_.past(kOcrShare, slowest_)) {
      unrecognised_.push_back(page.number);
      return false;
    }
    const double start = clock_.seconds();
    auto image = file_.render(page.number);
    if (!image) {
      document_.blocks.push_back(note(page.number, "the scan could not be rendered: " + image.error().message));
      return false;
    }
    auto blocks = ocr_image(image->grey.data(), image->width, image->height, 1, image->width, image->dpi);
    slowest_ = std::max(slowest_, clock_.seconds() - start);
    if (!blocks) {
      document_.blocks.push_back(note(page.number, "the scan could not be recognised: " + blocks.error().message));
      return false;
    }
    for (Block& block : *blocks) {
      block.anchor.page = page.number;
      document_.blocks.push_back(std::move(block));
    }
    PdfPage rest = page;
    rest.lines.clear();
    const PdfStyle plain({}, {});
    append_page(rest, plain, document_);
    return true;
  }

  void report_left_out() {
    if (!unrecognised_.empty()) {
      document_.blocks.push_back(note(unrecognised_.front(), "scanned pages " + to_string(unrecognised_) +
                                                                 " were not recognised: the time for one file ran "
                                                                 "out; split the file to read them"));
    }
    if (!unread_.empty()) {
      document_.blocks.push_back(note(unread_.front(), "pages " + to_string(unread_) +
                                                           " were not read: the time for one file ran out; split "
                                                           "the file to read them"));
    }
  }

  void append_attachments() {
    for (const PdfAttachment& attachment : file_.attachments(budget_)) {
      Block name;
      name.text = attachment.name;
      name.anchor.part = "attachment: " + attachment.name;
      std::string reason = attachment.error;
      const size_t place = document_.blocks.size();
      if (reason.empty()) reason = append_attachment(attachment);
      if (!reason.empty()) name.text += " (not read: " + reason + ")";
      document_.blocks.insert(document_.blocks.begin() + static_cast<std::ptrdiff_t>(place), std::move(name));
    }
  }

  // Why the attachment, or a part of it, has no text here; "" if it has.
  std::string append_attachment(const PdfAttachment& attachment) {
    std::string reason;
    const std::string inner_part = part_inside(source_, attachment.name);
    const Source inside{attachment.bytes, attachment.name, inner_part, source_.part, source_.depth + 1};
    const Status status = read_source(inside, budget_, [&](Item&& item) {
      if (!item.document) {
        reason = item.document.error().message;
        return;
      }
      std::string part = "attachment: " + attachment.name;
      part += item.part.substr(std::min(inner_part.size(), item.part.size()));
      // One block more will stand before these: the attachment's name.
      const auto offset = static_cast<uint32_t>(document_.blocks.size() + 1);
      for (Block& block : item.document->blocks) {
        block.anchor.part = block.anchor.part.empty() ? part : part + " › " + block.anchor.part;
        document_.blocks.push_back(std::move(block));
      }
      for (Hyperlink& link : item.document->links) {
        link.block += offset;
        document_.links.push_back(std::move(link));
      }
    });
    return status ? reason : status.error().message;
  }

  PdfFile file_;
  const Source& source_;
  Budget& budget_;
  Clock clock_;
  Document document_;
  std::vector<PdfPage> pages_;
  std::vector<uint32_t> unread_, unrecognised_;
  double slowest_ = 0;  // seconds the slowest scan took
};

}  // namespace

Result<Document> read_pdf(const Source& source, Budget& budget) {
  SILLOK_ASSIGN(PdfFile file, PdfFile::open(source.bytes));
  return PdfReader(std::move(file), source, budget).read();
}

}  // namespace sillok::documents

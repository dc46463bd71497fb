// PDF by poppler. Its core interface is used, not the C++ one, because only there are to be had: the lines that rule
// tables, annotations, form values, links and the spaces drawn at line ends.
#include "documents/pdf_page.h"

#include <Annot.h>
#include <Catalog.h>
#include <DateInfo.h>
#include <ErrorCodes.h>
#include <FileSpec.h>
#include <Form.h>
#include <GfxState.h>
#include <GlobalParams.h>
#include <Link.h>
#include <Outline.h>
#include <PDFDoc.h>
#include <Page.h>
#include <SplashOutputDev.h>
#include <TextOutputDev.h>
#include <UTF.h>
#include <splash/SplashBitmap.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

namespace sillok::documents {
namespace {

constexpr size_t kMaxRules = 20'000;       // per page: drawings have more, tables never
constexpr size_t kMaxOutlineItems = 5'000;
constexpr int kMaxOutlineDepth = 6;
constexpr size_t kMaxFormFields = 10'000;
constexpr size_t kMaxAttachments = 1'000;
constexpr double kRuleThickness = 3.0;     // points: thicker bars are shading
constexpr double kMinRuleLength = 6.0;     // points: shorter strokes are glyph parts, ticks and dashes
constexpr double kMaxPixels = 40e6;        // of a rendered page: A3 at 400 dpi
constexpr int kOcrDpi = 300;               // what tesseract's models were trained for

// Poppler reports errors to a global function; the last one of the page being read is kept.
std::string& last_error() {
  static std::string message;
  return message;
}
void keep_error(ErrorCategory, Goffset, const char* message) { last_error() = message; }

std::string from_text_string(const GooString* text) {
  if (text == nullptr) return {};
  Unicode* code_points = nullptr;
  const int size = TextStringToUCS4(text->toStr(), &code_points);
  std::string out;
  for (int i = 0; i < size; ++i) append_utf8(out, code_points[i]);
  gfree(code_points);
  return out;
}

bool is_space(Unicode c) { return c == 0x20 || c == 0xA0 || c == 0x3000; }

// TextOutputDev that also notes rules, images and spaces at line ends.
class PageDevice : public TextOutputDev {
 public:
  PageDevice() : TextOutputDev(nullptr, false, 0, false, false) {}

  bool needNonText() override { return true; }

  void startPage(int number, GfxState* state, XRef* xref) override {
    TextOutputDev::startPage(number, state, xref);
    std::copy_n(state->getCTM(), 6, page_ctm.begin());
    page_area = state->getPageWidth() * state->getPageHeight();
  }

  void drawChar(GfxState* state, double x, double y, double dx, double dy, double origin_x, double origin_y,
                CharCode code, int bytes, const Unicode* u, int length) override {
    if (length == 1 && u != nullptr && is_space(u[0])) {
      double device_x = 0, device_y = 0;
      state->transform(x, y, &device_x, &device_y);
      spaces.insert({device_y, device_x});
    }
    TextOutputDev::drawChar(state, x, y, dx, dy, origin_x, origin_y, code, bytes, u, length);
  }

  void stroke(GfxState* state) override {
    note_path(*state, false);
    TextOutputDev::stroke(state);
  }
  void fill(GfxState* state) override {
    note_path(*state, true);
    TextOutputDev::fill(state);
  }
  void eoFill(GfxState* state) override {
    note_path(*state, true);
    TextOutputDev::eoFill(state);
  }

  void drawImageMask(GfxState* state, Object* ref, Stream* stream, int width, int height, bool invert,
                     bool interpolate, bool inline_image) override {
    note_image(*state);
    OutputDev::drawImageMask(state, ref, stream, width, height, invert, interpolate, inline_image);
  }
  void drawImage(GfxState* state, Object* ref, Stream* stream, int width, int height, GfxImageColorMap* colors,
                 bool interpolate, const int* mask_colors, bool inline_image) override {
    note_image(*state);
    OutputDev::drawImage(state, ref, stream, width, height, colors, interpolate, mask_colors, inline_image);
  }
  void drawMaskedImage(GfxState* state, Object*, Stream*, int, int, GfxImageColorMap*, bool, Stream*, int, int, bool,
                       bool) override {
    note_image(*state);
  }
  void drawSoftMaskedImage(GfxState* state, Object*, Stream*, int, int, GfxImageColorMap*, bool, Stream*, int, int,
                           GfxImageColorMap*, bool) override {
    note_image(*state);
  }

  // From the page's own space to points from its top left corner.
  PdfBox to_page(double x0, double y0, double x1, double y1) const {
    const auto& m = page_ctm;
    const double ax = m[0] * x0 + m[2] * y0 + m[4], ay = m[1] * x0 + m[3] * y0 + m[5];
    const double bx = m[0] * x1 + m[2] * y1 + m[4], by = m[1] * x1 + m[3] * y1 + m[5];
    return {std::min(ax, bx), std::min(ay, by), std::max(ax, bx), std::max(ay, by)};
  }

  std::array<double, 6> page_ctm{1, 0, 0, 1, 0, 0};
  double page_area = 1, image_area = 0;
  std::vector<PdfBox> rules;
  std::set<std::pair<double, double>> spaces;  // baseline y, x

 private:
  void note_image(const GfxState& state) {
    const double* const m = state.getCTM();
    image_area += std::abs(m[0] * m[3] - m[1] * m[2]);  // an image fills the unit square
  }

  void note_rule(PdfBox box) {
    if (rules.size() >= kMaxRules) return;
    const bool horizontal = box.height() <= kRuleThickness && box.width() >= kMinRuleLength;
    const bool vertical = box.width() <= kRuleThickness && box.height() >= kMinRuleLength;
    if (horizontal) box.y0 = box.y1 = box.center_y();
    if (vertical && !horizontal) box.x0 = box.x1 = box.center_x();
    if (horizontal || vertical) rules.push_back(box);
  }

  // Straight segments of stroked paths; thin filled bars; the sides of filled and stroked boxes.
  void note_path(const GfxState& state, bool filled) {
    const GfxPath* const path = state.getPath();
    for (int s = 0; s < path->getNumSubpaths() && rules.size() < kMaxRules; ++s) {
      const GfxSubpath* const part = path->getSubpath(s);
      std::vector<std::pair<double, double>> points;
      bool curved = false;
      for (int i = 0; i < part->getNumPoints() && i < 1000; ++i) {
        double x = 0, y = 0;
        state.transform(part->getX(i), part->getY(i), &x, &y);
        points.emplace_back(x, y);
        curved |= part->getCurve(i);
      }
      if (curved || points.size() < 2) continue;
      PdfBox all{points[0].first, points[0].second, points[0].first, points[0].second};
      for (const auto& [x, y] : points) all.add({x, y, x, y});
      if (filled) {
        // A wide filled box is shading; only a bar thin enough to be a line rules a table.
        if (points.size() <= 5) note_rule(all);
        continue;
      }
      if (part->isClosed() && points.front() != points.back()) points.push_back(points.front());
      for (size_t i = 1; i < points.size(); ++i) {
        PdfBox side{points[i].first, points[i].second, points[i].first, points[i].second};
        side.add({points[i - 1].first, points[i - 1].second, points[i - 1].first, points[i - 1].second});
        if (side.width() < 1 || side.height() < 1) note_rule(side);
      }
    }
  }
};

// Whether a space is drawn where an upright word ends.
bool space_drawn_after(const PdfWord& word, double baseline, const PageDevice& device) {
  const double reach = word.size * 0.6;
  auto at = device.spaces.lower_bound({baseline - 1, -1e9});
  for (; at != device.spaces.end() && at->first <= baseline + 1; ++at) {
    if (at->second >= word.box.x1 - reach / 2 && at->second <= word.box.x1 + reach) return true;
  }
  return false;
}

PdfWord read_word(const TextWord& source, const PageDevice& device) {
  PdfWord word;
  source.getBBox(&word.box.x0, &word.box.y0, &word.box.x1, &word.box.y1);
  for (int i = 0; i < source.getLength(); ++i) append_utf8(word.text, *source.getChar(i));
  word.size = source.getFontSize();
  word.space_after = source.hasSpaceAfter();
  word.turned = source.getRotation() != 0;
  // Only a line's end is in question: inside a line the gap tells.
  if (source.getNext() == nullptr && !word.turned) {
    word.space_drawn = space_drawn_after(word, source.getBaseline(), device);
  }
  if (source.getLength() > 0) {
    const TextFontInfo* const font = source.getFontInfo(0);
    const GooString* const name = source.getFontName(0);
    const std::string lower = name == nullptr ? "" : ascii_lower(name->toStr());
    word.bold = font->isBold() || lower.find("bold") != std::string::npos || lower.find("black") != std::string::npos ||
                lower.find("heavy") != std::string::npos;
  }
  return word;
}

PdfLine read_line(const TextLine& source, uint32_t block, const PageDevice& device) {
  PdfLine line;
  line.block = block;
  line.bold = true;
  std::map<long, size_t> sizes;  // characters by font size in tenths
  for (const TextWord* word = source.getWords(); word != nullptr; word = word->getNext()) {
    line.words.push_back(read_word(*word, device));
    const PdfWord& read = line.words.back();
    line.turned |= read.turned;
    line.bold &= read.bold;
    sizes[std::lround(read.size * 10)] += read.text.size();
    if (line.words.size() == 1) line.box = read.box;
    line.box.add(read.box);
  }
  size_t most = 0;
  for (const auto& [size, count] : sizes) {
    if (count > most) line.size = static_cast<double>(size) / 10, most = count;
  }
  return line;
}

std::string link_target(const LinkAction* action) {
  if (action == nullptr || !action->isOk()) return {};
  if (action->getKind() == actionURI) return static_cast<const LinkURI*>(action)->getURI();
  if (action->getKind() == actionGoToR) {
    return from_text_string(static_cast<const LinkGoToR*>(action)->getFileName());
  }
  if (action->getKind() == actionLaunch) {
    return from_text_string(static_cast<const LinkLaunch*>(action)->getFileName());
  }
  return {};
}

std::string field_value(FormField& field) {
  switch (field.getType()) {
    case formText: {
      auto& text = static_cast<FormFieldText&>(field);
      return text.isPassword() ? std::string() : from_text_string(text.getContent());
    }
    case formChoice: {
      auto& choice = static_cast<FormFieldChoice&>(field);
      std::string out;
      for (int i = 0; i < choice.getNumChoices(); ++i) {
        if (!choice.isSelected(i)) continue;
        if (!out.empty()) out += ", ";
        out += from_text_string(choice.getChoice(i));
      }
      return out;
    }
    default: return {};
  }
}

std::string without_spaces(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c != ' ' && c != '\n' && c != '\r' && c != '\t') out += c;
  }
  return out;
}

std::string page_text(const PdfPage& page) {
  std::string out;
  for (const PdfLine& line : page.lines) out += without_spaces(line.text());
  return out;
}

const char* note_kind(Annot::AnnotSubtype type) {
  switch (type) {
    case Annot::typeText: return "note";
    case Annot::typeFreeText: return "text box";
    case Annot::typeHighlight: return "highlight";
    case Annot::typeUnderline: return "underline";
    case Annot::typeStrikeOut: return "strike-out";
    case Annot::typeStamp: return "stamp";
    case Annot::typeCaret: return "insertion";
    case Annot::typeFileAttachment: return "attached file";
    default: return "comment";
  }
}

void read_annotations(::Page& source, PdfPage& page) {
  Annots* const annots = source.getAnnots();
  if (annots == nullptr) return;
  const std::string drawn = page_text(page);
  for (Annot* const annot : annots->getAnnots()) {
    const Annot::AnnotSubtype type = annot->getType();
    if (type == Annot::typePopup || type == Annot::typeLink || type == Annot::typeWidget) continue;
    const std::string text = from_text_string(annot->getContents());
    if (trim(text).empty() || drawn.find(without_spaces(text)) != std::string::npos) continue;
    const auto* const markup = dynamic_cast<const AnnotMarkup*>(annot);
    page.notes.push_back({note_kind(type), markup == nullptr ? "" : from_text_string(markup->getLabel()), text});
  }
}

void read_links(::Page& source, const PageDevice& device, PdfPage& page) {
  const std::unique_ptr<Links> links = source.getLinks();
  if (links == nullptr) return;
  for (AnnotLink* const link : links->getLinks()) {
    const std::string target = link_target(link->getAction());
    double x0 = 0, y0 = 0, x1 = 0, y1 = 0;
    link->getRect(&x0, &y0, &x1, &y1);
    if (!target.empty()) page.links.push_back({device.to_page(x0, y0, x1, y1), clean_utf8(target)});
  }
}

// Values of form fields on this page that its appearance does not show.
void read_form(::Page& source, PdfPage& page) {
  const std::unique_ptr<FormPageWidgets> widgets = source.getFormWidgets();
  if (widgets == nullptr) return;
  const std::string drawn = page_text(page);
  for (int i = 0; i < widgets->getNumWidgets() && static_cast<size_t>(i) < kMaxFormFields; ++i) {
    FormWidget* const widget = widgets->getWidget(i);
    if (widget->getField() == nullptr) continue;
    const std::string value = field_value(*widget->getField());
    if (trim(value).empty() || drawn.find(without_spaces(value)) != std::string::npos) continue;
    std::string name = from_text_string(widget->getAlternateUiName());
    if (name.empty()) name = from_text_string(widget->getFullyQualifiedName());
    page.notes.push_back({"form field", "", name.empty() ? value : name + ": " + value});
  }
}

std::string iso_date(const GooString* text) {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, zone_hour = 0, zone_minute = 0;
  char zone = 0;
  if (text == nullptr ||
      !parseDateString(text, &year, &month, &day, &hour, &minute, &second, &zone, &zone_hour, &zone_minute)) {
    return {};
  }
  if (year < 1900 || year > 9999 || month < 1 || month > 12 || day < 1 || day > 31) return {};
  char out[64];
  int size = std::snprintf(out, sizeof out, "%04d-%02d-%02dT%02d:%02d:%02d", year, month, day, hour, minute, second);
  if (zone == 'Z') out[size++] = 'Z';
  if (zone == '+' || zone == '-') {
    size += std::snprintf(out + size, sizeof out - static_cast<size_t>(size), "%c%02d:%02d", zone, zone_hour % 24,
                          zone_minute % 60);
  }
  return std::string(out, static_cast<size_t>(size));
}

PdfAttachment read_attachment(FileSpec& spec, Budget& budget) {
  PdfAttachment out;
  out.name = clean_utf8(from_text_string(spec.getFileName()));
  if (out.name.empty()) out.name = "unnamed";
  EmbFile* const file = spec.isOk() ? spec.getEmbeddedFile() : nullptr;
  Stream* const stream = file == nullptr ? nullptr : file->stream();
  if (stream == nullptr) {
    out.error = "the embedded file is missing";
    return out;
  }
  stream->reset();
  unsigned char buffer[16384];
  for (int size; (size = stream->doGetChars(sizeof buffer, buffer)) > 0;) {
    if (const Status charged = budget.charge(static_cast<uint64_t>(size)); !charged) {
      out.error = charged.error().message;
      out.bytes.clear();
      break;
    }
    out.bytes.append(reinterpret_cast<const char*>(buffer), static_cast<size_t>(size));
  }
  stream->close();
  return out;
}

void read_outline_items(const std::vector<OutlineItem*>* items, int depth, std::vector<PdfOutlineItem>& out) {
  if (items == nullptr || depth > kMaxOutlineDepth) return;
  for (OutlineItem* const item : *items) {
    if (out.size() >= kMaxOutlineItems) return;
    PdfOutlineItem read;
    read.depth = depth;
    for (int i = 0; i < item->getTitleLength(); ++i) append_utf8(read.title, item->getTitle()[i]);
    out.push_back(std::move(read));
    item->open();
    read_outline_items(item->getKids(), depth + 1, out);
  }
}

}  // namespace

std::string PdfLine::text() const {
  std::string out;
  for (size_t i = 0; i < words.size(); ++i) {
    out += words[i].text;
    if (i + 1 < words.size() && words[i].space_after && !out.ends_with(' ')) out += ' ';
  }
  return out;
}

struct PdfFile::State {
  GlobalParamsIniter library{keep_error};
  std::unique_ptr<PDFDoc> document;
};

PdfFile::PdfFile(std::unique_ptr<State> state) : state_(std::move(state)) {}
PdfFile::PdfFile(PdfFile&&) noexcept = default;
PdfFile::~PdfFile() = default;

Result<PdfFile> PdfFile::open(std::string_view bytes) {
  last_error().clear();
  auto state = std::make_unique<State>();
  auto* const stream = new MemStream(bytes.data(), 0, static_cast<Goffset>(bytes.size()), Object(objNull));
  state->document = std::make_unique<PDFDoc>(stream);  // takes the stream
  if (!state->document->isOk()) {
    if (state->document->getErrorCode() == errEncrypted) {
      return fail(ErrorCode::kProtected, "the PDF opens only with its password; save it without one and add it again");
    }
    const std::string reason = last_error().empty() ? "" : " (" + clean_utf8(last_error()) + ")";
    return fail(ErrorCode::kInvalid, "the PDF is damaged beyond repair" + reason);
  }
  if (state->document->getNumPages() <= 0) return fail(ErrorCode::kInvalid, "the PDF has no pages");
  return PdfFile(std::move(state));
}

uint32_t PdfFile::page_count() const { return static_cast<uint32_t>(state_->document->getNumPages()); }

PdfPage PdfFile::page(uint32_t number) {
  PdfPage page;
  page.number = number;
  last_error().clear();
  ::Page* const source = state_->document->getPage(static_cast<int>(number));
  if (source == nullptr || !source->isOk()) {
    page.error = "the page is damaged";
    if (!last_error().empty()) page.error += " (" + clean_utf8(last_error()) + ")";
    return page;
  }
  PageDevice device;
  state_->document->displayPage(&device, static_cast<int>(number), 72, 72, 0, false, true, false);
  const bool turned = source->getRotate() == 90 || source->getRotate() == 270;
  page.width = turned ? source->getCropHeight() : source->getCropWidth();
  page.height = turned ? source->getCropWidth() : source->getCropHeight();
  uint32_t block_number = 0;
  for (const TextFlow* flow = device.getFlows(); flow != nullptr; flow = flow->getNext()) {
    for (const TextBlock* block = flow->getBlocks(); block != nullptr; block = block->getNext()) {
      ++block_number;
      for (const TextLine* line = block->getLines(); line != nullptr; line = line->getNext()) {
        if (line->getWords() != nullptr) page.lines.push_back(read_line(*line, block_number, device));
      }
    }
  }
  page.rules = std::move(device.rules);
  page.image_share = device.page_area > 0 ? std::min(1.0, device.image_area / device.page_area) : 0;
  read_links(*source, device, page);
  read_annotations(*source, page);
  read_form(*source, page);
  if (page.lines.empty() && page.image_share == 0 && !last_error().empty()) page.error = clean_utf8(last_error());
  return page;
}

Result<PdfImage> PdfFile::render(uint32_t number) {
  ::Page* const source = state_->document->getPage(static_cast<int>(number));
  if (source == nullptr) return fail(ErrorCode::kInvalid, "the page is damaged");
  const double inches = source->getCropWidth() / 72 * source->getCropHeight() / 72;
  if (!(inches > 0)) return fail(ErrorCode::kInvalid, "the page has no size");
  const int dpi = static_cast<int>(std::min<double>(kOcrDpi, std::sqrt(kMaxPixels / inches)));
  if (dpi < 10) return fail(ErrorCode::kLimit, "the page is too large to be rendered");
  SplashColor paper;
  paper[0] = 255;
  SplashOutputDev device(splashModeMono8, 4, false, paper);
  device.startDoc(state_->document.get());
  state_->document->displayPage(&device, static_cast<int>(number), dpi, dpi, 0, false, true, false);
  SplashBitmap* const bitmap = device.getBitmap();
  if (bitmap == nullptr || bitmap->getDataPtr() == nullptr) {
    return fail(ErrorCode::kInvalid, "the page could not be rendered");
  }
  PdfImage image;
  image.width = bitmap->getWidth();
  image.height = bitmap->getHeight();
  image.dpi = dpi;
  const auto width = static_cast<size_t>(image.width);
  for (int y = 0; y < image.height; ++y) {
    const uint8_t* const row = bitmap->getDataPtr() + static_cast<ptrdiff_t>(y) * bitmap->getRowSize();
    image.grey.insert(image.grey.end(), row, row + width);
  }
  return image;
}

void PdfFile::read_metadata(Metadata& meta) {
  PDFDoc& document = *state_->document;
  meta.title = from_text_string(document.getDocInfoTitle().get());
  meta.author = from_text_string(document.getDocInfoAuthor().get());
  meta.created = iso_date(document.getDocInfoCreatDate().get());
  meta.modified = iso_date(document.getDocInfoModDate().get());
  const Object info = document.getDocInfo();
  if (!info.isDict()) return;
  for (int i = 0; i < info.dictGetLength() && i < 100; ++i) {
    const std::string key = info.getDict()->getKey(i);
    if (key == "Title" || key == "Author" || key == "CreationDate" || key == "ModDate") continue;
    const Object value = info.getDict()->getVal(i);
    if (!value.isString()) continue;
    const std::string text = from_text_string(value.getString());
    if (!trim(text).empty()) meta.other.emplace(clean_utf8(key), clean_utf8(text));
  }
}

std::vector<PdfOutlineItem> PdfFile::outline() {
  std::vector<PdfOutlineItem> out;
  Outline* const outline = state_->document->getOutline();
  if (outline != nullptr) read_outline_items(outline->getItems(), 1, out);
  return out;
}

std::vector<PdfAttachment> PdfFile::attachments(Budget& budget) {
  std::vector<PdfAttachment> out;
  Catalog* const catalog = state_->document->getCatalog();
  const int count = catalog->numEmbeddedFiles();
  for (int i = 0; i < count && out.size() < kMaxAttachments; ++i) {
    const std::unique_ptr<FileSpec> spec = catalog->embeddedFile(i);
    if (spec != nullptr) out.push_back(read_attachment(*spec, budget));
  }
  for (uint32_t number = 1; number <= page_count() && out.size() < kMaxAttachments; ++number) {
    ::Page* const page = state_->document->getPage(static_cast<int>(number));
    Annots* const annots = page == nullptr ? nullptr : page->getAnnots();
    if (annots == nullptr) continue;
    for (Annot* const annot : annots->getAnnots()) {
      if (annot->getType() != Annot::typeFileAttachment) continue;
      FileSpec spec(static_cast<AnnotFileAttachment*>(annot)->getFile());
      if (spec.isOk()) out.push_back(read_attachment(spec, budget));
    }
  }
  return out;
}

}  // namespace sillok::documents

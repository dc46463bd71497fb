// Images and scans to text, by tesseract over leptonica; Korean and English.
#include <dlfcn.h>
#include <leptonica/allheaders.h>
#include <tesseract/baseapi.h>
#include <tesseract/resultiterator.h>

#include <chrono>
#include <cmath>
#include <utility>

#include "documents/items.h"
#include "documents/ocr_words.h"

namespace sillok::documents {
namespace {

// Limits on what is decoded: read from the header, so that a small file with huge dimensions costs nothing.
constexpr int64_t kMaxSide = 32'000;             // tesseract's own limit is 32,767
constexpr int64_t kMaxPixels = 150'000'000;      // an A0 sheet at 300 dpi has 140 million
constexpr int64_t kMaxDecodedBytes = 450 << 20;
constexpr double kMaxOcrPixels = 40e6;           // larger images are scaled down: A3 at 400 dpi
constexpr int kMaxFrames = 1000;                 // pages of a TIFF
constexpr double kTimeShare = 0.6;               // of the time a file may take, spent on recognising

constexpr int kTargetDpi = 300;                  // what the models were trained for
constexpr int kPlausibleDpi = 90;                // below: a screen's or a default value, not a scanner's
constexpr int kSmallWidth = 1'300;               // pixels: an image without a plausible resolution is enlarged
constexpr std::string_view kCellGap = "   ";    // spaces the engine writes between words: cells stand further apart
constexpr int kLineMargin = 8;                   // pixels around a line that is read a second time
constexpr float kMinLineConfidence = 40;         // per cent; below are specks, stamps and hatching
constexpr double kTurnedConfidence = 60;         // mean per cent below which a turned page is looked for

struct PixDeleter {
  void operator()(Pix* pix) const { pixDestroy(&pix); }
};
using PixPtr = std::unique_ptr<Pix, PixDeleter>;

using Tesseract = tesseract::TessBaseAPI;

// Tesseract's loops ask OpenMP for threads, which a confined process may not start. With no active parallel levels
// every such region runs on the calling thread, whatever it asks for.
void use_one_thread() {
  using SetLevels = void (*)(int);
  const auto set_levels = reinterpret_cast<SetLevels>(dlsym(RTLD_DEFAULT, "omp_set_max_active_levels"));
  if (set_levels != nullptr) set_levels(0);
}

// One engine a language and process: loading a model takes longer than recognising a small image. The languages are
// not combined in one engine: "kor+eng" takes half as long again and turns Korean words into Latin ones.
Result<Tesseract*> engine(const char* language) {
  static std::map<std::string, std::unique_ptr<Tesseract>> engines;
  std::unique_ptr<Tesseract>& instance = engines[language];
  if (instance) return instance.get();
  use_one_thread();
  setMsgSeverity(L_SEVERITY_NONE);
  auto api = std::make_unique<Tesseract>();
  const std::vector<std::string> names = {"debug_file", "preserve_interword_spaces"}, values = {"/dev/null", "1"};
  if (api->Init(nullptr, language, tesseract::OEM_LSTM_ONLY, nullptr, 0, &names, &values, false) != 0) {
    return fail(ErrorCode::kUnsupported,
                "text recognition needs the Debian packages tesseract-ocr-kor and tesseract-ocr-eng; install them");
  }
  instance = std::move(api);
  return instance.get();
}

// ---------------------------------------------------------------------------------------------
// From the engine's result to blocks

struct Recognised {
  std::vector<Block> blocks;
  double confidence = 0;  // mean of lines kept, weighted by length, per cent
  size_t letters = 0, hangul = 0;
};

bool is_hangul(char32_t c) { return c >= 0xAC00 && c <= 0xD7A3; }

bool is_letter(char32_t c) {
  return c >= 0x80 ? c > 0xBF && (c < 0x2000 || c > 0x2BFF) : std::isalnum(static_cast<int>(c)) != 0;
}

class Collector {
 public:
  void line(std::string_view raw, float confidence, bool begins_paragraph) {
    const std::string text = collapse_spaces(raw);
    size_t letters = 0, signs = 0, hangul = 0;
    for (size_t i = 0; i < text.size();) {
      const char32_t c = decode_utf8(text, i);
      letters += is_letter(c);
      hangul += is_hangul(c);
      signs += c != ' ';
    }
    // Specks, stamps and hatching read as few letters among many signs, or with little confidence.
    if (confidence < kMinLineConfidence || letters * 3 < signs || letters == 0) return;
    out_.letters += letters;
    out_.hangul += hangul;
    weight_ += static_cast<double>(letters);
    confidence_ += static_cast<double>(confidence) * static_cast<double>(letters);
    std::vector<std::string> cells = cells_of(raw);
    if (cells.size() > 1) {
      end_paragraph();
      rows_.push_back(std::move(cells));
      return;
    }
    end_table();
    const bool item = item_marker_size(text) > 0;
    if (item || begins_paragraph) end_paragraph();
    if (paragraph_.empty()) item_ = item;
    if (paragraph_.ends_with('-') && text[0] >= 'a' && text[0] <= 'z') {
      paragraph_.pop_back();
    } else if (!paragraph_.empty()) {
      paragraph_ += ' ';
    }
    paragraph_ += text;
  }

  Recognised finish() {
    end_table();
    end_paragraph();
    if (weight_ > 0) out_.confidence = confidence_ / weight_;
    return std::move(out_);
  }

 private:
  // What wide gaps part on a line: the cells of a table's row.
  static std::vector<std::string> cells_of(std::string_view line) {
    std::vector<std::string> cells;
    while (!line.empty()) {
      const size_t end = std::min(line.find(kCellGap), line.size());
      std::string cell = collapse_spaces(line.substr(0, end));
      if (!cell.empty()) cells.push_back(std::move(cell));
      line.remove_prefix(std::min(line.find_first_not_of(' ', end), line.size()));
    }
    return cells;
  }

  void end_table() {
    const auto rows = std::exchange(rows_, {});
    if (rows.size() == 1) {  // one line with a gap is no table
      for (const std::string& cell : rows.front()) {
        if (!paragraph_.empty()) paragraph_ += ' ';
        paragraph_ += cell;
      }
      item_ = false;
      end_paragraph();
    }
    if (rows.size() < 2) return;
    Block block;
    block.kind = BlockKind::kTable;
    size_t width = 0;
    for (const auto& cells : rows) {
      Row row;
      for (const std::string& cell : cells) {
        row.cells.push_back({cell, 1, 1, static_cast<uint32_t>(row.cells.size())});
      }
      width = std::max(width, cells.size());
      block.table.rows.push_back(std::move(row));
    }
    // A first row without a figure names the columns.
    const auto has_digit = [](const std::string& text) { return text.find_first_of("0123456789") != text.npos; };
    const auto& first = rows.front();
    if (first.size() == width && std::none_of(first.begin(), first.end(), has_digit)) block.table.header_rows = 1;
    out_.blocks.push_back(std::move(block));
  }

  void end_paragraph() {
    if (paragraph_.empty()) return;
    Block block;
    block.kind = item_ ? BlockKind::kListItem : BlockKind::kParagraph;
    block.level = item_ ? 1 : 0;
    block.text = std::move(paragraph_);
    out_.blocks.push_back(std::move(block));
    paragraph_.clear();
  }

  Recognised out_;
  std::string paragraph_;
  std::vector<std::vector<std::string>> rows_;  // of a table being collected
  bool item_ = false;
  double weight_ = 0, confidence_ = 0;
};

// The words of the line an iterator stands at.
std::vector<OcrWord> words_of(const tesseract::ResultIterator& line) {
  std::vector<OcrWord> out;
  tesseract::ResultIterator at(line);
  do {
    const std::unique_ptr<char[]> text(at.GetUTF8Text(tesseract::RIL_WORD));
    OcrWord word;
    int top = 0, bottom = 0;
    if (text == nullptr || !at.BoundingBox(tesseract::RIL_WORD, &word.left, &top, &word.right, &bottom)) continue;
    word.text = text.get();
    word.confidence = at.Confidence(tesseract::RIL_WORD);
    out.push_back(std::move(word));
  } while (!at.IsAtFinalElement(tesseract::RIL_TEXTLINE, tesseract::RIL_WORD) && at.Next(tesseract::RIL_WORD));
  return out;
}

// The same line by the English engine; nothing if it cannot be read.
std::vector<OcrWord> read_again(Tesseract& english, const tesseract::ResultIterator& line) {
  int left = 0, top = 0, right = 0, bottom = 0;
  if (!line.BoundingBox(tesseract::RIL_TEXTLINE, &left, &top, &right, &bottom)) return {};
  left = std::max(left - kLineMargin, 0);
  top = std::max(top - kLineMargin, 0);
  english.SetRectangle(left, top, right + kLineMargin - left, bottom + kLineMargin - top);
  if (english.Recognize(nullptr) != 0) return {};
  const std::unique_ptr<tesseract::ResultIterator> at(english.GetIterator());
  if (at == nullptr) return {};
  return words_of(*at);
}

// `english`, if given, has the same image and mends what is Latin in Korean lines.
Result<Recognised> recognise(Tesseract& api, Tesseract* english) {
  if (api.Recognize(nullptr) != 0) return fail(ErrorCode::kInvalid, "the text of the image could not be recognised");
  Collector collector;
  const std::unique_ptr<tesseract::ResultIterator> at(api.GetIterator());
  if (at == nullptr) return collector.finish();
  do {
    // Whole lines: only there does the engine say which Korean syllables stand together.
    const std::unique_ptr<char[]> raw(at->GetUTF8Text(tesseract::RIL_TEXTLINE));
    if (raw == nullptr) continue;
    std::string text = raw.get();
    if (english != nullptr) {
      const std::vector<OcrWord> words = words_of(*at);
      if (may_hide_latin(words)) text = with_latin_words(text, words, read_again(*english, *at));
    }
    collector.line(text, at->Confidence(tesseract::RIL_TEXTLINE), at->IsAtBeginningOf(tesseract::RIL_PARA));
  } while (at->Next(tesseract::RIL_TEXTLINE));
  return collector.finish();
}

// ---------------------------------------------------------------------------------------------
// Preparing pages

PixPtr scaled(PixPtr pix, double factor) {
  if (factor > 0.95 && factor < 1.05) return pix;
  const auto scale = static_cast<l_float32>(factor);
  return PixPtr(pixScale(pix.get(), scale, scale));
}

// Grey, without transparency, near the resolution the models know.
PixPtr prepared(PixPtr pix) {
  const int dpi = pixGetXRes(pix.get());
  if (pixGetSpp(pix.get()) == 4) pix.reset(pixRemoveAlpha(pix.get()));
  if (pix) pix.reset(pixConvertTo8(pix.get(), 0));
  if (!pix) return nullptr;
  const double pixels = static_cast<double>(pixGetWidth(pix.get())) * pixGetHeight(pix.get());
  double factor = 1;
  if (dpi >= kPlausibleDpi && dpi < kTargetDpi * 2 / 3) {
    factor = static_cast<double>(kTargetDpi) / dpi;
  } else if (dpi < kPlausibleDpi && pixGetWidth(pix.get()) < kSmallWidth) {
    factor = 2;
  }
  factor = std::min(factor, std::sqrt(kMaxOcrPixels / std::max(pixels, 1.0)));
  PixPtr out = scaled(std::move(pix), factor);
  if (out) pixSetResolution(out.get(), kTargetDpi, kTargetDpi);
  return out;
}

// A white gutter down the middle of the text: two columns. The engine's own analysis finds columns, but on pages of one
// column it loses whole lines of Korean (a third of a justified page), so it is used only where it is needed.
bool has_columns(Pix& grey) {
  const int width = pixGetWidth(&grey), height = pixGetHeight(&grey);
  std::vector<int> ink(static_cast<size_t>(width), 0);
  int rows = 0;
  for (int y = height / 5; y < height * 4 / 5; y += 4, ++rows) {
    const l_uint32* const line = pixGetData(&grey) + static_cast<ptrdiff_t>(y) * pixGetWpl(&grey);
    for (int x = 0; x < width; ++x) ink[static_cast<size_t>(x)] += GET_DATA_BYTE(line, x) < 128;
  }
  const int blank = rows / 50;  // a heading or a rule across both columns may cross the gutter
  const auto inked = [&](int from, int to) {
    int count = 0;
    for (int x = from; x < to; ++x) count += ink[static_cast<size_t>(x)] > rows / 12;
    return count * 3 > to - from;
  };
  if (!inked(width / 8, width * 3 / 8) || !inked(width * 5 / 8, width * 7 / 8)) return false;
  int run = 0;
  for (int x = width * 2 / 5; x < width * 3 / 5; ++x) {
    run = ink[static_cast<size_t>(x)] <= blank ? run + 1 : 0;
    if (run * 70 >= width) return true;  // 3 mm of an A4 page
  }
  return false;
}

enum class Mend : uint8_t { kNothing, kLatin };

Result<Recognised> recognise_with(const char* language, Mend mend, Pix& pix) {
  SILLOK_ASSIGN(Tesseract* const api, engine(language));
  api->SetPageSegMode(has_columns(pix) ? tesseract::PSM_AUTO : tesseract::PSM_SINGLE_COLUMN);
  api->SetImage(&pix);
  api->SetSourceResolution(kTargetDpi);
  Tesseract* mender = nullptr;
  if (mend == Mend::kLatin) {
    SILLOK_ASSIGN(mender, engine("eng"));
    mender->SetPageSegMode(tesseract::PSM_SINGLE_LINE);
    mender->SetImage(&pix);
    mender->SetSourceResolution(kTargetDpi);
  }
  auto out = recognise(*api, mender);
  api->Clear();
  if (mender != nullptr) mender->Clear();
  return out;
}

// Korean first, whose model reads Latin letters too; a page with hardly any Hangul is read again as English.
Result<Recognised> recognise_pix(Pix& pix, Mend mend) {
  auto korean = recognise_with("kor", mend, pix);
  if (!korean || korean->hangul * 12 >= std::max<size_t>(korean->letters, 1)) return korean;
  auto english = recognise_with("eng", Mend::kNothing, pix);
  if (!english) return english;
  return english->confidence >= korean->confidence ? std::move(english) : std::move(korean);
}

// A page that reads badly may lie on its side or upside down; the better reading stands.
Result<Recognised> recognise_any_way_up(Pix& pix) {
  auto best = recognise_pix(pix, Mend::kLatin);
  if (!best || (best->confidence >= kTurnedConfidence && !best->blocks.empty())) return best;
  // A quarter of the pixels is enough to tell which way is up.
  const PixPtr small(pixScale(&pix, 0.5F, 0.5F));
  int best_quarters = 0;
  double best_confidence = best->confidence;
  for (int quarters = 1; quarters <= 3 && small; ++quarters) {
    const PixPtr turned(pixRotateOrth(small.get(), quarters));
    if (!turned) continue;
    const auto tried = recognise_pix(*turned, Mend::kNothing);
    if (!tried || tried->blocks.empty() || tried->confidence < best_confidence + 10) continue;
    best_confidence = tried->confidence;
    best_quarters = quarters;
  }
  if (best_quarters == 0) return best;
  const PixPtr turned(pixRotateOrth(&pix, best_quarters));
  if (!turned) return best;
  auto again = recognise_pix(*turned, Mend::kLatin);
  return again && again->confidence > best->confidence ? std::move(again) : std::move(best);
}

// ---------------------------------------------------------------------------------------------
// Image files

const l_uint8* data_of(std::string_view bytes) { return reinterpret_cast<const l_uint8*>(bytes.data()); }

std::string format_of(std::string_view bytes) {
  if (bytes.starts_with("\x89PNG")) return "png";
  if (bytes.starts_with("\xFF\xD8")) return "jpeg";
  if (bytes.starts_with("II*") || bytes.starts_with(std::string_view("MM\0*", 4)) || bytes.starts_with("II+") ||
      bytes.starts_with(std::string_view("MM\0+", 4))) {
    return "tiff";
  }
  if (bytes.starts_with("BM")) return "bmp";
  if (bytes.starts_with("GIF8")) return "gif";
  if (bytes.starts_with("RIFF") && bytes.substr(8).starts_with("WEBP")) return "webp";
  return "image";
}

uint32_t little16(std::string_view bytes, size_t at) {
  return static_cast<uint32_t>(static_cast<uint8_t>(bytes[at])) |
         static_cast<uint32_t>(static_cast<uint8_t>(bytes[at + 1])) << 8;
}

struct Dimensions {
  int64_t width = 0, height = 0, bits = 8;  // bits per pixel
};

// From the header of frame `frame`, decoding nothing.
Result<Dimensions> dimensions_of(std::string_view bytes, const std::string& format, int frame) {
  l_int32 width = 0, height = 0, bits = 0, samples = 0, colormap = 0, kind = 0, resolution = 0;
  l_ok bad = 0;
  if (format == "gif") {
    // leptonica has no header reader for GIF; the logical screen stands at byte 6.
    if (bytes.size() < 10) return fail(ErrorCode::kInvalid, "the image is cut off");
    return Dimensions{little16(bytes, 6), little16(bytes, 8), 32};
  }
  if (format == "tiff") {
    bad = readHeaderMemTiff(data_of(bytes), bytes.size(), frame, &width, &height, &bits, &samples, &resolution,
                            &colormap, &kind);
  } else {
    bad = pixReadHeaderMem(data_of(bytes), bytes.size(), &kind, &width, &height, &bits, &samples, &colormap);
  }
  if (bad != 0 || width <= 0 || height <= 0) return fail(ErrorCode::kInvalid, "the image's header is damaged");
  // leptonica holds three and four samples as 32 bits.
  const int64_t depth = samples >= 3 ? 32 : std::max<int64_t>(1, int64_t{bits} * std::max<int64_t>(samples, 1));
  return Dimensions{width, height, depth};
}

Status check_dimensions(const Dimensions& size) {
  const bool fits = size.width <= kMaxSide && size.height <= kMaxSide && size.width * size.height <= kMaxPixels &&
                    size.width * size.height * size.bits / 8 <= kMaxDecodedBytes;
  if (fits) return {};
  return fail(ErrorCode::kLimit, "the image has " + std::to_string(size.width) + " x " + std::to_string(size.height) +
                                     " pixels, more than can be recognised; scale it down or split it");
}

// EXIF orientation of a JPEG, 1 if it says none. The tag is 0x0112 in the first directory of the APP1 segment.
int exif_orientation(std::string_view bytes) {
  const size_t start = bytes.substr(0, 4096).find(std::string_view("Exif\0\0", 6));
  if (start == std::string_view::npos) return 1;
  const std::string_view tiff = bytes.substr(start + 6);
  const bool little = tiff.starts_with("II");
  const auto number = [&](size_t at, size_t size) -> uint32_t {
    uint32_t value = 0;
    if (at + size > tiff.size()) return 0;
    for (size_t i = 0; i < size; ++i) {
      value = value << 8 | static_cast<uint8_t>(tiff[at + (little ? size - 1 - i : i)]);
    }
    return value;
  };
  const size_t directory = number(4, 4);
  const uint32_t count = std::min(number(directory, 2), 64u);
  for (uint32_t i = 0; i < count; ++i) {
    const size_t entry = directory + 2 + size_t{12} * i;
    if (number(entry, 2) == 0x0112) return static_cast<int>(number(entry + 8, 2));
  }
  return 1;
}

PixPtr decode(std::string_view bytes, const std::string& format, int frame) {
  PixPtr pix(format == "tiff" ? pixReadMemTiff(data_of(bytes), bytes.size(), frame)
                              : pixReadMem(data_of(bytes), bytes.size()));
  if (!pix || format != "jpeg") return pix;
  const int orientation = exif_orientation(bytes);
  const int quarters = orientation == 3 ? 2 : orientation == 6 ? 1 : orientation == 8 ? 3 : 0;
  if (quarters > 0) pix.reset(pixRotateOrth(pix.get(), quarters));
  return pix;
}

int frame_count(std::string_view bytes, const std::string& format) {
  if (format != "tiff") return 1;
  int frames = 0;
  while (frames <= kMaxFrames && dimensions_of(bytes, format, frames)) ++frames;
  return std::max(frames, 1);
}

Block note(uint32_t page, std::string text) {
  Block block;
  block.kind = BlockKind::kComment;
  block.anchor.page = page;
  block.anchor.part = "reader's note";
  block.text = std::move(text);
  return block;
}

Result<std::vector<Block>> read_frame(std::string_view bytes, const std::string& format, int frame) {
  SILLOK_ASSIGN(const Dimensions size, dimensions_of(bytes, format, frame));
  SILLOK_TRY(check_dimensions(size));
  PixPtr pix = decode(bytes, format, frame);
  if (!pix) return fail(ErrorCode::kInvalid, "the image is damaged or cut off");
  // The header may lie about what the decoder then finds.
  SILLOK_TRY(check_dimensions({pixGetWidth(pix.get()), pixGetHeight(pix.get()), pixGetDepth(pix.get())}));
  pix = prepared(std::move(pix));
  if (!pix) return fail(ErrorCode::kInvalid, "the image could not be converted to grey");
  SILLOK_ASSIGN(Recognised recognised, recognise_any_way_up(*pix));
  return std::move(recognised.blocks);
}

}  // namespace

Result<std::vector<Block>> ocr_image(const uint8_t* pixels, int width, int height, int channels, int stride, int dpi) {
  if (width <= 0 || height <= 0 || width > kMaxSide || height > kMaxSide) {
    return fail(ErrorCode::kLimit, "the page image has no usable size");
  }
  PixPtr pix(pixCreate(width, height, 8));
  if (!pix) return fail(ErrorCode::kLimit, "no memory for the page image");
  for (int y = 0; y < height; ++y) {
    const uint8_t* const row = pixels + static_cast<ptrdiff_t>(y) * stride;
    l_uint32* const line = pixGetData(pix.get()) + static_cast<ptrdiff_t>(y) * pixGetWpl(pix.get());
    for (int x = 0; x < width; ++x) {
      const uint8_t* const p = row + static_cast<ptrdiff_t>(x) * channels;
      // ITU-R BT.601 luma; integers keep the result the same on every machine.
      const int grey = channels >= 3 ? (299 * p[0] + 587 * p[1] + 114 * p[2]) / 1000 : p[0];
      SET_DATA_BYTE(line, x, static_cast<l_uint8>(grey));
    }
  }
  pixSetResolution(pix.get(), dpi, dpi);
  pix = prepared(std::move(pix));
  if (!pix) return fail(ErrorCode::kLimit, "no memory for the page image");
  SILLOK_ASSIGN(Recognised recognised, recognise_any_way_up(*pix));
  return std::move(recognised.blocks);
}

Result<Document> read_image(const Source& source, Budget& budget) {
  const auto start = std::chrono::steady_clock::now();
  const double limit = kTimeShare * std::min(budget.limits().cpu_seconds, budget.limits().wall_seconds);
  Document document;
  document.meta.format = format_of(source.bytes);
  setMsgSeverity(L_SEVERITY_NONE);
  SILLOK_ASSIGN(const Dimensions first, dimensions_of(source.bytes, document.meta.format, 0));
  SILLOK_TRY(check_dimensions(first));
  document.meta.other["pixels"] = std::to_string(first.width) + " x " + std::to_string(first.height);
  const int frames = frame_count(source.bytes, document.meta.format);
  for (int frame = 0; frame < frames; ++frame) {
    const auto page = static_cast<uint32_t>(frame + 1);
    const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
    if (frame > 0 && spent.count() * (frame + 1) / frame > limit) {
      document.blocks.push_back(note(page, "pages " + std::to_string(page) + "-" + std::to_string(frames) +
                                               " were not recognised: the time for one file ran out; split the file "
                                               "to read them"));
      break;
    }
    auto blocks = read_frame(source.bytes, document.meta.format, frame);
    if (!blocks && frames == 1) return fail(blocks.error());
    if (!blocks) {
      document.blocks.push_back(note(page, "page " + std::to_string(page) + " could not be read: " +
                                               blocks.error().message));
      continue;
    }
    for (Block& block : *blocks) {
      block.anchor.page = page;
      document.blocks.push_back(std::move(block));
    }
  }
  if (document.blocks.empty()) document.meta.other["note"] = "no text was recognised in the image";
  return document;
}

}  // namespace sillok::documents

// The path from bytes to items: detect, choose the reader, finish, give.
#include <new>

#include "documents/convert.h"
#include "documents/detect.h"
#include "documents/reader.h"

namespace sillok::documents {

Status Budget::charge(uint64_t expanded_bytes) {
  expanded_ += expanded_bytes;
  if (expanded_ <= limits_.expanded_bytes) return {};
  exhausted_ = true;
  return fail(ErrorCode::kLimit, "expands to more than " +
                                     std::to_string(limits_.expanded_bytes >> 20) +
                                     " MiB; split the file if it is genuine");
}

Status Budget::count_item() {
  if (++items_ <= limits_.items) return {};
  exhausted_ = true;
  return fail(ErrorCode::kLimit, "holds more than " + std::to_string(limits_.items) + " items");
}

bool Budget::passes_over(std::string_view part) const {
  // Names inside a file may be any bytes; what they are known by is text.
  const std::string known = clean_utf8(part);
  return !wanted_.empty() && !known.empty() && known != wanted_ && !wanted_.starts_with(known + "/");
}

bool Budget::take(std::string_view part, std::string_view bytes) {
  if (wanted_.empty() || clean_utf8(part) != wanted_) return false;
  if (times_++ == 0) taken_ = std::string(bytes);
  return true;
}

std::string part_inside(const Source& outer, std::string_view name) {
  return outer.part.empty() ? std::string(name) : outer.part + "/" + std::string(name);
}

namespace {

using DocumentReader = Result<Document> (*)(const Source&, Budget&);
using ItemReader = Status (*)(const Source&, Budget&, const ItemSink&);

// The table of formats. Exactly one of the two readers is set.
struct Format {
  std::string_view name;
  DocumentReader document;
  ItemReader items;
};
constexpr Format kFormats[] = {
    {"hwp", read_hwp, nullptr},           {"hwpx", read_hwpx, nullptr},
    {"pdf", read_pdf, nullptr},           {"docx", read_docx, nullptr},
    {"xlsx", read_xlsx, nullptr},         {"pptx", read_pptx, nullptr},
    {"odt", read_odf, nullptr},           {"ods", read_odf, nullptr},
    {"odp", read_odf, nullptr},           {"html", read_html, nullptr},
    {"markdown", read_markdown, nullptr}, {"text", read_text, nullptr},
    {"csv", read_csv, nullptr},           {"json", nullptr, read_json},
    {"png", read_image, nullptr},         {"jpeg", read_image, nullptr},
    {"tiff", read_image, nullptr},        {"bmp", read_image, nullptr},
    {"gif", read_image, nullptr},         {"webp", read_image, nullptr},
    {"jsonl", nullptr, read_jsonl},       {"eml", nullptr, read_eml},
    {"mbox", nullptr, read_mbox},         {"zip", nullptr, read_zip},
    {"gzip", nullptr, read_gzip},
};

bool is_legacy(std::string_view format) {
  return format == "rtf" || format == "doc" || format == "xls" || format == "ppt";
}

const Format* find_format(std::string_view name) {
  for (const Format& known : kFormats) {
    if (known.name == name) return &known;
  }
  return nullptr;
}

void give(Document document, const Source& source, const ItemSink& sink) {
  finish(document, source);
  sink(Item{source.part, source.parent, std::move(document)});
}

Status read_known(const Source& source, Budget& budget, const ItemSink& sink) {
  // The file itself is none of its items: a million lines are a million.
  if (source.depth > 0) SILLOK_TRY(budget.count_item());
  if (source.bytes.empty()) return fail(ErrorCode::kInvalid, "the file is empty");
  if (source.depth > budget.limits().depth) {
    return fail(ErrorCode::kLimit, "containers are nested more than " +
                                       std::to_string(budget.limits().depth) + " deep");
  }
  const std::string name = detect_format(source.bytes, source.name);
  if (const Format* format = find_format(name)) {
    if (format->items != nullptr) return format->items(source, budget, sink);
    SILLOK_ASSIGN(Document document, format->document(source, budget));
    give(std::move(document), source, sink);
    return {};
  }
  if (is_legacy(name)) {
    if (hand_over_for_conversion(source, name)) return {};
    SILLOK_ASSIGN(Document document, read_legacy(source, name, budget));
    give(std::move(document), source, sink);
    return {};
  }
  return fail(refusal(name));
}

}  // namespace

// At the top, an error is the file's. Inside a container it is an item, so that the other members
// are still read, unless the whole file's allowance is used up.
Status read_source(const Source& source, Budget& budget, const ItemSink& sink) {
  if (budget.passes_over(source.part)) return {};
  if (budget.take(source.part, source.bytes)) return {};
  Status status;
  try {
    status = read_known(source, budget, sink);
  } catch (const std::bad_alloc&) {
    status =
        fail(ErrorCode::kLimit, "needs more memory than a file may take (" +
                                    std::to_string(budget.limits().memory_bytes >> 20) + " MiB)");
  } catch (const std::exception& e) {
    status = fail(ErrorCode::kInvalid,
                  std::string("the reader could not make sense of it: ") + e.what());
  }
  if (status || source.depth == 0 || budget.exhausted()) return status;
  sink(Item{source.part, source.parent, fail(status.error())});
  return {};
}

Status read_in_process(std::string_view bytes, std::string_view name, const ReadLimits& limits,
                       const ItemSink& sink) {
  if (bytes.size() > limits.file_bytes) {
    return fail(ErrorCode::kLimit, "the file has " + std::to_string(bytes.size()) +
                                       " bytes, over the limit of " +
                                       std::to_string(limits.file_bytes));
  }
  Budget budget(limits);
  const Source source{bytes, std::string(name), "", "", 0};
  return read_source(source, budget, sink);
}

Result<std::string> extract_in_process(std::string_view bytes, std::string_view name, const ReadLimits& limits, std::string_view part) {
  if (part.empty()) return fail(ErrorCode::kInvalid, "the file itself is no part of it");
  Budget budget(limits);
  budget.want(part);
  const Status status = read_source({bytes, std::string(name), "", "", 0}, budget, [](Item&&) {});
  if (auto taken = budget.taken()) return std::move(*taken);
  if (!status) return fail(status.error());
  return fail(ErrorCode::kNotFound, "it has no part '" + shorten(part, 100) + "' with bytes of its own");
}

}  // namespace sillok::documents

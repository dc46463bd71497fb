// Reading records: lists, one with its versions, its content in several forms, its links. Opening one is recorded.
#include "server/records.h"

#include "server/access.h"

namespace sillok::server {
namespace {

void put_days(Json& json, const archive::Version& version) {
  if (version.valid_from != kDayMin) json["valid_from"] = format_day(version.valid_from);
  if (version.valid_to != kDayMax) json["valid_to"] = format_day(version.valid_to);
}

Json record_json(const archive::Version& version, size_t versions) {
  Json json = {{"record", version.record}, {"title", version.title}, {"format", version.format}, {"label", version.label}, {"version", version.number}};
  put_days(json, version);
  json["recorded"] = format_micros(version.recorded);
  if (!version.url.empty()) json["url"] = version.url;
  json["versions"] = versions;
  return json;
}

Json version_json(const archive::Version& version) {
  Json json = {{"number", version.number}, {"title", version.title}, {"format", version.format}, {"label", version.label}};
  put_days(json, version);
  json["recorded"] = format_micros(version.recorded);
  json["content_hash"] = version.content_hash;
  return json;
}

// Text of a block: that of a table by rows.
std::string block_text(const documents::Block& block) {
  if (block.kind != documents::BlockKind::kTable) return block.text;
  std::string text;
  for (size_t row = 0; row < block.table.rows.size(); ++row) text += documents::row_text(block.table, row) + "\n";
  return text;
}

Json personal_json(const documents::Document& document) {
  Json list = Json::array();
  constexpr size_t kMost = 1000;
  for (size_t i = 0; i < document.blocks.size(); ++i) {
    const std::string text = block_text(document.blocks[i]);
    for (const govern::Personal& found : govern::find_personal(text)) {
      if (list.size() >= kMost) return list;
      list.push_back({{"kind", govern::to_string(found.kind)}, {"anchor", documents::to_string(document.blocks[i].anchor)}, {"block", i},
                      {"masked", govern::mask_personal(text.substr(found.begin, found.end - found.begin))}});
    }
  }
  return list;
}

// The version asked for and its document, with the opening recorded; or the refusal.
struct Opened {
  archive::Version version;
  documents::Document document;
};
Result<Opened> open(App& app, Request& request, const char* form) {
  SILLOK_ASSIGN(archive::Version version, version_of(app, request, request.captures[0]));
  SILLOK_ASSIGN(documents::Document document, Access(app, request.identity).document(version));
  SILLOK_TRY(record_opening(app, request.identity, version, form));
  return Opened{std::move(version), std::move(document)};
}

std::string_view media_type(std::string_view format) {
  constexpr std::pair<std::string_view, std::string_view> kTypes[] = {
      {"pdf", "application/pdf"}, {"png", "image/png"}, {"jpeg", "image/jpeg"}, {"tiff", "image/tiff"}, {"text", "text/plain; charset=utf-8"},
      {"markdown", "text/markdown; charset=utf-8"}, {"csv", "text/csv"}, {"json", "application/json"}, {"jsonl", "application/x-ndjson"},
      {"eml", "message/rfc822"}, {"mbox", "application/mbox"}, {"zip", "application/zip"}, {"hwp", "application/x-hwp"}, {"hwpx", "application/hwp+zip"},
      {"docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
      {"xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
      {"pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"},
      {"odt", "application/vnd.oasis.opendocument.text"}};
  for (const auto& [name, type] : kTypes) {
    if (name == format) return type;
  }
  return "application/octet-stream";  // HTML too: it must never be shown as a page of this origin
}

}  // namespace

Status record_opening(App& app, const govern::Identity& who, const archive::Version& version, const char* form) {
  SILLOK_TRY(app.record(who, "open", version.record, version.label, {{"version", version.number}, {"form", form}}));
  return {};
}

Json link_json(const Access& access, const archive::Link& link, std::string_view record) {
  const bool out = link.from_record == record;
  const std::string& other = out ? link.to_record : link.from_record;
  std::string title;
  if (!other.empty()) {
    if (const auto version = access.version(other, 0, kDayMax)) title = version->title;
  }
  return {{"kind", archive::to_string(link.kind)}, {"direction", out ? "out" : "in"}, {"record", other.empty() ? Json() : Json(other)},
          {"title", title}, {"anchor", out ? link.to_anchor : link.from_anchor}, {"from_anchor", link.from_anchor}, {"target", link.target},
          {"words", link.words}, {"weight", link.weight}};
}

Response list_records(App& app, Request& request) {
  const auto limit = integer_argument(request, "limit", 100, 1000);
  const auto day = day_argument(request);
  if (!limit) return error_response(Surface::kNative, limit.error());
  if (!day) return error_response(Surface::kNative, day.error());
  Access::Filter filter;
  filter.after = std::string(request.argument("after"));
  filter.format = std::string(request.argument("format"));
  filter.label = std::string(request.argument("label"));
  filter.text = std::string(request.argument("q"));
  filter.limit = std::max<uint64_t>(1, *limit);
  filter.day = *day;
  const auto listing = Access(app, request.identity).list(filter);
  Json records = Json::array();
  for (size_t i = 0; i < listing.records.size(); ++i) records.push_back(record_json(listing.records[i], listing.versions[i]));
  return json_response({{"records", std::move(records)}, {"next", listing.next.empty() ? Json() : Json(listing.next)}, {"total", listing.total ? Json(*listing.total) : Json()}});
}

Response show_record(App& app, Request& request) {
  const auto version = version_of(app, request, request.captures[0]);
  if (!version) return error_response(Surface::kNative, version.error());
  return record_detail(app, request.identity, *version);
}

Response record_detail(App& app, const govern::Identity& who, const archive::Version& version) {
  const auto versions = Access(app, who).versions(version.record);
  Json json = record_json(version, versions.size());
  Json list = Json::array();
  for (const auto& each : versions) list.push_back(version_json(each));
  json["versions"] = std::move(list);
  if (who.may(govern::Scope::kLabel)) {
    if (const auto document = app.archive.document(version.id)) json["personal"] = personal_json(*document);
  }
  return json_response(std::move(json));
}

Response record_html(App& app, Request& request) {
  const auto opened = open(app, request, "html");
  if (!opened) return error_response(Surface::kNative, opened.error());
  Response response;
  response.headers.emplace_back("Content-Type", "text/html; charset=utf-8");
  response.headers.emplace_back("Content-Security-Policy", "sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'");
  response.headers.emplace_back("X-Frame-Options", "SAMEORIGIN");
  response.body = documents::to_html(opened->document);
  return response;
}

Response record_text(App& app, Request& request) {
  const auto opened = open(app, request, "text");
  if (!opened) return error_response(Surface::kNative, opened.error());
  Response response;
  response.headers.emplace_back("Content-Type", "text/plain; charset=utf-8");
  response.body = documents::to_text(opened->document);
  return response;
}

Response record_original(App& app, Request& request) {
  const auto version = version_of(app, request, request.captures[0]);
  if (!version) return error_response(Surface::kNative, version.error());
  auto bytes = Access(app, request.identity).view().original(version->id);
  if (!bytes) return error_response(Surface::kNative, bytes.error());
  if (const Status kept = record_opening(app, request.identity, *version, "original"); !kept) return error_response(Surface::kNative, kept.error());
  Response response;
  response.headers.emplace_back("Content-Type", media_type(version->format));
  // Whoever asks here has a clearance, and is given the record's own part where the file holds several.
  const size_t inside = version->source_path.find("::");
  const std::string path = inside == std::string::npos ? version->source_path : version->source_path.substr(inside + 2);
  std::string name = path.substr(path.find_last_of("/\\") + 1);
  if (name.empty()) name = "record";
  response.headers.emplace_back("Content-Disposition", "attachment; filename*=UTF-8''" + percent_encode(name));
  response.headers.emplace_back("Content-Security-Policy", "sandbox; default-src 'none'");
  response.body = std::move(*bytes);
  return response;
}

Response record_blocks(App& app, Request& request) {
  const auto opened = open(app, request, "blocks");
  if (!opened) return error_response(Surface::kNative, opened.error());
  Json blocks = Json::array();
  for (size_t i = 0; i < opened->document.blocks.size(); ++i) {
    const documents::Block& block = opened->document.blocks[i];
    Json json = {{"index", i}, {"anchor", documents::to_string(block.anchor)}, {"kind", documents::to_string(block.kind)}, {"level", block.level}, {"text", block.text}};
    if (block.kind == documents::BlockKind::kTable) {
      json["rows"] = documents::grid(block.table);
      json["header_rows"] = block.table.header_rows;
    }
    blocks.push_back(std::move(json));
  }
  return json_response({{"blocks", std::move(blocks)}});
}

Response record_links(App& app, Request& request) {
  const auto version = version_of(app, request, request.captures[0]);
  if (!version) return error_response(Surface::kNative, version.error());
  const Access access(app, request.identity);
  const auto day = day_argument(request);
  Json links = Json::array();
  for (const archive::Link& link : access.links(*version, day.value_or(kDayMax))) links.push_back(link_json(access, link, version->record));
  return json_response({{"record", version->record}, {"version", version->number}, {"links", std::move(links)}});
}

}  // namespace sillok::server

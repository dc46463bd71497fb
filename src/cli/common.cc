#include "cli/common.h"

#include <unistd.h>

#include <charconv>
#include <cmath>
#include <cstdlib>

namespace sillok::cli {

int report_error(const Error& error) {
  std::fprintf(stderr, "sillok: %s\n", error.message.c_str());
  return 1;
}

int report_usage(const Error& error) { return report_error(error) + 1; }

void print_json(const Json& json, int indent) {
  const std::string text = json.dump(indent, ' ', false, Json::error_handler_t::replace);
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fputc('\n', stdout);
}

Result<Home> open_home(const fs::path& path) {
  SILLOK_ASSIGN(archive::Archive archive, archive::Archive::open(path));
  SILLOK_ASSIGN(search::Searcher searcher, search::Searcher::open(path));
  SILLOK_TRY(searcher.refresh(archive));
  return Home{std::move(archive), std::move(searcher)};
}

Result<Day> day_option(const std::string& text, std::string_view name) {
  if (text.empty()) return kDayMax;
  auto day = parse_day(text);
  if (!day) return fail(day.error().in(name));
  return *day;
}

Result<std::vector<std::string>> label_options(const archive::Archive& archive,
                                              const std::vector<std::string>& written) {
  std::vector<std::string> names;
  for (const std::string& wanted : written) {
    const govern::Lattice& lattice = archive.settings().lattice;
    const auto label = lattice.parse(wanted);
    if (!label) return fail(label.error().in("--labels"));
    names.push_back(lattice.text(*label));
  }
  return names;
}

bool on_terminal(std::FILE* stream) { return ::isatty(::fileno(stream)) == 1; }

ProgressLine::ProgressLine(std::string what)
    : what_(std::move(what)), terminal_(on_terminal(stderr)), start_(now_micros()) {}

ProgressLine::~ProgressLine() {
  if (drawn_) std::fputs("\r\033[K", stderr);
}

void ProgressLine::show(uint64_t done, uint64_t total, const std::string& extra) {
  constexpr Micros kRedraw = 100'000;
  const Micros now = now_micros();
  if (!terminal_ || (now - last_ < kRedraw && done < total)) return;
  last_ = now;
  drawn_ = true;
  constexpr uint64_t kWidth = 30;
  const uint64_t filled = total > 0 ? kWidth * done / total : 0;
  std::string bar(static_cast<size_t>(std::min(filled, kWidth)), '#');
  bar.resize(kWidth, '.');
  const double seconds = static_cast<double>(now - start_) / 1e6;
  const double left = done > 0 ? seconds * static_cast<double>(total - std::min(done, total)) / static_cast<double>(done) : 0;
  std::fprintf(stderr, "\r\033[K%s [%s] %llu/%llu%s%s  %.0f s left", what_.c_str(), bar.c_str(),
               static_cast<unsigned long long>(done), static_cast<unsigned long long>(total), extra.empty() ? "" : "  ",
               extra.c_str(), left);
  std::fflush(stderr);
}

Json json_number(float value) {
  if (!std::isfinite(value)) return {};
  char text[32];
  *std::to_chars(text, text + sizeof(text) - 1, value).ptr = '\0';
  return std::strtod(text, nullptr);
}

Json version_json(const archive::Version& v) {
  Json json;
  json["record"] = v.record;
  json["version"] = v.number;
  json["title"] = v.title;
  json["format"] = v.format;
  json["label"] = v.label;
  json["valid_from"] = v.valid_from == kDayMin ? Json() : Json(format_day(v.valid_from));
  json["valid_to"] = v.valid_to == kDayMax ? Json() : Json(format_day(v.valid_to));
  json["recorded"] = format_micros(v.recorded);
  json["source"] = v.source_path;
  if (!v.url.empty()) json["url"] = v.url;
  json["blob"] = v.blob;
  if (v.erased) json["erased"] = true;
  return json;
}

}  // namespace sillok::cli

#include "server/access.h"

namespace sillok::server {

std::vector<archive::Version> Access::versions(std::string_view record) const {
  auto all = view_.versions(record);
  std::erase_if(all, [](const archive::Version& version) { return version.erased; });
  return all;
}

Result<archive::Version> Access::version(std::string_view record, uint32_t number, Day day) const {
  const std::vector<archive::Version> seen = versions(record);
  if (seen.empty()) return fail(ErrorCode::kNotFound, "there is no record '" + shorten(clean_utf8(record), 200) + "'");
  if (number > 0) {
    for (const auto& version : seen) {
      if (version.number == number) return version;
    }
    return fail(ErrorCode::kNotFound, "'" + shorten(clean_utf8(record), 200) + "' has no version " + std::to_string(number));
  }
  auto found = view_.version_as_of(record, day == kDayMax ? today() : day);
  if (found && !found->erased) return found;
  if (day == kDayMax) return seen.back();
  if (found) return fail(ErrorCode::kNotFound, "there is no record '" + shorten(clean_utf8(record), 200) + "'");
  return found;
}

std::vector<archive::Link> Access::links(const archive::Version& version, Day day) const {
  return view_.links(version.record, day == kDayMax ? today() : day);
}

Access::Listing Access::list(const Filter& filter) const {
  Listing listing;
  const std::string wanted = ascii_lower(filter.text);
  constexpr size_t kBatch = 1000;
  // Without a filter only the page itself is read; with one, all must be looked at to be counted.
  std::string after = filter.all() ? filter.after : std::string();
  if (filter.all()) listing.total = view_.record_count();
  for (;;) {
    const std::vector<std::string> keys = view_.records(after, kBatch);
    if (keys.empty()) return listing;
    after = keys.back();
    for (const std::string& key : keys) {
      const auto found = version(key, 0, filter.day);
      if (!found) continue;
      if (!filter.format.empty() && found->format != filter.format) continue;
      if (!filter.label.empty() && found->label != filter.label) continue;
      if (!wanted.empty() && ascii_lower(found->title).find(wanted) == std::string::npos && ascii_lower(key).find(wanted) == std::string::npos) continue;
      if (!filter.all()) ++listing.total;
      if (key <= filter.after) continue;
      if (listing.records.size() == filter.limit) {
        listing.next = listing.records.back().record;
        if (filter.all()) return listing;
        continue;
      }
      listing.records.push_back(*found);
      listing.versions.push_back(versions(key).size());
    }
  }
}

Result<Day> day_argument(const Request& request) {
  const std::string_view text = request.argument("as_of");
  if (text.empty()) return kDayMax;
  auto day = parse_day(text);
  if (!day) return fail(day.error().in("as_of"));
  return *day;
}

Result<archive::Version> version_of(App& app, const Request& request, std::string_view record) {
  SILLOK_ASSIGN(const uint64_t number, integer_argument(request, "version", 0, UINT32_MAX));
  SILLOK_ASSIGN(const Day day, day_argument(request));
  return Access(app, request.identity).version(record, static_cast<uint32_t>(number), day);
}

}  // namespace sillok::server

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
  const auto fits = [&](const std::string& key, const archive::Version& version) {
    if (!filter.format.empty() && version.format != filter.format) return false;
    if (!filter.label.empty() && version.label != filter.label) return false;
    return wanted.empty() || ascii_lower(version.title).find(wanted) != std::string::npos || ascii_lower(key).find(wanted) != std::string::npos;
  };
  // One more than is looked at tells whether there are more.
  const size_t most = filter.all() ? filter.limit : kMostLookedAt;
  const std::vector<std::string> keys = view_.records(filter.after, most + 1);
  size_t looked_at = 0;
  for (; looked_at < std::min(keys.size(), most) && listing.records.size() < filter.limit; ++looked_at) {
    const auto found = version(keys[looked_at], 0, filter.day);
    if (!found || !fits(keys[looked_at], *found)) continue;
    listing.records.push_back(*found);
    listing.versions.push_back(versions(keys[looked_at]).size());
  }
  if (looked_at < keys.size()) listing.next = keys[looked_at - 1];
  if (filter.all()) listing.total = view_.record_count();
  else if (filter.after.empty() && listing.next.empty()) listing.total = listing.records.size();
  return listing;
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

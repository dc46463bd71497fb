#include "server/access.h"

#include <algorithm>

namespace sillok::server {

Access::Access(App& app, const govern::Identity& who) : app_(app), who_(who) {
  for (const archive::LabelName& level : app.archive.labels()) {
    if (app.settings.lattice.dominates(who.person.clearance, level.name)) labels_.push_back(level.name);
  }
}

bool Access::sees(const std::string& label) const { return app_.settings.lattice.dominates(who_.person.clearance, label); }

std::vector<archive::Version> Access::versions(std::string_view record) const {
  auto all = app_.archive.versions(record);
  std::erase_if(all, [&](const archive::Version& version) { return version.erased || !sees(version.label); });
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
  const Day asked = day == kDayMax ? today() : day;
  const archive::Version* in_force = nullptr;
  for (const auto& version : seen) {
    if (version.valid_from <= asked) in_force = &version;
  }
  if (in_force != nullptr && (in_force->valid_to > asked || day == kDayMax)) return *in_force;
  if (day == kDayMax) return seen.back();
  return fail(ErrorCode::kNotFound, "'" + shorten(clean_utf8(record), 200) + "' is not in force on " + format_day(day));
}

std::vector<archive::Link> Access::links(const archive::Version& version, Day day) const {
  std::vector<archive::Link> links = app_.archive.links(version.record, day == kDayMax ? today() : day);
  for (archive::Link& link : links) {
    // A target that the asker may not see is as if it were not in the archive: only the words are left.
    if (link.from_record == version.record && !link.to_record.empty() && versions(link.to_record).empty()) {
      link.to_record.clear();
      link.to_anchor.clear();
    }
  }
  std::erase_if(links, [&](const archive::Link& link) {
    if (link.from_record != version.record) {
      const auto from = app_.archive.version(link.from_version);
      return !from || !sees(from->label);
    }
    // Only the archive knew of these; without the other record there is no such link.
    return link.to_record.empty() && (link.kind == archive::LinkKind::kNearDuplicate || link.kind == archive::LinkKind::kSupersedes);
  });
  return links;
}

Result<Access::Listing> Access::list(const Filter& filter) const {
  Listing listing;
  const std::string wanted = ascii_lower(filter.text);
  constexpr size_t kBatch = 1000;
  std::string after;
  for (;;) {
    const std::vector<std::string> keys = app_.archive.records(after, kBatch);
    if (keys.empty()) return listing;
    after = keys.back();
    for (const std::string& key : keys) {
      const auto found = version(key, 0, filter.day);
      if (!found) continue;
      if (!filter.format.empty() && found->format != filter.format) continue;
      if (!filter.label.empty() && found->label != filter.label) continue;
      if (!wanted.empty() && ascii_lower(found->title).find(wanted) == std::string::npos && ascii_lower(key).find(wanted) == std::string::npos) continue;
      ++listing.total;
      if (key <= filter.after) continue;
      if (listing.records.size() == filter.limit) {
        if (listing.next.empty() && !listing.records.empty()) listing.next = listing.records.back().record;
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

#include "cli/actor.h"

namespace sillok::cli {
namespace {

Result<archive::Version> choose_version(const archive::View& archive, const RecordArguments& arguments, Day day) {
  const auto versions = archive.versions(arguments.record);
  if (versions.empty()) {
    // Not there, or the archive cannot be read: the error tells which.
    auto found = archive.version_as_of(arguments.record, kDayMax);
    if (found || found.error().code != ErrorCode::kNotFound) return found;
    return fail(ErrorCode::kNotFound,
                "there is no record '" + shorten(clean_utf8(arguments.record), 200) + "'; `sillok records` lists them");
  }
  if (arguments.version > 0) {
    for (const auto& version : versions) {
      if (version.number == arguments.version) return version;
    }
    return fail(ErrorCode::kNotFound, "'" + arguments.record + "' has no version " + std::to_string(arguments.version) +
                                          "; it has " + std::to_string(versions.size()));
  }
  return archive.version_as_of(arguments.record, day);
}

// The day asked about: today where none is given.
Result<Day> day_of(const RecordArguments& arguments) {
  SILLOK_ASSIGN(const Day day, day_option(arguments.as_of, "--as-of"));
  return day == kDayMax ? today() : day;
}

// A key as typed or as a file's name gives it, in the form that the archive keeps (archive::key_from).
RecordArguments with_known_key(const archive::View& archive, RecordArguments arguments) {
  const std::string kept = archive::key_from(arguments.record);
  if (kept != arguments.record && archive.versions(arguments.record).empty()) arguments.record = kept;
  return arguments;
}

// Where personal data stands is for those who look after the records.
bool shows_personal(const Actor& actor) {
  return !actor.person || govern::allows(actor.person->role, govern::Scope::kLabel);
}

void print_block(const documents::Block& block) {
  documents::Document one;
  one.blocks.push_back(block);
  std::fputs(documents::to_text(one).c_str(), stdout);
}

// The blocks whose anchor begins with `at`, as citations give it.
int show_at(const documents::Document& document, const std::string& at) {
  size_t shown = 0;
  for (const documents::Block& block : document.blocks) {
    if (!documents::to_string(block.anchor).starts_with(at)) continue;
    print_block(block);
    ++shown;
  }
  if (shown > 0) return 0;
  return report_error({ErrorCode::kNotFound, "no block has the anchor '" + at + "'; --json lists the anchors"});
}

}  // namespace

int run_show(const Common& common, const RecordArguments& given) {
  const auto day = day_of(given);
  if (!day) return report_usage(day.error());
  const auto actor = open_actor(common.home, given.as);
  if (!actor) return report_error(actor.error());
  auto opened = archive::Archive::open(common.home);
  if (!opened) return report_error(opened.error());
  const archive::View view(*opened, actor->clearance());
  const RecordArguments arguments = with_known_key(view, given);
  const auto version = choose_version(view, arguments, *day);
  if (!version) return report_error(version.error());
  const Status noted = audit_act(common.home, *actor, "open", version->record, {{"version", version->number}}, version->label);
  if (!noted) return report_error(noted.error());
  if (version->erased) {
    return report_error({ErrorCode::kNotFound, "'" + arguments.record + "' was erased; only its tombstone is left"});
  }
  if (arguments.original) {
    const auto bytes = view.original(version->id);
    if (!bytes) return report_error(bytes.error());
    std::fwrite(bytes->data(), 1, bytes->size(), stdout);
    return 0;
  }
  const auto document = view.document(version->id);
  if (!document) return report_error(document.error());
  if (!arguments.at.empty()) return show_at(*document, arguments.at);
  if (arguments.html) {
    std::fputs(documents::to_html(*document).c_str(), stdout);
  } else if (common.json) {
    Json json = version_json(*version);
    for (const auto& other : view.versions(arguments.record)) json["versions"].push_back(version_json(other));
    json["label_reason"] = version->label_reason;
    json["personal"] = Json::array();
    if (shows_personal(*actor)) {
      for (const auto& place : view.personal(version->id)) {
        json["personal"].push_back({{"kind", std::string(govern::to_string(place.kind))}, {"anchor", place.anchor}, {"count", place.count}});
      }
    }
    json["text"] = documents::to_text(*document);
    json["document"] = Json::parse(documents::to_json(*document), nullptr, false);
    print_json(json);
  } else {
    if (!arguments.text) {
      std::printf("%s  (version %u of %zu, label %s", version->record.c_str(), version->number,
                  view.versions(arguments.record).size(), version->label.c_str());
      if (version->valid_from != kDayMin) std::printf(", in force from %s", format_day(version->valid_from).c_str());
      if (version->valid_to != kDayMax) std::printf(" to %s", format_day(version->valid_to - 1).c_str());
      std::printf(")\n%s\n\n", version->source_path.c_str());
    }
    std::fputs(documents::to_text(*document).c_str(), stdout);
  }
  return 0;
}

int run_links(const Common& common, const RecordArguments& given) {
  const auto day = day_of(given);
  if (!day) return report_usage(day.error());
  const auto actor = open_actor(common.home, given.as);
  if (!actor) return report_error(actor.error());
  auto opened = archive::Archive::open(common.home);
  if (!opened) return report_error(opened.error());
  const archive::View view(*opened, actor->clearance());
  const RecordArguments arguments = with_known_key(view, given);
  const auto version = choose_version(view, arguments, *day);
  if (!version) return report_error(version.error());
  const auto links = view.links(arguments.record, *day);
  if (common.json) {
    Json json;
    json["record"] = version->record;
    json["version"] = version->number;
    json["links"] = Json::array();
    for (const auto& link : links) {
      const bool out = link.from_record == arguments.record;
      json["links"].push_back({{"kind", std::string(archive::to_string(link.kind))},
                               {"direction", out ? "out" : "in"},
                               {"record", out ? link.to_record : link.from_record},
                               {"anchor", link.to_anchor},
                               {"target", link.target},
                               {"words", link.words},
                               {"from_anchor", link.from_anchor},
                               {"weight", link.weight}});
    }
    print_json(json);
    return 0;
  }
  if (links.empty()) std::printf("No links.\n");
  for (const auto& link : links) {
    const bool out = link.from_record == arguments.record;
    const std::string& other = out ? link.to_record : link.from_record;
    std::printf("%s %-14s %s%s%s  \"%s\"\n", out ? "->" : "<-", std::string(archive::to_string(link.kind)).c_str(),
                other.empty() ? link.target.c_str() : other.c_str(), link.to_anchor.empty() ? "" : " › ",
                link.to_anchor.c_str(), link.words.c_str());
  }
  return 0;
}

int run_records(const Common& common, const RecordsArguments& arguments) {
  const auto actor = open_actor(common.home, arguments.as);
  if (!actor) return report_error(actor.error());
  auto opened = archive::Archive::open(common.home);
  if (!opened) return report_error(opened.error());
  const archive::View view(*opened, actor->clearance());
  if (arguments.failures) {
    Json json = Json::array();
    for (const auto& failure : view.failures()) {
      if (common.json) {
        json.push_back({{"path", failure.path}, {"reason", failure.reason}});
      } else {
        std::printf("%s: %s\n", failure.path.c_str(), failure.reason.c_str());
      }
    }
    if (common.json) print_json({{"failures", json}});
    return 0;
  }
  Json json;
  json["records"] = Json::array();
  json["count"] = view.record_count();
  json["versions"] = view.version_count();
  for (const std::string& key : view.records(arguments.after, arguments.limit)) {
    auto version = view.version_as_of(key, today());
    const auto versions = view.versions(key);
    if (!version && !versions.empty()) version = versions.back();
    if (!version) continue;
    if (common.json) {
      json["records"].push_back(version_json(*version));
    } else {
      std::printf("%-40s %-6s %s  %zu version%s  %s\n", key.c_str(), version->format.c_str(), version->label.c_str(),
                  versions.size(), versions.size() == 1 ? " " : "s", version->title.c_str());
    }
  }
  if (common.json) {
    print_json(json);
  } else {
    std::printf("%llu records, %llu versions\n", static_cast<unsigned long long>(view.record_count()),
                static_cast<unsigned long long>(view.version_count()));
  }
  return 0;
}

}  // namespace sillok::cli

// Private to archive: links in the tables, and what they lead to on a given day.
#pragma once

#include "archive/database.h"
#include "archive/links.h"

namespace sillok::archive {

// Finds and stores the links of a version just inserted, its names and its sketch. `version` needs id, record,
// title, format, url and source_path.
Status store_links(Database& db, const Version& version, const documents::Document& document, const LinkContext& context);
// Everything that links hold of a version's content.
Status erase_links(Database& db, int64_t version_id);

// Finds the names of all versions again, from their contents.
Status rebuild_names(Database& db);

// For whom links are loaded: what he sees is all that they are found in and lead to.
struct Seen {
  std::string allowed;             // JSON list of the labels he sees
  int64_t up_to = INT64_MAX;       // ids of versions that he sees
  const std::vector<Version>* versions = nullptr;  // of the record, as he sees them; must outlive the call
};
// From the version, in reading order, then to it, by the key of the source.
Result<std::vector<Link>> load_links(Database& db, const Version& version, Day day, const Seen& seen);

}  // namespace sillok::archive

// Private to archive: links in the tables, and what they lead to on a given day.
#pragma once

#include "archive/database.h"
#include "archive/links.h"

namespace sillok::archive {

// Finds and stores the links of a version just inserted, its names and its sketch. `version` needs id, record,
// title, format, url and source_path.
Status store_links(Database& db, const Version& version, int64_t record_id, const documents::Document& document,
                   const LinkContext& context);
// Everything that links hold of a version's content. The record's names go with its last content.
Status erase_links(Database& db, int64_t version_id);

// From the version, in reading order, then to it, by the key of the source.
Result<std::vector<Link>> load_links(Database& db, const Version& version, Day day);

}  // namespace sillok::archive

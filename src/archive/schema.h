// Private to archive: the tables, as numbered migrations.
#pragma once

#include "archive/database.h"

namespace sillok::archive {

// Brings the database to this program's schema. kUnsupported if a newer program made it, kInvalid if it is
// not an archive. Run it under the home's lock if needs_migration says so.
Result<bool> needs_migration(Database& db);
Status migrate(Database& db);

}  // namespace sillok::archive

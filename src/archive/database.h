// Private to archive: the names of store that its files use.
#pragma once

#include "store/store.h"

namespace sillok::archive {

using store::Bytes;
using store::Cursor;
using store::Database;
using store::Transaction;

}  // namespace sillok::archive

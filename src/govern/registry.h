// Private to govern: what an open registry holds, and what its parts share.
#pragma once

#include <mutex>

#include "govern/govern.h"
#include "govern/secrets.h"
#include "store/store.h"

namespace sillok::govern {

inline constexpr Micros kSecond = 1'000'000;

struct Registry::State {
  State(store::Database opened, Lattice levels, std::function<Micros()> now)
      : db(std::move(opened)), lattice(std::move(levels)), clock(std::move(now)) {}

  std::mutex mutex;  // guards db: a connection is for one thread at a time
  store::Database db;
  Lattice lattice;
  std::function<Micros()> clock;

  // All with the mutex held.
  Result<Person> person(std::string_view name);
  Result<SessionToken> start_session(std::string_view name, std::string_view how);
  Status insert_person(const Person& person, std::string_view password_hash);
  // Writes title, role, clearance and whether disabled; ends sessions where the clearance or role fell.
  Status update_person(const Person& before, const Person& person);
  // kConflict if there would be nobody left who may administer.
  Status keep_an_administrator(std::string_view except);
  Status end_access(std::string_view name);  // sessions ended, keys revoked
};

// All that the role allows.
std::vector<Scope> scopes_of(Role role);

}  // namespace sillok::govern

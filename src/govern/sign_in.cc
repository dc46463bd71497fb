// Signing in, and the sessions that follow from it.
#include <algorithm>

#include "govern/registry.h"

namespace sillok::govern {
namespace {

using store::Cursor;
using store::Transaction;

constexpr Micros kMinute = 60 * kSecond, kHour = 60 * kMinute;
constexpr Micros kSessionLife = 12 * kHour;   // a working day
constexpr Micros kSessionIdle = 2 * kHour;
constexpr Micros kSeenEvery = kMinute;        // last_seen is written no more often: reading should not write
// Wrong passwords before the first delay: of one name; from one address, behind which a whole office may sit.
constexpr int64_t kForgivenName = 5, kForgivenAddress = 50;
constexpr Micros kFirstDelay = 30 * kSecond, kLongestDelay = 15 * kMinute;  // doubling in between
constexpr Micros kForgetAfter = 24 * kHour;

tl::unexpected<Error> refused() { return fail(ErrorCode::kDenied, "name or password is wrong"); }
tl::unexpected<Error> no_session() { return fail(ErrorCode::kDenied, "the session is over; sign in again"); }

// What attempts are counted by. Hashed: people type passwords where names belong.
std::string by_name(std::string_view name) { return sha256_hex("name\n" + ascii_lower(name)); }
std::string by_address(std::string_view from) { return sha256_hex("from\n" + std::string(from)); }

// Counts an attempt before its password is looked at, so that many at once do not get more guesses than one after
// another. kLimit while the name or address is locked.
Status count(store::Database& db, const std::string& subject, int64_t forgiven, Micros now) {
  int64_t tries = 0;
  Micros until = 0, last = 0;
  {
    SILLOK_ASSIGN(Cursor row, db.query("SELECT count, locked_until, last FROM attempts WHERE subject = ?", subject));
    SILLOK_ASSIGN(const bool found, row.next());
    if (found) {
      tries = row.integer(0);
      until = row.integer(1);
      last = row.integer(2);
    }
  }
  if (until > now) {
    const Micros seconds = (until - now + kSecond - 1) / kSecond;
    return fail(ErrorCode::kLimit, "too many failed sign-ins; try again in " + std::to_string(seconds) + " s");
  }
  if (now - last > kForgetAfter) tries = 0;
  ++tries;
  Micros locked_until = 0;
  if (tries >= forgiven) {
    const int64_t doublings = std::min<int64_t>(tries - forgiven, 20);
    locked_until = now + std::min(kLongestDelay, kFirstDelay << doublings);
  }
  SILLOK_TRY(db.run("DELETE FROM attempts WHERE last < ?", now - kForgetAfter));
  return db.run("INSERT OR REPLACE INTO attempts(subject, count, locked_until, last) VALUES(?, ?, ?, ?)", subject, tries,
                locked_until, now);
}

}  // namespace

Result<SessionToken> Registry::State::start_session(std::string_view name, std::string_view how) {
  const Micros now = clock();
  SessionToken session{random_hex(32), random_hex(32), now + kSessionLife};
  SILLOK_TRY(db.run("DELETE FROM sessions WHERE expires <= ? OR last_seen <= ?", now, now - kSessionIdle));
  SILLOK_TRY(db.run("INSERT INTO sessions(hash, person, how, csrf, created, expires, last_seen) VALUES(?, ?, ?, ?, ?, ?, ?)",
                    sha256_hex(session.token), name, how, session.csrf, now, session.expires, now));
  SILLOK_TRY(db.run("UPDATE people SET last_sign_in = ? WHERE name = ?", now, name));
  return session;
}

Result<SessionToken> Registry::sign_in(std::string_view name, std::string_view password, std::string_view from) {
  std::string hash, known;
  {
    const std::lock_guard guard(state_->mutex);
    Transaction transaction(state_->db);
    SILLOK_TRY(transaction.begin());
    SILLOK_TRY(count(state_->db, by_name(name), kForgivenName, state_->clock()));
    if (!from.empty()) SILLOK_TRY(count(state_->db, by_address(from), kForgivenAddress, state_->clock()));
    SILLOK_TRY(transaction.commit());
    SILLOK_ASSIGN(Cursor row, state_->db.query("SELECT name, password FROM people WHERE name = ? AND disabled = 0", name));
    SILLOK_ASSIGN(const bool found, row.next());
    if (found) {
      known = row.text(0);
      hash = row.text(1);
    }
  }
  // Without the lock: it takes a tenth of a second, for a name that nobody has as well.
  if (!verify_password(hash, password)) return refused();
  const std::lock_guard guard(state_->mutex);
  Transaction transaction(state_->db);
  SILLOK_TRY(transaction.begin());
  // Changed or disabled in the meantime?
  SILLOK_ASSIGN(const std::string now_hash,
                state_->db.text_or("", "SELECT password FROM people WHERE name = ? AND disabled = 0", known));
  if (now_hash != hash) return refused();
  SILLOK_TRY(state_->db.run("DELETE FROM attempts WHERE subject = ?", by_name(name)));
  if (!from.empty()) {
    // This attempt was none of a guesser; the others from there stay counted.
    SILLOK_TRY(state_->db.run("UPDATE attempts SET count = count - 1, locked_until = 0 WHERE subject = ?", by_address(from)));
  }
  SILLOK_ASSIGN(SessionToken session, state_->start_session(known, "session"));
  SILLOK_TRY(transaction.commit());
  return session;
}

Result<SessionToken> Registry::open_session(std::string_view name, std::string_view how) {
  const std::lock_guard guard(state_->mutex);
  Transaction transaction(state_->db);
  SILLOK_TRY(transaction.begin());
  SILLOK_ASSIGN(const Person person, state_->person(name));
  if (person.disabled) return fail(ErrorCode::kDenied, "'" + person.name + "' is disabled");
  SILLOK_ASSIGN(SessionToken session, state_->start_session(person.name, how));
  SILLOK_TRY(transaction.commit());
  return session;
}

Status Registry::count_attempt(std::string_view name, std::string_view from) {
  const std::lock_guard guard(state_->mutex);
  Transaction transaction(state_->db);
  SILLOK_TRY(transaction.begin());
  if (!name.empty()) SILLOK_TRY(count(state_->db, by_name(name), kForgivenName, state_->clock()));
  if (!from.empty()) SILLOK_TRY(count(state_->db, by_address(from), kForgivenAddress, state_->clock()));
  return transaction.commit();
}

Result<Registry::Welcome> Registry::sign_in_vouched(const Person& said, bool registered, std::string_view from) {
  SILLOK_CHECK(said.source != "local" && !said.source.empty());
  if (said.subject.empty()) return fail(ErrorCode::kInvalid, "the provider does not say by what it knows '" + shorten(clean_utf8(said.name), 64) + "'");
  const std::lock_guard guard(state_->mutex);
  Transaction transaction(state_->db);
  SILLOK_TRY(transaction.begin());
  Welcome welcome;
  SILLOK_ASSIGN(std::string name, state_->db.text_or("", "SELECT name FROM people WHERE source = ? AND subject = ?", said.source, said.subject));
  if (name.empty()) {
    // The first time. A name is taken over only where it was registered for this provider and nobody has come by it yet:
    // else whoever can choose his name there could become somebody here.
    SILLOK_ASSIGN(const int64_t taken, state_->db.integer_or(0, "SELECT count(*) FROM people WHERE name = ? AND NOT (source = ? AND subject = '')", said.name, said.source));
    if (taken != 0) return fail(ErrorCode::kConflict, "there is another person called '" + said.name + "' here, who does not sign in by this account; an administrator must settle it");
    SILLOK_ASSIGN(name, state_->db.text_or("", "SELECT name FROM people WHERE name = ?", said.name));
    if (!name.empty()) SILLOK_TRY(state_->db.run("UPDATE people SET subject = ? WHERE name = ?", said.subject, name));
  }
  if (name.empty()) {
    if (registered) return fail(ErrorCode::kDenied, "'" + shorten(clean_utf8(said.name), 64) + "' is not registered here; an administrator can do that");
    SILLOK_ASSIGN(const int64_t somebody, state_->db.integer_or(0, "SELECT EXISTS(SELECT 1 FROM people)"));
    if (somebody == 0 && said.role != Role::kAdministrator) {
      return fail(ErrorCode::kDenied, "there is no administrator yet; make one with the one-time link that the server prints");
    }
    SILLOK_TRY(state_->insert_person(said, ""));
    SILLOK_TRY(state_->db.run("DELETE FROM first_link"));
    name = said.name;
    welcome.added = true;
  }
  SILLOK_ASSIGN(Person person, state_->person(name));
  if (person.disabled) return fail(ErrorCode::kDenied, "'" + person.name + "' is disabled");
  const bool differs = person.title != said.title || person.role != said.role || person.clearance != said.clearance;
  if (!registered && !welcome.added && differs) {
    Person now = person;
    now.title = said.title;
    now.role = said.role;
    now.clearance = said.clearance;
    SILLOK_TRY(state_->update_person(person, now));
    welcome.changed = true;
  }
  SILLOK_TRY(state_->db.run("DELETE FROM attempts WHERE subject = ?", by_name(said.name)));
  if (!from.empty()) SILLOK_TRY(state_->db.run("UPDATE attempts SET count = count - 1, locked_until = 0 WHERE subject = ?", by_address(from)));
  SILLOK_ASSIGN(welcome.session, state_->start_session(name, said.source));
  SILLOK_ASSIGN(welcome.person, state_->person(name));
  SILLOK_TRY(transaction.commit());
  return welcome;
}

Result<Identity> Registry::session(std::string_view token) const {
  const std::string hash = sha256_hex(token);
  const std::lock_guard guard(state_->mutex);
  const Micros now = state_->clock();
  std::string name, how;
  Micros last_seen = 0;
  {
    SILLOK_ASSIGN(Cursor row, state_->db.query("SELECT person, how, last_seen FROM sessions "
                                               "WHERE hash = ? AND expires > ? AND last_seen > ?",
                                               hash, now, now - kSessionIdle));
    SILLOK_ASSIGN(const bool found, row.next());
    if (!found) return no_session();
    name = row.text(0);
    how = row.text(1);
    last_seen = row.integer(2);
  }
  Identity identity;
  SILLOK_ASSIGN(identity.person, state_->person(name));
  if (identity.person.disabled) return no_session();
  identity.scopes = scopes_of(identity.person.role);
  identity.how = how;
  if (now - last_seen >= kSeenEvery) SILLOK_TRY(state_->db.run("UPDATE sessions SET last_seen = ? WHERE hash = ?", now, hash));
  return identity;
}

Result<std::string> Registry::session_csrf(std::string_view token) const {
  const std::lock_guard guard(state_->mutex);
  SILLOK_ASSIGN(std::string csrf, state_->db.text_or("", "SELECT csrf FROM sessions WHERE hash = ? AND expires > ?",
                                                     sha256_hex(token), state_->clock()));
  if (csrf.empty()) return no_session();
  return csrf;
}

Status Registry::end_session(std::string_view token) {
  const std::lock_guard guard(state_->mutex);
  return state_->db.run("DELETE FROM sessions WHERE hash = ?", sha256_hex(token));
}

}  // namespace sillok::govern

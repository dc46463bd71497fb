// The registry's file and its people. Sessions are in sign_in.cc, keys in keys.cc.
#include "govern/registry.h"

#include <sys/stat.h>

#include <algorithm>

namespace sillok::govern {
namespace {

using store::Cursor;
using store::Database;
using store::Transaction;

constexpr int64_t kApplicationId = 0x534C4756;  // "SLGV"
constexpr size_t kMaxNameBytes = 64, kMaxTitleBytes = 256;
constexpr size_t kMaxPeople = 100'000;  // listed

// A migration, once released, is never edited: a change is a new one at the end.
constexpr const char* kMigrations[] = {
    R"sql(
CREATE TABLE people(
  name TEXT PRIMARY KEY COLLATE NOCASE,
  title TEXT NOT NULL,
  role TEXT NOT NULL,
  clearance TEXT NOT NULL,
  disabled INTEGER NOT NULL,
  created INTEGER NOT NULL,
  last_sign_in INTEGER NOT NULL,
  source TEXT NOT NULL,
  password TEXT NOT NULL) WITHOUT ROWID;  -- Argon2id; '' = cannot sign in with one

CREATE TABLE keys(
  id TEXT PRIMARY KEY,
  person TEXT NOT NULL COLLATE NOCASE REFERENCES people(name),
  scopes TEXT NOT NULL,
  hash TEXT NOT NULL,               -- SHA-256 of the secret, which has 192 random bits: no salt is needed
  created INTEGER NOT NULL,
  expires INTEGER NOT NULL,
  last_used INTEGER NOT NULL,
  revoked INTEGER NOT NULL) WITHOUT ROWID;

CREATE TABLE sessions(
  hash TEXT PRIMARY KEY,            -- SHA-256 of the token, which has 256 random bits
  person TEXT NOT NULL COLLATE NOCASE REFERENCES people(name),
  how TEXT NOT NULL,
  csrf TEXT NOT NULL,
  created INTEGER NOT NULL,
  expires INTEGER NOT NULL,
  last_seen INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX sessions_by_person ON sessions(person);

CREATE TABLE attempts(              -- failed sign-ins, by SHA-256 of the name tried or the address it came from
  subject TEXT PRIMARY KEY,
  count INTEGER NOT NULL,
  locked_until INTEGER NOT NULL,
  last INTEGER NOT NULL) WITHOUT ROWID;

CREATE TABLE first_link(hash TEXT NOT NULL);
)sql",
    // 2: people whom a provider vouches for, by what it calls them for good
    R"sql(
ALTER TABLE people ADD COLUMN subject TEXT NOT NULL DEFAULT '';
CREATE UNIQUE INDEX people_by_subject ON people(source, subject) WHERE subject <> '';
)sql",
};
constexpr auto kSchema = static_cast<int64_t>(std::size(kMigrations));

Status migrate(Database& db) {
  Transaction transaction(db);
  SILLOK_TRY(transaction.begin());
  SILLOK_ASSIGN(const int64_t schema, db.integer_or(0, "PRAGMA user_version"));
  SILLOK_ASSIGN(const int64_t application, db.integer_or(0, "PRAGMA application_id"));
  if (schema > kSchema) {
    return fail(ErrorCode::kUnsupported, "govern.db was written by a newer sillok; use that or a later one");
  }
  if (schema > 0 && application != kApplicationId) {
    return fail(ErrorCode::kInvalid, "govern.db is a database of another program; restore it from a backup");
  }
  if (schema == kSchema) return {};
  for (int64_t i = schema; i < kSchema; ++i) SILLOK_TRY(db.execute(kMigrations[i]));
  SILLOK_TRY(db.execute("PRAGMA application_id = " + std::to_string(kApplicationId)));
  SILLOK_TRY(db.execute("PRAGMA user_version = " + std::to_string(kSchema)));
  return transaction.commit();
}

constexpr std::string_view kColumns = "name, title, role, clearance, disabled, created, last_sign_in, source, subject";

Person read_person(const Cursor& row, const Lattice& lattice) {
  Person person;
  person.name = row.text(0);
  person.title = row.text(1);
  person.role = role_from(row.view(2)).value_or(Role::kMember);
  // A level that sillok.toml no longer names clears for nothing but the lowest.
  person.clearance = lattice.parse(row.view(3)).value_or(Clearance{});
  person.disabled = row.integer(4) != 0;
  person.created = row.integer(5);
  person.last_sign_in = row.integer(6);
  person.source = row.text(7);
  person.subject = row.text(8);
  return person;
}

Status check_name(std::string_view name) {
  const bool good = !name.empty() && name.size() <= kMaxNameBytes && is_valid_utf8(name) && name != "command line" &&
                    std::none_of(name.begin(), name.end(), [](char c) {
                      const auto byte = static_cast<uint8_t>(c);
                      return byte <= 0x20 || byte == 0x7F || std::string_view(":,/\\\"'<>&?#%").find(c) != std::string_view::npos;
                    });
  if (good) return {};
  return fail(ErrorCode::kInvalid, "'" + shorten(clean_utf8(name), 40) +
                                       "' cannot be a person's name: up to 64 bytes of letters, digits, '.', '-', '_' and '@'");
}

Status check_person(const Person& person, const Lattice& lattice) {
  SILLOK_TRY(check_name(person.name));
  if (person.title.size() > kMaxTitleBytes || !is_valid_utf8(person.title)) {
    return fail(ErrorCode::kInvalid, "the title of '" + person.name + "' is not valid UTF-8 of at most 256 bytes");
  }
  if (person.clearance.level >= lattice.levels().size()) {
    return fail(ErrorCode::kInvalid, "the clearance of '" + person.name + "' has a level that sillok.toml does not name");
  }
  return {};
}

tl::unexpected<Error> nobody(std::string_view name) {
  return fail(ErrorCode::kNotFound, "there is nobody called '" + shorten(clean_utf8(name), 64) + "'; `sillok user list` lists them");
}

}  // namespace

std::vector<Scope> scopes_of(Role role) {
  std::vector<Scope> out;
  for (uint8_t i = 0; i <= static_cast<uint8_t>(Scope::kSystem); ++i) {
    if (allows(role, static_cast<Scope>(i))) out.push_back(static_cast<Scope>(i));
  }
  return out;
}

Registry::Registry(std::unique_ptr<State> state) : state_(std::move(state)) {}
Registry::Registry(Registry&&) noexcept = default;
Registry& Registry::operator=(Registry&&) noexcept = default;
Registry::~Registry() = default;

Result<Registry> Registry::open(const fs::path& home) { return open(home, now_micros); }

Result<Registry> Registry::open(const fs::path& home, std::function<Micros()> clock) {
  SILLOK_ASSIGN(Lattice lattice, Lattice::of_home(home));
  const fs::path path = home / "govern.db";
  std::error_code error;
  const bool fresh = !fs::exists(path, error);
  SILLOK_ASSIGN(Database db, Database::open(path, Database::Mode::kCreate));
  // Password hashes are nobody else's business; SQLite gives its log the same permissions.
  if (fresh && ::chmod(path.c_str(), 0600) != 0) return fail_errno("cannot protect " + path.string());
  SILLOK_TRY(migrate(db));
  return Registry(std::make_unique<State>(std::move(db), std::move(lattice), std::move(clock)));
}

// ---------------------------------------------------------------------------------------------

Result<Person> Registry::State::person(std::string_view name) {
  static const std::string sql = "SELECT " + std::string(kColumns) + " FROM people WHERE name = ?";
  SILLOK_ASSIGN(Cursor row, db.query(sql, name));
  SILLOK_ASSIGN(const bool found, row.next());
  if (!found) return nobody(name);
  return read_person(row, lattice);
}

Status Registry::State::insert_person(const Person& person, std::string_view password_hash) {
  SILLOK_TRY(check_person(person, lattice));
  SILLOK_ASSIGN(const int64_t known, db.integer_or(0, "SELECT 1 FROM people WHERE name = ?", person.name));
  if (known != 0) return fail(ErrorCode::kConflict, "there is a person called '" + person.name + "' already");
  return db.run("INSERT INTO people(name, title, role, clearance, disabled, created, last_sign_in, source, subject, password) "
                "VALUES(?, ?, ?, ?, ?, ?, 0, ?, ?, ?)",
                person.name, person.title, to_string(person.role), lattice.text(person.clearance), person.disabled,
                clock(), person.source.empty() ? "local" : person.source, person.subject, password_hash);
}

Status Registry::State::keep_an_administrator(std::string_view except) {
  SILLOK_ASSIGN(const int64_t others,
                db.integer_or(0, "SELECT count(*) FROM people WHERE role = 'administrator' AND disabled = 0 AND name <> ?", except));
  if (others > 0) return {};
  return fail(ErrorCode::kConflict, "'" + std::string(except) + "' is the last administrator; make another first");
}

Status Registry::State::end_access(std::string_view name) {
  SILLOK_TRY(db.run("DELETE FROM sessions WHERE person = ?", name));
  return db.run("UPDATE keys SET revoked = 1 WHERE person = ?", name);
}

Status Registry::add_person(const Person& person, std::optional<std::string_view> password) {
  std::string hash;
  if (password) {
    SILLOK_TRY(check_password(person.name, *password));
    SILLOK_ASSIGN(hash, hash_password(*password));
  }
  const std::lock_guard guard(state_->mutex);
  Transaction transaction(state_->db);
  SILLOK_TRY(transaction.begin());
  SILLOK_TRY(state_->insert_person(person, hash));
  SILLOK_TRY(state_->db.run("DELETE FROM first_link"));
  return transaction.commit();
}

Status Registry::State::update_person(const Person& before, const Person& person) {
  SILLOK_TRY(check_person(person, lattice));
  const bool administered = before.role == Role::kAdministrator && !before.disabled;
  if (administered && (person.role != Role::kAdministrator || person.disabled)) SILLOK_TRY(keep_an_administrator(before.name));
  SILLOK_TRY(db.run("UPDATE people SET title = ?, role = ?, clearance = ?, disabled = ? WHERE name = ?", person.title,
                    to_string(person.role), lattice.text(person.clearance), person.disabled, before.name));
  const std::vector<Scope> had = scopes_of(before.role);
  const bool fell = !dominates(person.clearance, before.clearance) ||
                    std::any_of(had.begin(), had.end(), [&](Scope scope) { return !allows(person.role, scope); });
  if (!fell && !person.disabled) return {};
  return db.run("DELETE FROM sessions WHERE person = ?", before.name);
}

Status Registry::change_person(const Person& person) {
  const std::lock_guard guard(state_->mutex);
  Transaction transaction(state_->db);
  SILLOK_TRY(transaction.begin());
  SILLOK_ASSIGN(const Person before, state_->person(person.name));
  SILLOK_TRY(state_->update_person(before, person));
  return transaction.commit();
}

Status Registry::set_password(std::string_view name, std::string_view password) {
  SILLOK_TRY(check_password(name, password));
  SILLOK_ASSIGN(const std::string hash, hash_password(password));
  const std::lock_guard guard(state_->mutex);
  Transaction transaction(state_->db);
  SILLOK_TRY(transaction.begin());
  SILLOK_ASSIGN(const Person known, state_->person(name));
  if (known.disabled) return fail(ErrorCode::kConflict, "'" + known.name + "' is disabled and gets no password");
  if (known.source != "local") {
    return fail(ErrorCode::kConflict, "'" + known.name + "' signs in by " + known.source + " and has no password here; change it there");
  }
  SILLOK_TRY(state_->db.run("UPDATE people SET password = ? WHERE name = ?", hash, known.name));
  SILLOK_TRY(state_->db.run("DELETE FROM sessions WHERE person = ?", known.name));
  return transaction.commit();
}

Status Registry::remove_person(std::string_view name) {
  const std::lock_guard guard(state_->mutex);
  Transaction transaction(state_->db);
  SILLOK_TRY(transaction.begin());
  SILLOK_ASSIGN(const Person known, state_->person(name));
  if (known.role == Role::kAdministrator && !known.disabled) SILLOK_TRY(state_->keep_an_administrator(known.name));
  SILLOK_TRY(state_->db.run("UPDATE people SET disabled = 1, password = '' WHERE name = ?", known.name));
  SILLOK_TRY(state_->end_access(known.name));
  return transaction.commit();
}

Result<Person> Registry::person(std::string_view name) const {
  const std::lock_guard guard(state_->mutex);
  return state_->person(name);
}

std::vector<Person> Registry::people() const {
  std::vector<Person> out;
  const std::lock_guard guard(state_->mutex);
  static const std::string sql = "SELECT " + std::string(kColumns) + " FROM people ORDER BY name LIMIT ?";
  auto rows = state_->db.query(sql, kMaxPeople);
  while (rows) {
    const auto more = rows->next();
    if (!more || !*more) break;
    out.push_back(read_person(*rows, state_->lattice));
  }
  return out;
}

// ---------------------------------------------------------------------------------------------
// The first administrator

Result<std::string> Registry::first_link() {
  const std::lock_guard guard(state_->mutex);
  Transaction transaction(state_->db);
  SILLOK_TRY(transaction.begin());
  SILLOK_ASSIGN(const int64_t somebody, state_->db.integer_or(0, "SELECT EXISTS(SELECT 1 FROM people)"));
  if (somebody != 0) return std::string();
  std::string secret = random_hex(32);
  SILLOK_TRY(state_->db.run("DELETE FROM first_link"));
  SILLOK_TRY(state_->db.run("INSERT INTO first_link(hash) VALUES(?)", sha256_hex(secret)));
  SILLOK_TRY(transaction.commit());
  return secret;
}

Status Registry::use_first_link(std::string_view secret, const Person& administrator, std::string_view password) {
  SILLOK_TRY(check_password(administrator.name, password));
  SILLOK_ASSIGN(const std::string hash, hash_password(password));
  const std::lock_guard guard(state_->mutex);
  Transaction transaction(state_->db);
  SILLOK_TRY(transaction.begin());
  SILLOK_ASSIGN(const int64_t somebody, state_->db.integer_or(0, "SELECT EXISTS(SELECT 1 FROM people)"));
  SILLOK_ASSIGN(const std::string expected, state_->db.text_or("", "SELECT hash FROM first_link"));
  if (somebody != 0 || expected.empty() || !equal_in_time(sha256_hex(secret), expected)) {
    return fail(ErrorCode::kDenied, "the link for the first administrator is not valid, or was used");
  }
  Person first = administrator;
  first.role = Role::kAdministrator;
  first.disabled = false;
  SILLOK_TRY(state_->insert_person(first, hash));
  SILLOK_TRY(state_->db.run("DELETE FROM first_link"));
  return transaction.commit();
}

}  // namespace sillok::govern

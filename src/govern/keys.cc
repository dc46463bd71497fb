// Keys: long-lived secrets for programs. "sillok-ID-SECRET"; the ID finds the row, the whole is compared by its hash.
#include <algorithm>

#include "govern/registry.h"

namespace sillok::govern {
namespace {

using store::Cursor;
using store::Transaction;

constexpr std::string_view kPrefix = "sillok-";
constexpr size_t kIdBytes = 5, kSecretBytes = 24;
constexpr Micros kUsedEvery = 60 * kSecond;  // last_used is written no more often
constexpr int64_t kMaxKeys = 100;            // of one person

tl::unexpected<Error> no_key() { return fail(ErrorCode::kDenied, "the key is not valid: unknown, expired or revoked"); }

std::string scopes_text(const std::vector<Scope>& scopes) {
  std::string out;
  for (const Scope scope : scopes) out += (out.empty() ? "" : ",") + std::string(to_string(scope));
  return out;
}

std::vector<Scope> read_scopes(std::string_view text) {
  std::vector<Scope> out;
  for (const std::string_view part : split(text, ',')) {
    if (const auto scope = scope_from(part)) out.push_back(*scope);
  }
  return out;
}

}  // namespace

Result<Registry::NewKey> Registry::create_key(std::string_view person, const std::vector<Scope>& scopes, Micros expires) {
  const std::lock_guard guard(state_->mutex);
  Transaction transaction(state_->db);
  SILLOK_TRY(transaction.begin());
  SILLOK_ASSIGN(const Person owner, state_->person(person));
  const Micros now = state_->clock();
  if (owner.disabled) return fail(ErrorCode::kConflict, "'" + owner.name + "' is disabled and gets no key");
  if (scopes.empty()) return fail(ErrorCode::kInvalid, "a key needs at least one scope, such as ask or search");
  if (expires != 0 && expires <= now) return fail(ErrorCode::kInvalid, "the key would have expired already");
  std::vector<Scope> wanted = scopes;
  std::sort(wanted.begin(), wanted.end());
  wanted.erase(std::unique(wanted.begin(), wanted.end()), wanted.end());
  for (const Scope scope : wanted) {
    if (allows(owner.role, scope)) continue;
    return fail(ErrorCode::kDenied, "a key of '" + owner.name + "' cannot have the scope " + std::string(to_string(scope)) +
                                        ": the role " + std::string(to_string(owner.role)) + " does not allow it");
  }
  SILLOK_ASSIGN(const int64_t count,
                state_->db.integer_or(0, "SELECT count(*) FROM keys WHERE person = ? AND revoked = 0", owner.name));
  if (count >= kMaxKeys) return fail(ErrorCode::kLimit, "'" + owner.name + "' has 100 keys; revoke some");
  NewKey made;
  made.key = {random_hex(kIdBytes), owner.name, wanted, now, expires, 0, false};
  made.secret = std::string(kPrefix) + made.key.id + "-" + random_hex(kSecretBytes);
  SILLOK_TRY(state_->db.run("INSERT INTO keys(id, person, scopes, hash, created, expires, last_used, revoked) "
                            "VALUES(?, ?, ?, ?, ?, ?, 0, 0)",
                            made.key.id, owner.name, scopes_text(wanted), sha256_hex(made.secret), now, expires));
  SILLOK_TRY(transaction.commit());
  return made;
}

Result<Identity> Registry::key(std::string_view secret) const {
  constexpr size_t kSize = kPrefix.size() + 2 * kIdBytes + 1 + 2 * kSecretBytes;
  if (secret.size() != kSize || !secret.starts_with(kPrefix)) return no_key();
  const std::string id(secret.substr(kPrefix.size(), 2 * kIdBytes));
  const std::string hash = sha256_hex(secret);
  const std::lock_guard guard(state_->mutex);
  const Micros now = state_->clock();
  std::string name, kept, scopes;
  Micros last_used = 0;
  {
    SILLOK_ASSIGN(Cursor row, state_->db.query("SELECT person, hash, scopes, last_used FROM keys "
                                               "WHERE id = ? AND revoked = 0 AND (expires = 0 OR expires > ?)",
                                               id, now));
    SILLOK_ASSIGN(const bool found, row.next());
    if (!found) return no_key();
    name = row.text(0);
    kept = row.text(1);
    scopes = row.text(2);
    last_used = row.integer(3);
  }
  if (!equal_in_time(hash, kept)) return no_key();
  Identity identity;
  SILLOK_ASSIGN(identity.person, state_->person(name));
  if (identity.person.disabled) return no_key();
  for (const Scope scope : read_scopes(scopes)) {
    if (allows(identity.person.role, scope)) identity.scopes.push_back(scope);
  }
  identity.how = "key " + id;
  if (now - last_used >= kUsedEvery) SILLOK_TRY(state_->db.run("UPDATE keys SET last_used = ? WHERE id = ?", now, id));
  return identity;
}

Status Registry::revoke_key(std::string_view id) {
  const std::lock_guard guard(state_->mutex);
  SILLOK_TRY(state_->db.run("UPDATE keys SET revoked = 1 WHERE id = ?", id));
  if (state_->db.rows_changed() > 0) return {};
  return fail(ErrorCode::kNotFound, "there is no key '" + shorten(clean_utf8(id), 40) + "'; `sillok key list` lists them");
}

std::vector<Key> Registry::keys() const {
  std::vector<Key> out;
  const std::lock_guard guard(state_->mutex);
  auto rows = state_->db.query("SELECT id, person, scopes, created, expires, last_used, revoked FROM keys ORDER BY created, id");
  while (rows) {
    const auto more = rows->next();
    if (!more || !*more) break;
    out.push_back({rows->text(0), rows->text(1), read_scopes(rows->view(2)), rows->integer(3), rows->integer(4),
                   rows->integer(5), rows->integer(6) != 0});
  }
  return out;
}

}  // namespace sillok::govern

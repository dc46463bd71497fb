// govern: who may see what, and the record of who did. Labels, people, keys, sessions, audit, personal data.
//
// Contents: labels | settings | people | sign-in, keys, sessions | audit | personal data
//
// Sits just above base: it knows nothing of records or indexes. Whoever reads the archive or the index for somebody
// passes a Clearance down and gets only what that clearance dominates; nobody else decides that.
#pragma once

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/base.h"

namespace sillok::govern {

// ---------------------------------------------------------------------------------------------
// Labels: a level and a set of groups (compartments). Written "S" or "S:finance,personnel" (groups sorted, unique).

struct Label {
  uint32_t level = 0;               // index into the home's levels, least sensitive first
  std::vector<std::string> groups;  // sorted, unique
  bool operator==(const Label&) const = default;
};
// A person's clearance has the same shape: it dominates a label if its level is not lower and it holds all its groups.
using Clearance = Label;

bool dominates(const Clearance& clearance, const Label& label);
Label join(const Label& a, const Label& b);  // the least label that dominates both

// The home's levels ({"O", "S", "C"}) and the way between Label and text.
class Lattice {
 public:
  // `titles`: other names by which parse knows the levels ("공개"); none, or one for each.
  explicit Lattice(std::vector<std::string> levels, std::vector<std::string> titles = {});
  static Result<Lattice> of_home(const fs::path& home);  // the levels of its sillok.toml
  Result<Label> parse(std::string_view text) const;  // kInvalid names the known levels
  std::string text(const Label& label) const;        // canonical; label.level must be one of levels()
  const std::vector<std::string>& levels() const { return levels_; }
  const std::vector<std::string>& titles() const { return titles_; }
  Label bottom() const { return {}; }
  // Whether the clearance dominates the label written so. A text that is no label (its level was taken out of
  // sillok.toml) is dominated by nobody.
  bool dominates(const Clearance& clearance, std::string_view label_text) const;
  Result<Label> join(const std::vector<std::string>& labels) const;  // of labels written so; bottom of none
  // Does what carries one of the labels cover `label`: may whoever sees it all see a text with that label?
  bool covers(const std::vector<std::string>& carried, std::string_view label) const;

 private:
  std::vector<std::string> levels_, titles_;
};

// ---------------------------------------------------------------------------------------------
// Settings: what sillok.toml says of labels, personal data and how long logs are kept

// Records read from a path that matches take at least this label.
struct LabelRule {
  std::string path;  // glob over the absolute path: * within a folder, ** over folders, ? one character
  Label label;
};
// A document whose head, header or footer is marked so takes at least this label.
struct Marking {
  std::string text;  // compared without white space, in upper case
  Label label;
};
enum class PersonalPolicy : uint8_t { kMask, kShow };
struct Settings {
  Lattice lattice{{"O"}};
  Label default_label;               // of records that say nothing themselves
  std::vector<LabelRule> rules;
  std::vector<Marking> markings;
  PersonalPolicy personal = PersonalPolicy::kMask;  // in answers to those below curator
  std::map<std::string, Micros> retention;          // by kind of audit entry; "" for all others; none: kept for ever
};
// kInvalid names the line or the setting at fault. `path` is for the message only.
Result<Settings> parse_settings(std::string_view toml, const fs::path& path);
Result<Settings> load_settings(const fs::path& home);
// The form in which markings are compared: without white space, in upper case.
std::string marking_key(std::string_view text);
bool matches_glob(std::string_view glob, std::string_view path);

// ---------------------------------------------------------------------------------------------
// People

enum class Role : uint8_t { kMember, kCurator, kAuditor, kAdministrator, kService };
std::string_view to_string(Role role);
Result<Role> role_from(std::string_view text);

struct Person {
  std::string name;          // unique, what one signs in with
  std::string title;         // shown; "" = name
  Role role = Role::kMember;
  Clearance clearance;
  bool disabled = false;
  Micros created = 0, last_sign_in = 0;
  std::string source;        // "local", "oidc", "ldap"
  std::string subject;       // by which that provider knows him for good; "" for local people, and until he first came
};

// What a key or session may do. A person may do what his role allows; a key of his, at most that and its scopes.
enum class Scope : uint8_t { kAsk, kSearch, kRead, kAdd, kLabel, kEvaluate, kModels, kPeople, kAudit, kSystem };
std::string_view to_string(Scope scope);
Result<Scope> scope_from(std::string_view text);
bool allows(Role role, Scope scope);

struct Key {
  std::string id;            // shown; the secret is not kept, only its hash
  std::string person;
  std::vector<Scope> scopes;
  Micros created = 0, expires = 0, last_used = 0;  // expires 0: never
  bool revoked = false;
};

// Who is asking: resolved once per request, passed down.
struct Identity {
  Person person;
  std::vector<Scope> scopes;
  std::string how;           // "key k1a2", "session", "command line"
  bool may(Scope scope) const;  // one of `scopes`, and the person's role allows it
};

struct SessionToken {
  std::string token;         // for the cookie; only its hash is kept
  std::string csrf;          // to be sent back as X-CSRF-Token with every change
  Micros expires = 0;
};

// People, keys and sessions of a home (home/govern.db). Thread-safe; several processes may have it open.
class Registry {
 public:
  static Result<Registry> open(const fs::path& home);
  static Result<Registry> open(const fs::path& home, std::function<Micros()> clock);  // for tests
  Registry(Registry&&) noexcept;
  Registry& operator=(Registry&&) noexcept;
  ~Registry();

  Status add_person(const Person& person, std::optional<std::string_view> password);  // kConflict if known
  Status change_person(const Person& person);          // kNotFound; ends sessions where the clearance or role fell
  Status set_password(std::string_view name, std::string_view password);              // kInvalid if too weak
  Status remove_person(std::string_view name);         // kept as disabled: the audit names people
  Result<Person> person(std::string_view name) const;
  std::vector<Person> people() const;

  // kDenied for a wrong name or password alike, in equal time; kLimit while locked out (says for how long).
  Result<SessionToken> sign_in(std::string_view name, std::string_view password, std::string_view from);
  // A session without a password: for who used the first link.
  Result<SessionToken> open_session(std::string_view name, std::string_view how);
  // Counts an attempt whose password somebody else will look at, as sign_in counts its own; kLimit while locked out.
  // Either may be "". sign_in_vouched() forgives it.
  Status count_attempt(std::string_view name, std::string_view from);
  // A session for whom a provider vouches: `person` is what it says of him, source and subject among it. He is known here
  // by source and subject, under the name he first came with. `registered`: he must have been added here before (once by
  // source and name), and what was decided here holds; else he is added, and title, role and clearance follow the provider.
  // kDenied if he may not come in; kConflict if his name is another's.
  struct Welcome {
    SessionToken session;
    Person person;
    bool added = false, changed = false;
  };
  Result<Welcome> sign_in_vouched(const Person& person, bool registered, std::string_view from);
  Result<Identity> session(std::string_view token) const;     // kDenied if unknown or over
  Result<std::string> session_csrf(std::string_view token) const;
  Status end_session(std::string_view token);

  // The first administrator's link: valid once, only while there is nobody. "" afterwards.
  Result<std::string> first_link();
  Status use_first_link(std::string_view secret, const Person& administrator, std::string_view password);

  // The secret is given once. Scopes beyond the person's role are refused.
  struct NewKey { Key key; std::string secret; };
  Result<NewKey> create_key(std::string_view person, const std::vector<Scope>& scopes, Micros expires);
  Result<Identity> key(std::string_view secret) const;        // kDenied if unknown, expired, revoked or person disabled
  Status revoke_key(std::string_view id);
  std::vector<Key> keys() const;

 private:
  struct State;
  explicit Registry(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// ---------------------------------------------------------------------------------------------
// Audit: an append-only chain. Entry i holds the SHA-256 of entry i-1; heads are signed (Ed25519).
// The key that signs them is the home's own, and signs releases too.

struct Event {
  std::string kind;      // sign-in | sign-out | ask | search | open | add | erase | label | person | key | audit | serve | ...
  std::string person;    // who; "" = nobody signed in
  std::string how;       // Identity::how
  std::string label;     // label of the entry itself: the join of what it speaks of
  std::string subject;   // record, person, key the event is about
  std::string details;   // JSON object
};
struct Entry {
  uint64_t id = 0;       // from 1, no gaps
  Micros time = 0;
  Event event;
  std::string hash;      // hex
};
struct AuditQuery {
  std::string kind = {}, person = {}, text = {};
  Micros from = 0, to = 0;           // 0: open
  uint64_t before = 0;               // entries with a lower id; 0 = from the newest
  size_t limit = 100;
  std::optional<Clearance> clearance = {};  // only entries whose label it dominates
};
struct Verification {
  bool ok = false;
  uint64_t entries = 0, first_bad = 0;  // first_bad 0: none
  std::string reason;
};

class Audit {
 public:
  static Result<Audit> open(const fs::path& home);
  static Result<Audit> open(const fs::path& home, std::function<Micros()> clock);  // for tests
  Audit(Audit&&) noexcept;
  Audit& operator=(Audit&&) noexcept;
  ~Audit();
  Result<uint64_t> append(const Event& event);   // durable when it returns; thread- and process-safe
  std::vector<Entry> find(const AuditQuery& query) const;
  Result<Entry> entry(uint64_t id) const;
  Verification verify() const;
  // JSON lines as they are kept, oldest first; the query's limit does not count.
  Status export_to(std::ostream& out, const AuditQuery& query) const;
  // The public half of the key that signs, 64 hexadecimal digits: note it outside, and nobody can exchange the key.
  std::string public_key() const;
  // A statement signed with the same key, 128 hexadecimal digits; `purpose` ("release") keeps the signature of one kind of
  // statement from passing for that of another.
  std::string sign(std::string_view purpose, std::string_view bytes) const;
  bool is_signed(std::string_view purpose, std::string_view bytes, std::string_view signature) const;
  // Drops the contents of entries that are older than their kind's retention; id, time, kind and hash stay, so that
  // the chain still holds. An entry of kind "prune" says what was dropped and is signed like all. Returns how many.
  Result<uint64_t> prune(const std::map<std::string, Micros>& retention);

 private:
  struct State;
  explicit Audit(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// ---------------------------------------------------------------------------------------------
// Personal data

enum class PersonalKind : uint8_t { kResidentNumber, kPhone, kAccount, kCard, kPassport, kEmail, kAddress, kDriverLicence };
std::string_view to_string(PersonalKind kind);
struct Personal {
  PersonalKind kind{};
  size_t begin = 0, end = 0;  // bytes of the text
};
std::vector<Personal> find_personal(std::string_view text);  // in order, not overlapping
// Keeps the shape, 900101-1******, and the number of bytes: offsets into the text stay good.
std::string mask_personal(std::string_view text);

}  // namespace sillok::govern

// provider: people whom the organisation's own identity provider vouches for, by OpenID Connect or by LDAP.
//
// Contents: settings | what a provider says of somebody | the process that asks it
//
// Sits on govern. The server itself can make no socket once it serves; a small process of its own, started before that,
// speaks to the provider and to nobody else. What comes back are claims; who they make somebody here is decided by
// person_of() and govern::Registry::sign_in_vouched(), in the server.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "govern/govern.h"

namespace sillok::provider {

// ---------------------------------------------------------------------------------------------
// Settings: [sign_in.oidc] and [sign_in.ldap] of home/sillok.toml

// Who is in `group` there has at least this level, these groups and this role here.
struct Rule {
  std::string group;                     // compared without the case of ASCII letters
  std::optional<uint32_t> level;
  std::vector<std::string> groups;
  std::optional<govern::Role> role;
};
struct Mapping {
  bool registered = false;               // only people whom an administrator added here; what was decided here holds
  govern::Clearance clearance;           // of whoever signs in
  govern::Role role = govern::Role::kMember;
  std::vector<Rule> rules;               // all that fit are joined; the first that names a role decides the role
  bool take_groups = false;              // groups there are groups here, by their names
};

struct OidcSettings {
  std::string title;                     // "Sign in with TITLE"
  std::string issuer;                    // exactly as its discovery document says it
  std::string client_id;
  fs::path secret_file;                  // "": a public client
  std::string address;                   // of this server as browsers see it: "https://sillok.agency.example"
  std::string scopes = "openid profile";
  std::string name_claim = "preferred_username", title_claim = "name", groups_claim = "groups", level_claim, role_claim;
  std::vector<std::string> hosts;        // other origins that the provider's endpoints may have
  fs::path ca_file;                      // "": the machine's authorities
  bool sign_out_there = false;           // signing out here goes on to the provider's own page for it
  Mapping mapping;
};

struct LdapSettings {
  std::string title;
  std::string url;                       // "ldaps://ldap.agency.example", or "ldap://..." with starttls
  bool starttls = false;
  fs::path ca_file;
  std::string bind;                      // "uid={name},ou=people,dc=agency": the DN itself; or else a search:
  std::string search_base, search_filter = "(uid={name})", search_dn;
  fs::path search_password_file;
  std::string name_attribute = "uid", title_attribute = "cn", subject_attribute = "entryUUID";
  std::string groups_attribute = "memberOf", level_attribute, role_attribute;
  std::string group_base, group_filter = "(member={dn})", group_name = "cn";  // "": no search for groups
  Mapping mapping;
};

struct Settings {
  std::optional<OidcSettings> oidc;
  std::optional<LdapSettings> ldap;
  bool any() const { return oidc || ldap; }
};
// kInvalid names the setting at fault. Secrets stay in their files: who starts the process reads them there.
Result<Settings> parse_settings(std::string_view toml, const fs::path& home, const govern::Lattice& lattice);
Result<Settings> load_settings(const fs::path& home, const govern::Lattice& lattice);

// ---------------------------------------------------------------------------------------------
// What a provider says of somebody

struct Vouched {
  std::string source;                    // "oidc", "ldap"
  std::string subject;                   // by which it knows him for good
  std::string name, title;
  std::vector<std::string> groups;       // as they are called there
  std::string level, role;               // "" if it says nothing of them
};
// Who that is here. kDenied if it names a level or role that there is none of.
Result<govern::Person> person_of(const Mapping& mapping, const Vouched& said, const govern::Lattice& lattice);

// ---------------------------------------------------------------------------------------------
// The process that asks it

// Confines the calling process for good: it may read these files and the system's, and connect to these TCP ports.
using Confine = std::function<Status(const std::vector<fs::path>& readable, const std::vector<uint16_t>& ports)>;

// Thread-safe. Every call takes at most half a minute; kLimit when the provider or the process is too slow.
class Provider {
 public:
  // Forks; to be called before there are threads. Secrets are read and hosts looked up once, by the process, before it
  // confines itself: an error of these is returned here. It ends with this object, or with whoever holds it.
  static Result<std::unique_ptr<Provider>> start(const Settings& settings, const Confine& confine);
  virtual ~Provider() = default;

  // Where the browser goes to sign in. `challenge`: S256 of the verifier (RFC 7636).
  virtual Result<std::string> authorization_url(std::string_view state, std::string_view nonce, std::string_view challenge) = 0;
  // What came back: checked against the issuer named with it ("" if none was), redeemed, and its ID token verified.
  virtual Result<Vouched> redeem(std::string_view code, std::string_view issuer, std::string_view verifier, std::string_view nonce) = 0;
  // Where the browser goes to sign out there; "" if the provider has no such page, or `sign_out_there` is false.
  virtual Result<std::string> end_session_url() = 0;
  // kDenied for a wrong name or password alike, and for an empty one.
  virtual Result<Vouched> check_password(std::string_view name, std::string_view password) = 0;
};

// Base64url without padding (RFC 4648, section 5).
std::string base64url(std::string_view bytes);
// PKCE's S256 challenge of a verifier.
std::string pkce_challenge(std::string_view verifier);

}  // namespace sillok::provider

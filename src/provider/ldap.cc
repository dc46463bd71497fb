#include "provider/ldap.h"

#include <ldap.h>
#include <openldap.h>

#include <algorithm>
#include <memory>

namespace sillok::provider {
namespace {

constexpr int kConnectMs = 5'000, kSeconds = 8;
constexpr int kMostGroups = 10'000;
constexpr const char* kMachineAuthorities = "/etc/ssl/certs/ca-certificates.crt";  // libldap has no default of its own

template <auto Free>
struct Closer {
  template <typename T>
  void operator()(T* held) const { Free(held); }
};
using Message = std::unique_ptr<LDAPMessage, Closer<ldap_msgfree>>;
using Values = std::unique_ptr<berval*, Closer<ldap_value_free_len>>;

tl::unexpected<Error> wrong_password() { return fail(ErrorCode::kDenied, "name or password is wrong"); }

struct Entry {
  std::string dn;
  std::vector<std::pair<std::string, std::vector<std::string>>> attributes;
  const std::vector<std::string>& all(const std::string& name) const {
    static const std::vector<std::string> none;
    const std::string wanted = ascii_lower(name);
    for (const auto& [key, values] : attributes) {
      if (ascii_lower(key) == wanted) return values;
    }
    return none;
  }
  std::string first(const std::string& name) const { return all(name).empty() ? std::string() : all(name)[0]; }
};

class Connection {
 public:
  static Result<Connection> open(const LdapSettings& settings, const Peers& peers) {
    SILLOK_ASSIGN(const Url url, parse_url(settings.url));
    SILLOK_ASSIGN(const int fd, peers.connect(url, kConnectMs));
    Connection made(url.origin());
    LDAP* raw = nullptr;
    // The address was looked up before; the name in the URL is what the certificate must be for.
    if (const int code = ldap_init_fd(fd, LDAP_PROTO_TCP, url.origin().c_str(), &raw); code != LDAP_SUCCESS) return made.failed("cannot be spoken to", code);
    made.ldap_.reset(raw);
    const int version = LDAP_VERSION3;
    const timeval wait{kSeconds, 0};
    made.set(LDAP_OPT_PROTOCOL_VERSION, &version);
    made.set(LDAP_OPT_REFERRALS, LDAP_OPT_OFF);
    made.set(LDAP_OPT_RESTART, LDAP_OPT_OFF);
    made.set(LDAP_OPT_TIMEOUT, &wait);
    made.set(LDAP_OPT_NETWORK_TIMEOUT, &wait);
    if (url.scheme == "ldap" && !settings.starttls) return made;
    const int demand = LDAP_OPT_X_TLS_DEMAND, least = LDAP_OPT_X_TLS_PROTOCOL_TLS1_2, client = 0;
    made.set(LDAP_OPT_X_TLS_REQUIRE_CERT, &demand);
    made.set(LDAP_OPT_X_TLS_PROTOCOL_MIN, &least);
    made.set(LDAP_OPT_X_TLS_CACERTFILE, settings.ca_file.empty() ? kMachineAuthorities : settings.ca_file.c_str());
    made.set(LDAP_OPT_X_TLS_NEWCTX, &client);
    const int code = url.scheme == "ldaps" ? ldap_install_tls(raw) : ldap_start_tls_s(raw, nullptr, nullptr);
    if (code != LDAP_SUCCESS) return made.failed("offers no TLS that is trusted here (see [sign_in.ldap] ca_file)", code);
    return made;
  }

  // LDAP_SUCCESS, LDAP_INVALID_CREDENTIALS, ... An empty password would be an unauthenticated bind, which succeeds for anybody
  // (RFC 4513, section 5.1.2): whoever calls this has refused it.
  int bind(const std::string& dn, const std::string& password) {
    SILLOK_CHECK(!dn.empty() && !password.empty());
    berval secret{static_cast<ber_len_t>(password.size()), const_cast<char*>(password.data())};
    return ldap_sasl_bind_s(ldap_.get(), dn.c_str(), LDAP_SASL_SIMPLE, &secret, nullptr, nullptr, nullptr);
  }

  // At most `most` entries; others are left out.
  Result<std::vector<Entry>> search(const std::string& base, int scope, const std::string& filter, std::vector<std::string> attributes, int most) {
    attributes.erase(std::remove(attributes.begin(), attributes.end(), ""), attributes.end());
    std::vector<char*> names;
    for (std::string& attribute : attributes) names.push_back(attribute.data());
    names.push_back(nullptr);
    timeval wait{kSeconds, 0};
    LDAPMessage* raw = nullptr;
    const int code = ldap_search_ext_s(ldap_.get(), base.c_str(), scope, filter.c_str(), names.data(), 0, nullptr, nullptr, &wait, most, &raw);
    const Message found(raw);
    if (code == LDAP_NO_SUCH_OBJECT) return std::vector<Entry>{};
    if (code != LDAP_SUCCESS && code != LDAP_SIZELIMIT_EXCEEDED) return failed("does not search '" + shorten(clean_utf8(base), 80) + "'", code);
    std::vector<Entry> out;
    for (LDAPMessage* at = ldap_first_entry(ldap_.get(), found.get()); at != nullptr; at = ldap_next_entry(ldap_.get(), at)) {
      Entry entry;
      char* dn = ldap_get_dn(ldap_.get(), at);
      if (dn != nullptr) entry.dn = dn;
      ldap_memfree(dn);
      BerElement* cursor = nullptr;
      for (char* name = ldap_first_attribute(ldap_.get(), at, &cursor); name != nullptr; name = ldap_next_attribute(ldap_.get(), at, cursor)) {
        const Values values(ldap_get_values_len(ldap_.get(), at, name));
        auto& [key, list] = entry.attributes.emplace_back(name, std::vector<std::string>{});
        for (berval** value = values.get(); value != nullptr && *value != nullptr; ++value) list.emplace_back((*value)->bv_val, (*value)->bv_len);
        ldap_memfree(name);
      }
      ber_free(cursor, 0);
      out.push_back(std::move(entry));
    }
    return out;
  }

  tl::unexpected<Error> failed(const std::string& what, int code) const {
    const bool slow = code == LDAP_TIMEOUT || code == LDAP_TIMELIMIT_EXCEEDED;
    return fail(slow ? ErrorCode::kLimit : ErrorCode::kIo, "the directory " + origin_ + " " + what + ": " + ldap_err2string(code));
  }

 private:
  struct Unbind {
    void operator()(LDAP* ldap) const { ldap_unbind_ext_s(ldap, nullptr, nullptr); }
  };
  explicit Connection(std::string origin) : origin_(std::move(origin)) {}
  void set(int option, const void* value) { ldap_set_option(ldap_.get(), option, value); }
  std::string origin_;
  std::unique_ptr<LDAP, Unbind> ldap_;
};

std::vector<std::string> attributes_of(const LdapSettings& settings) {
  return {settings.name_attribute, settings.title_attribute, settings.subject_attribute, settings.groups_attribute, settings.level_attribute, settings.role_attribute};
}

bool readable(std::string_view text) {
  return is_valid_utf8(text) && std::none_of(text.begin(), text.end(), [](char c) { return static_cast<uint8_t>(c) < 0x20 || c == 0x7F; });
}

// Active Directory's objectGUID is 16 bytes.
std::string as_text(const std::string& value) {
  if (readable(value)) return value;
  constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  for (const char c : value) out.append({kHex[static_cast<uint8_t>(c) >> 4], kHex[static_cast<uint8_t>(c) & 15]});
  return out;
}

Result<Vouched> vouched_by_entry(const LdapSettings& settings, const Entry& entry) {
  Vouched said;
  said.source = "ldap";
  said.subject = as_text(entry.first(settings.subject_attribute));
  said.name = entry.first(settings.name_attribute);
  if (said.subject.empty() || said.name.empty()) {
    return fail(ErrorCode::kDenied, "the directory does not say '" + (said.name.empty() ? settings.name_attribute : settings.subject_attribute) + "' of the person, which [sign_in.ldap] needs");
  }
  said.title = shorten(clean_utf8(entry.first(settings.title_attribute)), 80);
  said.level = entry.first(settings.level_attribute);
  said.role = entry.first(settings.role_attribute);
  said.groups = entry.all(settings.groups_attribute);
  return said;
}

}  // namespace

std::string escape_filter(std::string_view text) {
  constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    if (c == '*' || c == '(' || c == ')' || c == '\\' || byte < 0x20 || byte >= 0x7F) out.append({'\\', kHex[byte >> 4], kHex[byte & 15]});
    else out += c;
  }
  return out;
}

std::string escape_dn(std::string_view text) {
  constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const auto byte = static_cast<uint8_t>(c);
    const bool edge = (i == 0 && (c == ' ' || c == '#')) || (i + 1 == text.size() && c == ' ');
    if (edge || byte < 0x20 || byte >= 0x7F || std::string_view(",+\"\\<>;=").find(c) != std::string_view::npos) out.append({'\\', kHex[byte >> 4], kHex[byte & 15]});
    else out += c;
  }
  return out;
}

std::string fill_in(std::string_view pattern, std::string_view field, std::string_view value) {
  const std::string wanted = "{" + std::string(field) + "}";
  std::string out(pattern);
  for (size_t at = out.find(wanted); at != out.npos; at = out.find(wanted, at + value.size())) out.replace(at, wanted.size(), value);
  return out;
}

Result<Vouched> Ldap::check(const std::string& name, const std::string& password) const {
  if (name.empty() || password.empty() || !readable(name)) return wrong_password();
  const bool search = settings_.bind.empty();
  // Who may search finds the entry, and says nothing of the password.
  SILLOK_ASSIGN(Connection connection, Connection::open(settings_, peers_));
  std::string dn;
  Entry entry;
  if (search) {
    if (!settings_.search_dn.empty()) {
      if (const int code = connection.bind(settings_.search_dn, search_password_); code != LDAP_SUCCESS) return connection.failed("refuses [sign_in.ldap] search_dn", code);
    }
    SILLOK_ASSIGN(auto found, connection.search(settings_.search_base, LDAP_SCOPE_SUBTREE, fill_in(settings_.search_filter, "name", escape_filter(name)), attributes_of(settings_), 2));
    // Of two people of one name, neither: which of them types is not known.
    if (found.size() != 1 || found[0].dn.empty()) return wrong_password();
    entry = std::move(found[0]);
    dn = entry.dn;
    SILLOK_ASSIGN(Connection own, Connection::open(settings_, peers_));
    const int code = own.bind(dn, password);
    if (code == LDAP_INVALID_CREDENTIALS || code == LDAP_INAPPROPRIATE_AUTH) return wrong_password();
    if (code != LDAP_SUCCESS) return own.failed("refuses the sign-in", code);
  } else {
    dn = fill_in(settings_.bind, "name", escape_dn(name));
    const int code = connection.bind(dn, password);
    if (code == LDAP_INVALID_CREDENTIALS || code == LDAP_INVALID_DN_SYNTAX || code == LDAP_NO_SUCH_OBJECT || code == LDAP_INAPPROPRIATE_AUTH) return wrong_password();
    if (code != LDAP_SUCCESS) return connection.failed("refuses the sign-in", code);
    SILLOK_ASSIGN(auto found, connection.search(dn, LDAP_SCOPE_BASE, "(objectClass=*)", attributes_of(settings_), 1));
    if (found.size() != 1) return fail(ErrorCode::kDenied, "the directory does not let '" + shorten(name, 40) + "' read his own entry; use search_base in [sign_in.ldap]");
    entry = std::move(found[0]);
  }
  SILLOK_ASSIGN(Vouched said, vouched_by_entry(settings_, entry));
  if (settings_.group_base.empty()) return said;
  const std::string filter = fill_in(fill_in(settings_.group_filter, "dn", escape_filter(dn)), "name", escape_filter(said.name));
  SILLOK_ASSIGN(const auto groups, connection.search(settings_.group_base, LDAP_SCOPE_SUBTREE, filter, {settings_.group_name}, kMostGroups));
  if (groups.size() == kMostGroups) return fail(ErrorCode::kLimit, "the directory finds more than " + std::to_string(kMostGroups - 1) + " groups of '" + shorten(name, 40) + "'; narrow [sign_in.ldap] group_base or group_filter");
  for (const Entry& group : groups) said.groups.insert(said.groups.end(), group.all(settings_.group_name).begin(), group.all(settings_.group_name).end());
  return said;
}

}  // namespace sillok::provider

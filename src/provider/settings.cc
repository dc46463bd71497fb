// [sign_in.oidc] and [sign_in.ldap] of home/sillok.toml.
#include <toml++/toml.h>

#include <algorithm>

#include "provider/peers.h"
#include "provider/provider.h"

namespace sillok::provider {
namespace {

// One section, of which every key must be asked for: a setting with a slip in its name would else guard nothing.
class Section {
 public:
  Section(const toml::table& table, std::string name, std::string where, const fs::path& home, const govern::Lattice& lattice)
      : table_(table), name_(std::move(name)), where_(std::move(where)), home_(home), lattice_(lattice) {}

  Section& text(const char* key, std::string& out) {
    if (const toml::node* node = take(key)) {
      if (const auto* value = node->as_string()) out = value->get();
      else wrong(key, "must be a text");
    }
    return *this;
  }
  Section& flag(const char* key, bool& out) {
    if (const toml::node* node = take(key)) {
      if (const auto* value = node->as_boolean()) out = value->get();
      else wrong(key, "must be true or false");
    }
    return *this;
  }
  Section& file(const char* key, fs::path& out) {
    std::string name;
    text(key, name);
    if (!name.empty()) out = home_ / name;  // an absolute path stays
    return *this;
  }
  Section& list(const char* key, std::vector<std::string>& out) {
    const toml::node* node = take(key);
    if (node == nullptr) return *this;
    out = texts(key, node);
    return *this;
  }
  Section& needed(const char* key, const std::string& value) {
    if (value.empty()) wrong(key, "is missing");
    return *this;
  }
  Section& mapping(Mapping& out) {
    std::string people = "mapped", level, role;
    std::vector<std::string> groups;
    text("people", people).text("level", level).text("role", role).list("groups", groups).flag("take_groups", out.take_groups);
    if (people != "mapped" && people != "registered") wrong("people", "must be \"mapped\" or \"registered\"");
    out.registered = people == "registered";
    out.clearance.groups = groups_of("groups", std::move(groups));
    if (!level.empty()) out.clearance.level = level_of("level", level);
    if (!role.empty()) out.role = role_of("role", role);
    rules(out.rules);
    return *this;
  }
  Section& wrong(const std::string& key, const std::string& what) {
    if (status_) status_ = fail(ErrorCode::kInvalid, where_ + ": " + name_ + "." + key + " " + what);
    return *this;
  }
  Status done() {
    for (const auto& [key, value] : table_) {
      const std::string_view found = key.str();
      if (std::find(asked_.begin(), asked_.end(), found) == asked_.end()) wrong(shorten(found, 40), "is no setting");
    }
    return status_;
  }

 private:
  const toml::node* take(const char* key) {
    asked_.emplace_back(key);
    return table_.get(key);
  }
  std::vector<std::string> texts(const std::string& key, const toml::node* node) {
    std::vector<std::string> out;
    const toml::array* array = node->as_array();
    if (array == nullptr) wrong(key, "must be a list of texts");
    for (size_t i = 0; array != nullptr && i < array->size(); ++i) {
      if (const auto* value = (*array)[i].as_string()) out.push_back(value->get());
      else wrong(key, "must be a list of texts");
    }
    return out;
  }
  std::vector<std::string> groups_of(const std::string& key, std::vector<std::string> groups) {
    std::sort(groups.begin(), groups.end());
    groups.erase(std::unique(groups.begin(), groups.end()), groups.end());
    const auto label = groups.empty() ? Result<govern::Label>(govern::Label{}) : lattice_.parse(lattice_.levels()[0] + ":" + sillok::join(groups, ","));
    if (!label || label->groups != groups) wrong(key, "has a name in it that cannot be a group of a label");
    return groups;
  }
  uint32_t level_of(const std::string& key, const std::string& text) {
    const auto label = lattice_.parse(text);
    if (!label || !label->groups.empty()) wrong(key, "names '" + shorten(text, 40) + "', which is no level of labels.known");
    return label ? label->level : 0;
  }
  govern::Role role_of(const std::string& key, const std::string& text) {
    const auto role = govern::role_from(text);
    if (!role) wrong(key, "names '" + shorten(text, 40) + "', which is no role");
    return role.value_or(govern::Role::kMember);
  }
  void rules(std::vector<Rule>& out) {
    const toml::node* node = take("rules");
    if (node == nullptr) return;
    const toml::array* array = node->as_array();
    if (array == nullptr) {
      wrong("rules", "must be a list of { group, level, groups, role }");
      return;
    }
    for (const toml::node& entry : *array) {
      const toml::table* table = entry.as_table();
      if (table == nullptr) {
        wrong("rules", "must be a list of { group, level, groups, role }");
        return;
      }
      Rule rule;
      for (const auto& [key, value] : *table) {
        const std::string_view name = key.str();
        const std::string text = value.value<std::string>().value_or("");
        if (name == "group") rule.group = text;
        else if (name == "level") rule.level = level_of("rules.level", text);
        else if (name == "role") rule.role = role_of("rules.role", text);
        else if (name == "groups") rule.groups = groups_of("rules.groups", texts("rules.groups", &value));
        else wrong("rules." + shorten(name, 40), "is no setting");
      }
      if (rule.group.empty()) wrong("rules", "has an entry without a group");
      out.push_back(std::move(rule));
    }
  }

  const toml::table& table_;
  std::string name_, where_;
  fs::path home_;
  const govern::Lattice& lattice_;
  std::vector<std::string> asked_;
  Status status_;
};

// Secrets and passwords cross no network in the clear.
bool safe(const Url& url, std::string_view secure_scheme) { return url.scheme == secure_scheme || is_this_machine(url.host); }

Result<OidcSettings> read_oidc(Section section) {
  OidcSettings out;
  out.title = "OpenID Connect";
  section.text("title", out.title).text("issuer", out.issuer).text("client_id", out.client_id).file("secret_file", out.secret_file)
      .text("address", out.address).text("scopes", out.scopes).text("name_claim", out.name_claim).text("title_claim", out.title_claim)
      .text("groups_claim", out.groups_claim).text("level_claim", out.level_claim).text("role_claim", out.role_claim)
      .list("hosts", out.hosts).file("ca_file", out.ca_file).flag("sign_out_there", out.sign_out_there).mapping(out.mapping);
  section.needed("issuer", out.issuer).needed("client_id", out.client_id).needed("address", out.address).needed("name_claim", out.name_claim);
  const auto check = [&](const char* key, const std::string& text) {
    const auto url = parse_url(text);
    if (!url) section.wrong(key, url.error().message);
    else if (!safe(*url, "https")) section.wrong(key, "must begin with https://; http is for this machine alone");
  };
  if (!out.issuer.empty()) check("issuer", out.issuer);
  if (!out.address.empty()) check("address", out.address);
  for (const std::string& host : out.hosts) check("hosts", host);
  while (out.address.ends_with('/')) out.address.pop_back();
  const auto words = split(out.scopes, ' ');
  if (std::find(words.begin(), words.end(), "openid") == words.end()) section.wrong("scopes", "must have openid among them");
  SILLOK_TRY(section.done());
  return out;
}

Result<LdapSettings> read_ldap(Section section) {
  LdapSettings out;
  out.title = "LDAP";
  section.text("title", out.title).text("url", out.url).flag("starttls", out.starttls).file("ca_file", out.ca_file).text("bind", out.bind)
      .text("search_base", out.search_base).text("search_filter", out.search_filter).text("search_dn", out.search_dn)
      .file("search_password_file", out.search_password_file).text("name_attribute", out.name_attribute).text("title_attribute", out.title_attribute)
      .text("subject_attribute", out.subject_attribute).text("groups_attribute", out.groups_attribute).text("level_attribute", out.level_attribute)
      .text("role_attribute", out.role_attribute).text("group_base", out.group_base).text("group_filter", out.group_filter)
      .text("group_name", out.group_name).mapping(out.mapping);
  section.needed("url", out.url).needed("name_attribute", out.name_attribute).needed("subject_attribute", out.subject_attribute);
  if (!out.url.empty()) {
    const auto url = parse_url(out.url);
    if (!url) section.wrong("url", url.error().message);
    else if (url->scheme != "ldap" && url->scheme != "ldaps") section.wrong("url", "must begin with ldaps:// or ldap://");
    else if (url->path != "/") section.wrong("url", "names host and port alone");
    else if (url->scheme == "ldaps" && out.starttls) section.wrong("starttls", "is for ldap://, not for ldaps://");
    else if (!out.starttls && !safe(*url, "ldaps")) section.wrong("url", "would send passwords in the clear; set starttls = true, or use ldaps://");
  }
  if (out.bind.empty() == out.search_base.empty()) section.wrong("bind", "or search_base must be set, one of them");
  if (!out.bind.empty() && out.bind.find("{name}") == out.bind.npos) section.wrong("bind", "must have {name} in it");
  if (!out.search_base.empty() && out.search_filter.find("{name}") == out.search_filter.npos) section.wrong("search_filter", "must have {name} in it");
  if (out.search_dn.empty() != out.search_password_file.empty()) section.wrong("search_dn", "and search_password_file belong together");
  SILLOK_TRY(section.done());
  return out;
}

Result<Settings> read(const toml::table& root, const std::string& where, const fs::path& home, const govern::Lattice& lattice) {
  Settings settings;
  const toml::node* node = root.get("sign_in");
  if (node == nullptr) return settings;
  const toml::table* sections = node->as_table();
  if (sections == nullptr) return fail(ErrorCode::kInvalid, where + ": sign_in has the sections [sign_in.oidc] and [sign_in.ldap]");
  for (const auto& [key, value] : *sections) {
    const std::string name(key.str());
    const toml::table* table = value.as_table();
    if ((name != "oidc" && name != "ldap") || table == nullptr) return fail(ErrorCode::kInvalid, where + ": sign_in." + shorten(name, 40) + " is no section; there are [sign_in.oidc] and [sign_in.ldap]");
    Section section(*table, "sign_in." + name, where, home, lattice);
    if (name == "oidc") {
      SILLOK_ASSIGN(settings.oidc, read_oidc(std::move(section)));
    } else {
      SILLOK_ASSIGN(settings.ldap, read_ldap(std::move(section)));
    }
  }
  return settings;
}

}  // namespace

Result<Settings> parse_settings(std::string_view text, const fs::path& home, const govern::Lattice& lattice) {
  const std::string where = (home / "sillok.toml").string();
  if (!is_valid_utf8(text)) return fail(ErrorCode::kInvalid, where + " is not valid UTF-8");
  try {
    return read(toml::parse(text, where), where, home, lattice);
  } catch (const toml::parse_error& error) {
    return fail(ErrorCode::kInvalid, where + ", line " + std::to_string(error.source().begin.line) + ": " + std::string(error.description()));
  }
}

Result<Settings> load_settings(const fs::path& home, const govern::Lattice& lattice) {
  SILLOK_ASSIGN(const std::string text, read_file(home / "sillok.toml"));
  return parse_settings(text, home, lattice);
}

}  // namespace sillok::provider

// What sillok.toml may say of signing in; who somebody is here; names that are typed into filters.
#include <gtest/gtest.h>

#include "provider/ldap.h"
#include "provider/peers.h"
#include "provider/provider.h"

namespace sillok::provider {
namespace {

const govern::Lattice kLattice({"O", "S", "C"});

Result<Settings> read(const std::string& toml) { return parse_settings(toml, "/home", kLattice); }
std::string refusal(const std::string& toml) {
  const auto settings = read(toml);
  return settings ? "taken" : settings.error().message;
}

constexpr const char* kOidc = R"(
[sign_in.oidc]
issuer = "https://id.agency.example/realm"
client_id = "sillok"
address = "https://sillok.agency.example/"
)";
constexpr const char* kLdap = R"(
[sign_in.ldap]
url = "ldaps://ldap.agency.example"
bind = "uid={name},ou=people,dc=agency"
)";

TEST(Settings, AreReadWithTheirDefaults) {
  EXPECT_FALSE(read("")->any());
  const auto settings = read(std::string(kOidc) + "rules = [ { group = \"staff\", level = \"S\", groups = [\"b\", \"a\"], role = \"curator\" } ]\n" + kLdap);
  ASSERT_TRUE(settings) << settings.error().message;
  EXPECT_EQ(settings->oidc->address, "https://sillok.agency.example");
  EXPECT_EQ(settings->oidc->name_claim, "preferred_username");
  ASSERT_EQ(settings->oidc->mapping.rules.size(), 1U);
  EXPECT_EQ(settings->oidc->mapping.rules[0].groups, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(settings->oidc->mapping.rules[0].level, 1U);
  EXPECT_EQ(settings->ldap->groups_attribute, "memberOf");
}

TEST(Settings, SayWhatIsWrong) {
  const auto has = [](const std::string& text, const char* part) { return text.find(part) != std::string::npos; };
  EXPECT_PRED2(has, refusal("[sign_in.saml]\n"), "sign_in.saml");
  EXPECT_PRED2(has, refusal("[sign_in.oidc]\nclient_id = \"a\"\naddress = \"https://a\"\n"), "sign_in.oidc.issuer is missing");
  EXPECT_PRED2(has, refusal(std::string(kOidc) + "secret = \"x\"\n"), "sign_in.oidc.secret is no setting");
  EXPECT_PRED2(has, refusal(std::string(kOidc) + "scopes = \"profile\"\n"), "openid");
  EXPECT_PRED2(has, refusal(std::string(kOidc) + "level = \"X\"\n"), "no level");
  EXPECT_PRED2(has, refusal(std::string(kOidc) + "groups = [\"a,b\"]\n"), "cannot be a group");
  EXPECT_PRED2(has, refusal(std::string(kOidc) + "people = \"anybody\"\n"), "mapped");
  EXPECT_PRED2(has, refusal("[sign_in.oidc]\nissuer = \"http://id.agency.example\"\nclient_id = \"a\"\naddress = \"https://a\"\n"), "https://");
  EXPECT_PRED2(has, refusal("[sign_in.ldap]\nurl = \"ldap://ldap.agency.example\"\nbind = \"uid={name}\"\n"), "in the clear");
  EXPECT_PRED2(has, refusal("[sign_in.ldap]\nurl = \"ldaps://a\"\n"), "one of them");
  EXPECT_PRED2(has, refusal("[sign_in.ldap]\nurl = \"ldaps://a\"\nbind = \"cn=all\"\n"), "{name}");
  EXPECT_PRED2(has, refusal("[sign_in.ldap]\nurl = \"ldaps://a\"\nsearch_base = \"dc=a\"\nsearch_dn = \"cn=s\"\n"), "belong together");
  EXPECT_PRED2(has, refusal("[sign_in.ldap]\nurl = \"ldaps://a\"\nstarttls = true\nbind = \"uid={name}\"\n"), "not for ldaps");
  EXPECT_EQ(refusal("[sign_in.ldap]\nurl = \"ldap://127.0.0.1:389\"\nbind = \"uid={name}\"\n"), "taken");
}

Vouched said(std::vector<std::string> groups, std::string level = "", std::string role = "") {
  return {"oidc", "s", "kim", "김", std::move(groups), std::move(level), std::move(role)};
}

TEST(PersonOf, JoinsWhatFits) {
  Mapping mapping;
  mapping.clearance.groups = {"all"};
  mapping.rules = {{"Finance", 1, {"finance"}, {}}, {"audit", {}, {}, govern::Role::kAuditor}, {"top", 2, {"x"}, govern::Role::kCurator}};
  const auto text = [&](const Vouched& who) {
    const auto person = person_of(mapping, who, kLattice);
    return person ? kLattice.text(person->clearance) + " " + std::string(govern::to_string(person->role)) : person.error().message;
  };
  EXPECT_EQ(text(said({})), "O:all member");
  EXPECT_EQ(text(said({"finance", "unknown"})), "S:all,finance member");
  EXPECT_EQ(text(said({"top", "audit", "FINANCE"})), "C:all,finance,x auditor") << "the first rule that names a role decides it";
  EXPECT_EQ(text(said({"finance"}, "C", "curator")), "C:all,finance curator");
  EXPECT_NE(text(said({}, "X")).find("level 'X'"), std::string::npos);
  EXPECT_NE(text(said({}, "", "king")).find("role 'king'"), std::string::npos);
  mapping.take_groups = true;
  EXPECT_EQ(text(said({"hr", "two words", "a,b", "c:d"})), "O:all,hr member") << "a name that cannot stand in a label is no group here";
}

TEST(Ldap, NamesStayValues) {
  EXPECT_EQ(fill_in("(uid={name})", "name", escape_filter("*)(uid=admin")), "(uid=\\2a\\29\\28uid=admin)");
  EXPECT_EQ(escape_filter(std::string("a\\\0b", 4)), "a\\5c\\00b");
  EXPECT_EQ(escape_filter("김"), "\\ea\\b9\\80");
  EXPECT_EQ(fill_in("uid={name},ou=p", "name", escape_dn("a,ou=admins")), "uid=a\\2cou\\3dadmins,ou=p");
  EXPECT_EQ(escape_dn("#a "), "\\23a\\20");
  EXPECT_EQ(escape_dn("a+b\"c;d<e>"), "a\\2bb\\22c\\3bd\\3ce\\3e");
  EXPECT_EQ(fill_in("{name}-{name}", "name", "{name}"), "{name}-{name}");
}

TEST(Url, IsTakenApartStrictly) {
  const auto url = parse_url("HTTPS://Id.Agency.example:8443/a?b");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->origin(), "https://id.agency.example:8443");
  EXPECT_EQ(url->path, "/a?b");
  EXPECT_EQ(parse_url("https://[::1]/")->origin(), "https://[::1]:443");
  EXPECT_EQ(parse_url("ldaps://a")->port, 636);
  for (const char* wrong : {"", "a", "ftp://a", "https://", "https://a:0", "https://a:99999", "https://a:1x", "https://u@a", "https://u:p@a", "https://a b", "https://a#b", "https://a\\b", "https://[::1"}) {
    EXPECT_FALSE(parse_url(wrong)) << wrong;
  }
}

TEST(Peers, KnowNobodyElse) {
  Peers peers;
  ASSERT_TRUE(peers.add(*parse_url("https://127.0.0.1:1")));
  EXPECT_EQ(peers.pinned(*parse_url("https://127.0.0.1:1/x")).value_or(""), "127.0.0.1:1:127.0.0.1");
  for (const char* other : {"https://127.0.0.1:2", "http://127.0.0.1:1", "https://127.0.0.2:1", "https://localhost:1"}) {
    EXPECT_EQ(peers.pinned(*parse_url(other)).error().code, ErrorCode::kDenied) << other;
  }
  EXPECT_FALSE(peers.add(*parse_url("https://no.such.host.invalid")));
}

}  // namespace
}  // namespace sillok::provider

#include "home.h"

namespace sillok::govern {
namespace {

const Lattice kLattice({"O", "S", "C"}, {"공개", "민감", "기밀"});

Label label(std::string_view text) {
  const auto parsed = kLattice.parse(text);
  EXPECT_TRUE(parsed) << text << ": " << (parsed ? "" : parsed.error().message);
  return parsed.value_or(Label{});
}

TEST(Labels, CanonicalText) {
  EXPECT_EQ(kLattice.text(label("S")), "S");
  EXPECT_EQ(kLattice.text(label(" 민감 : b, a ,b ")), "S:a,b");
  EXPECT_EQ(kLattice.text(label("C:인사,재무")), "C:인사,재무");
  EXPECT_EQ(kLattice.text(label("C:재무,인사")), "C:인사,재무");
}

TEST(Labels, RefusesWhatIsNone) {
  for (const char* text : {"", "X", "s", "S:", "S:a,", "S:,a", "S:a b", "S:a:b", "S:a\"b", ":a", "S:a\nb"}) {
    const auto parsed = kLattice.parse(text);
    EXPECT_FALSE(parsed) << text;
    EXPECT_TRUE(parsed || parsed.error().code == ErrorCode::kInvalid) << text;
  }
  EXPECT_NE(kLattice.parse("X").error().message.find("O (공개), S (민감), C (기밀)"), std::string::npos);
}

// The laws that the rest stands on, over all labels of three levels and three groups.
TEST(Labels, FormALattice) {
  std::vector<Label> all;
  const std::vector<std::string> groups = {"a", "b", "c"};
  for (uint32_t level = 0; level < 3; ++level) {
    for (unsigned set = 0; set < 8; ++set) {
      Label made{level, {}};
      for (unsigned g = 0; g < 3; ++g) {
        if ((set >> g & 1) != 0) made.groups.push_back(groups[g]);
      }
      all.push_back(made);
    }
  }
  for (const Label& a : all) {
    EXPECT_TRUE(dominates(a, a));
    EXPECT_EQ(label(kLattice.text(a)), a);
    for (const Label& b : all) {
      const Label both = join(a, b);
      EXPECT_EQ(both, join(b, a));
      EXPECT_TRUE(dominates(both, a) && dominates(both, b));
      EXPECT_TRUE(!(dominates(a, b) && dominates(b, a)) || a == b);
      for (const Label& c : all) {
        EXPECT_TRUE(!(dominates(a, b) && dominates(b, c)) || dominates(a, c));
        EXPECT_EQ(dominates(c, both), dominates(c, a) && dominates(c, b));
      }
    }
  }
}

TEST(Labels, NobodyDominatesAnUnknownLevel) {
  EXPECT_TRUE(kLattice.dominates(label("C:a"), "S:a"));
  EXPECT_FALSE(kLattice.dominates(label("C:a"), "S:b"));
  EXPECT_FALSE(kLattice.dominates(label("C:a"), "TOP"));
  EXPECT_FALSE(kLattice.dominates(label("C:a"), ""));
}

TEST(Settings, ReadsRulesPolicyAndRetention) {
  const auto settings = parse_settings(R"toml(
[labels]
known = [ { name = "O" }, { name = "S" } ]
default = "O"
rules = [ { path = "**/인사/**", label = "S:인사" } ]
[policy]
personal = "show"
[retention]
default = "5 years"
search = "6 months"
)toml",
                                       "sillok.toml");
  ASSERT_TRUE(settings) << settings.error().message;
  ASSERT_EQ(settings->rules.size(), 1u);
  EXPECT_EQ(settings->lattice.text(settings->rules[0].label), "S:인사");
  EXPECT_EQ(settings->personal, PersonalPolicy::kShow);
  EXPECT_EQ(settings->retention.at("") / 86'400'000'000, 5 * 365);
  EXPECT_EQ(settings->retention.at("search") / 86'400'000'000, 182);
}

TEST(Settings, NamesWhatIsWrong) {
  const auto wrong = [](std::string_view rest, std::string_view what) {
    const auto settings = parse_settings("[labels]\nknown = [ { name = \"O\" } ]\ndefault = \"O\"\n" + std::string(rest), "sillok.toml");
    ASSERT_FALSE(settings) << rest;
    EXPECT_NE(settings.error().message.find(what), std::string::npos) << settings.error().message;
  };
  wrong("rules = 3", "labels.rules");
  wrong("\xAC\xC5", "not valid UTF-8");
  wrong("rules = [ { path = \"x\" } ]", "needs a path and a label");
  wrong("rules = [ { path = \"x\", label = \"Z\" } ]", "there is no label 'Z'");
  wrong("[policy]\npersonal = \"hide\"", "policy.personal");
  wrong("[retention]\nask = \"5 months\"", "retention.ask");
  wrong("[retention]\nask = \"6 years\"", "retention.ask");
  wrong("[retention]\nask = 200", "retention.ask");
}

TEST(Settings, Globs) {
  EXPECT_TRUE(matches_glob("**/인사/**", "/data/인사/2024/a.hwp"));
  EXPECT_TRUE(matches_glob("**/인사/**", "/인사/a.hwp"));
  EXPECT_FALSE(matches_glob("**/인사/**", "/data/내인사/a.hwp"));
  EXPECT_TRUE(matches_glob("/data/*/x?.txt", "/data/b/x가.txt"));
  EXPECT_FALSE(matches_glob("/data/*/x.txt", "/data/b/c/x.txt"));
  EXPECT_TRUE(matches_glob("/data/**/x.txt", "/data/b/c/x.txt"));
  EXPECT_TRUE(matches_glob("/data/**/x.txt", "/data/x.txt"));
  EXPECT_FALSE(matches_glob("/data/**/x.txt", "/data/ax.txt"));
  EXPECT_TRUE(matches_glob("**/*비밀*", "/a/b/1급비밀 문서.hwp"));
  EXPECT_FALSE(matches_glob("**/*.hwp", "/a/b.hwpx"));
  EXPECT_TRUE(matches_glob("", ""));
  EXPECT_FALSE(matches_glob("", "a"));
}

}  // namespace
}  // namespace sillok::govern

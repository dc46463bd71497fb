#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "home.h"

namespace sillok::govern {
namespace {

constexpr std::string_view kPassword = "corn on a bicycle", kOther = "rain over Busan";

class RegistryTest : public GovernTest {
 protected:
  void SetUp() override {
    GovernTest::SetUp();
    auto opened = Registry::open(home_, clock());
    ASSERT_TRUE(opened) << opened.error().message;
    registry_.emplace(std::move(*opened));
  }
  Person person(std::string name, Role role = Role::kMember, Label clearance = {1, {"a", "b"}}) {
    Person made;
    made.name = std::move(name);
    made.role = role;
    made.clearance = std::move(clearance);
    return made;
  }
  void add(const Person& made) {
    const Status done = registry_->add_person(made, kPassword);
    ASSERT_TRUE(done) << done.error().message;
  }
  std::optional<Registry> registry_;
};

ErrorCode code(const auto& result) {
  EXPECT_FALSE(result);
  return result ? ErrorCode::kInternal : result.error().code;
}

TEST_F(RegistryTest, KeepsPeople) {
  add(person("kim"));
  EXPECT_EQ(code(registry_->add_person(person("KIM"), kPassword)), ErrorCode::kConflict);
  EXPECT_EQ(code(registry_->add_person(person("two words"), kPassword)), ErrorCode::kInvalid);
  EXPECT_EQ(code(registry_->add_person(person("command line"), kPassword)), ErrorCode::kInvalid);
  EXPECT_EQ(code(registry_->add_person(person("x", Role::kMember, {7, {}}), kPassword)), ErrorCode::kInvalid);
  EXPECT_TRUE(registry_->add_person(person("이순신"), std::nullopt));
  const auto kim = registry_->person("kim");
  ASSERT_TRUE(kim);
  EXPECT_EQ(kim->clearance, (Label{1, {"a", "b"}}));
  EXPECT_EQ(kim->created, now_);
  EXPECT_EQ(registry_->people().size(), 2u);
  EXPECT_EQ(code(registry_->person("lee")), ErrorCode::kNotFound);
  struct stat info {};
  ASSERT_EQ(::stat((home_ / "govern.db").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST_F(RegistryTest, RefusesWeakPasswords) {
  for (const char* weak : {"", "short", "aaaaaaaaaa", "password", "Password1", "12345678", "kim12345"}) {
    EXPECT_EQ(code(registry_->add_person(person("kim1"), weak)), ErrorCode::kInvalid) << weak;
  }
  EXPECT_TRUE(registry_->add_person(person("kim"), "여덟글자이상임"  "요"));
}

TEST_F(RegistryTest, SignsIn) {
  add(person("kim"));
  EXPECT_EQ(code(registry_->sign_in("kim", kOther, "10.0.0.1")), ErrorCode::kDenied);
  EXPECT_EQ(code(registry_->sign_in("lee", kPassword, "10.0.0.1")), ErrorCode::kDenied);
  const auto session = registry_->sign_in("Kim", kPassword, "10.0.0.1");
  ASSERT_TRUE(session) << session.error().message;
  const auto identity = registry_->session(session->token);
  ASSERT_TRUE(identity);
  EXPECT_EQ(identity->person.name, "kim");
  EXPECT_EQ(identity->person.last_sign_in, now_);
  EXPECT_TRUE(identity->may(Scope::kAsk));
  EXPECT_FALSE(identity->may(Scope::kPeople));
  EXPECT_EQ(registry_->session_csrf(session->token).value_or(""), session->csrf);
  EXPECT_NE(session->csrf, session->token);
  EXPECT_EQ(code(registry_->session("x" + session->token)), ErrorCode::kDenied);
  ASSERT_TRUE(registry_->end_session(session->token));
  EXPECT_EQ(code(registry_->session(session->token)), ErrorCode::kDenied);
}

// What stands in the file lets nobody in.
TEST_F(RegistryTest, KeepsNoSecret) {
  add(person("kim"));
  const auto session = registry_->sign_in("kim", kPassword, "");
  const auto key = registry_->create_key("kim", {Scope::kAsk}, 0);
  ASSERT_TRUE(session && key);
  registry_.reset();
  std::string all;
  for (const auto& entry : fs::directory_iterator(home_)) all += read_file(entry.path()).value_or("");
  EXPECT_EQ(all.find(session->token), std::string::npos);
  EXPECT_EQ(all.find(key->secret.substr(18)), std::string::npos);
  EXPECT_EQ(all.find(kPassword), std::string::npos);
  EXPECT_NE(all.find("$argon2id$"), std::string::npos);
}

TEST_F(RegistryTest, SessionsEnd) {
  add(person("kim"));
  const auto idle = registry_->sign_in("kim", kPassword, "");
  now_ += 2 * 3600 * kSecond + 1;
  EXPECT_EQ(code(registry_->session(idle->token)), ErrorCode::kDenied);
  const auto busy = registry_->sign_in("kim", kPassword, "");
  for (int i = 0; i < 11; ++i) {
    now_ += 3600 * kSecond;
    EXPECT_TRUE(registry_->session(busy->token)) << i;
  }
  now_ += 3600 * kSecond;
  EXPECT_EQ(code(registry_->session(busy->token)), ErrorCode::kDenied);
}

TEST_F(RegistryTest, LocksOutWithGrowingDelay) {
  add(person("kim"));
  for (int i = 0; i < 5; ++i) EXPECT_EQ(code(registry_->sign_in("kim", kOther, "")), ErrorCode::kDenied) << i;
  const auto locked = registry_->sign_in("kim", kPassword, "");
  EXPECT_EQ(code(locked), ErrorCode::kLimit);
  EXPECT_NE(locked.error().message.find("30 s"), std::string::npos) << locked.error().message;
  now_ += 30 * kSecond;
  EXPECT_EQ(code(registry_->sign_in("kim", kOther, "")), ErrorCode::kDenied);
  EXPECT_NE(registry_->sign_in("kim", kPassword, "").error().message.find("60 s"), std::string::npos);
  now_ += 60 * kSecond;
  EXPECT_TRUE(registry_->sign_in("kim", kPassword, ""));
  EXPECT_EQ(code(registry_->sign_in("kim", kOther, "")), ErrorCode::kDenied);  // counted from the start again
}

// A name that nobody has locks as well: the lock does not tell who exists.
TEST_F(RegistryTest, UnknownNamesLockToo) {
  for (int i = 0; i < 5; ++i) EXPECT_EQ(code(registry_->sign_in("ghost", kOther, "")), ErrorCode::kDenied);
  EXPECT_EQ(code(registry_->sign_in("ghost", kOther, "")), ErrorCode::kLimit);
}

TEST_F(RegistryTest, UnknownNamesTakeAsLong) {
  add(person("kim"));
  (void)registry_->sign_in("warm", kOther, "");  // the hash of nobody is made once
  const auto median_ms = [&](std::string_view name) {
    std::vector<double> times;
    for (int i = 0; i < 4; ++i) {
      const auto start = std::chrono::steady_clock::now();
      (void)registry_->sign_in(name, kOther, "");
      times.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
    }
    std::sort(times.begin(), times.end());
    return times[0];
  };
  const double known = median_ms("kim"), unknown = median_ms("lee");
  EXPECT_GT(unknown, known * 0.5);  // without the hash of nobody it is a thousandth
  EXPECT_LT(unknown, known * 2);
}

TEST_F(RegistryTest, ChangesEndSessionsWhereSomethingFell) {
  add(person("kim"));
  Person kim = *registry_->person("kim");
  auto session = registry_->sign_in("kim", kPassword, "");
  kim.clearance = {2, {"a", "b", "c"}};
  kim.role = Role::kCurator;
  ASSERT_TRUE(registry_->change_person(kim));
  EXPECT_TRUE(registry_->session(session->token));
  EXPECT_TRUE(registry_->session(session->token)->may(Scope::kLabel));
  kim.clearance.groups = {"a"};
  ASSERT_TRUE(registry_->change_person(kim));
  EXPECT_FALSE(registry_->session(session->token));
  session = registry_->sign_in("kim", kPassword, "");
  kim.role = Role::kMember;
  ASSERT_TRUE(registry_->change_person(kim));
  EXPECT_FALSE(registry_->session(session->token));
  session = registry_->sign_in("kim", kPassword, "");
  ASSERT_TRUE(registry_->set_password("kim", kOther));
  EXPECT_FALSE(registry_->session(session->token));
  EXPECT_EQ(code(registry_->change_person(person("lee"))), ErrorCode::kNotFound);
}

TEST_F(RegistryTest, RemovedPeopleStayNamed) {
  add(person("boss", Role::kAdministrator));
  add(person("kim"));
  const auto session = registry_->sign_in("kim", kPassword, "");
  const auto key = registry_->create_key("kim", {Scope::kAsk}, 0);
  ASSERT_TRUE(session && key);
  ASSERT_TRUE(registry_->remove_person("kim"));
  EXPECT_TRUE(registry_->person("kim")->disabled);
  EXPECT_FALSE(registry_->session(session->token));
  EXPECT_FALSE(registry_->key(key->secret));
  EXPECT_EQ(code(registry_->sign_in("kim", kPassword, "")), ErrorCode::kDenied);
  EXPECT_EQ(code(registry_->open_session("kim", "session (oidc)")), ErrorCode::kDenied);
  EXPECT_EQ(code(registry_->add_person(person("kim"), kPassword)), ErrorCode::kConflict);
  EXPECT_EQ(code(registry_->remove_person("boss")), ErrorCode::kConflict);  // the last administrator
  Person boss = *registry_->person("boss");
  boss.role = Role::kMember;
  EXPECT_EQ(code(registry_->change_person(boss)), ErrorCode::kConflict);
}

TEST_F(RegistryTest, FirstLinkWorksOnce) {
  const auto old = registry_->first_link(), link = registry_->first_link();
  ASSERT_TRUE(old && link);
  EXPECT_EQ(code(registry_->use_first_link(*old, person("boss"), kPassword)), ErrorCode::kDenied);
  EXPECT_EQ(code(registry_->use_first_link("", person("boss"), kPassword)), ErrorCode::kDenied);
  EXPECT_EQ(code(registry_->use_first_link(*link, person("boss"), "weak")), ErrorCode::kInvalid);
  ASSERT_TRUE(registry_->use_first_link(*link, person("boss"), kPassword));
  EXPECT_EQ(registry_->person("boss")->role, Role::kAdministrator);
  EXPECT_EQ(code(registry_->use_first_link(*link, person("boss2"), kPassword)), ErrorCode::kDenied);
  EXPECT_EQ(registry_->first_link().value_or("?"), "");
}

TEST_F(RegistryTest, KeysAllowNoMoreThanTheRole) {
  add(person("kim", Role::kCurator));
  EXPECT_EQ(code(registry_->create_key("kim", {Scope::kAsk, Scope::kPeople}, 0)), ErrorCode::kDenied);
  EXPECT_EQ(code(registry_->create_key("kim", {}, 0)), ErrorCode::kInvalid);
  EXPECT_EQ(code(registry_->create_key("lee", {Scope::kAsk}, 0)), ErrorCode::kNotFound);
  EXPECT_EQ(code(registry_->create_key("kim", {Scope::kAsk}, now_)), ErrorCode::kInvalid);
  const auto key = registry_->create_key("kim", {Scope::kLabel, Scope::kAsk, Scope::kAsk}, now_ + kDay);
  ASSERT_TRUE(key);
  const auto identity = registry_->key(key->secret);
  ASSERT_TRUE(identity);
  EXPECT_TRUE(identity->may(Scope::kAsk) && identity->may(Scope::kLabel));
  EXPECT_FALSE(identity->may(Scope::kSearch));  // the role would allow it, the key does not
  EXPECT_EQ(identity->how, "key " + key->key.id);
  Person kim = *registry_->person("kim");
  kim.role = Role::kMember;
  ASSERT_TRUE(registry_->change_person(kim));
  EXPECT_FALSE(registry_->key(key->secret)->may(Scope::kLabel));  // the role fell, the key with it
  std::string wrong = key->secret;
  wrong.back() = wrong.back() == '0' ? '1' : '0';
  EXPECT_EQ(code(registry_->key(wrong)), ErrorCode::kDenied);
  EXPECT_EQ(code(registry_->key("")), ErrorCode::kDenied);
  now_ += kDay;
  EXPECT_EQ(code(registry_->key(key->secret)), ErrorCode::kDenied);
}

TEST_F(RegistryTest, KeysCanBeRevoked) {
  add(person("kim"));
  const auto key = registry_->create_key("kim", {Scope::kAsk}, 0);
  ASSERT_TRUE(registry_->key(key->secret));
  EXPECT_EQ(registry_->keys()[0].last_used, now_);
  ASSERT_TRUE(registry_->revoke_key(key->key.id));
  EXPECT_EQ(code(registry_->key(key->secret)), ErrorCode::kDenied);
  EXPECT_TRUE(registry_->keys()[0].revoked);
  EXPECT_EQ(code(registry_->revoke_key("nothing")), ErrorCode::kNotFound);
}

TEST_F(RegistryTest, WhomAProviderVouchesForIsKnownByHisSubject) {
  Person said = person("kim", Role::kMember, {1, {"a"}});
  said.source = "oidc";
  said.subject = "s-1";
  EXPECT_EQ(code(registry_->sign_in_vouched(said, false, "")), ErrorCode::kDenied) << "before there is an administrator";
  add(person("boss", Role::kAdministrator));
  EXPECT_EQ(code(registry_->sign_in_vouched(said, true, "")), ErrorCode::kDenied) << "nobody registered him";
  const auto first = registry_->sign_in_vouched(said, false, "");
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_TRUE(first->added);
  const auto identity = registry_->session(first->session.token);
  ASSERT_TRUE(identity);
  EXPECT_EQ(identity->how, "oidc");
  EXPECT_EQ(identity->person.subject, "s-1");

  // Another name there, less clearance: the same person here, and his sessions from before are over.
  said.name = "kim.renamed";
  said.clearance = {0, {}};
  const auto second = registry_->sign_in_vouched(said, false, "");
  ASSERT_TRUE(second);
  EXPECT_EQ(second->person.name, "kim");
  EXPECT_TRUE(second->changed && !second->added);
  EXPECT_EQ(code(registry_->session(first->session.token)), ErrorCode::kDenied);
  EXPECT_TRUE(registry_->session(second->session.token));

  // Nobody becomes another by his name: neither a local person, nor who came from there before, nor from elsewhere.
  for (const char* name : {"boss", "KIM"}) {
    Person other = said;
    other.name = name;
    other.subject = "s-2";
    EXPECT_EQ(code(registry_->sign_in_vouched(other, false, "")), ErrorCode::kConflict) << name;
    other.source = "ldap";
    EXPECT_EQ(code(registry_->sign_in_vouched(other, false, "")), ErrorCode::kConflict) << name;
  }
  EXPECT_EQ(code(registry_->set_password("kim", kPassword)), ErrorCode::kConflict);
  ASSERT_TRUE(registry_->remove_person("kim"));
  EXPECT_EQ(code(registry_->sign_in_vouched(said, false, "")), ErrorCode::kDenied);
}

TEST_F(RegistryTest, WhoWasRegisteredForAProviderKeepsWhatWasDecidedHere) {
  add(person("boss", Role::kAdministrator));
  Person registered = person("lee", Role::kCurator, {1, {"b"}});
  registered.source = "ldap";
  ASSERT_TRUE(registry_->add_person(registered, std::nullopt));
  Person said = person("lee", Role::kAdministrator, {2, {"a", "b"}});
  said.source = "ldap";
  said.subject = "u-1";
  const auto welcome = registry_->sign_in_vouched(said, true, "");
  ASSERT_TRUE(welcome) << welcome.error().message;
  EXPECT_EQ(welcome->person.role, Role::kCurator);
  EXPECT_EQ(welcome->person.clearance, (Clearance{1, {"b"}}));
  said.subject = "u-2";
  EXPECT_EQ(code(registry_->sign_in_vouched(said, true, "")), ErrorCode::kConflict) << "the name is taken by who came first";
  said.subject = "";
  EXPECT_EQ(code(registry_->sign_in_vouched(said, true, "")), ErrorCode::kInvalid);
}

TEST_F(RegistryTest, AttemptsThatOthersJudgeAreCounted) {
  add(person("boss", Role::kAdministrator));
  Person said = person("kim");
  said.source = "ldap";
  said.subject = "u";
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(registry_->count_attempt("kim", "10.0.0.1"));
  ASSERT_TRUE(registry_->sign_in_vouched(said, false, "10.0.0.1"));
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(registry_->count_attempt("kim", "10.0.0.1")) << "forgiven by the sign-in";
  EXPECT_EQ(code(registry_->count_attempt("kim", "10.0.0.1")), ErrorCode::kLimit);
  EXPECT_EQ(code(registry_->count_attempt("KIM", "")), ErrorCode::kLimit);
  EXPECT_TRUE(registry_->count_attempt("lee", ""));
}

TEST_F(RegistryTest, ManyThreadsAndTwoProcesses) {
  add(person("kim"));
  auto second = Registry::open(home_, clock());
  ASSERT_TRUE(second);
  const auto key = registry_->create_key("kim", {Scope::kAsk}, 0);
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      Registry& mine = t % 2 == 0 ? *registry_ : *second;
      for (int i = 0; i < 20; ++i) {
        const auto session = mine.open_session("kim", "session");
        if (!session || !mine.session(session->token) || !mine.key(key->secret)) ++wrong;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace sillok::govern

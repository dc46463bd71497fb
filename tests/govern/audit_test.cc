#include <sys/stat.h>

#include <atomic>
#include <fstream>
#include <sstream>
#include <thread>

#include "govern/audit_line.h"
#include "home.h"

namespace sillok::govern {
namespace {

class AuditTest : public GovernTest {
 protected:
  Audit open() {
    auto opened = Audit::open(home_, clock());
    EXPECT_TRUE(opened) << opened.error().message;
    return std::move(*opened);
  }
  uint64_t append(Audit& audit, std::string kind, std::string person, std::string details = "{}", std::string label = "") {
    now_ += kSecond;
    const auto id = audit.append({std::move(kind), std::move(person), "session", std::move(label), "WS-102", std::move(details)});
    EXPECT_TRUE(id) << id.error().message;
    return id.value_or(0);
  }
  fs::path log() const { return home_ / "log/audit.log"; }
  std::string bytes() const { return read_file(log()).value(); }
  void put(const std::string& text) { std::ofstream(log(), std::ios::binary) << text; }
  std::vector<std::string> lines() const {
    std::vector<std::string> out;
    const std::string text = bytes();
    for (const auto line : split(text, '\n')) {
      if (!line.empty()) out.push_back(std::string(line) + "\n");
    }
    return out;
  }
};

std::string whole(const std::vector<std::string>& lines) { return sillok::join(lines, ""); }

TEST_F(AuditTest, KeepsAndFinds) {
  Audit audit = open();
  const uint64_t first = append(audit, "ask", "kim", R"({"question":"휴가는 며칠인가?"})", "O");
  append(audit, "open", "lee", "{}", "S:a");
  append(audit, "ask", "kim", R"({"question":"Who signs?"})", "C");
  EXPECT_EQ(first, 2u);  // after "created"
  const auto newest = audit.find({});
  ASSERT_EQ(newest.size(), 4u);
  EXPECT_EQ(newest[0].id, 4u);
  EXPECT_EQ(newest[3].event.kind, "created");
  EXPECT_EQ(audit.entry(2)->event.details, R"({"question":"휴가는 며칠인가?"})");
  EXPECT_EQ(audit.entry(3)->event.subject, "WS-102");
  EXPECT_EQ(audit.entry(9).error().code, ErrorCode::kNotFound);

  const auto ids = [&](AuditQuery query) {
    std::vector<uint64_t> out;
    for (const Entry& entry : audit.find(query)) out.push_back(entry.id);
    return out;
  };
  using Ids = std::vector<uint64_t>;
  AuditQuery query;
  query.kind = "ask";
  EXPECT_EQ(ids(query), (Ids{4, 2}));
  query.limit = 1;
  EXPECT_EQ(ids(query), (Ids{4}));
  query.before = 4;
  EXPECT_EQ(ids(query), (Ids{2}));
  EXPECT_EQ(ids({.person = "lee"}), (Ids{3}));
  EXPECT_EQ(ids({.person = "le"}), (Ids{}));
  EXPECT_EQ(ids({.text = "who SIGNS"}), (Ids{4}));
  EXPECT_EQ(ids({.text = "며칠"}), (Ids{2}));
  EXPECT_EQ(ids({.from = now_ - kSecond, .to = now_}), (Ids{3}));
  EXPECT_EQ(ids({.clearance = Clearance{1, {"a"}}}), (Ids{3, 2, 1}));
  EXPECT_EQ(ids({.clearance = Clearance{2, {}}}), (Ids{4, 2, 1}));
  std::ostringstream out;
  ASSERT_TRUE(audit.export_to(out, {.kind = "open"}));
  const std::string exported = out.str();
  EXPECT_NE(exported.find("\"person\":\"lee\""), std::string::npos);
  EXPECT_EQ(std::count(exported.begin(), exported.end(), '\n'), 1);
}

TEST_F(AuditTest, RefusesWhatIsNoEntry) {
  Audit audit = open();
  EXPECT_FALSE(audit.append({"Ask!", "", "", "", "", "{}"}));
  EXPECT_FALSE(audit.append({"ask", "", "", "", "", "[1]"}));
  EXPECT_FALSE(audit.append({"ask", "", "", "", "", "{"}));
  EXPECT_FALSE(audit.append({"ask", "", "", "", std::string(600'000, 'x'), ""}));
  EXPECT_TRUE(audit.append({"ask", "a\nb\"", "", "", "\xff", "{\"a\":\n1.5}"}));
  EXPECT_TRUE(audit.verify().ok);
  EXPECT_EQ(audit.find({})[0].event.person, "a\nb\"");
}

TEST_F(AuditTest, KeepsItsKeyToItself) {
  (void)open();
  struct stat info {};
  ASSERT_EQ(::stat((home_ / "audit.key").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  ASSERT_EQ(::chmod((home_ / "audit.key").c_str(), 0644), 0);
  EXPECT_FALSE(Audit::open(home_));
  ASSERT_EQ(::chmod((home_ / "audit.key").c_str(), 0600), 0);
  fs::remove(home_ / "audit.key");
  EXPECT_FALSE(Audit::open(home_));  // or a new key would sign whatever stands there
}

// Every byte of the log is one that counts: each is changed in turn, and the entry it belongs to is named.
TEST_F(AuditTest, NoByteChangesUnnoticed) {
  Audit audit = open();
  for (int i = 0; i < 5; ++i) append(audit, i % 2 == 0 ? "ask" : "open", "kim", R"({"n":)" + std::to_string(i) + "}", "S");
  ASSERT_TRUE(audit.verify().ok);
  const std::string good = bytes();
  uint64_t entry = 1;
  for (size_t i = 0; i < good.size(); ++i) {
    for (const char change : {char(1), char(0x20)}) {
      std::string bad = good;
      bad[i] = static_cast<char>(bad[i] ^ change);
      put(bad);
      const Verification found = audit.verify();
      ASSERT_FALSE(found.ok) << "byte " << i << " of entry " << entry;
      ASSERT_EQ(found.first_bad, entry) << "byte " << i << ": " << found.reason;
    }
    if (good[i] == '\n') ++entry;
  }
  put(good);
  EXPECT_TRUE(audit.verify().ok);
}

TEST_F(AuditTest, FindsRemovedReorderedRepeatedAndForeignEntries) {
  Audit audit = open();
  for (int i = 0; i < 6; ++i) append(audit, "ask", "kim");
  const auto good = lines();
  ASSERT_EQ(good.size(), 7u);
  for (size_t i = 0; i < good.size(); ++i) {
    auto bad = good;
    bad.erase(bad.begin() + static_cast<std::ptrdiff_t>(i));
    put(whole(bad));
    EXPECT_EQ(audit.verify().first_bad, i + 1) << "removed " << i + 1;
    bad = good;
    bad.insert(bad.begin() + static_cast<std::ptrdiff_t>(i), good[i]);
    put(whole(bad));
    EXPECT_EQ(audit.verify().first_bad, i + 2) << "repeated " << i + 1;
    if (i + 1 < good.size()) {
      bad = good;
      std::swap(bad[i], bad[i + 1]);
      put(whole(bad));
      EXPECT_EQ(audit.verify().first_bad, i + 1) << "exchanged " << i + 1;
    }
  }
  put(whole(good) + "x");
  EXPECT_EQ(audit.verify().first_bad, 8u);
  put(whole(good) + good.back());
  EXPECT_EQ(audit.verify().first_bad, 8u);
  put(whole(good));
  EXPECT_TRUE(audit.verify().ok);
}

TEST_F(AuditTest, FindsTruncation) {
  Audit audit = open();
  for (int i = 0; i < 4; ++i) append(audit, "ask", "kim");
  const auto good = lines();
  for (size_t keep = 0; keep < good.size(); ++keep) {
    put(whole({good.begin(), good.begin() + static_cast<std::ptrdiff_t>(keep)}));
    EXPECT_EQ(audit.verify().first_bad, keep + 1) << keep;
  }
  fs::remove(log());
  EXPECT_EQ(audit.verify().first_bad, 1u);
  put(whole(good));
  fs::remove(home_ / "log/audit.head");
  EXPECT_FALSE(audit.verify().ok);
}

// What was cut off stays missed, though new entries and a new head follow.
TEST_F(AuditTest, WritingOnDoesNotHideTruncation) {
  {
    Audit audit = open();
    for (int i = 0; i < 4; ++i) append(audit, "ask", "kim");
  }
  const auto good = lines();
  put(whole({good.begin(), good.begin() + 3}));
  Audit audit = open();
  append(audit, "ask", "lee");
  const Verification found = audit.verify();
  EXPECT_FALSE(found.ok);
  EXPECT_EQ(found.first_bad, 4u) << found.reason;
  EXPECT_EQ(audit.find({.kind = "alarm"}).size(), 1u);
}

TEST_F(AuditTest, ALogThatIsGoneIsMissed) {
  {
    Audit audit = open();
    append(audit, "ask", "kim");
  }
  fs::remove(log());
  fs::remove(home_ / "log/audit.head");
  Audit audit = open();
  append(audit, "ask", "kim");
  EXPECT_EQ(audit.verify().first_bad, 1u);
}

// Somebody who knows the format, but has not the key, writes the log anew from entry 4 on, hashes and all.
TEST_F(AuditTest, LocatesARewriteByItsSignatures) {
  Audit audit = open();
  for (int i = 0; i < 8; ++i) append(audit, "ask", "kim", R"({"n":)" + std::to_string(i) + "}");
  const auto good = lines();
  std::string forged, hash_before, signature_before;
  for (size_t i = 0; i < good.size(); ++i) {
    const std::string_view text = std::string_view(good[i]).substr(0, good[i].size() - 1);
    const auto line = parse_line(text);
    ASSERT_TRUE(line);
    std::string content(line->content);
    if (i == 3) content.replace(content.find("kim"), 3, "lee");
    const std::string hash = line_hash(hash_before, signature_before, line->header, sha256_hex(content));
    forged += std::string(line->header) + content + ",\"hash\":\"" + hash + "\",\"signature\":\"" + std::string(line->signature) + "\"}\n";
    hash_before = hash;
    signature_before = line->signature;
  }
  put(forged);
  const Verification found = audit.verify();
  EXPECT_EQ(found.first_bad, 4u) << found.reason;
  EXPECT_NE(found.reason.find("signature"), std::string::npos) << found.reason;
}

// Half a line, and a line of a batch whose signed end is missing: nobody was told that they are kept.
TEST_F(AuditTest, RecoversFromACrash) {
  for (const bool whole_line : {false, true}) {
    TearDown();
    SetUp();
    {
      Audit audit = open();
      for (int i = 0; i < 3; ++i) append(audit, "ask", "kim");
    }
    const std::string last = lines().back(), half = last.substr(0, last.size() / 2);
    const std::string unsigned_line = last.substr(0, last.find(",\"signature\"")) + "}\n";
    put(bytes() + (whole_line ? unsigned_line + half : half));
    Audit audit = open();
    EXPECT_TRUE(audit.verify().ok) << audit.verify().reason;
    EXPECT_EQ(audit.find({})[0].event.kind, "recovered");
    append(audit, "ask", "lee");
    EXPECT_TRUE(audit.verify().ok);
  }
}

// A power failure may lose the head's last writes, never the log's.
TEST_F(AuditTest, AHeadThatIsBehindIsNoDamage) {
  Audit audit = open();
  append(audit, "ask", "kim");
  const std::string head = read_file(home_ / "log/audit.head").value();
  append(audit, "ask", "kim");
  ASSERT_TRUE(write_file_atomic(home_ / "log/audit.head", head));
  EXPECT_TRUE(audit.verify().ok);
  ASSERT_TRUE(write_file_atomic(home_ / "log/audit.head", "{\"entries\":9" + head.substr(12)));
  EXPECT_FALSE(audit.verify().ok);
}

TEST_F(AuditTest, ThreadsAndProcessesShareIt) {
  Audit one = open(), two = open();
  std::vector<std::thread> threads;
  std::atomic<int> failed{0};
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 25; ++i) {
        if (!(t % 2 == 0 ? one : two).append({"ask", "p" + std::to_string(t), "", "", "", ""})) ++failed;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(failed, 0);
  const Verification found = one.verify();
  EXPECT_TRUE(found.ok) << found.reason;
  EXPECT_EQ(found.entries, 201u);
}

TEST_F(AuditTest, PruningKeepsTheChain) {
  Audit audit = open();
  for (int i = 0; i < 3; ++i) append(audit, "search", "kim", R"({"q":"secret words"})");
  append(audit, "label", "kim");
  now_ += 200 * kDay;
  append(audit, "search", "lee");
  const std::map<std::string, Micros> rules = {{"search", 180 * kDay}};
  EXPECT_EQ(audit.prune(rules).value_or(99), 3u);
  EXPECT_EQ(audit.prune(rules).value_or(99), 0u);
  EXPECT_EQ(bytes().find("secret words"), std::string::npos);
  Verification found = audit.verify();
  EXPECT_TRUE(found.ok) << found.reason;
  append(audit, "ask", "lee");
  EXPECT_TRUE(audit.verify().ok);
  EXPECT_EQ(audit.entry(2)->event.person, "");
  EXPECT_EQ(audit.entry(5)->event.person, "kim");
  // A content taken out by hand, though its hash was left in its place, is found.
  auto bad = lines();
  std::string& line = bad[4];
  const size_t begin = line.find("\"person\""), end = line.find(",\"hash\"");
  line = line.substr(0, begin) + "\"pruned\":\"" + sha256_hex(line.substr(begin, end - begin)) + "\"" + line.substr(end);
  put(whole(bad));
  found = audit.verify();
  EXPECT_FALSE(found.ok);
  EXPECT_EQ(found.first_bad, 5u) << found.reason;
}

}  // namespace
}  // namespace sillok::govern

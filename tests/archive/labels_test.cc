// Labels: where they come from, that they only rise, and what a view for a clearance leaves of the archive.
#include <thread>

#include "test_home.h"

namespace sillok::archive {
namespace {

class LabelsTest : public HomeTest {
 protected:
  LabelsTest() {
    environment.start_reader = [this](const documents::ReadLimits&) -> Result<FileReader> {
      return FileReader([this](const fs::path& path, const documents::ItemSink& sink) -> Status {
        if (items_.empty()) return toy_read(path, sink);
        for (const documents::Item& item : items_) {
          documents::Item copy = item;
          sink(std::move(copy));
        }
        return {};
      });
    };
  }
  // A part of the one file that is read.
  void part(std::string name, std::string parent, std::string_view text, std::string label = "") {
    documents::Document document = make_document(text, "eml", 1);
    document.meta.label = std::move(label);
    items_.push_back({std::move(name), std::move(parent), std::move(document)});
  }
  std::string label(const Archive& archive, const std::string& record) {
    const auto versions = archive.versions(record);
    return versions.empty() ? "-" : versions.back().label;
  }
  View view(const Archive& archive, std::string_view clearance) { return View(archive, *archive.settings().lattice.parse(clearance)); }

  std::vector<documents::Item> items_;
};

TEST_F(LabelsTest, APartTakesTheLabelOfItsMailAndTheMailThoseOfItsParts) {
  Archive archive = make();
  part("", "", "본문이다.", "S:a");
  part("first.txt", "", "첫째 첨부");
  part("second.txt", "", "둘째 첨부", "C:b");
  part("second.txt/inner.txt", "second.txt", "그 안의 것");
  items_.push_back({"third.xls", "", fail(ErrorCode::kInvalid, "toy: cannot be read")});
  write("mail.eml", "mail");
  add(archive);
  // The mail's original holds all of it; each part stands in the mail.
  for (const char* record : {"mail.eml", "mail.eml/first.txt", "mail.eml/second.txt", "mail.eml/second.txt/inner.txt"}) {
    EXPECT_EQ(label(archive, record), "C:a,b") << record;
  }
  EXPECT_TRUE(view(archive, "C:a").failures().empty());
  EXPECT_EQ(view(archive, "C:a,b").failures().size(), 1u);
  const int64_t change = archive.last_change();
  AddOptions again;
  again.read_only_changed = false;
  EXPECT_EQ(add(archive, again).unchanged, 4u);
  EXPECT_EQ(archive.last_change(), change);  // and stays so, without a new version
}

TEST_F(LabelsTest, AddingAgainNeverLowers) {
  Archive archive = make();
  write("a.txt", "@label S\none");
  AddOptions options;
  options.label = "C:x";
  add(archive, options);
  EXPECT_EQ(label(archive, "a.txt"), "C:x");
  options.label = "O";
  options.read_only_changed = false;
  add(archive, options);
  EXPECT_EQ(label(archive, "a.txt"), "C:x");
  EXPECT_EQ(archive.versions("a.txt").size(), 1u);
  write("b.txt", "@label S\ntwo");
  add(archive, options);
  EXPECT_EQ(label(archive, "b.txt"), "S");  // what its source says counts beside what is given
}

TEST_F(LabelsTest, WhatPeopleDecideHoldsForVersionsToCome) {
  Archive archive = make();
  write("a.txt", "대외비\none");
  add(archive);
  EXPECT_EQ(label(archive, "a.txt"), "S");
  EXPECT_EQ(archive.label("a.txt", "O", "", "kim").error().code, ErrorCode::kInvalid) << "lowering needs a reason";
  EXPECT_EQ(archive.label("no.txt", "C", "why", "kim").error().code, ErrorCode::kNotFound);
  const auto raised = archive.label("a.txt", "C:x", "why", "kim");
  ASSERT_TRUE(raised);
  EXPECT_EQ(raised->proposal, 0);
  EXPECT_EQ(raised->from, "S");
  write("a.txt", "two");
  add(archive);
  EXPECT_EQ(label(archive, "a.txt"), "C:x");

  // C:y is lower in one respect: it lets others see it.
  const auto proposed = archive.label("a.txt", "C:y", "moved", "kim");
  ASSERT_TRUE(proposed);
  EXPECT_GT(proposed->proposal, 0);
  EXPECT_EQ(label(archive, "a.txt"), "C:x");
  EXPECT_EQ(archive.decide(proposed->proposal, true, "Kim").error().code, ErrorCode::kDenied);
  const auto other = archive.label("a.txt", "O", "published", "kim");
  ASSERT_TRUE(archive.decide(proposed->proposal, true, "lee"));
  EXPECT_EQ(label(archive, "a.txt"), "C:y");
  EXPECT_EQ(archive.decide(other->proposal, true, "lee").error().code, ErrorCode::kConflict);  // it has changed since
  ASSERT_TRUE(archive.decide(other->proposal, false, "kim"));  // one's own can be taken back
  const auto low = archive.label("a.txt", "O", "published", "kim");
  ASSERT_TRUE(archive.decide(low->proposal, true, "lee"));
  EXPECT_EQ(label(archive, "a.txt"), "O");
  AddOptions again;
  again.read_only_changed = false;
  add(archive, again);
  EXPECT_EQ(label(archive, "a.txt"), "O");  // adding again does not undo what two people decided
  EXPECT_TRUE(archive.proposals().empty());
}

// A mail whose attachment takes long to read and turns out to be secret: nobody sees the mail before.
TEST_F(LabelsTest, NoPartIsSeenBeforeTheLabelOfTheWholeIsKnown) {
  environment.start_reader = [](const documents::ReadLimits&) -> Result<FileReader> {
    return FileReader([](const fs::path&, const documents::ItemSink& sink) -> Status {
      for (const std::string mail : {"one", "two"}) {
        documents::Document body = make_document("dear all", "eml", 1), plain = make_document("harmless", "text", 1), secret = make_document("the figures", "text", 1);
        secret.meta.label = mail == "one" ? "C" : "";
        sink({mail, "", std::move(body)});
        sink({mail + "/plan.txt", mail, std::move(plain)});
        std::this_thread::sleep_for(std::chrono::milliseconds(450));  // longer than a batch
        sink({mail + "/secret.txt", mail, std::move(secret)});
      }
      return {};
    });
  };
  size_t commits = 0, low = 0;
  environment.before_step = [&](std::string_view step) -> Status {
    if (step != "committed") return {};
    ++commits;
    auto other = Archive::open(home());
    EXPECT_TRUE(other);
    const View seen = view(*other, "O");
    for (const std::string& record : seen.records("", 10)) low += record.find("one") != std::string::npos ? 1 : 0;
    return {};
  };
  Archive archive = make();
  write("a.mbox", "x");
  add(archive);
  EXPECT_GE(commits, 2u) << "the first mail is not held back for the second";
  EXPECT_EQ(low, 0u);
  for (const char* record : {"a.mbox/one", "a.mbox/one/plan.txt", "a.mbox/one/secret.txt"}) EXPECT_EQ(label(archive, record), "C") << record;
  EXPECT_EQ(label(archive, "a.mbox/two/secret.txt"), "O");
}

TEST_F(LabelsTest, OfAFileWithSeveralRecordsOnlyTheOwnPartIsGivenOut) {
  environment.read_part = [](const fs::path&, std::string_view name, std::string_view part) -> Result<std::string> {
    if (part == "S") return fail(ErrorCode::kNotFound, "no bytes of its own");
    return std::string(name) + " " + std::string(part);
  };
  Archive archive = make();
  write("a.jsonl", "#jsonl\nR\t2020-01-01\tO\tseen\nS\t2020-01-01\tO\tseen too\nT\t2020-01-01\tC\tsecret\n");
  write("b.txt", "whole");
  add(archive);
  const auto id = [&](const char* record) { return archive.version_as_of(record, today_)->id; };
  const View low = view(archive, "O"), all(archive, std::nullopt);
  EXPECT_EQ(low.original(id("R")).value_or(""), "a.jsonl R");
  EXPECT_EQ(low.original(id("S")).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(low.original(id("T")).error().message, low.version(id("T")).error().message);
  EXPECT_EQ(low.original(id("b.txt")).value_or(""), "whole");
  EXPECT_EQ(all.original(id("T")).value_or(""), "a.jsonl T");
  EXPECT_NE(all.original(id("S")).value_or("").find("secret"), std::string::npos) << "whoever sees all may have the whole file";
}

TEST_F(LabelsTest, AHiddenVersionEndsNothing) {
  Archive archive = make();
  write("a.jsonl", "#jsonl\nR\t2020-01-01\tO\tfirst\nR\t2022-01-01\tC\tsecret\nR\t2024-01-01\tO\tthird\nT\t2020-01-01\tC\tother\n");
  add(archive);
  const View low = view(archive, "O");
  const auto versions = low.versions("R");
  ASSERT_EQ(versions.size(), 2u);
  EXPECT_EQ(versions[0].valid_to, *parse_day("2024-01-01"));
  EXPECT_EQ(versions[1].number, 2u);
  EXPECT_EQ(versions[0].blob, "");  // the file's hash says what else is in it
  EXPECT_EQ(low.version_as_of("R", *parse_day("2023-01-01"))->number, 1u);
  EXPECT_EQ(archive.version_as_of("R", *parse_day("2023-01-01"))->label, "C");
  const int64_t secret = archive.versions("R")[1].id;
  for (const ErrorCode code : {low.version(secret).error().code, low.document(secret).error().code, low.original(secret).error().code}) {
    EXPECT_EQ(code, ErrorCode::kNotFound);
  }
  EXPECT_EQ(low.version(secret).error().message, "there is no version " + std::to_string(secret));
  EXPECT_EQ(low.version_as_of("T", today_).error().message, "there is no record 'T'");
  EXPECT_EQ(low.records("", 10), (std::vector<std::string>{"R"}));
  EXPECT_EQ(low.record_count(), 1u);
  EXPECT_EQ(low.version_count(), 2u);
  // The history that indexes are given says the same.
  const auto history = archive.versions("R")[0].history;
  ASSERT_TRUE(history);
  ASSERT_EQ(history->later.size(), 2u);
  EXPECT_FALSE(archive.versions("T")[0].history);
}

TEST_F(LabelsTest, AsItWasBeforeLaterVersions) {
  Archive archive = make();
  write("a.jsonl", "#jsonl\nR\t2020-01-01\t\tfirst\n");
  add(archive);
  const int64_t then = archive.last_version();
  write("b.jsonl", "#jsonl\nR\t2021-01-01\t\tsecond\nT\t2021-01-01\t\tother\n");
  add(archive);
  const View before(archive, std::nullopt, then);
  EXPECT_EQ(before.records("", 10), (std::vector<std::string>{"R"}));
  EXPECT_EQ(before.version_as_of("R", today_)->number, 1u);
  EXPECT_EQ(before.version_as_of("R", today_)->valid_to, kDayMax);
}

TEST_F(LabelsTest, PersonalDataIsListedByPlace) {
  Archive archive = make();
  write("a.txt", "전화 010-1234-5678, 010-8765-4321, hong@agency.go.kr");
  add(archive);
  const auto found = archive.personal(archive.versions("a.txt")[0].id);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].kind, govern::PersonalKind::kPhone);
  EXPECT_EQ(found[0].count, 2u);
  EXPECT_EQ(found[1].kind, govern::PersonalKind::kEmail);
  ASSERT_TRUE(archive.erase("a.txt"));
  EXPECT_TRUE(archive.personal(archive.versions("a.txt")[0].id).empty());
}

}  // namespace
}  // namespace sillok::archive

// What somebody may not see changes nothing that he is shown. For random records (versions with labels of their own, groups,
// links, near-duplicates, files that cannot be read), people and requests, every output is byte for byte that over a
// home made from only what he may see: results, scores, counts, intervals, version numbers, links, answers, errors.
//
// SILLOK_CASES=10000 sets the number of cases (one request of one person over one corpus each).
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <random>

#include "answer/answer.h"
#include "archive/environment.h"

namespace sillok::answer {
namespace {

using archive::Archive;
using archive::View;
using documents::Document;

constexpr size_t kUsualCases = 400;

const std::vector<std::string> kWords = {
    "교정", "주기", "압력", "게이지", "밸브", "한도", "수의계약", "구매", "담당자", "보고", "토크", "렌치", "온도", "세척액",
    "교체", "월요일", "점검", "이천만원", "육개월", "valve", "torque", "gauge", "manager", "report", "홍길동", "서울"};
const std::vector<std::string> kTitles = {"교정 지침", "구매 규정", "점검 보고", "밸브 사양", "Torque manual"};
const std::vector<std::string> kLabels = {"O", "O", "O", "S", "C", "S:a", "S:b", "C:a,b", "O:a"};
const std::vector<std::string> kClearances = {"O", "S", "C", "S:a", "C:a", "S:a,b", "C:a,b", "O:a", "S:b"};

struct Thing {
  std::string file, part;  // the file it comes in
  Document document;
  bool readable = true;
  std::string label;
};

class Corpus {
 public:
  explicit Corpus(uint64_t seed) : random_(seed) {
    const size_t records = 4 + next(10);
    std::string base;
    for (int i = 0; i < 12; ++i) base += sentence() + " ";
    for (size_t r = 0; r < records; ++r) {
      const std::string key = "R" + std::to_string(r);
      const size_t versions = 1 + next(4);
      for (size_t v = 0; v < versions; ++v) things_.push_back(version(key, r, base));
    }
    for (const char* file : {"open/list.bin", "hr/list.bin"}) {
      if (next(2) == 0) things_.push_back({file, "broken" + std::to_string(next(3)), {}, false, file[0] == 'h' ? "S:a" : "O"});
    }
    std::shuffle(things_.begin(), things_.end(), random_);
  }

  const std::vector<Thing>& things() const { return things_; }
  size_t next(size_t below) { return random_() % below; }
  std::string words(size_t count) {
    std::string out;
    for (size_t i = 0; i < count; ++i) out += (i > 0 ? " " : "") + kWords[next(kWords.size())];
    return out;
  }
  std::string sentence() { return words(3 + next(6)) + "은 " + std::to_string(next(50)) + "개이다."; }
  std::string day() { return "20" + std::to_string(15 + next(10)) + "-0" + std::to_string(1 + next(9)) + "-01"; }

 private:
  Thing version(const std::string& key, size_t record, const std::string& base) {
    Thing thing;
    thing.label = kLabels[next(kLabels.size())];
    thing.file = thing.label == "S:a" && next(2) == 0 ? "hr/list.bin" : "open/list.bin";
    thing.part = "p" + std::to_string(serial_++);
    Document& d = thing.document;
    d.meta.format = next(4) == 0 ? "text" : "pdf";
    d.meta.identity = key;
    d.meta.title = kTitles[next(kTitles.size())];
    if (next(3) > 0) d.meta.document_number = "WS-" + std::to_string(100 + record);
    d.meta.effective_from = day();
    if (next(6) == 0) d.meta.effective_to = "2025-12-31";
    if (next(4) == 0) d.meta.url = "https://example.kr/" + key;
    d.meta.label = thing.label;
    const auto add = [&](std::string text, std::string path, bool heading) {
      documents::Block block;
      block.kind = heading ? documents::BlockKind::kHeading : documents::BlockKind::kParagraph;
      block.level = heading ? 2 : 0;
      block.text = std::move(text);
      block.anchor.path = std::move(path);
      d.blocks.push_back(std::move(block));
    };
    const size_t sections = next(3);  // none: a version without a passage
    if (sections > 0 && next(3) == 0) add(base + sentence(), "", false);
    for (size_t s = 1; s <= sections; ++s) {
      const std::string heading = std::to_string(s) + "." + std::to_string(1 + next(2)) + " " + words(1);
      add(heading, heading, true);
      std::string text = sentence() + " " + sentence();
      switch (next(5)) {
        case 0: text += " WS-" + std::to_string(100 + next(14)) + " 1.1항을 따른다."; break;
        case 1: text += " 「" + kTitles[next(kTitles.size())] + "」을 본다."; break;
        case 2: text += " 「없는 규정」 제3조를 본다."; break;
        case 3: text += " https://example.kr/R" + std::to_string(next(14)); break;
        default: break;
      }
      text += " 관리번호 " + std::to_string(serial_) + "."; // no two versions are alike
      add(text, heading, false);
    }
    return thing;
  }

  std::mt19937_64 random_;
  std::vector<Thing> things_;
  int serial_ = 0;
};

class TestHome {
 public:
  TestHome(const Corpus& corpus, const std::function<bool(const Thing&)>& kept) {
    std::string name = (fs::temp_directory_path() / "sillok-secret-XXXXXX").string();
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
    EXPECT_TRUE(Archive::create(folder_ / "home"));
    std::string settings = read_file(folder_ / "home/sillok.toml").value_or("");
    const size_t at = settings.find("rules = [\n");
    settings.insert(at + 10, "  { path = \"hr/**\", label = \"S:a\" },\n");
    EXPECT_TRUE(write_file_atomic(folder_ / "home/sillok.toml", settings));
    std::map<std::string, std::vector<const Thing*>> files;
    for (const Thing& thing : corpus.things()) {
      if (kept(thing)) files[thing.file].push_back(&thing);
    }
    archive::Environment environment = archive::real_environment();
    environment.today = [] { return *parse_day("2026-03-01"); };
    environment.now = [] { return Micros{1'770'000'000'000'000}; };
    environment.read_part = [](const fs::path&, std::string_view, std::string_view part) -> Result<std::string> { return std::string(part); };
    environment.start_reader = [files](const documents::ReadLimits&) -> Result<archive::FileReader> {
      return archive::FileReader([files](const fs::path& path, const documents::ItemSink& sink) -> Status {
        // The archive reads a copy; its bytes are the file's name.
        for (const Thing* thing : files.at(read_file(path).value())) {
          if (thing->readable) sink({thing->part, "", thing->document});
          else sink({thing->part, "", fail(ErrorCode::kInvalid, "toy: cannot be read")});
        }
        return {};
      });
    };
    // In a place of the same name for both homes: paths are shown.
    for (const auto& [file, things] : files) {
      fs::create_directories((source() / file).parent_path());
      std::ofstream(source() / file, std::ios::binary) << file;
    }
    auto opened = Archive::open(folder_ / "home", environment);
    EXPECT_TRUE(opened) << opened.error().message;
    archive_.emplace(std::move(*opened));
    if (!files.empty()) {
      const auto report = archive_->add({source()}, {});
      EXPECT_TRUE(report) << report.error().message;
    }
    auto searcher = search::Searcher::open(folder_ / "home");
    EXPECT_TRUE(searcher);
    searcher_.emplace(std::move(*searcher));
    const Status refreshed = searcher_->refresh(*archive_);
    EXPECT_TRUE(refreshed) << refreshed.error().message;
    for (const std::string& problem : searcher_->check(*archive_)) ADD_FAILURE() << problem;
    fs::remove_all(source());
  }
  ~TestHome() {
    searcher_.reset();
    archive_.reset();
    fs::remove_all(folder_);
  }
  const Archive& archive() const { return *archive_; }
  const search::Searcher& searcher() const { return *searcher_; }

 private:
  static fs::path source() { return fs::temp_directory_path() / ("sillok-secret-files-" + std::to_string(::getpid())); }

  fs::path folder_;
  std::optional<Archive> archive_;
  std::optional<search::Searcher> searcher_;
};

// ---------------------------------------------------------------------------------------------
// Everything that is shown, as text; internal numbers (row ids, change counters) are not.

std::string exact(double value) {
  char text[64];
  std::snprintf(text, sizeof text, "%a", value);
  return text;
}

std::string passage_text(const search::PassageResult& r) {
  std::string out = r.record + "|" + r.title + "|" + r.anchor + "|" + r.format + "|" + r.label + "|" + std::to_string(r.version) + "|" +
                    std::to_string(r.ordinal) + "|" + format_day(r.valid_from) + "|" + format_day(r.valid_to) + "|" + exact(r.score) + "|" +
                    exact(r.share) + "|" + r.context + "|" + r.text + "|" + r.snippet;
  for (const search::Match& m : r.matches) out += "|" + std::to_string(m.begin) + "-" + std::to_string(m.end);
  return out + "\n";
}

std::string quote_text(const Quote& q) {
  return std::to_string(q.n) + "|" + q.text + "|" + q.record + "|" + q.title + "|" + q.anchor + "|" + q.label + "|" + std::to_string(q.version) +
         "|" + format_day(q.valid_from) + "|" + format_day(q.valid_to) + "|" + exact(q.score) + "|" +
         (q.span ? std::to_string(q.span->begin) + "-" + std::to_string(q.span->end) : "") + "\n";
}

std::string shown(const Result<search::Response>& response) {
  if (!response) return "error: " + response.error().message;
  std::string out = response->text + "\n";
  for (const auto& result : response->results) out += passage_text(result);
  for (const auto& word : response->words) out += exact(static_cast<double>(word.rarity)) + " ";
  return out + join(response->notes, "\n");
}

std::string shown(const Result<Answer>& answer) {
  if (!answer) return "error: " + answer.error().message;
  std::string out = std::to_string(answer->answerable) + exact(answer->confidence) + answer->text + "\n";
  for (const Quote& quote : answer->quotes) out += "quote " + quote_text(quote);
  for (const Quote& quote : answer->closest) out += "closest " + quote_text(quote);
  for (const Conflict& c : answer->conflicts) out += "conflict " + c.newer_span + "/" + c.older_span + "\n";
  for (const auto& passage : answer->passages) out += passage_text(passage);
  return out + join(answer->notes, "\n");
}

std::string version_text(const archive::Version& v) {
  return v.record + "|" + std::to_string(v.number) + "|" + v.title + "|" + v.format + "|" + v.label + "|" + v.label_reason + "|" + v.url + "|" +
         v.source_path + "|" + v.blob + "|" + v.content_hash + "|" + format_day(v.valid_from) + "|" + format_day(v.valid_to) + "|" +
         format_micros(v.recorded) + "\n";
}

std::string shown(const View& view, const std::string& record, Day day) {
  std::string out;
  const auto versions = view.versions(record);
  for (const auto& version : versions) {
    out += version_text(version);
    const auto document = view.document(version.id);
    out += document ? documents::to_text(*document) : document.error().message;
    const auto original = view.original(version.id);
    out += original ? *original : original.error().message;
  }
  const auto in_force = view.version_as_of(record, day);
  out += in_force ? version_text(*in_force) : in_force.error().message + "\n";
  for (const archive::Link& link : view.links(record, day)) {
    out += std::string(archive::to_string(link.kind)) + "|" + link.from_record + "|" + link.from_anchor + "|" + link.to_record + "|" +
           link.to_anchor + "|" + link.target + "|" + link.words + "|" + exact(link.weight) + "\n";
  }
  return out;
}

std::string shown(const View& view) {
  std::string out = std::to_string(view.record_count()) + " " + std::to_string(view.version_count()) + "\n";
  std::string after;
  for (;;) {
    const auto keys = view.records(after, 3);
    if (keys.empty()) break;
    out += join(keys, ",") + "\n";
    after = keys.back();
  }
  for (const archive::Failure& failure : view.failures()) out += failure.path + ": " + failure.reason + "\n";
  return out;
}

size_t wanted_cases() {
  const char* text = std::getenv("SILLOK_CASES");
  return text == nullptr ? kUsualCases : static_cast<size_t>(std::strtoull(text, nullptr, 10));
}

struct Counts {
  size_t cases = 0, differences = 0, hidden_mattered = 0, found_something = 0, links = 0;
};

void compare(const std::string& with, const std::string& without, const std::string& what, Counts& counts) {
  ++counts.cases;
  if (with == without) return;
  if (++counts.differences <= 5) {
    const size_t at = static_cast<size_t>(std::mismatch(with.begin(), with.end(), without.begin(), without.end()).first - with.begin());
    ADD_FAILURE() << what << " differs at byte " << at << "\n--- with what is hidden:\n" << with.substr(at > 300 ? at - 300 : 0, 700)
                  << "\n--- without:\n" << without.substr(at > 300 ? at - 300 : 0, 700);
  }
}

void one_person(Corpus& corpus, const TestHome& whole, const govern::Clearance& clearance, const std::string& who, size_t wanted, Counts& counts) {
  const govern::Lattice& lattice = whole.archive().settings().lattice;
  const TestHome part(corpus, [&](const Thing& thing) {
    const std::string label = thing.file.starts_with("hr/") ? "S:a" : "O";
    return lattice.dominates(clearance, thing.readable ? thing.label : label) && lattice.dominates(clearance, label);
  });
  const Answerer answers_whole(whole.archive(), whole.searcher()), answers_part(part.archive(), part.searcher());
  const View view_whole(whole.archive(), clearance), view_part(part.archive(), clearance);
  compare(shown(view_whole), shown(view_part), who + ": lists", counts);
  for (size_t i = 0; i < 24 && counts.cases < wanted; ++i) {
    const size_t kind = corpus.next(8);
    const Day day = *parse_day(corpus.day());
    if (kind < 2) {
      const std::string record = "R" + std::to_string(corpus.next(14));
      const std::string seen = shown(view_whole, record, day);
      if (seen.find("reference|") != seen.npos || seen.find("near-duplicate|") != seen.npos) ++counts.links;
      compare(seen, shown(view_part, record, day), who + ": record " + record + " on " + format_day(day), counts);
      continue;
    }
    const std::string words = corpus.words(1 + corpus.next(4));
    if (kind < 4) {
      AskRequest request;
      request.question = words + (kind == 2 ? " 몇 개인가?" : " WS-" + std::to_string(100 + corpus.next(14)) + "은?");
      request.clearance = clearance;
      request.as_of = corpus.next(2) == 0 ? day : *parse_day("2026-03-01");
      compare(shown(answers_whole.ask(request)), shown(answers_part.ask(request)), who + ": ask " + request.question, counts);
      continue;
    }
    search::Request request;
    request.clearance = clearance;
    request.limit = 1 + corpus.next(20);
    request.per_record = corpus.next(2) == 0;
    request.as_of = corpus.next(2) == 0 ? day : *parse_day("2026-03-01");
    request.all_versions = corpus.next(4) == 0;
    request.evidence = corpus.next(4) == 0;
    constexpr const char* kFilters[] = {"", "", "", " label:S", " type:pdf", " record:R1", " after:2019-01-01", " title:규정"};
    request.query = (corpus.next(5) == 0 ? "\"" + words + "\"" : words) + kFilters[corpus.next(8)];
    const auto found = whole.searcher().search(request);
    if (found && !found->results.empty()) ++counts.found_something;
    search::Request everything = request;
    everything.clearance.reset();
    if (shown(found) != shown(whole.searcher().search(everything))) ++counts.hidden_mattered;
    compare(shown(found), shown(part.searcher().search(request)), who + ": search " + request.query, counts);
  }
}

TEST(NonInterference, WhatIsHiddenChangesNothing) {
  const size_t wanted = wanted_cases();
  Counts counts;
  for (uint64_t seed = 1; counts.cases < wanted; ++seed) {
    Corpus corpus(seed);
    const TestHome whole(corpus, [](const Thing&) { return true; });
    for (int person = 0; person < 3 && counts.cases < wanted; ++person) {
      const std::string text = kClearances[corpus.next(kClearances.size())];
      const auto clearance = whole.archive().settings().lattice.parse(text);
      ASSERT_TRUE(clearance);
      one_person(corpus, whole, *clearance, "corpus " + std::to_string(seed) + ", cleared for " + text, wanted, counts);
    }
    ASSERT_LT(counts.differences, 50u) << "after corpus " << seed;
  }
  std::printf("%zu cases, %zu differences; hidden records would have changed %zu results\n", counts.cases, counts.differences, counts.hidden_mattered);
  EXPECT_EQ(counts.differences, 0u);
  // The property would hold for empty answers as well: most must have something in them, and something to hide.
  EXPECT_GT(counts.found_something, counts.cases / 5);
  EXPECT_GT(counts.hidden_mattered, counts.cases / 5);
  EXPECT_GT(counts.links, counts.cases / 50);
}

}  // namespace
}  // namespace sillok::answer

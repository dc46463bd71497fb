// What tests of writing share: a home of a few records, a generator that says what the test wrote for it.
#pragma once

#include <mutex>

#include "answer/answer.h"
#include "tests/archive/test_home.h"

namespace sillok::answer {

// Says `text` in pieces of `step` bytes that end on whole characters, and remembers what it was asked.
class Scripted final : public Generator {
 public:
  explicit Scripted(std::string said, size_t bytes = 7) : text(std::move(said)), step(bytes) {}
  std::string name() const override { return "scripted"; }
  size_t budget() const override { return context; }
  size_t count(std::string_view of) const override { return of.size() / 3 + 1; }
  Result<Reply> chat(const Request& request) override {
    const std::lock_guard lock(mutex);
    requests.push_back(request);
    Reply reply;
    for (size_t at = 0; at < text.size();) {
      if (request.cancelled && request.cancelled()) {
        reply.cancelled = true;
        return reply;
      }
      size_t end = std::min(text.size(), at + step);
      while (end < text.size() && (static_cast<uint8_t>(text[end]) & 0xC0) == 0x80) ++end;
      reply.text += text.substr(at, end - at);
      if (request.on_text) request.on_text(std::string_view(text).substr(at, end - at));
      at = end;
    }
    if (!error.empty()) return fail(ErrorCode::kIo, error);
    reply.cut = cut;
    return reply;
  }
  std::string prompt() const { return requests.empty() ? "" : requests.back().turns.back().content; }

  std::string text, error;
  size_t step;
  size_t context = 8192;
  bool cut = false;
  std::vector<Request> requests;
  std::mutex mutex;
};

class WritingTest : public archive::HomeTest {
 protected:
  // "id<TAB>date<TAB>label<TAB>text" a line; other records make the words of these rare.
  void open_home(std::string lines) {
    for (const char* about : {"구내식당 운영 시간", "소화기 점검", "신입 사원 교육", "차량 배차", "회의실 예약", "포장재 재고", "용접 작업 허가", "누설 시험 성적", "휴가 신청", "창고 온습도"}) {
      lines += "other " + std::string(about) + "\t2020-01-01\tO\t" + about + "에 관한 안내문이다. 담당 부서에 문의한다.\n";
    }
    write("records.txt", "#jsonl\n" + lines);
    archive_.emplace(make());
    add(*archive_);
    auto searcher = search::Searcher::open(home());
    ASSERT_TRUE(searcher) << searcher.error().message;
    searcher_.emplace(std::move(*searcher));
    ASSERT_TRUE(searcher_->refresh(*archive_));
    answerer_.emplace(*archive_, *searcher_);
  }
  Written ask(const std::string& question, Generator& generator, WriteRequest request = {}) {
    request.ask.question = question;
    request.ask.as_of = *parse_day("2026-03-01");
    if (!request.ask.threshold) request.ask.threshold = 0.1;
    auto written = answer::write(*answerer_, generator, request);
    EXPECT_TRUE(written) << written.error().message;
    return written ? std::move(*written) : Written{};
  }

  std::optional<archive::Archive> archive_;
  std::optional<search::Searcher> searcher_;
  std::optional<Answerer> answerer_;
};

}  // namespace sillok::answer

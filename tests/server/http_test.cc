// Requests and replies as data: addresses, JSON, streams.
#include "server/http.h"

#include <gtest/gtest.h>

#include "server/routes.h"

namespace sillok::server {
namespace {

TEST(Target, IsTakenApart) {
  Request request;
  request.target = "/api/search?q=%ED%95%9C+%EA%B8%80&limit=3&flag";
  ASSERT_TRUE(parse_target(request));
  EXPECT_EQ(request.path, "/api/search");
  EXPECT_EQ(request.argument("q"), "한 글");
  EXPECT_EQ(request.argument("limit"), "3");
  EXPECT_TRUE(request.has_argument("flag"));
  EXPECT_FALSE(request.has_argument("none"));
  for (const char* bad : {"", "api", "/a b", "/a?q=%", "/a?q=%g0", "/a?q=%00", "/a?q=%ff", "/a\x7f"}) {
    Request refused;
    refused.target = bad;
    EXPECT_FALSE(parse_target(refused)) << bad;
  }
}

TEST(Target, RecordsWithSlashesAreOneSegment) {
  Request request;
  request.method = "GET";
  request.target = "/api/records/%EA%B7%9C%EC%A0%95%2Fa.md/html";
  ASSERT_TRUE(parse_target(request));
  EXPECT_FALSE(find_route(request).has_value());
  ASSERT_EQ(request.captures.size(), 1U);
  EXPECT_EQ(request.captures[0], "규정/a.md");
  request.method = "PUT";
  const auto refused = find_route(request);
  ASSERT_TRUE(refused.has_value());
  EXPECT_EQ(refused->status, 405);
}

TEST(JsonBody, IsAnObjectOfReasonableDepth) {
  EXPECT_TRUE(parse_json("{\"a\":[1,{\"b\":null}]}"));
  EXPECT_FALSE(parse_json(""));
  EXPECT_FALSE(parse_json("[1]"));
  EXPECT_FALSE(parse_json("{\"a\":1}x"));
  EXPECT_FALSE(parse_json("{\"a\":1e999}"));
  EXPECT_FALSE(parse_json("{\"a\":\"\xff\"}"));
  EXPECT_FALSE(parse_json("{\"a\":" + std::string(100, '[') + std::string(100, ']') + "}"));
  EXPECT_TRUE(parse_json("{\"a\":\"" + std::string(100, '[') + "\"}")) << "brackets in a string nest nothing";
}

TEST(JsonBody, FieldsAreNamedWhenTheyAreWrong) {
  const Json json = {{"n", 3}, {"big", 18446744073709551615U}, {"text", "a"}, {"none", nullptr}, {"flag", true}};
  EXPECT_EQ(**integer_field(json, "n", 0, 5), 3);
  EXPECT_FALSE(integer_field(json, "n", 4, 5));
  EXPECT_FALSE(integer_field(json, "big", 0, INT64_MAX));
  EXPECT_FALSE(integer_field(json, "text", 0, 5));
  EXPECT_FALSE(integer_field(json, "none", 0, 5)->has_value());
  EXPECT_FALSE(text_field(json, "n"));
  EXPECT_NE(text_field(json, "n").error().message.find("\"n\""), std::string::npos);
  EXPECT_TRUE(**flag_field(json, "flag"));
  EXPECT_FALSE(required_text(json, "absent"));
}

TEST(Head, ValuesCannotBreakOutOfTheirLine) {
  Response response;
  response.headers.emplace_back("X-Name", "a\r\nSet-Cookie: b");
  const std::string head = response_head(response, 0, true, false);
  EXPECT_EQ(head.find("\r\nSet-Cookie"), head.npos);
  EXPECT_NE(head.find("Content-Security-Policy: default-src 'self'"), head.npos);
  EXPECT_EQ(head.find("Strict-Transport-Security"), head.npos);
  EXPECT_NE(response_head(response, 0, true, true).find("Strict-Transport-Security"), head.npos);
}

TEST(Offsets, CountUtf16Units) {
  EXPECT_EQ(utf16_offset("한a😀b", 0), 0U);
  EXPECT_EQ(utf16_offset("한a😀b", 3), 1U);
  EXPECT_EQ(utf16_offset("한a😀b", 4), 2U);
  EXPECT_EQ(utf16_offset("한a😀b", 8), 4U);
}

TEST(StreamOfText, TellsBothEnds) {
  Stream stream;
  int woken = 0;
  stream.on_wake([&] { ++woken; });
  EXPECT_TRUE(stream.write("a"));
  EXPECT_TRUE(stream.write("b"));
  EXPECT_EQ(woken, 2);
  EXPECT_EQ(stream.take().bytes, "ab");
  bool told = false;
  stream.on_gone([&] { told = true; });
  stream.leave();
  EXPECT_TRUE(told);
  EXPECT_FALSE(stream.write("c"));
  Stream full;
  EXPECT_FALSE(full.write(std::string(Stream::kMaxWaiting + 1, 'x'))) << "a reader that takes nothing is given up";
  Stream closed;
  closed.write("last");
  closed.close();
  const Stream::Taken taken = closed.take();
  EXPECT_TRUE(taken.closed);
  EXPECT_EQ(taken.bytes, "last");
}

TEST(Events, LinesAreOneEvent) { EXPECT_EQ(sse_event("text", "a\nb"), "event: text\ndata: a\ndata: b\n\n"); }

}  // namespace
}  // namespace sillok::server

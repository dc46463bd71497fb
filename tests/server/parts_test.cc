// Forms, upload names, rates, tool calls, addresses to listen on.
#include <gtest/gtest.h>
#include <unistd.h>

#include "server/app.h"
#include "server/multipart.h"
#include "server/openai.h"
#include "server/upload.h"

namespace sillok::server {
namespace {

std::string parts_of(const std::string& form, size_t step) {
  std::string seen;
  MultipartParser parser("bound", {[&](const MultipartParser::Part& part) -> Status {
                                     seen += "[" + part.name + (part.is_file ? "=" + part.file_name : "") + ":";
                                     return {};
                                   },
                                   [&](std::string_view bytes) -> Status {
                                     seen += bytes;
                                     return {};
                                   },
                                   [&]() -> Status {
                                     seen += "]";
                                     return {};
                                   }});
  for (size_t at = 0; at < form.size(); at += step) {
    if (!parser.write(std::string_view(form).substr(at, step))) return "refused";
  }
  return parser.finish() ? seen : "cut";
}

TEST(Multipart, MeansTheSameHoweverItIsCut) {
  const std::string form = "--bound\r\nContent-Disposition: form-data; name=\"label\"\r\n\r\nS\r\n--bound\r\nContent-Type: text/plain\r\n"
                           "Content-Disposition: form-data; name=\"file\"; filename=\"가 \\\"나\\\".md\"\r\n\r\nline\r\n--boun\r\n\r\n--bound\r\n"
                           "content-disposition: form-data; name=\"file\"; filename=\"\"\r\n\r\n\r\n--bound--\r\n";
  const std::string expected = "[label:S][file=가 \"나\".md:line\r\n--boun\r\n][file=:]";
  for (const size_t step : {form.size(), size_t{1}, size_t{2}, size_t{3}, size_t{7}, size_t{64}}) EXPECT_EQ(parts_of(form, step), expected) << step;
}

TEST(Multipart, WhatIsNoFormIsRefused) {
  EXPECT_EQ(parts_of("--bound\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx", 100), "cut");
  EXPECT_EQ(parts_of("--bound\r\n\r\nx\r\n--bound--", 100), "refused") << "a part without a name";
  EXPECT_EQ(parts_of("--boundary\r\n", 100), "refused");
  EXPECT_EQ(parts_of("--bound\r\n" + std::string(9000, 'h') + "\r\n\r\n", 100), "refused");
  EXPECT_EQ(parts_of("", 1), "cut");
  EXPECT_EQ(multipart_boundary("multipart/form-data; boundary=\"a b\""), "a b");
  EXPECT_EQ(multipart_boundary("multipart/form-data"), "");
  EXPECT_EQ(multipart_boundary("application/json; boundary=x"), "");
}

TEST(UploadName, StaysWhereItIsPut) {
  EXPECT_EQ(*upload_name("규정/구매규정.hwp"), "규정/구매규정.hwp");
  EXPECT_EQ(*upload_name("/etc//passwd"), "etc/passwd");
  EXPECT_EQ(*upload_name("C:\\문서\\a.md"), "a.md");
  for (const char* bad : {"", "/", "..", "a/../b", "../a", "."}) EXPECT_FALSE(upload_name(bad)) << bad;
  EXPECT_FALSE(upload_name(std::string(300, 'a')));
}

TEST(Rates, ABucketEmptiesAndOthersAreNotTouched) {
  RateLimiter limiter(60);
  int taken = 0;
  while (taken < 100 && limiter.take("kim")) ++taken;
  EXPECT_GE(taken, 10);
  EXPECT_LT(taken, 20);
  EXPECT_TRUE(limiter.take("lee"));
}

TEST(ToolCalls, AreFoundInTheModelsText) {
  std::string content;
  const Json tagged = take_tool_calls("생각\n<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": 1}}\n</tool_call>", RawRequest::Tools::kAuto, content);
  ASSERT_EQ(tagged.size(), 1U);
  EXPECT_EQ(tagged[0]["function"]["name"], "f");
  EXPECT_EQ(tagged[0]["function"]["arguments"], "{\"a\":1}");
  EXPECT_EQ(content, "생각");
  EXPECT_EQ(take_tool_calls("{\"name\":\"f\",\"arguments\":{}}", RawRequest::Tools::kForced, content).size(), 1U);
  EXPECT_TRUE(take_tool_calls("<tool_call>nonsense</tool_call>", RawRequest::Tools::kAuto, content).empty());
  EXPECT_EQ(content, "<tool_call>nonsense</tool_call>");
  EXPECT_TRUE(take_tool_calls("{\"name\":\"f\"}", RawRequest::Tools::kNone, content).empty());
}

TEST(Listen, AddressesAreUnderstood) {
  ServeOptions options;
  ASSERT_TRUE(parse_listen("[::1]:9000", options));
  EXPECT_EQ(options.address, "::1");
  EXPECT_EQ(options.port, 9000);
  ASSERT_TRUE(parse_listen("0.0.0.0:80", options));
  EXPECT_EQ(options.address, "0.0.0.0");
  ServeOptions fresh;
  ASSERT_TRUE(parse_listen(":1", fresh));
  EXPECT_EQ(fresh.address, "127.0.0.1");
  for (const char* bad : {"", "a", "127.0.0.1:", "127.0.0.1:99999", "127.0.0.1:-1", "[::1]"}) EXPECT_FALSE(parse_listen(bad, fresh)) << bad;
}

TEST(Confining, HoldsSocketsAndFiles) {
  const fs::path home = fs::temp_directory_path() / ("sillok-confine-" + std::to_string(::getpid()));
  fs::create_directories(home);
  const auto tried = try_confinement(home);
  std::error_code ignored;
  fs::remove_all(home, ignored);
  ASSERT_TRUE(tried) << tried.error().message;
  EXPECT_TRUE(tried->no_sockets);
  EXPECT_TRUE(tried->no_packets);
  EXPECT_TRUE(tried->accepts);
  EXPECT_TRUE(tried->writes_home);
  EXPECT_TRUE(!tried->landlock || tried->no_writes);
}

}  // namespace
}  // namespace sillok::server

// A home and a folder of files in a temporary place, with a reader that understands three toy formats in process:
// "#jsonl" first line: one record a line, "id<TAB>date<TAB>label<TAB>text"; "#bad": unreadable; anything else is
// one document, whose first lines may be "@number X", "@revision X", "@from DATE", "@identity X", "@label X".
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <optional>

#include "archive/archive.h"
#include "archive/environment.h"

namespace sillok::archive {

inline documents::Document make_document(std::string_view text, std::string_view format, uint32_t line) {
  documents::Document document;
  document.meta.format = format;
  documents::Block block;
  block.text = text;
  block.anchor.line = line;
  document.blocks.push_back(std::move(block));
  return document;
}

inline Status toy_read(const fs::path& path, const documents::ItemSink& sink) {
  SILLOK_ASSIGN(const std::string bytes, read_file(path));
  if (bytes.starts_with("#bad")) return fail(ErrorCode::kInvalid, "toy: bad file");
  const auto lines = split(bytes, '\n');
  if (bytes.starts_with("#jsonl")) {
    for (uint32_t i = 1; i < lines.size(); ++i) {
      if (lines[i].empty()) continue;
      const auto fields = split(lines[i], '\t');
      const std::string id(fields[0]);
      if (fields.size() < 4) {
        sink({id, "", fail(ErrorCode::kInvalid, "toy: not four fields")});
        continue;
      }
      auto document = make_document(fields[3], "jsonl", i + 1);
      document.meta.identity = id;
      document.meta.effective_from = fields[1];
      document.meta.label = fields[2];
      sink({id, "", std::move(document)});
    }
    return {};
  }
  if (bytes.starts_with("#zip")) {
    for (size_t i = 1; i < lines.size(); ++i) {
      if (!lines[i].empty()) sink({"m" + std::to_string(i), "", make_document(lines[i], "text", 1)});
    }
    return {};
  }
  auto document = make_document(bytes, "text", 1);
  for (const auto line : lines) {
    const auto value = [&](std::string_view name, std::string& field) {
      if (line.starts_with(name)) field = std::string(trim(line.substr(name.size())));
    };
    value("@number", document.meta.document_number);
    value("@revision", document.meta.revision);
    value("@from", document.meta.effective_from);
    value("@to", document.meta.effective_to);
    value("@identity", document.meta.identity);
    value("@label", document.meta.label);
  }
  sink({"", "", std::move(document)});
  return {};
}

class HomeTest : public ::testing::Test {
 protected:
  HomeTest() {
    static std::atomic<int> next{0};
    base = fs::temp_directory_path() /
           ("sillok_archive_" + std::to_string(::getpid()) + "_" + std::to_string(++next));
    fs::remove_all(base);
    fs::create_directories(files());
    environment = real_environment();
    environment.start_reader = [this](const documents::ReadLimits&) -> Result<FileReader> {
      return FileReader([this](const fs::path& path, const documents::ItemSink& sink) {
        ++reads;
        return toy_read(path, sink);
      });
    };
    environment.read_part = nullptr;  // the test programs are no readers
    environment.today = [this] { return today_; };
  }
  ~HomeTest() override { fs::remove_all(base); }

  fs::path home() const { return base / "home"; }
  fs::path files() const { return base / "files"; }

  void write(const std::string& name, std::string_view text) {
    fs::create_directories((files() / name).parent_path());
    std::ofstream(files() / name, std::ios::binary) << text;
  }
  Archive make() {
    const auto created = Archive::create(home());
    EXPECT_TRUE(created) << created.error().message;
    return open();
  }
  Archive open() {
    auto opened = Archive::open(home(), environment);
    EXPECT_TRUE(opened) << opened.error().message;
    return std::move(*opened);
  }
  AddReport add(Archive& archive, const AddOptions& options = {}) { return add(archive, {files()}, options); }
  AddReport add(Archive& archive, const std::vector<fs::path>& paths, const AddOptions& options) {
    auto report = archive.add(paths, options);
    EXPECT_TRUE(report) << report.error().message;
    const auto problems = archive.check(true);
    EXPECT_TRUE(problems.empty()) << problems.front().what;
    return report ? *report : AddReport{};
  }
  static std::string text_of(const Archive& archive, const Version& version) {
    const auto document = archive.document(version.id);
    return document && !document->blocks.empty() ? document->blocks[0].text : "(none)";
  }
  // The text in force on the day, or "-".
  static std::string as_of(const Archive& archive, std::string_view record, std::string_view day) {
    const auto version = archive.version_as_of(record, *parse_day(day));
    return version ? text_of(archive, *version) : "-";
  }

  fs::path base;
  Environment environment;
  std::atomic<int> reads{0};
  Day today_ = *parse_day("2026-03-01");
};

}  // namespace sillok::archive

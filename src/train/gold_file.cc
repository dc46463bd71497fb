#include "train/gold_file.h"

#include <nlohmann/json.hpp>

namespace sillok::train {
namespace {

constexpr uint64_t kLongestGold = 256 << 20;  // bytes
constexpr int kWaitMs = 10'000;               // a change takes milliseconds; whoever holds it longer hangs

GoldLine named(std::string_view text, size_t number) {
  GoldLine line{std::string(text), std::to_string(number), false};
  if (trim(text).empty()) return line;
  const nlohmann::json json = nlohmann::json::parse(text, nullptr, false);
  const auto id = json.is_object() ? json.find("id") : json.end();
  if (json.is_object() && id != json.end() && id->is_string() && !id->get_ref<const std::string&>().empty()) line.id = id->get<std::string>();
  else if (json.is_object() && id != json.end() && id->is_number()) line.id = id->dump();
  else line.numbered = true;
  return line;
}

std::string text_of(const std::vector<GoldLine>& lines) {
  const auto blank = [](const GoldLine& line) { return trim(line.text).empty(); };
  size_t fixed = lines.size();  // those before it keep their place
  while (fixed > 0 && (!lines[fixed - 1].numbered || blank(lines[fixed - 1]))) --fixed;
  std::string text;
  for (size_t i = 0; i < lines.size(); ++i) {
    if (i < fixed || !blank(lines[i])) text.append(lines[i].text).push_back('\n');
  }
  return text;
}

}  // namespace

Result<std::vector<GoldLine>> gold_lines(const fs::path& path) {
  std::vector<GoldLine> lines;
  const auto text = read_file(path, kLongestGold);
  if (!text && text.error().code == ErrorCode::kNotFound) return lines;
  if (!text) return fail(text.error());
  for (const std::string_view line : split(*text, '\n')) lines.push_back(named(line, lines.size() + 1));
  if (!lines.empty() && lines.back().text.empty()) lines.pop_back();  // what stands after the last line's end
  return lines;
}

Status change_gold(const fs::path& path, const std::function<Status(std::vector<GoldLine>& lines)>& edit) {
  // By whatever name: a link is not replaced, and who comes by another one waits for the same lock.
  std::error_code error;
  const fs::path file = fs::weakly_canonical(path, error);
  if (error) return fail(ErrorCode::kIo, path.string() + ": cannot be found: " + error.message());
  fs::create_directories(file.parent_path(), error);  // what cannot be made is told by the lock
  SILLOK_ASSIGN(const FileLock held, FileLock::acquire(file.string() + ".lock", kWaitMs));
  SILLOK_ASSIGN(std::vector<GoldLine> lines, gold_lines(file));
  SILLOK_TRY(edit(lines));
  return write_file_atomic(file, text_of(lines));
}

}  // namespace sillok::train

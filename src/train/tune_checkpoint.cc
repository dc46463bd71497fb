#include "train/tune_checkpoint.h"

#include <cstring>

namespace sillok::train {
namespace {

constexpr std::string_view kMagic = "SLKTRAIN";
constexpr uint32_t kVersion = 1;
constexpr size_t kHeadBytes = 16;

template <typename V>
void put(std::string& out, V value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}
template <typename V>
bool take(std::string_view& bytes, V& value) {
  if (bytes.size() < sizeof value) return false;
  std::memcpy(&value, bytes.data(), sizeof value);
  bytes.remove_prefix(sizeof value);
  return true;
}

tl::unexpected<Error> torn(const fs::path& path) {
  return fail(ErrorCode::kInvalid, path.string() + ": is no whole checkpoint of this program; remove it to begin anew");
}

// `rest` becomes what follows the head.
Result<CheckpointHead> parse(const fs::path& path, std::string_view bytes, std::string_view& rest) {
  uint32_t version = 0, checksum = 0;
  if (!bytes.starts_with(kMagic)) return torn(path);
  bytes.remove_prefix(kMagic.size());
  if (!take(bytes, version) || !take(bytes, checksum) || version != kVersion || crc32c(bytes) != checksum) return torn(path);
  CheckpointHead head;
  uint64_t size = 0;
  if (!take(bytes, size) || size > bytes.size()) return torn(path);
  head.fingerprint = bytes.substr(0, static_cast<size_t>(size));
  bytes.remove_prefix(static_cast<size_t>(size));
  if (!take(bytes, head.step) || !take(bytes, head.steps) || !take(bytes, head.first_loss) || !take(bytes, head.last_loss)) return torn(path);
  rest = bytes;
  return head;
}

// "rank = 8" against "rank = 16": the first line that differs.
std::string difference(std::string_view had, std::string_view has) {
  const auto old_lines = split(had, '\n'), new_lines = split(has, '\n');
  for (size_t i = 0; i < std::max(old_lines.size(), new_lines.size()); ++i) {
    const std::string_view before = i < old_lines.size() ? old_lines[i] : "", now = i < new_lines.size() ? new_lines[i] : "";
    if (before != now) return "it had '" + std::string(before) + "', now it is '" + std::string(now) + "'";
  }
  return "";
}

}  // namespace

// Twice over the same bytes, for the checksum in front of them and to write them, instead of a copy of them all: of an adapter of
// rank 16 for a model of a billion weights they are 135 MB.
Status write_checkpoint(const fs::path& path, const CheckpointHead& head, const Optimiser::Parameters& parameters, const Optimiser& optimiser) {
  std::string front;
  put(front, static_cast<uint64_t>(head.fingerprint.size()));
  front += head.fingerprint;
  put(front, head.step), put(front, head.steps), put(front, head.first_loss), put(front, head.last_loss);
  const auto body = [&](const std::function<Status(std::string_view)>& append) -> Status {
    SILLOK_TRY(append(front));
    for (const auto& parameter : parameters) {
      SILLOK_TRY(append({reinterpret_cast<const char*>(parameter->value.data()), parameter->value.size() * sizeof(float)}));
    }
    return optimiser.save(append);
  };
  uint32_t checksum = 0;
  SILLOK_TRY(body([&checksum](std::string_view bytes) -> Status {
    checksum = crc32c(bytes, checksum);
    return {};
  }));
  std::string start(kMagic);
  put(start, kVersion);
  put(start, checksum);
  SILLOK_ASSIGN(AtomicFile file, AtomicFile::create(path));
  SILLOK_TRY(file.append(start));
  SILLOK_TRY(body([&file](std::string_view bytes) { return file.append(bytes); }));
  return file.commit();
}

Result<CheckpointHead> read_checkpoint_head(const fs::path& path) {
  SILLOK_ASSIGN(const std::string bytes, read_file(path));
  std::string_view rest;
  return parse(path, bytes, rest);
}

Result<CheckpointHead> read_checkpoint(const fs::path& path, const std::string& fingerprint, Optimiser::Parameters& parameters,
                                       Optimiser& optimiser) {
  SILLOK_ASSIGN(const std::string bytes, read_file(path));
  std::string_view rest;
  SILLOK_ASSIGN(CheckpointHead head, parse(path, bytes, rest));
  if (head.fingerprint != fingerprint) {
    return fail(ErrorCode::kConflict, path.string() + ": is of another run: " + difference(head.fingerprint, fingerprint) +
                                          "; give the same settings, or another --out");
  }
  for (const auto& parameter : parameters) {
    const size_t size = parameter->value.size() * sizeof(float);
    if (rest.size() < size) return torn(path);
    std::memcpy(parameter->value.data(), rest.data(), size);
    rest.remove_prefix(size);
  }
  if (!optimiser.restore(rest)) return torn(path);
  return head;
}

}  // namespace sillok::train

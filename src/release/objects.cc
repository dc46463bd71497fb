// Files kept under their hash: a model of gigabytes is linked, not copied, and hashed once.
#include <sys/stat.h>
#include <unistd.h>

#include "release/parts.h"

namespace sillok::release {
namespace {

constexpr std::string_view kSeen = ".seen";

struct Stat {
  uint64_t size = 0, inode = 0, device = 0;
  int64_t mtime_ns = 0;
};

Result<Stat> stat_of(const fs::path& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return fail_errno("cannot look at " + path.string());
  if (!S_ISREG(info.st_mode)) return fail(ErrorCode::kInvalid, path.string() + " is no file");
  return Stat{static_cast<uint64_t>(info.st_size), static_cast<uint64_t>(info.st_ino), static_cast<uint64_t>(info.st_dev),
              int64_t{info.st_mtim.tv_sec} * 1'000'000'000 + info.st_mtim.tv_nsec};
}

Json seen_json(const Stat& s) { return {{"size", s.size}, {"inode", s.inode}, {"mtime_ns", s.mtime_ns}}; }

bool is_seen(const fs::path& folder, const Stat& now) {
  const auto text = read_file(folder / kSeen, 4096);
  return text && Json::parse(*text, nullptr, false) == seen_json(now);
}

Result<std::string> hash_of(const fs::path& path) {
  SILLOK_ASSIGN(const MappedFile file, MappedFile::open(path));
  return sha256_hex(file.bytes());
}

// The hash of a file that is an object by another name: a link to it, unchanged since it was hashed.
std::optional<std::string> known_hash(const fs::path& home, const Stat& file) {
  std::error_code error;
  for (fs::directory_iterator it(folder_of(home) / "objects", error), end; !error && it != end; it.increment(error)) {
    std::error_code ignored;
    for (fs::directory_iterator in(it->path(), ignored), none; !ignored && in != none; in.increment(ignored)) {
      if (in->path().filename() == kSeen) continue;
      const auto object = stat_of(in->path());
      if (object && object->inode == file.inode && object->device == file.device && is_seen(it->path(), file)) {
        return it->path().filename().string();
      }
    }
  }
  return std::nullopt;
}

Status copy_object(const fs::path& from, const fs::path& to) {
  SILLOK_ASSIGN(const MappedFile file, MappedFile::open(from));
  return write_file_atomic(to, file.bytes());
}

}  // namespace

Result<Artefact> keep_object(const fs::path& home, Role role, const fs::path& file) {
  std::error_code error;
  const fs::path real = fs::canonical(file, error);
  if (error) return fail(ErrorCode::kNotFound, "cannot open " + file.string() + ": " + error.message());
  SILLOK_ASSIGN(const Stat before, stat_of(real));
  Artefact kept;
  kept.role = role;
  kept.name = file.filename().string();
  kept.bytes = before.size;
  if (const auto known = known_hash(home, before)) {
    kept.sha256 = *known;
  } else {
    SILLOK_ASSIGN(kept.sha256, hash_of(real));
  }
  const fs::path folder = object_folder(home, kept.sha256), object = folder / kept.name;
  if (check_object(home, kept, Check::kSeen)) return kept;
  fs::create_directories(folder, error);
  if (error) return fail(ErrorCode::kIo, "cannot create " + folder.string() + ": " + error.message());
  fs::remove(object, error);
  // A link keeps the bytes when the file is replaced or removed under its own name. What writes into the file itself changes
  // the object too: then its time shows it, and it is refused.
  if (::link(real.c_str(), object.c_str()) != 0) SILLOK_TRY(copy_object(real, object));
  SILLOK_ASSIGN(const Stat now, stat_of(object));
  if (now.size != before.size || (now.inode == before.inode && now.mtime_ns != before.mtime_ns)) {
    return fail(ErrorCode::kConflict, file.string() + " changed while it was read; try again");
  }
  SILLOK_TRY(write_file_atomic(folder / kSeen, canonical(seen_json(now)) + "\n"));
  SILLOK_TRY(sync_directory(folder));
  return kept;
}

Status check_object(const fs::path& home, const Artefact& artefact, Check check) {
  const fs::path path = object_path(home, artefact);
  const auto now = stat_of(path);
  const std::string what = std::string(to_string(artefact.role)) + " " + artefact.name;
  if (!now) return fail(ErrorCode::kInvalid, "the " + what + " is missing: " + path.string());
  const auto changed = [&] { return fail(ErrorCode::kInvalid, "the " + what + " is not what was released: " + path.string() + " has changed"); };
  if (now->size != artefact.bytes) return changed();
  if (check == Check::kSeen) return is_seen(path.parent_path(), *now) ? Status() : Status(changed());
  SILLOK_ASSIGN(const std::string hash, hash_of(path));
  return hash == artefact.sha256 ? Status() : Status(changed());
}

}  // namespace sillok::release

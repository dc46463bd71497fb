// [answer] of home/sillok.toml.
#include <toml++/toml.h>

#include <algorithm>
#include <array>

#include "answer/answer.h"

namespace sillok::answer {
namespace {

constexpr uint32_t kLeastContext = 512, kMostContext = 1U << 24, kLeastTokens = 16, kMostThreads = 1024;

Result<WriterSettings> read_section(const toml::table& root, const std::string& where) {
  WriterSettings settings;
  const toml::node* node = root.get("answer");
  if (node == nullptr) return settings;
  const toml::table* section = node->as_table();
  bool support_said = false;
  const auto wrong = [&](const std::string& what) { return fail(ErrorCode::kInvalid, where + ": " + what + "; correct it, or copy that of a new home"); };
  if (section == nullptr) return wrong("answer must be a section, [answer]");
  for (const auto& [key, value] : *section) {
    const std::string name(key.str());
    const auto text = [&](std::string& out) {
      if (const auto* found = value.as_string()) out = found->get();
      return value.is_string();
    };
    const auto number = [&](uint32_t& out, uint32_t least, uint32_t most) {
      const auto* found = value.as_integer();
      if (found == nullptr || found->get() < least || found->get() > most) return false;
      out = static_cast<uint32_t>(found->get());
      return true;
    };
    const auto cosine = [&](double& out) {
      const auto found = value.is_number() ? value.value<double>() : std::nullopt;
      if (!found || !(*found > 0) || *found > 1) return false;
      out = *found;
      support_said = true;
      return true;
    };
    std::string policy;
    const bool good = name == "model"        ? text(settings.model)
                      : name == "adapter"    ? text(settings.adapter)
                      : name == "remote"     ? text(settings.remote)
                      : name == "key_file"   ? text(settings.key_file)
                      : name == "context"    ? number(settings.context, kLeastContext, kMostContext)
                      : name == "max_tokens" ? number(settings.max_tokens, kLeastTokens, kMostContext)
                      : name == "threads"    ? number(settings.threads, 0, kMostThreads)
                      : name == "encoder"    ? text(settings.encoder)
                      : name == "encoder_prefix" ? text(settings.encoder_use.prefix)
                      : name == "encoder_support" ? cosine(settings.encoder_use.support)
                      : name == "unsupported" ? text(policy) && (policy == "drop" || policy == "mark")
                                              : false;
    constexpr auto kNames = std::to_array<std::string_view>({"model", "adapter", "remote", "key_file", "context", "max_tokens", "threads", "unsupported", "encoder", "encoder_prefix", "encoder_support"});
    const bool known = std::find(kNames.begin(), kNames.end(), name) != kNames.end();
    if (!known) return wrong("answer." + shorten(name, 40) + " is no setting");
    if (!good) return wrong("answer." + name + " has a value that makes no sense");
    if (name == "unsupported") settings.unsupported = policy == "mark" ? Unsupported::kMark : Unsupported::kDrop;
  }
  if (!settings.remote.empty() && settings.model.empty()) return wrong("answer.remote needs answer.model, the model's name there");
  if (!settings.remote.empty() && !settings.adapter.empty()) return wrong("answer.adapter is for models that run here, not with answer.remote");
  if (!settings.encoder.empty() && !support_said) {
    return wrong("answer.encoder needs answer.encoder_support, the cosine from which on two texts say the same (`sillok evaluate --suite support` proposes one)");
  }
  return settings;
}

// As named, or in a folder of the home, with .gguf left out or not.
Result<fs::path> find_file(const fs::path& home, const std::string& name, const fs::path& folder, std::string_view what) {
  std::error_code ignored;
  for (const fs::path& path : {fs::path(name), home / name, home / folder / name, home / folder / (name + ".gguf")}) {
    if (fs::is_regular_file(path, ignored)) return path;
  }
  return fail(ErrorCode::kNotFound, "there is no " + std::string(what) + " '" + shorten(clean_utf8(name), 80) + "', neither as a file nor in " + (home / folder).string());
}

}  // namespace

Result<WriterSettings> load_writer_settings(const fs::path& home) {
  const fs::path path = home / "sillok.toml";
  SILLOK_ASSIGN(const std::string text, read_file(path));
  try {
    return read_section(toml::parse(text, path.string()), path.string());
  } catch (const toml::parse_error& error) {
    return fail(ErrorCode::kInvalid, path.string() + ", line " + std::to_string(error.source().begin.line) + ": " + std::string(error.description()) + "; correct it, or copy that of a new home");
  }
}

Result<WriterFiles> find_writer_files(const fs::path& home, const WriterSettings& settings) {
  WriterFiles files;
  if (settings.model.empty()) return files;
  if (!settings.encoder.empty()) {
    SILLOK_ASSIGN(files.encoder, find_file(home, settings.encoder, "models", "encoder"));
  }
  if (!settings.remote.empty()) return files;
  SILLOK_ASSIGN(files.model, find_file(home, settings.model, "models", "model"));
  if (settings.adapter.empty()) return files;
  SILLOK_ASSIGN(files.adapter, find_file(home, settings.adapter, fs::path("models") / "adapters", "adapter"));
  return files;
}

Result<std::unique_ptr<Generator>> open_generator(const fs::path& home, const WriterSettings& settings) {
  if (!settings.remote.empty()) {
    const fs::path key = settings.key_file.empty() ? fs::path() : home / settings.key_file;  // an absolute path stays
    return open_remote_generator(settings.remote, settings.model, key, settings.context);
  }
  if (settings.model.empty()) return std::unique_ptr<Generator>();
  SILLOK_ASSIGN(const WriterFiles files, find_writer_files(home, settings));
  return open_local_generator(files.model, settings.threads, settings.context, files.adapter.string());
}

Result<std::unique_ptr<Encoder>> open_encoder(const fs::path& home, const WriterSettings& settings) {
  SILLOK_ASSIGN(const WriterFiles files, find_writer_files(home, settings));
  if (files.encoder.empty()) return std::unique_ptr<Encoder>();
  return open_encoder(files.encoder, settings.threads, settings.encoder_use);
}

}  // namespace sillok::answer

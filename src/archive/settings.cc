#include "archive/settings.h"

#include <toml++/toml.h>

namespace sillok::archive {
namespace {

constexpr std::string_view kDefaultSettings = R"toml(# Settings of this Sillok home. Every setting is shown with its default; changes count from the next command on.

[labels]
# Sensitivity labels, least sensitive first. A record's label is written in its source, given with
# `sillok add --label`, or else the default. Sources may use the name or the title.
known = [
  { name = "O", title = "공개" },
  { name = "S", title = "민감" },
  { name = "C", title = "기밀" },
]
# The label of records that say nothing themselves.
default = "O"

[answer]
# A generating model that writes answers from the records; every sentence is checked against them. A GGUF file with a chat
# template, or its name in models/. "": answers are quotes.
model = ""
# A LoRA adapter for it, or its name in models/adapters/.
adapter = ""
# The base URL of your own OpenAI-compatible server, as "https://llm.agency.example/v1"; then `model` is its name there.
# This is the only address that Sillok ever contacts.
remote = ""
# A file with the key for it, which others may not read.
key_file = ""
# Tokens of evidence and answer together that the model may hold, and of the answer at most.
context = 8192
max_tokens = 512
# Threads of a model that runs here; 0: one per core.
threads = 0
# What becomes of sentences that the records do not support: "drop" or "mark".
unsupported = "drop"
)toml";

// At most this many labels: indexes keep sets of labels as 32-bit masks.
constexpr size_t kMaxLabels = 32;

Result<Settings> read_labels(const toml::table& root, const std::string& where) {
  const auto wrong = [&](const std::string& what) {
    return fail(ErrorCode::kInvalid, where + ": " + what + "; correct it, or copy that of a new home");
  };
  Settings settings;
  const toml::array* known = root["labels"]["known"].as_array();
  if (known == nullptr || known->empty()) {
    return wrong("labels.known must list at least one { name, title }");
  }
  if (known->size() > kMaxLabels) {
    return wrong("labels.known has more than " + std::to_string(kMaxLabels) + " labels");
  }
  for (const toml::node& node : *known) {
    const toml::table* entry = node.as_table();
    LabelName label;
    if (entry != nullptr) {
      label.name = (*entry)["name"].value_or(std::string());
      label.title = (*entry)["title"].value_or(label.name);
    }
    if (label.name.empty()) return wrong("every entry of labels.known needs a name");
    for (const LabelName& other : settings.labels) {
      if (other.name == label.name) return wrong("labels.known lists '" + label.name + "' twice");
    }
    settings.labels.push_back(std::move(label));
  }
  const auto written = root["labels"]["default"].value<std::string>();
  if (!written) return wrong("labels.default is missing");
  auto found = find_label(settings, *written);
  if (!found) return fail(found.error().in(where + ": labels.default"));
  settings.default_label = std::move(*found);
  return settings;
}

}  // namespace

std::string_view default_settings() { return kDefaultSettings; }

Result<Settings> parse_settings(std::string_view text, const fs::path& path) {
  try {
    const toml::table root = toml::parse(text, path.string());
    return read_labels(root, path.string());
  } catch (const toml::parse_error& error) {
    return fail(ErrorCode::kInvalid, path.string() + ", line " +
                                         std::to_string(error.source().begin.line) + ": " +
                                         std::string(error.description()) +
                                         "; correct it, or copy that of a new home");
  } catch (const std::exception& error) {
    return fail(ErrorCode::kInvalid, path.string() + ": " + error.what());
  }
}

Result<std::string> find_label(const Settings& settings, std::string_view written) {
  const std::string_view wanted = trim(written);
  std::string known;
  for (const LabelName& label : settings.labels) {
    if (wanted == label.name || wanted == label.title) return label.name;
    known += (known.empty() ? "" : ", ") + label.name;
    if (label.title != label.name) known += " (" + label.title + ")";
  }
  return fail(ErrorCode::kInvalid, "there is no label '" + shorten(clean_utf8(wanted), 40) +
                                       "'; known are " + known + " (sillok.toml, [labels])");
}

}  // namespace sillok::archive

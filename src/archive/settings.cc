#include "archive/settings.h"

namespace sillok::archive {
namespace {

constexpr std::string_view kDefaultSettings = R"toml(# Settings of this Sillok home. Every setting is shown with its default; changes count from the next command on.

[labels]
# Sensitivity labels, least sensitive first. A record's label is written in its source, given with
# `sillok add --label`, or else the default. Sources may use the name or the title. Groups may follow: "S:finance".
known = [
  { name = "O", title = "공개" },
  { name = "S", title = "민감" },
  { name = "C", title = "기밀" },
]
# The label of records that say nothing themselves.
default = "O"
# Files below these paths take at least these labels: * within a folder, ** over folders, ? one character.
rules = [
  # { path = "**/인사/**", label = "S:personnel" },
]
# Documents with one of these at their head, or in their header or footer, take at least these labels.
# Without this list the usual ones hold: 대외비 the second label, the grades of 비밀 and CONFIDENTIAL the last.
# markings = [ { text = "대외비", label = "S" } ]

[policy]
# Personal data in answers to those below curator: "mask" or "show".
personal = "mask"

[retention]
# How long the contents of audit entries are kept, by kind, from "6 months" to "5 years"; kinds not named here, as long
# as the default says. `sillok audit prune` drops what is older; the chain of the log stays whole.
default = "5 years"

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
# An embedding model, or its name in models/, for sentences in other words than the record's, or another language: it tells whether
# they mean the same; numbers, dates and identifiers must stand there all the same. "": words alone are compared.
encoder = ""
# What it wants before each text, as "query: "; and, with an encoder, the cosine from which on two texts say the same, as
# `sillok evaluate --suite support CLAIMS.jsonl -m ENCODER` proposes it.
encoder_prefix = ""
# encoder_support = 0.85

[refresh]
# Files and folders that `sillok refresh` looks through for what changed. None: all that was ever named to `sillok add`.
sources = []
# Gold questions, by which the answer rate is measured at every change: a file, relative to this home.
gold = "gold.jsonl"
# Whether a release that holds is put in force by itself, or waits for a person.
promote = true
# Seconds between two rounds of `sillok refresh --watch`.
every_s = 30
# When a retriever in use is trained again: days of age, percent of the records changed since, points that the answer rate
# fell. 0: not for that reason.
retrain_days = 30
retrain_changed = 20
retrain_drift = 2
# What one training may cost; watt-hours are estimated from `watts` of the processor at work where it has no meter.
budget_minutes = 30
budget_wh = 50
watts = 20

# Signing in by your own OpenID Connect provider or LDAP directory: sections [sign_in.oidc] and [sign_in.ldap], of which
# docs/OPERATING.md has every setting. Without them there are local accounts alone.
# [sign_in.oidc]
# title = "Agency account"
# issuer = "https://id.agency.example"
# client_id = "sillok"
# secret_file = "oidc.secret"
# address = "https://sillok.agency.example"
# rules = [ { group = "finance-staff", level = "S", groups = ["finance"] } ]
)toml";

}  // namespace

std::string_view default_settings() { return kDefaultSettings; }

Result<Settings> parse_settings(std::string_view text, const fs::path& path) {
  Settings settings;
  SILLOK_ASSIGN(settings.govern, govern::parse_settings(text, path));
  const govern::Lattice& lattice = settings.govern.lattice;
  for (size_t i = 0; i < lattice.levels().size(); ++i) settings.labels.push_back({lattice.levels()[i], lattice.titles()[i]});
  settings.default_label = lattice.text(settings.govern.default_label);
  return settings;
}

Result<std::string> find_label(const Settings& settings, std::string_view written) {
  SILLOK_ASSIGN(const govern::Label label, settings.govern.lattice.parse(written));
  return settings.govern.lattice.text(label);
}

}  // namespace sillok::archive

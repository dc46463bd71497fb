// Retention: contents that were kept long enough go; the chain stays.
#include "govern/audit.h"
#include "govern/secrets.h"

namespace sillok::govern {
namespace {

// Of what happened to the log itself nothing is dropped: verify reads it.
bool is_kept_for_ever(std::string_view kind) { return kind == "prune" || kind == "alarm" || kind == "recovered"; }

}  // namespace

Result<uint64_t> Audit::prune(const std::map<std::string, Micros>& retention) {
  const Micros now = state_->clock();
  const auto limit = [&](std::string_view kind) -> Micros {
    auto rule = retention.find(std::string(kind));
    if (rule == retention.end()) rule = retention.find("");
    return rule == retention.end() || is_kept_for_ever(kind) ? 0 : now - rule->second;
  };
  const auto is_due = [&](const AuditLine& line) { return line.pruned.empty() && line.time < limit(line.kind); };

  // A damaged log is left as it is: it is evidence.
  if (const Verification state = verify(); !state.ok) {
    return fail(ErrorCode::kConflict, "the audit log is not as it was written (" + state.reason + "); nothing is dropped from it");
  }
  std::map<std::string, Micros> before;
  uint64_t due = 0;
  {
    SILLOK_ASSIGN(const AuditText text, AuditText::open(state_->log));
    for (size_t at = 0; at < text.text().size(); at += text.line(at).size() + 1) {
      const auto line = parse_line(text.line(at));
      if (!line || !is_due(*line)) continue;
      before[std::string(line->kind)] = limit(line->kind);
      ++due;
    }
  }
  if (due == 0) return 0;
  // First the leave, signed and synced, then the dropping: a crash between them leaves more than it should, not less.
  std::string details = "{\"entries\":" + std::to_string(due) + ",\"before\":{";
  for (bool first = true; const auto& [kind, time] : before) {
    details += (first ? "" : ",") + json_quote(kind) + ":" + std::to_string(time);
    first = false;
  }
  SILLOK_TRY(append({"prune", "", "retention", "", "audit", details + "}}"}));

  SILLOK_ASSIGN(const AuditLock held, AuditLock::acquire(state_->lock));
  SILLOK_ASSIGN(const AuditText text, AuditText::open(state_->log));
  SILLOK_ASSIGN(AtomicFile file, AtomicFile::create(state_->log));
  uint64_t dropped = 0;
  std::string out;
  for (size_t at = 0; at < text.text().size();) {
    const std::string_view bytes = text.line(at);
    const auto line = parse_line(bytes);
    if (line && is_due(*line)) {
      out += std::string(line->header) + "\"pruned\":\"" + content_hash(*line) + "\"" +
             std::string(bytes.substr(line->header.size() + line->content.size()));
      ++dropped;
    } else {
      out += bytes;
    }
    out += '\n';
    at += bytes.size() + 1;
    if (out.size() > (1u << 20)) {
      SILLOK_TRY(file.append(out));
      out.clear();
    }
  }
  SILLOK_TRY(file.append(out));
  SILLOK_TRY(file.commit());
  return dropped;
}

}  // namespace sillok::govern

// Whether the audit log is as it was written, and if not, from where on.
//
// Every line is checked against the one before it; the last signature covers them all. Where somebody rewrote the log
// from one entry on, hashes and all, the signatures from there on do not hold: the first of them is found by halving.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "govern/audit.h"

namespace sillok::govern {
namespace {

struct Signed {
  uint64_t id = 0;
  size_t at = 0;  // of its line
};

// Contents that were dropped: allowed only by an entry of kind "prune" that says so.
class Pruned {
 public:
  void dropped(const AuditLine& line) {
    auto& range = dropped_[std::string(line.kind)];
    if (range.first == 0) range.first = line.id;
    if (line.time > range.latest) {
      range.latest = line.time;
      range.latest_id = line.id;
    }
  }
  void allowed(const Entry& entry) {
    const auto json = nlohmann::json::parse(entry.event.details, nullptr, false);
    const auto before = json.is_object() ? json.find("before") : json.end();
    if (!json.is_object() || before == json.end() || !before->is_object()) return;
    for (const auto& [kind, time] : before->items()) {
      if (time.is_number_integer()) allowed_[kind] = std::max(allowed_[kind], time.get<Micros>());
    }
  }
  // Id of an entry whose content is missing without leave; 0 if there is none.
  uint64_t unlawful() const {
    uint64_t found = 0;
    for (const auto& [kind, range] : dropped_) {
      const auto leave = allowed_.find(kind);
      if (leave != allowed_.end() && range.latest < leave->second) continue;
      const uint64_t id = leave == allowed_.end() ? range.first : range.latest_id;
      found = found == 0 ? id : std::min(found, id);
    }
    return found;
  }

 private:
  struct Range {
    uint64_t first = 0, latest_id = 0;
    Micros latest = 0;
  };
  std::map<std::string, Range> dropped_;
  std::map<std::string, Micros> allowed_;
};

uint64_t number(const std::string& details, const char* name) {
  const auto json = nlohmann::json::parse(details, nullptr, false);
  const auto at = json.is_object() ? json.find(name) : json.end();
  return json.is_object() && at != json.end() && at->is_number_unsigned() ? at->get<uint64_t>() : 0;
}

}  // namespace

Verification Audit::verify() const {
  Verification result;
  const auto bad = [&](uint64_t id, std::string reason) {
    if (result.first_bad != 0 && result.first_bad <= id) return;
    result.first_bad = id;
    result.reason = std::move(reason);
  };
  Head head;
  HeadState head_state = HeadState::kMissing;
  Result<AuditText> opened = AuditText();
  {
    // What is being written just now is seen whole or not at all.
    const auto held = AuditLock::acquire(state_->lock);
    if (!held) {
      result.reason = held.error().message;
      return result;
    }
    opened = AuditText::open(state_->log);
    head_state = state_->read_head(head);
  }
  if (!opened) {
    result.reason = opened.error().message;
    return result;
  }
  const AuditText& text = *opened;
  const auto is_signed_at = [&](const Signed& s) {
    const auto line = parse_line(text.line(s.at));
    return line && state_->is_signed(line->id, line->hash, line->signature);
  };

  std::vector<Signed> signatures;
  Pruned pruned;
  std::string hash_before, signature_before, head_hash;
  Micros time_before = 0;
  uint64_t id = 0;
  for (size_t at = 0; at < text.text().size();) {
    const std::string_view bytes = text.line(at);
    const auto line = parse_line(bytes);
    ++id;
    if (!line) {
      bad(id, "entry " + std::to_string(id) + " cannot be read: it was edited");
      break;
    }
    if (line->id != id) {
      bad(id, "where entry " + std::to_string(id) + " should be, entry " + std::to_string(line->id) + " stands: it was removed or moved");
      break;
    }
    if (line->time < time_before || line->hash != line_hash(hash_before, signature_before, line->header, content_hash(*line))) {
      bad(id, "entry " + std::to_string(id) + " does not follow from the one before it: it was edited, or entries were exchanged");
      break;
    }
    if (!line->signature.empty()) signatures.push_back({id, at});
    if (!line->pruned.empty()) pruned.dropped(*line);
    if (line->kind == "prune") pruned.allowed(to_entry(*line));
    if (line->kind == "alarm") {
      const uint64_t found = number(to_entry(*line).event.details, "found");
      bad(found + 1, "entries from " + std::to_string(found + 1) + " on were missing when entry " + std::to_string(id) + " was written");
    }
    if (id == head.entries) head_hash = line->hash;
    hash_before = line->hash;
    signature_before = line->signature;
    time_before = line->time;
    at += bytes.size() + 1;
  }
  result.entries = id;

  if (!signatures.empty() && !is_signed_at(signatures.back())) {
    const auto first = std::partition_point(signatures.begin(), signatures.end(), is_signed_at);
    const uint64_t from = first == signatures.begin() ? 1 : std::prev(first)->id + 1;
    bad(from, "entry " + std::to_string(from) + (from == first->id ? "" : " or one up to " + std::to_string(first->id)) +
                  " was rewritten: the signature does not hold");
  }
  const bool broken = result.first_bad != 0;
  if (!broken) {
    const uint64_t last_signed = signatures.empty() ? 0 : signatures.back().id;
    if (last_signed < id) bad(last_signed + 1, "entry " + std::to_string(last_signed + 1) + " and those after it are not signed");
    if (text.torn() > 0) bad(id + 1, "after entry " + std::to_string(id) + " stand bytes that are no entry");
    if (const uint64_t unlawful = pruned.unlawful(); unlawful != 0) {
      bad(unlawful, "the content of entry " + std::to_string(unlawful) + " is missing, and no retention rule took it");
    }
  }
  if (head_state == HeadState::kGood && head.entries > id && (!broken || result.first_bad > id)) {
    bad(id + 1, "the log ends after entry " + std::to_string(id) + ", but its signed head counts " + std::to_string(head.entries));
  } else if (!broken && head_state == HeadState::kGood && head.entries > 0 && head_hash != head.hash) {
    bad(head.entries, "entry " + std::to_string(head.entries) + " is not the one that the signed head names");
  } else if (head_state == HeadState::kDamaged || (head_state == HeadState::kMissing && id > 0)) {
    bad(std::max<uint64_t>(id, 1), std::string("log/audit.head is ") + (head_state == HeadState::kMissing ? "missing" : "damaged") +
                                       ": whether the log was cut short cannot be told");
  }
  result.ok = result.first_bad == 0;
  return result;
}

}  // namespace sillok::govern

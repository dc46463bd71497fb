// Private to govern: one entry of the audit log as a line of text, and how entries hang together.
//
//   {"id":7,"time":"2026-11-24T09:30:00.000000Z","kind":"ask",CONTENT,"hash":"64 digits"[,"signature":"128 digits"]}
//   CONTENT: "person":..,"how":..,"label":..,"subject":..,"details":{..}   or, once its retention is over,
//            "pruned":"64 digits", the SHA-256 of what stood there
//   hash = SHA-256(hash and signature of the entry before | the line up to CONTENT | SHA-256 of CONTENT)
//   signature = Ed25519 over "sillok audit head", id and hash: the last entry of what was written at once has one
//
// The hash is over the bytes as they stand, so that no byte of a line can change unnoticed; pruning changes no hash.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "govern/govern.h"

namespace sillok::govern {

struct AuditLine {
  uint64_t id = 0;
  Micros time = 0;
  std::string_view kind;
  std::string_view header, content;  // as they stand
  std::string_view hash, signature;  // digits; signature "" if it has none
  std::string_view pruned;           // digits, "" if the content is there
};

inline constexpr size_t kMaxLineBytes = 512u << 10;

std::string format_time(Micros time);  // "2026-11-24T09:30:00.000000Z"
std::string line_header(uint64_t id, Micros time, std::string_view kind);
// kInvalid for a kind or details that are not what they should be.
Result<std::string> line_content(const Event& event);
// `before`: the entry before, none for the first.
std::string line_hash(std::string_view hash_before, std::string_view signature_before, std::string_view header,
                      std::string_view content_hash);
std::string head_statement(uint64_t id, std::string_view hash);
// None unless every byte is where it belongs. Views into `line`, which has no line end.
std::optional<AuditLine> parse_line(std::string_view line);
std::string content_hash(const AuditLine& line);
// An entry as it is read by others; a pruned one has kind and time only.
Entry to_entry(const AuditLine& line);

}  // namespace sillok::govern

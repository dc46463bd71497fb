// Reading the audit log.
#include <algorithm>
#include <ostream>

#include "govern/audit.h"

namespace sillok::govern {
namespace {

bool holds(std::string_view content, const std::string& lower) {
  return std::search(content.begin(), content.end(), lower.begin(), lower.end(), [](char a, char b) {
           return (a >= 'A' && a <= 'Z' ? static_cast<char>(a + 32) : a) == b;
         }) != content.end();
}

class Matcher {
 public:
  Matcher(const AuditQuery& query, const Lattice& lattice)
      : query_(query), lattice_(lattice), text_(ascii_lower(query.text)), person_("\"person\":" + json_quote(query.person) + ",") {}

  bool operator()(const AuditLine& line) const {
    if (!query_.kind.empty() && line.kind != query_.kind) return false;
    // What is left of a pruned entry says nothing; nobody can tell what its label was.
    if (!line.pruned.empty()) return query_.person.empty() && text_.empty() && !query_.clearance;
    if (!query_.person.empty() && !line.content.starts_with(person_)) return false;
    if (!text_.empty() && !holds(line.content, text_)) return false;
    if (!query_.clearance) return true;
    const std::string label = to_entry(line).event.label;
    return label.empty() || lattice_.dominates(*query_.clearance, label);
  }

 private:
  const AuditQuery& query_;
  const Lattice& lattice_;
  std::string text_, person_;
};

// [first, last) of the lines whose time and id the query allows.
std::pair<size_t, size_t> range(const AuditText& text, const AuditQuery& query) {
  size_t first = 0, last = text.text().size();
  if (query.from != 0) first = text.find([&](const AuditLine& line) { return line.time >= query.from; });
  if (query.to != 0) last = text.find([&](const AuditLine& line) { return line.time >= query.to; });
  if (query.before != 0) last = std::min(last, text.find([&](const AuditLine& line) { return line.id >= query.before; }));
  return {first, last};
}

}  // namespace

std::vector<Entry> Audit::find(const AuditQuery& query) const {
  std::vector<Entry> out;
  const auto text = AuditText::open(state_->log);
  if (!text) return out;
  const Matcher matches(query, state_->lattice);
  const auto [first, last] = range(*text, query);
  for (size_t at = last; at > first && out.size() < query.limit;) {
    at = text->line_before(at);
    const auto line = parse_line(text->line(at));
    if (line && matches(*line)) out.push_back(to_entry(*line));
  }
  return out;
}

Result<Entry> Audit::entry(uint64_t id) const {
  SILLOK_ASSIGN(const AuditText text, AuditText::open(state_->log));
  const size_t at = text.find([&](const AuditLine& line) { return line.id >= id; });
  if (at < text.text().size()) {
    const auto line = parse_line(text.line(at));
    if (line && line->id == id) return to_entry(*line);
  }
  return fail(ErrorCode::kNotFound, "there is no audit entry " + std::to_string(id));
}

Status Audit::export_to(std::ostream& out, const AuditQuery& query) const {
  SILLOK_ASSIGN(const AuditText text, AuditText::open(state_->log));
  const Matcher matches(query, state_->lattice);
  const auto [first, last] = range(text, query);
  for (size_t at = first; at < last;) {
    const std::string_view line = text.line(at);
    const auto parsed = parse_line(line);
    // A line that cannot be read is given as it is, to who may see everything: it is evidence.
    if (parsed ? matches(*parsed) : !query.clearance) out << line << '\n';
    at += line.size() + 1;
  }
  if (!out.flush()) return fail(ErrorCode::kIo, "cannot write the exported audit entries");
  return {};
}

}  // namespace sillok::govern

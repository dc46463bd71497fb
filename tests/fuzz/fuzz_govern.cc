// Any bytes as a line of the audit log, a label, a glob, and as text with personal data. Settings are left out: they are the
// administrator's own, and the library that parses them asserts on some that are malformed.
#include "govern/audit_line.h"

using namespace sillok;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto line = govern::parse_line(text)) {
    // What is read has its parts in their places, and reads the same again.
    if (govern::line_header(line->id, line->time, line->kind) != line->header) __builtin_trap();
    (void)govern::content_hash(*line);
    (void)govern::to_entry(*line);
  }
  static const govern::Lattice lattice({"O", "S", "C"}, {"공개", "민감", "기밀"});
  if (const auto label = lattice.parse(text)) {
    const auto again = lattice.parse(lattice.text(*label));
    if (!again || *again != *label) __builtin_trap();
  }
  const size_t half = size / 2;
  (void)govern::matches_glob(text.substr(0, std::min<size_t>(half, 64)), text.substr(half, 256));
  size_t end = 0;
  for (const govern::Personal& found : govern::find_personal(text)) {
    if (found.begin < end || found.end <= found.begin || found.end > size) __builtin_trap();
    end = found.end;
  }
  if (govern::mask_personal(text).size() != size) __builtin_trap();
  return 0;
}

// Any bytes as a stored document, and as text of an unknown charset.
#include "documents/reader.h"

using namespace sillok::documents;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (const auto document = decode(bytes)) {
    if (!decode(encode(*document))) __builtin_trap();
  }
  if (!sillok::is_valid_utf8(decode_text(bytes))) __builtin_trap();
  return 0;
}

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "base/base.h"

namespace sillok {

Error Error::in(std::string_view context) const {
  return Error{code, std::string(context) + ": " + message};
}

tl::unexpected<Error> fail_errno(std::string message) {
  const int saved = errno;
  return fail(ErrorCode::kIo, std::move(message) + ": " + std::strerror(saved));
}

std::string_view to_string(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalid: return "invalid";
    case ErrorCode::kNotFound: return "not_found";
    case ErrorCode::kUnsupported: return "unsupported";
    case ErrorCode::kProtected: return "protected";
    case ErrorCode::kLimit: return "limit";
    case ErrorCode::kConflict: return "conflict";
    case ErrorCode::kDenied: return "denied";
    case ErrorCode::kIo: return "io";
    case ErrorCode::kInternal: return "internal";
  }
  return "internal";
}

void check_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "sillok: internal error: %s does not hold at %s:%d\n", condition, file, line);
  std::abort();
}

}  // namespace sillok

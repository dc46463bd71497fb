#include "engine/engine.h"

namespace sillok::engine {

std::string_view to_string(Finish finish) {
  switch (finish) {
    case Finish::kEnd: return "end";
    case Finish::kStop: return "stop";
    case Finish::kLength: return "length";
    case Finish::kCancelled: return "cancelled";
    case Finish::kError: return "error";
  }
  return "";
}

}  // namespace sillok::engine

#include "archive/environment.h"

namespace sillok::archive {

Environment real_environment() {
  Environment environment;
  environment.start_reader = [](const documents::ReadLimits& limits) -> Result<FileReader> {
    SILLOK_ASSIGN(documents::ReaderProcess started, documents::ReaderProcess::start(limits));
    // std::function wants copies; the process itself is one.
    auto process = std::make_shared<documents::ReaderProcess>(std::move(started));
    return FileReader([process](const fs::path& path, const documents::ItemSink& sink) {
      return process->read(path, sink);
    });
  };
  environment.read_part = [](const fs::path& path, std::string_view name, std::string_view part) -> Result<std::string> {
    SILLOK_ASSIGN(documents::ReaderProcess process, documents::ReaderProcess::start({}));
    return process.extract(path, name, part);
  };
  environment.today = today;
  environment.now = now_micros;
  return environment;
}

}  // namespace sillok::archive

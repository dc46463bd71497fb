#include "cli/writer.h"

namespace sillok::cli {

Result<Writer> open_writer(const Common& common, const WriterArguments& arguments) {
  Writer writer;
  SILLOK_ASSIGN(writer.settings, answer::load_writer_settings(common.home));
  if (arguments.quote) return writer;
  if (!arguments.model.empty()) {
    // A model named on the command line runs here, whatever is configured.
    writer.settings.model = arguments.model;
    writer.settings.adapter = writer.settings.remote = writer.settings.key_file = "";
  }
  if (arguments.threads > 0) writer.settings.threads = arguments.threads;
  SILLOK_ASSIGN(writer.generator, answer::open_generator(common.home, writer.settings));
  return writer;
}

}  // namespace sillok::cli

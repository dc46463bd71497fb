#include "cli/writer.h"

#include "release/release.h"

namespace sillok::cli {

Result<Writer> open_writer(const Common& common, const WriterArguments& arguments) {
  Writer writer;
  SILLOK_ASSIGN(release::InForce now, release::in_force(common.home));
  writer.settings = std::move(now.writer);
  writer.threshold = now.threshold;
  writer.release = now.id;
  writer.program = release::audit_name(now, SILLOK_VERSION);
  if (arguments.quote) return writer;
  if (!arguments.model.empty()) {
    // A model named on the command line runs here, whatever is configured.
    writer.settings.model = arguments.model;
    writer.settings.adapter = writer.settings.remote = writer.settings.key_file = "";
  }
  if (arguments.threads > 0) writer.settings.threads = arguments.threads;
  SILLOK_ASSIGN(writer.generator, answer::open_generator(common.home, writer.settings));
  SILLOK_ASSIGN(writer.encoder, answer::open_encoder(common.home, writer.settings));
  return writer;
}

}  // namespace sillok::cli

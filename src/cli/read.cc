#include "cli/common.h"

namespace sillok::cli {

int run_read(const Common& common, const ReadArguments& arguments) {
  auto reader = documents::ReaderProcess::start();
  if (!reader) return report_error(reader.error());
  size_t items = 0, failed = 0;
  const auto print_item = [&](documents::Item&& item) {
    if (!item.document) {
      ++failed;
      std::fprintf(stderr, "sillok: %s: %s: %s\n", arguments.file.c_str(), item.part.c_str(),
                   item.document.error().message.c_str());
      return;
    }
    std::string out;
    if (common.json) {
      out = documents::to_json(*item.document);
      if (!item.part.empty()) {
        Json json = Json::parse(out, nullptr, false);
        json["part"] = item.part;
        if (!item.parent.empty()) json["parent"] = item.parent;
        out = json.dump(-1, ' ', false, Json::error_handler_t::replace);
      }
      out += "\n";
    } else if (arguments.html) {
      out = documents::to_html(*item.document);
    } else {
      if (items > 0 || !item.part.empty()) out = "==== " + item.part + " ====\n";
      out += documents::to_text(*item.document);
    }
    ++items;
    std::fwrite(out.data(), 1, out.size(), stdout);
  };
  const auto done = reader->read(arguments.file, print_item);
  if (!done) return report_error(done.error().in(arguments.file));
  return failed > 0 && items == 0 ? 1 : 0;
}

}  // namespace sillok::cli

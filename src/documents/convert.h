// Private to documents: old binary formats, which LibreOffice turns into ones that our readers
// know.
//
// A confined child cannot run LibreOffice. read_legacy therefore hands such a file to the hook,
// which in the child asks the program to have it converted and read again; without a hook or
// without LibreOffice it is an error.
#pragma once

#include <sys/types.h>

#include "documents/reader.h"

namespace sillok::documents {

using ConversionHook = std::function<void(const Source&, std::string_view format)>;
// Process-wide: set once in the child, which reads one file in one thread.
void set_conversion_hook(ConversionHook hook);
// True if the source was handed over: its items will come later, and nothing is to be given now.
bool hand_over_for_conversion(const Source& source, std::string_view format);

// Where LibreOffice is, "" if it is not installed.
std::string find_converter();
// kUnsupported, naming the packages to install.
Error no_converter(std::string_view format);

// A running conversion of one file in a private temporary directory.
class Conversion {
 public:
  // Copies `file` (its descriptor) and starts LibreOffice on it. format: rtf, doc, xls or ppt.
  static Result<Conversion> start(int file, std::string_view format, const ReadLimits& limits);
  Conversion(Conversion&& other) noexcept;
  ~Conversion();  // Kills what still runs and removes the directory.

  pid_t pid() const { return pid_; }
  // Once pid() has ended with `status`: an open descriptor of the converted file, owned by the
  // caller.
  Result<int> result(int status);

 private:
  Conversion(std::string directory, std::string output)
      : directory_(std::move(directory)), output_(std::move(output)) {}
  std::string directory_, output_;
  pid_t pid_ = -1;
};

}  // namespace sillok::documents

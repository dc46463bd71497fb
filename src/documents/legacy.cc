// Old binary formats by way of LibreOffice; see convert.h.
#include <fcntl.h>
#include <signal.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <utility>

#include "documents/confine.h"
#include "documents/convert.h"

namespace sillok::documents {
namespace {

struct Route {
  std::string_view from, to, filter, package;
};
constexpr Route kRoutes[] = {
    {"rtf", "docx", "docx:MS Word 2007 XML", "libreoffice-writer-nogui"},
    {"doc", "docx", "docx:MS Word 2007 XML", "libreoffice-writer-nogui"},
    {"xls", "xlsx", "xlsx:Calc MS Excel 2007 XML", "libreoffice-calc-nogui"},
    {"ppt", "pptx", "pptx:Impress MS PowerPoint 2007 XML", "libreoffice-impress-nogui"},
};
constexpr const char* kConverters[] = {"/usr/bin/soffice", "/usr/lib/libreoffice/program/soffice"};

const Route* route_from(std::string_view format) {
  for (const Route& route : kRoutes) {
    if (route.from == format) return &route;
  }
  return nullptr;
}

ConversionHook& conversion_hook() {
  static ConversionHook hook;
  return hook;
}

Status copy_file(int from, const std::string& to) {
  const int out = open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (out < 0) return fail_errno("cannot write the file to be converted");
  off_t offset = 0;
  struct stat info {};
  bool ok = fstat(from, &info) == 0;
  while (ok && offset < info.st_size) {
    ok = sendfile(out, from, &offset, static_cast<size_t>(info.st_size - offset)) > 0;
  }
  close(out);
  if (!ok) return fail_errno("cannot write the file to be converted");
  return {};
}

// LibreOffice leaves a socket in /tmp that it may not remove. Those of ours that nobody listens at
// are rubbish.
void remove_dead_sockets() {
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator("/tmp", ignored)) {
    const std::string path = entry.path().string();
    struct stat info {};
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.find("/OSL_PIPE_") == std::string::npos || path.size() >= sizeof address.sun_path)
      continue;
    if (lstat(path.c_str(), &info) != 0 || !S_ISSOCK(info.st_mode) || info.st_uid != geteuid())
      continue;
    std::memcpy(address.sun_path, path.c_str(), path.size());
    const int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const bool dead =
        connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 &&
        errno == ECONNREFUSED;
    if (probe >= 0) close(probe);
    if (dead) unlink(path.c_str());
  }
}

[[noreturn]] void run_converter(const Confinement& confinement, int parent,
                                std::vector<std::string>& arguments,
                                std::vector<std::string>& environment) {
  setpgid(0, 0);
  signal(SIGPIPE, SIG_DFL);
  signal(SIGINT, SIG_DFL);
  std::vector<char*> argv, envp;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  for (std::string& variable : environment) envp.push_back(variable.data());
  argv.push_back(nullptr);
  envp.push_back(nullptr);
  close(3);  // the reader process's socket is not for LibreOffice
  if (!confine(confinement, parent)) _exit(126);
  execve(argv[0], argv.data(), envp.data());
  _exit(127);
}

}  // namespace

void set_conversion_hook(ConversionHook hook) { conversion_hook() = std::move(hook); }

bool hand_over_for_conversion(const Source& source, std::string_view format) {
  if (!conversion_hook()) return false;
  conversion_hook()(source, format);
  return true;
}

std::string find_converter() {
  for (const char* path : kConverters) {
    if (access(path, X_OK) == 0) return path;
  }
  return "";
}

Error no_converter(std::string_view format) {
  const Route* route = route_from(format);
  return Error{ErrorCode::kUnsupported,
               "reading " + ascii_lower(format) +
                   " files needs LibreOffice, which is not installed; install the Debian package " +
                   std::string(route != nullptr ? route->package : "libreoffice-writer-nogui") +
                   " (libreoffice-writer-nogui, -calc-nogui and -impress-nogui for all of them)"};
}

Result<Document> read_legacy(const Source&, std::string_view format, Budget&) {
  return fail(no_converter(format));
}

Result<Conversion> Conversion::start(int file, std::string_view format, const ReadLimits& limits) {
  const Route* route = route_from(format);
  const std::string converter = find_converter();
  if (route == nullptr || converter.empty()) return fail(no_converter(format));
  const char* base = getenv("TMPDIR");
  std::string directory =
      std::string(base != nullptr && *base == '/' ? base : "/tmp") + "/sillok-convert-XXXXXX";
  if (mkdtemp(directory.data()) == nullptr) return fail_errno("cannot make a temporary directory");
  Conversion conversion(directory, directory + "/input." + std::string(route->to));
  const std::string input = directory + "/input." + std::string(format);
  SILLOK_TRY(copy_file(file, input));
  SILLOK_ASSIGN(const Confinement confinement, prepare_converter_confinement(limits, directory));
  std::vector<std::string> arguments = {
      converter,      "-env:UserInstallation=file://" + directory + "/profile",
      "--headless",   "--norestore",
      "--nologo",     "--nolockcheck",
      "--convert-to", std::string(route->filter),
      "--outdir",     directory,
      input};
  std::vector<std::string> environment = {"PATH=/usr/bin:/bin", "HOME=" + directory,
                                          "TMPDIR=" + directory, "LANG=C.UTF-8",
                                          "SAL_USE_VCLPLUGIN=svp"};
  const int parent = getpid();
  conversion.pid_ = fork();
  if (conversion.pid_ == 0) run_converter(confinement, parent, arguments, environment);
  if (confinement.landlock_fd >= 0) close(confinement.landlock_fd);
  if (conversion.pid_ < 0) return fail_errno("cannot start LibreOffice");
  setpgid(conversion.pid_, conversion.pid_);  // Also here: whoever comes first.
  return conversion;
}

Conversion::Conversion(Conversion&& other) noexcept
    : directory_(std::exchange(other.directory_, {})),
      output_(std::exchange(other.output_, {})),
      pid_(std::exchange(other.pid_, -1)) {}

Conversion::~Conversion() {
  if (pid_ > 0) kill(-pid_, SIGKILL);  // Its own children, if any are left.
  if (pid_ > 0) remove_dead_sockets();
  if (directory_.empty()) return;
  std::error_code ignored;
  fs::remove_all(directory_, ignored);
}

Result<int> Conversion::result(int status) {
  const int converted = open(output_.c_str(), O_RDONLY | O_CLOEXEC);
  if (converted >= 0) return converted;
  if (WIFSIGNALED(status)) {
    return fail(ErrorCode::kLimit, WTERMSIG(status) == SIGXCPU
                                       ? "LibreOffice needs too much processor time to convert it"
                                       : "LibreOffice crashed or was stopped while converting it");
  }
  return fail(ErrorCode::kInvalid,
              "LibreOffice cannot convert it: it is damaged, protected by a password, or the "
              "LibreOffice package for this format is not installed");
}

}  // namespace sillok::documents

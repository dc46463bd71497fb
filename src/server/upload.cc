#include "server/upload.h"

#include <fcntl.h>
#include <unistd.h>

#include "server/jobs.h"
#include "server/multipart.h"

namespace sillok::server {
namespace {

constexpr size_t kMaxFiles = 20'000;
constexpr size_t kMaxField = 4096;
constexpr size_t kMaxNameBytes = 200, kMaxPathBytes = 1024;

class UploadSink final : public BodySink {
 public:
  UploadSink(App& app, std::string boundary)
      : app_(app), parser_(std::move(boundary), {[this](const MultipartParser::Part& part) { return begin(part); },
                                                 [this](std::string_view bytes) { return data(bytes); }, [this] { return end(); }}) {
    job_.id = Jobs::new_id();
    job_.created = now_micros();
  }
  ~UploadSink() override { discard(); }

  Status write(std::string_view bytes) override {
    const Status written = parser_.write(bytes);
    if (!written) discard();
    return written;
  }

  // What was not acknowledged is gone before anybody is told so.
  void discard() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
    std::error_code ignored;
    if (!kept_) fs::remove_all(app_.jobs->folder(job_.id), ignored);
  }

  Status finish() override {
    SILLOK_TRY(parser_.finish());
    if (job_.files.empty()) return fail(ErrorCode::kInvalid, "the form has no part named 'file' with a file in it");
    return sync_directory(app_.jobs->folder(job_.id));
  }

  // Acknowledges: from here on the files are kept whatever happens.
  Result<std::string> keep(const std::string& person) {
    job_.person = person;
    SILLOK_TRY(app_.jobs->add_upload(job_));
    kept_ = true;
    return job_.id;
  }
  const Job& job() const { return job_; }
  uint64_t bytes() const { return bytes_; }

 private:
  Status begin(const MultipartParser::Part& part) {
    field_ = nullptr;
    if (!part.is_file) {
      if (part.name == "label") field_ = &job_.label;
      if (part.name == "record") field_ = &job_.record;
      if (field_ == nullptr) return fail(ErrorCode::kInvalid, "the form has a field '" + shorten(clean_utf8(part.name), 40) + "'; known are file, label and record");
      field_->clear();
      return {};
    }
    if (part.name != "file") return fail(ErrorCode::kInvalid, "files go in parts named 'file', not '" + shorten(clean_utf8(part.name), 40) + "'");
    if (job_.files.size() >= kMaxFiles) return fail(ErrorCode::kLimit, "an upload takes at most " + std::to_string(kMaxFiles) + " files");
    Job::File file;
    SILLOK_ASSIGN(file.name, upload_name(part.file_name));
    for (const auto& other : job_.files) {
      if (other.name == file.name) return fail(ErrorCode::kInvalid, "the form holds '" + shorten(file.name, 100) + "' twice");
    }
    file.stored = std::to_string(job_.files.size());
    const fs::path folder = app_.jobs->folder(job_.id);
    std::error_code error;
    fs::create_directories(folder, error);
    fd_ = ::open((folder / file.stored).c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd_ < 0) return fail_errno("cannot keep the upload");
    job_.files.push_back(std::move(file));
    return {};
  }
  Status data(std::string_view bytes) {
    bytes_ += bytes.size();
    if (field_ != nullptr) {
      if (field_->size() + bytes.size() > kMaxField) return fail(ErrorCode::kInvalid, "a field of the form is too long");
      *field_ += bytes;
      return {};
    }
    while (!bytes.empty()) {
      const ssize_t n = ::write(fd_, bytes.data(), bytes.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return fail_errno("cannot keep the upload");
      bytes.remove_prefix(static_cast<size_t>(n));
    }
    return {};
  }
  Status end() {
    if (fd_ < 0) return {};
    const bool synced = ::fdatasync(fd_) == 0;
    const int error = errno;
    ::close(fd_);
    fd_ = -1;
    errno = error;
    if (!synced) return fail_errno("cannot keep the upload");
    return {};
  }

  App& app_;
  MultipartParser parser_;
  Job job_;
  std::string* field_ = nullptr;  // of job_, being filled
  int fd_ = -1;
  uint64_t bytes_ = 0;
  bool kept_ = false;
};

}  // namespace

Result<std::string> upload_name(std::string_view sent) {
  std::string written = archive::key_from(sent);
  // A Windows path: browsers of old sent all of it.
  if (written.size() > 2 && written[1] == ':' && written.find('\\') != std::string::npos) written = written.substr(written.rfind('\\') + 1);
  std::string name;
  for (const std::string_view part : split(written, '/')) {
    if (part.empty() || part == ".") continue;
    if (part == ".." || part.size() > kMaxNameBytes) {
      return fail(ErrorCode::kInvalid, "'" + shorten(written, 60) + "' is no name for a file" + (part == ".." ? "" : ": more than 200 bytes"));
    }
    name += (name.empty() ? "" : "/") + std::string(part);
  }
  if (name.empty()) return fail(ErrorCode::kInvalid, "a file of the form has no name");
  if (name.size() > kMaxPathBytes) return fail(ErrorCode::kInvalid, "'" + shorten(written, 60) + "' is too long a path");
  return name;
}

Result<std::shared_ptr<BodySink>> make_upload_sink(App& app, const Request& request) {
  std::string boundary = multipart_boundary(request.header("content-type"));
  if (boundary.empty()) return fail(ErrorCode::kInvalid, "files are sent as multipart/form-data");
  return std::make_shared<UploadSink>(app, std::move(boundary));
}

Response upload(App& app, Request& request) {
  auto* sink = static_cast<UploadSink*>(request.sink.get());  // made by make_upload_sink for this route alone
  if (sink == nullptr) return error_response(Surface::kNative, 400, "invalid", "the body is empty; files are sent as multipart/form-data");
  const auto refuse = [&](const Error& error) {
    sink->discard();
    return error_response(Surface::kNative, error);
  };
  if (const Status whole = sink->finish(); !whole) return refuse(whole.error());
  const Job& job = sink->job();
  std::string label_text;
  if (!job.label.empty()) {
    const auto label = app.settings.lattice.parse(job.label);
    if (!label) return refuse(label.error());
    label_text = app.settings.lattice.text(*label);
  }
  if (!job.record.empty() && job.files.size() != 1) {
    return refuse({ErrorCode::kInvalid, "'record' can be given with a single file only"});
  }
  const size_t files = job.files.size();
  if (const auto kept = app.record(request.identity, "upload", job.id, label_text, {{"files", files}, {"bytes", sink->bytes()}}); !kept) {
    return refuse(kept.error());
  }
  const auto id = sink->keep(request.identity.person.name);
  if (!id) return refuse(id.error());
  ++app.metrics.uploads;
  app.metrics.upload_bytes += sink->bytes();
  return json_response({{"job", *id}}, 202);
}

}  // namespace sillok::server

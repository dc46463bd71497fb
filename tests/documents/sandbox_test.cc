#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <map>
#include <thread>

#include "../../src/documents/confine.h"
#include "../../src/documents/wire.h"
#include "reading.h"
#include "zip_writer.h"

namespace sillok::documents {
namespace {

// Runs `act` in a confined child and gives its wait status; act's result is the exit status.
template <typename Act>
int confined(const ReadLimits& limits, Act act) {
  auto confinement = prepare_confinement(limits);
  EXPECT_TRUE(confinement);
  const int parent = getpid();
  const pid_t child = fork();
  if (child == 0) {
    if (!confine(*confinement, parent)) _exit(99);
    _exit(act());
  }
  int status = 0;
  waitpid(child, &status, 0);
  if (confinement->landlock_fd >= 0) close(confinement->landlock_fd);
  return status;
}

TEST(Confine, LetsOrdinaryWorkThrough) {
  EXPECT_EQ(confined({}, [] { return std::string(1000, 'x').size() == 1000 ? 0 : 1; }), 0);
}

TEST(Confine, RefusesSockets) {
  EXPECT_EQ(
      confined({}, [] { return socket(AF_INET, SOCK_STREAM, 0) < 0 && errno == EPERM ? 0 : 1; }),
      0);
  EXPECT_EQ(confined({}, [] { return socket(AF_UNIX, SOCK_STREAM, 0) < 0 ? 0 : 1; }), 0);
}

TEST(Confine, RefusesToWriteFiles) {
  const TemporaryFile file("a", "content");
  EXPECT_EQ(confined({}, [&] { return open(file.path().c_str(), O_WRONLY) < 0 ? 0 : 1; }), 0);
  EXPECT_EQ(confined({},
                     [&] {
                       return open((file.path().string() + "2").c_str(), O_CREAT | O_RDWR, 0600) < 0
                                  ? 0
                                  : 1;
                     }),
            0);
  EXPECT_EQ(confined({}, [&] { return unlink(file.path().c_str()) < 0 ? 0 : 1; }), 0);
  EXPECT_EQ(confined({}, [&] { return open(file.path().c_str(), O_RDONLY | O_TRUNC) < 0 ? 0 : 1; }),
            0);
}

TEST(Confine, RefusesToWriteToOtherDescriptors) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const int high = fcntl(ends[1], F_DUPFD, kOutputFd + 20);
  EXPECT_EQ(confined({}, [&] { return write(high, "x", 1) < 0 ? 0 : 1; }), 0);
  for (const int fd : {ends[0], ends[1], high}) close(fd);
}

TEST(Confine, RefusesProcessesAndExecutableMemory) {
  EXPECT_EQ(confined({}, [] { return fork() < 0 ? 0 : 1; }), 0);
  EXPECT_EQ(confined({}, [] { return execl("/bin/true", "true", nullptr) < 0 ? 0 : 1; }), 0);
  EXPECT_EQ(confined({},
                     [] {
                       return mmap(nullptr, 4096, PROT_READ | PROT_EXEC,
                                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED
                                  ? 0
                                  : 1;
                     }),
            0);
  const int status = confined({}, [] { return kill(getppid(), 0); });
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), SIGSYS);
}

TEST(Confine, ReadsOnlySystemFilesWhereLandlockIsThere) {
  const TemporaryFile file("secret", "content");
  auto probe = prepare_confinement({});
  ASSERT_TRUE(probe);
  if (probe->landlock_fd < 0) GTEST_SKIP() << "this kernel has no Landlock";
  close(probe->landlock_fd);
  EXPECT_EQ(confined({}, [&] { return open(file.path().c_str(), O_RDONLY) < 0 ? 0 : 1; }), 0);
  EXPECT_EQ(confined({}, [] { return open("/usr/share", O_RDONLY | O_DIRECTORY) >= 0 ? 0 : 1; }),
            0);
}

TEST(Confine, StopsALoop) {
  ReadLimits limits;
  limits.cpu_seconds = 1;
  const int status = confined(limits, [] {
    for (volatile bool forever = true; forever;) {
    }
    return 0;
  });
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), SIGXCPU);
}

TEST(Confine, BoundsMemory) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "sanitizers need the address space";
#endif
  ReadLimits limits;
  limits.memory_bytes = 64 << 20;
  EXPECT_EQ(confined(limits,
                     [] {
                       void* map = mmap(nullptr, 128 << 20, PROT_READ | PROT_WRITE,
                                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                       return map == MAP_FAILED ? 0 : 1;
                     }),
            0);
}

// ---------------------------------------------------------------------------------------------

TEST(ReaderProcess, ReadsFilesOneAfterTheOther) {
  auto reader = ReaderProcess::start();
  ASSERT_TRUE(reader);
  const TemporaryFile file("note.txt", "첫 문단\n\n둘째 문단\n");
  for (int i = 0; i < 20; ++i) {
    std::vector<Item> items;
    ASSERT_TRUE(reader->read(file.path(), [&](Item&& item) { items.push_back(std::move(item)); }));
    ASSERT_EQ(items.size(), 1u);
    ASSERT_TRUE(items[0].document);
    EXPECT_EQ(items[0].document->blocks.size(), 2u);
  }
}

// A mail with an attachment in a ZIP in a ZIP, beside members of the same name and a file of records.
TEST(ReaderProcess, TakesOutOnePartOfAContainer) {
  const std::string mail =
      "From: a@example.org\nSubject: A\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: text/plain\n\nhello\n"
      "--x\nContent-Type: application/octet-stream; name=\"plan.bin\"\nContent-Transfer-Encoding: base64\n\nJVBERi0xLjQAAQI=\n"
      "--x\nContent-Type: message/rfc822\n\nSubject: Inner\nFrom: b@example.org\n\nwithin\n--x--\n";
  testing::ZipWriter inner, outer;
  inner.add("mail.eml", mail).add("twice.txt", "first one").add("twice.txt", "second one");
  outer.add("folder/inner.zip", inner.finish()).add("records.jsonl", "{\"id\":\"1\",\"text\":\"a\"}\n{\"id\":\"2\",\"text\":\"b\"}\n").add("a.txt", "plain");
  const TemporaryFile file("outer.zip", outer.finish());
  auto reader = ReaderProcess::start();
  ASSERT_TRUE(reader);
  const auto part = [&](const std::string& name) { return reader->extract(file.path(), "outer.zip", name); };
  EXPECT_EQ(part("a.txt").value_or(""), "plain");
  EXPECT_EQ(part("folder/inner.zip/mail.eml").value_or(""), mail);
  EXPECT_EQ(part("folder/inner.zip/mail.eml/plan.bin").value_or(""), std::string("%PDF-1.4\0\1\2", 11));
  EXPECT_NE(part("folder/inner.zip/mail.eml/Inner").value_or("").find("within"), std::string::npos);
  for (const char* none : {"b.txt", "folder", "records.jsonl/1", "folder/inner.zip/mail.eml/plan"}) {
    const auto missing = part(none);
    ASSERT_FALSE(missing) << none;
    EXPECT_EQ(missing.error().code, ErrorCode::kNotFound) << none << ": " << missing.error().message;
  }
  EXPECT_FALSE(part(""));
  // And reads on as before.
  std::map<std::string, std::string> texts;
  EXPECT_TRUE(reader->read(file.path(), [&](Item&& item) { texts[item.part] = item.document ? std::string(trim(to_text(*item.document))) : ""; }));
  EXPECT_GE(texts.size(), 6U);
  // Of two members with one name that is taken out which is read.
  EXPECT_EQ(part("folder/inner.zip/twice.txt").value_or("none"), texts["folder/inner.zip/twice.txt"]);
  const std::string large(9u << 20, 'z');
  testing::ZipWriter big;
  big.add("large.txt", large);
  const TemporaryFile heavy("big.zip", big.finish());
  EXPECT_EQ(reader->extract(heavy.path(), "big.zip", "large.txt").value_or(""), large) << "in several pieces";
}

TEST(ReaderProcess, ExplainsWhatItDoesNotRead) {
  auto reader = ReaderProcess::start();
  ASSERT_TRUE(reader);
  const auto code = [&](const fs::path& path) {
    const Status status = reader->read(path, [](Item&&) {});
    return status ? std::string("read") : std::string(to_string(status.error().code));
  };
  EXPECT_EQ(code("/nonexistent"), to_string(ErrorCode::kNotFound));
  EXPECT_EQ(code("/tmp"), to_string(ErrorCode::kInvalid));
  const TemporaryFile program("a.docx", std::string("\x7F"
                                                    "ELF\2\1\1",
                                                    7) +
                                            std::string(100, '\0'));
  EXPECT_EQ(code(program.path()), to_string(ErrorCode::kUnsupported));
  const TemporaryFile empty("a.txt", "");
  EXPECT_EQ(code(empty.path()), to_string(ErrorCode::kInvalid));
}

TEST(ReaderProcess, ANeedForMemoryCostsThatFileAlone) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "sanitizers need the address space";
#endif
  ReadLimits limits;
  limits.memory_bytes = 96 << 20;
  auto reader = ReaderProcess::start(limits);
  ASSERT_TRUE(reader);
  const TemporaryFile large("large.txt", std::string(60 << 20, 'a')), small("small.txt", "a");
  const Status status = reader->read(large.path(), [](Item&&) {});
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kLimit) << status.error().message;
  const Status after = reader->read(small.path(), [](Item&&) {});
  EXPECT_TRUE(after) << after.error().message;
}

TEST(ReaderProcess, ATooLongReadIsEnded) {
  ReadLimits limits;
  limits.wall_seconds = 0;  // Nothing is that fast.
  auto reader = ReaderProcess::start(limits);
  ASSERT_TRUE(reader);
  const TemporaryFile file("a.txt", "text");
  const Status status = reader->read(file.path(), [](Item&&) {});
  ASSERT_FALSE(status);
  EXPECT_NE(status.error().message.find("longer than"), std::string::npos)
      << status.error().message;
}

TEST(ReaderProcess, NamesOfPartsAreText) {
  auto reader = ReaderProcess::start();
  ASSERT_TRUE(reader);
  const TemporaryFile file("a.eml",
                           "From: a@b\nTo: c@d\nSubject: x\nMIME-Version: 1.0\n"
                           "Content-Type: multipart/mixed; boundary=q\n\n"
                           "--q\nContent-Type: text/plain\n\nbody\n"
                           "--q\nContent-Type: te\xFFxt/plain\nContent-Disposition: attachment\n\ninside\n--q--\n");
  std::vector<Item> items;
  ASSERT_TRUE(reader->read(file.path(), [&](Item&& item) { items.push_back(std::move(item)); }));
  ASSERT_EQ(items.size(), 2u);
  EXPECT_FALSE(items[1].part.empty());
  for (const Item& item : items) EXPECT_EQ(item.part, clean_utf8(item.part));
}

TEST(ReaderProcess, RecoversWhenItsProcessIsLost) {
  auto reader = ReaderProcess::start();
  ASSERT_TRUE(reader);
  const TemporaryFile file("a.txt", "text");
  ASSERT_TRUE(reader->read(file.path(), [](Item&&) {}));
  // Kill this process's only child: the reader process.
  const std::string children = "/proc/self/task/" + std::to_string(gettid()) + "/children";
  std::ifstream list(children);
  pid_t child = 0;
  if (!(list >> child)) GTEST_SKIP() << "the kernel does not list children";
  kill(child, SIGKILL);
  (void)reader->read(file.path(), [](Item&&) {});
  EXPECT_TRUE(reader->read(file.path(), [](Item&&) {}));
}

TEST(ReaderProcess, StreamsManyRecordsThroughASlowSink) {
  std::string lines;
  for (int i = 0; i < 3000; ++i)
    lines += "{\"id\":" + std::to_string(i) + ",\"text\":\"" + std::string(300, 'x') + "\"}\n";
  const TemporaryFile file("a.jsonl", lines);
  ReadLimits limits;
  limits.wall_seconds = 5;
  auto reader = ReaderProcess::start(limits);
  ASSERT_TRUE(reader);
  int count = 0;
  ASSERT_TRUE(reader->read(file.path(), [&](Item&& item) {
    EXPECT_EQ(item.part, std::to_string(count));
    if (++count % 1000 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }));
  EXPECT_EQ(count, 3000);
}

TEST(Wire, RefusesNonsense) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const std::string bytes("\xFF\xFF\xFF\xFF\1", 5);
  ASSERT_EQ(write(ends[1], bytes.data(), bytes.size()), 5);
  FrameSplitter splitter;
  ASSERT_EQ(splitter.fill(ends[0]), 5);
  EXPECT_FALSE(splitter.next());
  close(ends[0]);
  close(ends[1]);
}

}  // namespace
}  // namespace sillok::documents

// Files that are written whole or not at all.
#include "files.hpp"
#include <eigenformer/hub/write_safetensors.hpp>

#include <csignal>

#include <sys/resource.h>

namespace hub_write_file {

namespace ef = eigenformer;
using files::refusal;
using files::TemporaryFolder;

namespace {

bool no_rest(const std::string& path) { return !std::filesystem::exists(path + ".part"); }

/// For its life no file of this process may grow beyond so many bytes: what a full disk does, without one.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    REQUIRE(setrlimit(RLIMIT_FSIZE, &limit) == 0);
  }
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  void (*handler_)(int);
  rlimit before_{};
};

}  // namespace

TEST_CASE("a file has its name only when all of it is there") {
  const TemporaryFolder folder;
  const std::string path = folder.write("x", "before");
  {
    ef::FileWriter writer(path);
    writer.write("half of ");
    CHECK(files::read(path) == "before");
    writer.write("it");
    CHECK(writer.size() == 10);
    writer.commit();
    CHECK(files::read(path) == "half of it");
  }
  CHECK(no_rest(path));
  ef::write_file(path, "text");
  CHECK(files::read(path) == "text");
}

TEST_CASE("a writer that is given up leaves the old file, and nothing beside it") {
  const TemporaryFolder folder;
  const std::string path = folder.write("x", "before");
  { ef::FileWriter(path).write("half"); }
  CHECK(files::read(path) == "before");
  CHECK(no_rest(path));
  CHECK_THROWS_AS(ef::write_file(path,
                                 [](ef::FileWriter& out) {
                                   out.write("half");
                                   throw 1;
                                 }),
                  int);
  CHECK(files::read(path) == "before");
  CHECK(no_rest(path));
}

TEST_CASE("a full disk is told with the path and the system's reason, and the old file stays") {
  const TemporaryFolder folder;
  const std::string path = folder.write("x", "before");
  if (!std::filesystem::exists("/dev/full")) return;
  for (const std::size_t size : {std::size_t{5}, std::size_t{1} << 20}) {  // found by commit, and by write
    std::filesystem::create_symlink("/dev/full", path + ".part");
    CHECK(refusal([&] { ef::write_file(path, std::string(size, 'x')); }) ==
          path + ": cannot write: No space left on device");
    CHECK(files::read(path) == "before");
    CHECK(no_rest(path));
  }
  CHECK(std::filesystem::exists("/dev/full"));
}

TEST_CASE("a file that outgrows a limit of the process is told so, whether it is text or tensors") {
  const TemporaryFolder folder;
  const std::string path = folder.write("x", "before");
  const std::vector<float> numbers(100'000, 1.0f);
  const ef::TensorView tensor{"a", ef::ElementType::f32, {100'000}, std::as_bytes(std::span(numbers)), "",
                              {}};
  std::string text, tensors;
  {
    const FileSizeLimit limit(300'000);
    text = refusal([&] { ef::write_file(path, std::string(400'000, 'x')); });
    tensors = refusal([&] { ef::write_safetensors(path, std::vector{tensor}); });
  }
  CHECK(text == path + ": cannot write: File too large");
  CHECK(tensors == path + ": cannot write: File too large");
  CHECK(files::read(path) == "before");
  CHECK(no_rest(path));
}

TEST_CASE("a folder that is not there, a folder's own name and a device are refused") {
  const TemporaryFolder folder;
  CHECK(refusal([&] { ef::write_file(folder.file("absent/x"), "text"); }) ==
        folder.file("absent/x") + ": cannot write: No such file or directory");
  CHECK(refusal([&] { ef::write_file(folder.path(), "text"); }) ==
        folder.path() + ": cannot write: is not a regular file");
  CHECK(no_rest(folder.path()));
  CHECK(refusal([&] { ef::write_file("/dev/null", "text"); }) ==
        "/dev/null: cannot write: is not a regular file");
}

TEST_CASE("folders are made with those above them, and a file in their place is an error") {
  const TemporaryFolder folder;
  ef::create_folder(folder.file("a/b/c"));
  ef::create_folder(folder.file("a/b/c/"));
  CHECK(std::filesystem::is_directory(folder.file("a/b/c")));
  folder.write("file", "");
  CHECK(refusal([&] { ef::create_folder(folder.file("file/inside")); }) ==
        folder.file("file/inside") + ": cannot create: Not a directory");
}

TEST_CASE("a tensor that is made while it is written must have as many bytes as its shape") {
  const TemporaryFolder folder;
  const std::string path = folder.write("x", "before");
  const auto stream = [](std::size_t bytes) {
    return std::vector<ef::TensorStream>{{"state", ef::ElementType::i64, {2, 3}, [=](ef::FileWriter& out) {
                                            for (std::size_t i = 0; i < bytes; ++i) out.write("\1");
                                          }}};
  };
  CHECK(refusal([&] { ef::write_safetensors(path, stream(47)); }) ==
        path + ": tensor \"state\": [2, 3] of I64 does not take 47 bytes");
  CHECK(files::read(path) == "before");
  ef::write_safetensors(path, stream(48), {{"step", "7"}});
  const ef::SafeTensors read(path);
  CHECK(read.metadata().at("step") == "7");
  CHECK(read.at("state").element<std::int64_t>(5) == 0x0101010101010101);
}

}  // namespace hub_write_file

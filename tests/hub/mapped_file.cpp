#include "hub/files.hpp"
#include <eigenformer/hub/mapped_file.hpp>

#include <doctest/doctest.h>

#if !defined(_WIN32)
#include <sys/stat.h>
#endif

namespace hub_mapped_file {

namespace ef = eigenformer;

namespace {
std::string text_of(const ef::MappedFile& file) {
  const auto bytes = file.bytes();
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
}  // namespace

TEST_CASE("a mapped file has the bytes of the file, be they none, one, or more than a page") {
  const files::TemporaryFolder folder;
  for (const std::size_t size : {0u, 1u, 4095u, 4096u, 4097u, 100'000u}) {
    std::string content(size, '\0');
    for (std::size_t i = 0; i < size; ++i) content[i] = static_cast<char>(i * 31 % 251);
    CHECK(text_of(ef::MappedFile(folder.write("content", content))) == content);
  }
}

TEST_CASE("moving a mapped file moves its bytes, and the mapping outlives the file's name") {
  const files::TemporaryFolder folder;
  ef::MappedFile first(folder.write("first", "one"));
  std::filesystem::remove(folder.file("first"));
  const std::byte* const where = first.bytes().data();
  ef::MappedFile second(std::move(first));
  CHECK(second.bytes().data() == where);
  CHECK(first.bytes().empty());
  ef::MappedFile third(folder.write("third", "three"));
  third = std::move(second);
  CHECK(text_of(third) == "one");
}

TEST_CASE("what cannot be mapped is refused with its name and the reason, and nothing waits") {
  const files::TemporaryFolder folder;
  const auto refusal = [&](const std::string& name) {
    return files::refusal([&] { ef::MappedFile{folder.file(name)}; });
  };
  CHECK(refusal("absent") == folder.file("absent") + ": cannot open: No such file or directory");
  std::filesystem::create_directory(folder.file("folder"));
  CHECK(refusal("folder") == folder.file("folder") + ": is not a regular file");
#if !defined(_WIN32)
  REQUIRE(mkfifo(folder.file("pipe").c_str(), 0600) == 0);
  CHECK(refusal("pipe") == folder.file("pipe") + ": is not a regular file");
#endif
}

}  // namespace hub_mapped_file

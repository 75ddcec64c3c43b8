#include <eigenformer/core/error.hpp>

#include <limits>

#include <doctest/doctest.h>

namespace core_error {

namespace ef = eigenformer;

TEST_CASE("messages are put together from texts and numbers, which read back as themselves") {
  CHECK(ef::concat("row ", 3, " of ", std::size_t{10}, '.') == "row 3 of 10.");
  CHECK(ef::concat(0.1, ' ', 0.1f, ' ', -2.5e-300) == "0.1 0.1 -2.5e-300");
  CHECK(ef::concat((std::numeric_limits<ef::Index>::min)()) == "-9223372036854775808");
  CHECK(ef::concat(std::string("a"), std::string_view("b")) == "ab");
  CHECK(std::stod(ef::concat(1.0 / 3)) == 1.0 / 3);
  CHECK(ef::concat() == "");
}

TEST_CASE("each exception says its sentence and keeps its parts") {
  const ef::FileError file("model.safetensors", "ends early");
  CHECK(std::string(file.what()) == "model.safetensors: ends early");
  CHECK(file.path == "model.safetensors");
  const ef::ConfigError config("d_model", "must be at least 1, is 0");
  CHECK(std::string(config.what()) == "d_model: must be at least 1, is 0");
  CHECK(config.field == "d_model");
  const ef::ShapeError shape("wte", {2, 3}, {}, "a.bin");
  CHECK(std::string(shape.what()) == "wte: expected [2, 3], found [] in a.bin");
  CHECK(shape.expected == std::vector<ef::Index>{2, 3});
  CHECK(std::string(ef::ShapeError("b", {1}, {2}, "").what()) == "b: expected [1], found [2]");
  const ef::WindowError window(8, 9, "9 exceed 8");
  CHECK(window.window == 8);
  CHECK(window.asked == 9);
}

TEST_CASE("what fail throws is caught as its type and as the base of all") {
  CHECK_THROWS_AS(ef::fail(ef::InputError("no tokens")), ef::InputError);
  CHECK_THROWS_AS(ef::fail(ef::WindowError(1, 2, "too long")), ef::Error);
  CHECK_THROWS_WITH_AS(ef::fail(ef::FileError("f", "gone")), "f: gone", std::runtime_error);
}

TEST_CASE("a text from a file is made fit for a message") {
  CHECK(ef::printable("plain ~ text") == "plain ~ text");
  CHECK(ef::printable("a\x1b[2J\n\xff\x7f\0b") == "a?[2J???");  // a C string ends at its zero
  CHECK(ef::printable(std::string_view("a\0b", 3)) == "a?b");
  CHECK(ef::printable(std::string(100, 'x'), 5) == "xxxxx...");
  CHECK(ef::printable("12345", 5) == "12345");
}

}  // namespace core_error

// Files that lie: each must be refused with the sentence that says where, and nothing else may happen.
#include "hub/files.hpp"
#include <eigenformer/core/random.hpp>
#include <eigenformer/hub/safetensors.hpp>

#include <doctest/doctest.h>

namespace hub_hostile_safetensors {

namespace ef = eigenformer;

namespace {

std::string refusal(const std::string& content) {
  return files::refusal([&] { ef::SafeTensors(files::bytes_of(content), "x"); });
}

/// A file with one tensor "a" of these fields, and 24 bytes of data.
std::string entry(const std::string& type, const std::string& shape, const std::string& offsets) {
  return files::safetensors(
      R"({"a":{"dtype":)" + type + R"(,"shape":)" + shape + R"(,"data_offsets":)" + offsets + "}}", 24);
}

/// Two tensors "a" and "b" of bytes, at these places, and `size` bytes of data.
std::string pair(int begin_a, int end_a, int begin_b, int end_b, std::size_t size) {
  const auto one = [](const std::string& name, int begin, int end) {
    return "\"" + name + R"(":{"dtype":"U8","shape":[)" + std::to_string(end - begin) +
           R"(],"data_offsets":[)" + std::to_string(begin) + "," + std::to_string(end) + "]}";
  };
  return files::safetensors("{" + one("a", begin_a, end_a) + "," + one("b", begin_b, end_b) + "}", size);
}

std::string with_length(std::uint64_t length, std::string content) {
  std::memcpy(content.data(), &length, sizeof length);
  return content;
}

const std::string good = entry(R"("F32")", "[2,3]", "[0,24]");

}  // namespace

TEST_CASE("the files that the bad ones are made from are good") {
  CHECK(refusal(good) == "");
  CHECK(refusal(files::safetensors("{}", 0)) == "");
  CHECK(refusal(files::safetensors("{}      ", 0)) == "");
  CHECK(refusal(pair(0, 8, 8, 24, 24)) == "");
  CHECK(refusal(pair(8, 24, 0, 8, 24)) == "");
  CHECK(refusal(pair(0, 24, 24, 24, 24)) == "");
  CHECK(refusal(files::safetensors(R"({"__metadata__":{"format":"pt"}})", 0)) == "");
}

TEST_CASE("a header that does not fit the file is refused with both sizes") {
  CHECK(refusal("") == "x: is 0 bytes long, too short for a safetensors file");
  CHECK(refusal("1234567") == "x: is 7 bytes long, too short for a safetensors file");
  CHECK(refusal(with_length(1, std::string(8, ' '))) == "x: says its header is 1 bytes long, the file has 8");
  CHECK(refusal(with_length(~std::uint64_t{0}, good)) ==
        "x: says its header is 18446744073709551615 bytes long, the file has " + std::to_string(good.size()));
  CHECK(refusal(with_length(good.size() - 7, good)) ==
        "x: says its header is " + std::to_string(good.size() - 7) + " bytes long, the file has " +
            std::to_string(good.size()));
  CHECK(refusal("garbage that is no safetensors file at all")
            .starts_with("x: says its header is 2334385649822622055 bytes long"));
  std::string large = files::safetensors("{" + std::string(99'999'999, ' ') + "}", 0);
  CHECK(refusal(large) == "x: says its header is 100000001 bytes long, the file has 100000009");
}

TEST_CASE("a header that is not a JSON object of tensors is refused") {
  const auto header = [](const std::string& text) { return refusal(files::safetensors(text, 0)); };
  CHECK(header("") == "x: its header does not begin with {");
  CHECK(header("[]") == "x: its header does not begin with {");
  CHECK(header(" {}") == "x: its header does not begin with {");
  CHECK(header("{").starts_with("x: is not valid JSON at byte 2"));
  CHECK(header("{} {}").starts_with("x: is not valid JSON at byte 4"));
  CHECK(header(std::string("{\"\xff\": 1}")).starts_with("x: is not valid JSON at byte 3"));
  CHECK(header(std::string("{}\0 rest", 8)) == "x: is not valid JSON at byte 3: a zero byte");
  CHECK(header("{\"a\":" + std::string(1'000'000, '[') + "}") == "x: is nested deeper than 64 levels");
  CHECK(header(R"({"a":1,"a":2})") == "x: the key \"a\" stands twice in one object");
  CHECK(header(R"({"a":3})") ==
        "x: tensor \"a\": dtype, shape and data_offsets were expected, no more and no less, found 3");
  CHECK(header(R"({"a":{"dtype":"F32","shape":[0]}})") ==
        "x: tensor \"a\": dtype, shape and data_offsets were expected, no more and no less, found "
        "{\"dtype\":\"F32\",\"shape\":[0]}");
  CHECK(
      header(R"({"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0],"stride":1}})")
          .starts_with("x: tensor \"a\": dtype, shape and data_offsets were expected, no more and no less"));
  CHECK(header(R"({"__metadata__":[]})") == "x: its __metadata__ is not an object of strings: []");
  CHECK(header(R"({"__metadata__":{"a":1}})") == "x: its metadata \"a\" is not a string: 1");
}

TEST_CASE("types, shapes and offsets that cannot be are refused with their values") {
  const auto type = [](const std::string& text) { return refusal(entry(text, "[2,3]", "[0,24]")); };
  CHECK(type("\"F31\"") == "x: tensor \"a\": unknown dtype \"F31\"");
  CHECK(type("\"f32\"") == "x: tensor \"a\": unknown dtype \"f32\"");
  CHECK(type("\"\"") == "x: tensor \"a\": unknown dtype \"\"");
  CHECK(type("32") == "x: tensor \"a\": unknown dtype 32");

  const auto shape = [](const std::string& text) { return refusal(entry("\"F32\"", text, "[0,24]")); };
  const std::string not_sizes = "x: tensor \"a\": its shape is not a list of sizes: ";
  CHECK(shape("6") == not_sizes + "6");
  CHECK(shape("{}") == not_sizes + "{}");
  CHECK(shape("[2,-3]") == not_sizes + "[2,-3]");
  CHECK(shape("[-2,-3]") == not_sizes + "[-2,-3]");
  CHECK(shape("[2,3.0]") == not_sizes + "[2,3.0]");
  CHECK(shape("[2,\"3\"]") == not_sizes + "[2,\"3\"]");
  CHECK(shape("[18446744073709551615]") == not_sizes + "[18446744073709551615]");
  CHECK(shape("[9223372036854775808]") == not_sizes + "[9223372036854775808]");
  const std::string overflows = "x: tensor \"a\": its shape overflows: ";
  CHECK(shape("[9223372036854775807]") == overflows + "[9223372036854775807]");
  CHECK(shape("[4294967296,4294967296]") == overflows + "[4294967296,4294967296]");
  CHECK(shape("[4611686018427387904,4,6]") == overflows + "[4611686018427387904,4,6]");
  CHECK(shape("[4294967296,4294967296,0]") == overflows + "[4294967296,4294967296,0]");
  CHECK(shape("[2,2]") == "x: tensor \"a\": its shape [2,2] of F32 takes 16 bytes, its data_offsets span 24");
  CHECK(shape("[1000000000]") ==
        "x: tensor \"a\": its shape [1000000000] of F32 takes 4000000000 bytes, its data_offsets span 24");
  CHECK(shape("[0]") == "x: tensor \"a\": its shape [0] of F32 takes 0 bytes, its data_offsets span 24");

  const auto offsets = [](const std::string& text) { return refusal(entry("\"F32\"", "[2,3]", text)); };
  const std::string not_positions = "x: tensor \"a\": its data_offsets are not two positions: ";
  CHECK(offsets("24") == not_positions + "24");
  CHECK(offsets("[24]") == not_positions + "[24]");
  CHECK(offsets("[0,12,24]") == not_positions + "[0,12,24]");
  CHECK(offsets("[-24,0]") == not_positions + "[-24,0]");
  CHECK(offsets("[0,24.0]") == not_positions + "[0,24.0]");
  CHECK(offsets("[0,18446744073709551615]") == not_positions + "[0,18446744073709551615]");
  const auto outside = [](const std::string& range) {
    return "x: tensor \"a\": its data_offsets " + range + " lie outside the 24 bytes of data";
  };
  CHECK(offsets("[24,0]") == outside("[24, 0]"));
  CHECK(offsets("[0,25]") == outside("[0, 25]"));
  CHECK(offsets("[9223372036854775783,9223372036854775807]") ==
        outside("[9223372036854775783, 9223372036854775807]"));
  CHECK(offsets("[0,20]") ==
        "x: tensor \"a\": its shape [2,3] of F32 takes 24 bytes, its data_offsets span 20");
}

TEST_CASE("tensors that overlap or leave bytes uncovered are refused") {
  CHECK(refusal(pair(0, 8, 4, 24, 24)) == "x: tensor \"b\": its data overlap those of another tensor");
  CHECK(refusal(pair(0, 24, 0, 24, 24)) == "x: tensor \"b\": its data overlap those of another tensor");
  CHECK(refusal(pair(0, 24, 8, 8, 24)) == "x: tensor \"b\": its data overlap those of another tensor");
  CHECK(refusal(pair(0, 8, 10, 24, 24)) == "x: bytes 8 to 10 of the data belong to no tensor");
  CHECK(refusal(pair(2, 8, 8, 24, 24)) == "x: bytes 0 to 2 of the data belong to no tensor");
  CHECK(refusal(pair(0, 8, 8, 16, 24)) == "x: bytes 16 to 24 of the data belong to no tensor");
  CHECK(refusal(files::safetensors("{}", 1)) == "x: bytes 0 to 1 of the data belong to no tensor");
}

TEST_CASE("what a file says reaches a message cut short and without control characters") {
  const std::string name = "\\u001b[31m" + std::string(100'000, 'n');
  const std::string message =
      refusal(files::safetensors("{\"" + name + "\":{\"dtype\":\"\\u0007" + std::string(100'000, 'd') +
                                     "\",\"shape\":[],\"data_offsets\":[0,0]}}",
                                 0));
  CHECK(message.starts_with("x: tensor \"?[31mnnn"));
  CHECK(message.size() < 250);
  CHECK(std::all_of(message.begin(), message.end(), [](char c) { return c >= ' ' && c <= '~'; }));
}

TEST_CASE("a good file cut off anywhere is refused") {
  const std::string file = files::read(EIGENFORMER_TEST_DATA "/rope/rope.safetensors");
  REQUIRE(refusal(file) == "");
  int accepted = 0;
  for (std::size_t size = 0; size < file.size(); ++size) {
    const std::vector<char> cut(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(size));
    const std::string message =
        files::refusal([&] { ef::SafeTensors(std::as_bytes(std::span<const char>(cut)), "x"); });
    accepted += message.empty();
  }
  CHECK(accepted == 0);
}

TEST_CASE("a header with flipped bytes is refused or read, and never anything else") {
  const std::string file = files::read(EIGENFORMER_TEST_DATA "/rope/rope.safetensors");
  const std::size_t header_end = file.size() - 6 * 64;
  const ef::Random random(ef::Seed{1});
  int refused = 0, read = 0;
  for (std::uint64_t round = 0; round < 20'000; ++round) {
    std::string bad = file;
    const std::uint64_t flips = 1 + random.below(3 * round, 3);
    for (std::uint64_t flip = 0; flip < flips; ++flip) {
      const ef::Random place(ef::Seed{2}, round);
      const std::size_t at = place.below(2 * flip, header_end);
      // Half of the changes stay within JSON's own characters, which reach deeper than noise.
      constexpr std::string_view likely = "0123456789-.eE[]{},:\"\\ntF";
      bad[at] = round % 2 ? static_cast<char>(place.below(2 * flip + 1, 256))
                          : likely[place.below(2 * flip + 1, likely.size())];
    }
    double sum = 0;
    const std::string message = files::refusal([&] {
      const ef::SafeTensors tensors(files::bytes_of(bad), "x");
      for (const auto& [name, tensor] : tensors.tensors()) {
        for (ef::Index i = 0; i < tensor.size(); ++i) sum += tensor.element<double>(i);
      }
    });
    (message.empty() ? read : refused) += 1;
  }
  CHECK(refused > 10'000);
  CHECK(read > 0);  // a letter of a name, a byte of the metadata
}

}  // namespace hub_hostile_safetensors

#include <eigenformer/text/normalizer.hpp>

#include <doctest/doctest.h>

namespace text_charsmap {

namespace ef = eigenformer;

namespace {

/// A map of two entries in the layout of SentencePiece: "A" and "AB", whose replacements are "x" and "y".
std::string small_map() {
  // The child of node n by byte c is n's offset xor c; a leaf's replacement is at its own offset.
  constexpr std::uint32_t leaf = 1u << 8, value = 0x80000000u;
  const auto offset = [](std::uint32_t distance) { return distance << 10; };
  std::vector<std::uint32_t> units(2048);
  units[0] = offset(256);
  const std::uint32_t a = 256 ^ 'A', below = a ^ 512, ab = below ^ 'B';
  units[a] = 'A' | leaf | offset(512);
  units[below] = value | 0;  // where the replacement of "A" begins
  units[ab] = 'B' | leaf | offset(1024);
  units[ab ^ 1024] = value | 2;
  std::string out;
  const auto append = [&](std::uint32_t number) {
    for (int shift = 0; shift < 32; shift += 8)
      out += static_cast<char>(static_cast<unsigned char>(number >> shift & 0xFF));
  };
  append(static_cast<std::uint32_t>(4 * units.size()));
  for (const std::uint32_t unit : units) append(unit);
  return out + std::string("x\0y\0", 4);
}

std::string normalized(const std::string& text) {
  ef::text::Normalizer normalizer(1);
  normalizer[0].kind = ef::text::NormalizerStep::Kind::charsmap;
  normalizer[0].map = ef::text::Charsmap(small_map(), "test");
  ef::text::AlignedText aligned(text, {0, static_cast<std::uint32_t>(text.size())}, true);
  ef::text::normalize(normalizer, aligned);
  return std::string(aligned.view());
}

}  // namespace

TEST_CASE("a character map replaces short clusters whole, by the shortest of its keys that they begin with") {
  CHECK(normalized("bAb") == "bxb");
  CHECK(normalized("AB") == "xB");      // two clusters
  CHECK(normalized("A\u0301") == "x");  // one of three bytes: the accent goes with it
  CHECK(normalized("A\u0301\u0301\u0301") == "x\u0301\u0301\u0301");  // seven bytes: character by character
  CHECK(normalized("é") == "é");
}

TEST_CASE("a character map whose sizes lie is refused, and one that points outside changes nothing") {
  CHECK_THROWS_AS(ef::text::Charsmap("", "test"), ef::ConfigError);
  CHECK_THROWS_AS(ef::text::Charsmap(std::string(3, '\1'), "test"), ef::ConfigError);
  CHECK_THROWS_AS(ef::text::Charsmap(small_map().substr(0, 100), "test"), ef::ConfigError);
  const std::string outside("\x04\0\0\0\xFF\xFF\xFF\x7F", 8);  // one unit, which sends every byte far away
  CHECK_FALSE(ef::text::Charsmap(outside, "test").find("A").has_value());
}

}  // namespace text_charsmap

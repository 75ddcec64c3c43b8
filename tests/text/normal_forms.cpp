#include <eigenformer/text/normal_forms.hpp>
#include <eigenformer/text/vocabulary.hpp>

#include <doctest/doctest.h>

namespace text_normal_forms {

namespace ef = eigenformer;
using ef::text::AlignedText;
using ef::text::Change;
namespace detail = ef::text::detail;

namespace {

ef::text::Span whole(const std::string& text) { return {0, static_cast<std::uint32_t>(text.size())}; }

bool is_surrogate(char32_t c) { return c >= 0xD800 && c < 0xE000; }

}  // namespace

TEST_CASE("settled characters are their own normal form, and none composes with what stands before it") {
  for (char32_t c = 1; c < 0x110000; ++c) {
    if (is_surrogate(c)) continue;
    std::string text;
    ef::text::append_utf8(text, c);
    for (const bool compatibility : {false, true}) {
      for (const bool composed : {false, true}) {
        const std::vector<Change> parts = detail::decompose(text, compatibility);
        if (composed && parts.size() > 1)  // what a canonical composition may join to a character before it
          for (std::size_t i = 1; i < parts.size(); ++i)
            if (ef::text::is_settled(parts[i].character, false, true)) {
              const bool joins = detail::composite(parts[i - 1].character, parts[i].character) != 0;
              CHECK_FALSE_MESSAGE(joins, static_cast<unsigned>(c));
            }
        if (!ef::text::is_settled(c, compatibility, composed)) continue;
        const std::vector<Change> form = composed ? detail::compose(parts) : parts;
        const bool same = form.size() == 1 && form[0].character == c && form[0].change == 0;
        CHECK_MESSAGE(same, static_cast<unsigned>(c));
        CHECK_MESSAGE(detail::combining_class(c) == 0, static_cast<unsigned>(c));
      }
    }
  }
}

TEST_CASE("normal forms worked on piece by piece are those of the whole text, origins included") {
  constexpr char32_t characters[] = {
      'a',   'e',    ' ',    '\n',   0xE9,   0xC5,    0x1E69,  0x301,  0x323,  0x307,  0x327,  0x345, 0x344,
      0xF73, 0xF81,  0x3B1,  0x391,  0x1FB3, 0x418,   0x306,   0x627,  0x653,  0x928,  0x93C,  0x958, 0x9C7,
      0x9BE, 0x1100, 0x1161, 0x11A8, 0xAC00, 0xAC01,  0x304B,  0x3099, 0x4E00, 0xFB01, 0x212B, 0xBD,  0xA0,
      0xE33, 0xE01,  0x5D0,  0x5BC,  0xFB2C, 0x1D15E, 0x2F800, 0xFDFA, 0xFF76, 0xFF9E, 0x1F600};
  std::uint64_t state = 5;
  const auto below = [&](std::size_t limit) { return (state = ef::text::mixed(state + 1)) % limit; };
  for (int i = 0; i < 4000; ++i) {
    std::string text;
    for (std::size_t length = below(20); length > 0; --length)
      ef::text::append_utf8(text, characters[below(std::size(characters))]);
    CAPTURE(text);
    for (const bool compatibility : {false, true}) {
      for (const bool composed : {false, true}) {
        AlignedText found(text, whole(text), true), expected(text, whole(text), true);
        ef::text::normal_form(found, compatibility, composed);
        AlignedText::Edit edit(expected);
        const std::vector<Change> parts = detail::decompose(text, compatibility);
        ef::text::transform(edit, text, 0, text.size(), composed ? detail::compose(parts) : parts);
        edit.commit();
        REQUIRE(found.view() == expected.view());
        for (std::size_t at = 0; at < found.view().size(); ++at)
          CHECK(found.origin(at) == expected.origin(at));
      }
    }
  }
}

}  // namespace text_normal_forms

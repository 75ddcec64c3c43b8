#include "golden.hpp"
#include <eigenformer/text/chat_template.hpp>
#include <eigenformer/text/jinja.hpp>
#include <eigenformer/text/template_value.hpp>

namespace text_jinja {

namespace ef = eigenformer;
namespace jinja = eigenformer::text::jinja;
using nlohmann::ordered_json;

namespace {

/// 2024-07-26 15:04:05, a Friday.
std::tm some_time() {
  std::tm out{};
  out.tm_year = 124, out.tm_mon = 6, out.tm_mday = 26;
  out.tm_hour = 15, out.tm_min = 4, out.tm_sec = 5;
  out.tm_wday = 5, out.tm_yday = 207;
  return out;
}

std::string render(const std::string& source, const ordered_json& variables = ordered_json::object(),
                   const jinja::Limits& limits = {}) {
  std::map<std::string, jinja::Value> values;
  for (const auto& [name, value] : variables.items())
    values.emplace(name, ef::text::detail::template_value(value));
  return jinja::Template(source, "t").render(std::move(values), some_time(), limits);
}

/// What is said of a template that cannot be rendered.
std::string refusal(const std::string& source, const ordered_json& variables = ordered_json::object(),
                    const jinja::Limits& limits = {}) {
  try {
    render(source, variables, limits);
  } catch (const ef::Error& error) {
    return error.what();
  }
  return "accepted";
}

std::string times(std::size_t count, const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) out += text;
  return out;
}

}  // namespace

TEST_CASE("every construct renders as jinja2 renders it, or is an error for both") {
  std::ifstream file(golden::data / "chat" / "expressions.json");
  const ordered_json table = ordered_json::parse(file);
  REQUIRE(table["cases"].size() > 400);
  for (const ordered_json& row : table["cases"]) {
    const auto source = row["source"].get<std::string>();
    CAPTURE(source);
    if (row["expected"].is_null()) {
      CHECK_THROWS_AS(render(source, table["variables"]), ef::Error);
      continue;
    }
    const auto expected = row["expected"].get<std::string>();
    std::string found;
    CHECK_NOTHROW(found = render(source, table["variables"]));
    CHECK(found == expected);
  }
}

TEST_CASE("what is not supported is refused by name and line") {
  CHECK(refusal("a\n{{ x | sort }}") == "t: line 2: the filter \"sort\" is not supported");
  CHECK(refusal("\n\n{% if x is unheard %}{% endif %}") ==
        "t: line 3: the test \"unheard\" is not supported");
  CHECK(refusal("{% include 'a' %}") == "t: line 1: the statement {% include %} is not supported here");
  CHECK(refusal("{{ 'a'.encode() }}") == "t: line 1: the method \"encode\" of a str is not supported");
  CHECK(refusal("{{ [].append(1) }}") == "t: line 1: the method \"append\" of a list is not supported");
  CHECK(refusal("{{ ''.__class__ }}") == "t: line 1: the method \"__class__\" of a str is not supported");
  CHECK(refusal("{{ cycler(1) }}") == "t: line 1: the function cycler is not supported");
  CHECK(refusal("{{ '%s' % 1 }}") == "t: line 1: a str % a int is not supported");
  CHECK(refusal("{% for x in [1] recursive %}{% endfor %}") ==
        "t: line 1: a recursive loop is not supported");
  CHECK(refusal("{% for x in [1] %}{{ loop.changed }}{% endfor %}") ==
        "t: line 1: loop.changed is not supported");
  CHECK(refusal("{{ f(*x) }}") == "t: line 1: * before an argument is not supported");
  CHECK(refusal("{{ ('<' | safe) + 'a' }}") ==
        "t: line 1: what `| safe` gives can only be printed, compared, and joined by ~");
  CHECK(refusal("{% set a = '<' | safe %}{{ a.strip() }}").find("`| safe`") != std::string::npos);
  CHECK(refusal("{{ '<' | safe | upper }}").find("`| safe`") != std::string::npos);
  CHECK(refusal("{% if 1 %}{% macro a() %}{% endmacro %}{% endif %}") ==
        "t: line 1: {% macro %} is only supported at the top level");
  CHECK(refusal("{{ 0x10 }}") == "t: line 1: the number 0x is not supported: only decimal ones are");
  CHECK(refusal("{{ 1_000 }}") == "t: line 1: the number 1_ is not supported: only decimal ones are");
  CHECK(refusal("{{ strftime_now('%c') }}") == "t: line 1: strftime_now: %c is not supported");
  CHECK(refusal("{{ 9223372036854775807 + 1 }}") == "t: line 1: an integer has more than 64 bits");
  CHECK(refusal("{{ 99999999999999999999 }}") == "t: line 1: the number 99999999999999999999 is too large");
}

TEST_CASE("errors name the line of the template where they stand") {
  CHECK(refusal("\n{{ nothing.at_all }}") == "t: line 2: \"nothing\" is undefined");
  CHECK(refusal("{{ 'a' }}\n{{ 1 + 'a' }}") == "t: line 2: a int + a str is not supported");
  CHECK(refusal("{% if x %}\n\n") == "t: line 1: the block has no {% endif %}");
  CHECK(refusal("a\n{{ x") == "t: line 2: the tag does not end");
  CHECK(refusal("a\r\nb\r{{ ] }}") == "t: line 3: unexpected \"]\"");
  CHECK(refusal("\xFF") == "t: not UTF-8 at byte 0");
  CHECK(refusal("{{ raise_exception('no ' ~ 'such role') }}") ==
        "the chat template refuses the conversation: no such role");
}

TEST_CASE("a template that asks for the time is refused where none is given") {
  const jinja::Template dated("{{ strftime_now('%Y') }}", "t");
  CHECK(dated.render({}, some_time()) == "2024");
  CHECK_THROWS_AS(dated.render({}), ef::FileError);
}

TEST_CASE("nesting is bounded while a template is read") {
  CHECK(render("{{ " + times(100, "(") + "1" + times(100, ")") + " }}") == "1");
  for (const std::size_t depth : {std::size_t{200}, std::size_t{50'000}}) {
    const std::pair<std::string, std::string> brackets[] = {
        {"(", ")"},  {"[", "]"},    {"{1:", "}"},       {"not ", ""},        {"-", ""},
        {"a[", "]"}, {"a|f(", ")"}, {"1 is eq [", "]"}, {"1 if 1 else ", ""}};
    for (const auto& bracket : brackets) {
      const std::string &open = bracket.first, &close = bracket.second;
      CAPTURE(open);
      CHECK(refusal("{{ " + times(depth, open) + "1" + times(depth, close) + " }}")
                .find("nested more than 150 deep") != std::string::npos);
    }
    for (const char* link : {" + 1", " and 1", " * 1", "|trim", ".a", "(1)", "[0]"})
      CHECK(refusal("{{ a" + times(depth, link) + " }}").find("nested more than 150 deep") !=
            std::string::npos);
    CHECK(refusal(times(depth, "{% if 1 %}")).find("blocks are nested more than 50 deep") !=
          std::string::npos);
    CHECK(refusal("{% set " + times(depth, "(") + "a" + times(depth, ")") + " = 1 %}")
              .find("a target is nested too deep") != std::string::npos);
  }
}

TEST_CASE("recursion, steps and text are bounded while a template is rendered") {
  CHECK(refusal("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}") ==
        "t: line 1: the template goes more than 500 levels deep");
  const jinja::Limits few{.steps = 200'000};
  const std::string twice = "{% set ns = namespace(s='abcdefgh', l=[1, 2]) %}{% for i in range(100) %}";
  CHECK(refusal(twice + "{% set ns.s = ns.s ~ ns.s %}{% endfor %}").find("more than 16777216 bytes") !=
        std::string::npos);
  CHECK(refusal(twice + "{% set ns.l = ns.l + ns.l %}{% endfor %}", {}, few).find("steps") !=
        std::string::npos);
  CHECK(refusal(twice + "{% set ns.l = [ns.l] %}{% endfor %}").find("nested more than 64 deep") !=
        std::string::npos);
  CHECK(refusal(twice + "{% set ns.s = ns.s.replace('', ns.s) %}{% endfor %}").find("more than") !=
        std::string::npos);
  CHECK(refusal("{{ 'ab' * 10000000000 }}").find("more than 16777216 bytes") != std::string::npos);
  CHECK(refusal("{{ [1] * 10000000000 }}", {}, few).find("steps") != std::string::npos);
  CHECK(refusal("{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}", {}, few)
            .find("steps") != std::string::npos);
  CHECK(refusal("{{ range(100001) }}").find("more than 100000 numbers") != std::string::npos);
  CHECK(refusal("{% for i in range(100000) %}" + times(1000, "x") + "{% endfor %}").find("bytes") !=
        std::string::npos);
  // Lists that share their parts: small in memory, 2^40 elements when printed or compared.
  const std::string shared =
      "{% set ns = namespace(l=[1]) %}{% for i in range(40) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}";
  CHECK(refusal(shared + "{{ ns.l }}", {}, few).find("steps") != std::string::npos);
  CHECK(refusal(shared + "{{ ns.l | tojson }}", {}, few).find("steps") != std::string::npos);
  CHECK(refusal(shared + "{% set a = ns.l %}" + shared + "{{ ns.l == a }}", {}, few).find("steps") !=
        std::string::npos);
  // Values that hold one another many times, and work that a single step could hide.
  const std::string huge = "{% set l = range(1000) | list %}{% set m = [l] * 1000 %}{% set k = [m] * 1000 %}";
  CHECK(refusal(huge + "{{ k }}").find("bytes") != std::string::npos);
  CHECK(refusal(huge + "{{ k | tojson }}").find("bytes") != std::string::npos);
  const std::string mega = "{% set s = 'a' * 1000000 %}{% set t = 'a' * 500000 ~ 'b' %}";
  for (const char* work : {"s | length", "s == s ~ 'a'", "s.find(t)", "t in s", "s.count(t)",
                           "s.replace(t, '')", "s.split(t)", "s.strip(t)", "s | trim(t)", "s.split('a')",
                           "([s] * 1000) | join", "s | int", "s[900000]", "s[5:]"}) {
    CAPTURE(work);
    const std::string said = refusal(
        mega + "{% for i in range(10000) %}{% set x = " + work + " %}{% endfor %}", {}, {.steps = 2'000'000});
    CHECK((said.find("steps") != std::string::npos || said.find("bytes") != std::string::npos));
  }
  CHECK(refusal("{{ ([[[1] * 1000]] * 1000) | tojson(indent='x' * 1000000) }}").find("bytes") !=
        std::string::npos);
  CHECK(refusal("{{ 1 }}", {}, {.steps = 1}) == "t: line 1: the template takes more than 1 steps");
}

TEST_CASE("a namespace that holds itself, and a loop that has ended, do no harm") {
  CHECK(render("{% set ns = namespace() %}{% set ns.me = ns %}{{ ns.me.me.x is defined }}") == "False");
  CHECK(refusal("{% set ns = namespace() %}{% set ns.me = ns %}{{ ns }}") ==
        "t: line 1: a namespace cannot be printed");
  CHECK(refusal(
            "{% set ns = namespace() %}{% for i in [1] %}{% set ns.l = loop %}{% endfor %}{{ ns.l.last }}") ==
        "t: line 1: the loop has ended");
}

TEST_CASE("the length of a loop is known without going through it each time") {
  const std::string source =
      "{% for i in range(90000) if i % 2 %}{% set x = loop.length + loop.revindex %}{% endfor %}";
  CHECK(render(source).empty());
  CHECK(render("{% for i in range(9) if i % 2 %}{{ loop.length }}{{ loop.revindex }} {% endfor %}") ==
        "44 43 42 41 ");
}

TEST_CASE("a conversation of a megabyte stays far within the limits") {
  ordered_json messages = ordered_json::array();
  for (int i = 0; i < 1000; ++i)
    messages.push_back({{"role", "user"}, {"content", times(100, "ten bytes ")}});
  const std::string source = "{% for m in messages %}{{ '<' ~ m.role ~ '>' ~ m.content | trim }}{% endfor %}";
  CHECK(render(source, {{"messages", messages}}, {.steps = 2'000'000}).size() == 1000 * (6 + 999));
}

}  // namespace text_jinja

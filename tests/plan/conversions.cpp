#include <eigenformer/plan.hpp>

#include <cmath>
#include <vector>

#include <doctest/doctest.h>

namespace plan_conversions {

namespace ef = eigenformer;
namespace plan = eigenformer::plan;

namespace {

/// Numbers of many sizes and both signs, the same on every machine.
std::vector<double> numbers(std::size_t count) {
  std::vector<double> out;
  for (std::size_t i = 0; i < count; ++i)
    out.push_back(std::sin(0.7 * static_cast<double>(i)) * std::exp2(static_cast<double>(i % 7) - 4));
  return out;
}

}  // namespace

TEST_CASE("a conversion moves no number farther than half a step, and twice is once") {
  const std::vector<double> before = numbers(1024);
  for (const plan::Conversion& c : plan::conversions) {
    INFO(c.name);
    const std::vector<double> after = plan::converted(c, before);
    const plan::ConversionError error = plan::conversion_error(before, after);
    CHECK(error.overflowed == 0);
    CHECK(error.relative < (c.bits_per_value < 5 ? 0.2 : c.bits_per_value < 9 ? 0.06 : 0.005));
    for (const plan::FloatFormat& f : plan::float_formats) {
      if (f.name != c.name) continue;
      CHECK(plan::conversion_error(after, plan::converted(c, after)).max_absolute == 0);
      for (std::size_t i = 0; i < before.size(); ++i)
        CHECK(std::abs(after[i] - before[i]) <=
              (std::max)(std::abs(before[i]) * f.epsilon() / 2, f.min_subnormal() / 2));
    }
  }
}

TEST_CASE("groups of INT8 and INT4 hold the numbers to a half of their own step, or one with a zero point") {
  const std::vector<double> before = numbers(256);
  for (const int bits : {4, 8}) {
    for (const int zero_bits : {0, 8}) {
      CAPTURE(bits);
      CAPTURE(zero_bits);
      for (std::size_t i = 0; i < before.size(); i += 64) {
        const std::span<const double> group(before.data() + i, 64);
        const plan::Quantised q = plan::quantise_group(
            group, {.bits = bits, .group_size = 64, .scale_bits = 32, .zero_bits = zero_bits});
        for (std::size_t j = 0; j < group.size(); ++j)
          CHECK(std::abs(q.value(j) - group[j]) <= q.error_bound() * ((zero_bits ? 2 : 1) + 1e-5));
      }
    }
  }
  // A zero point spends the whole grid on numbers of one sign.
  std::vector<double> positive;
  for (int i = 0; i < 64; ++i) positive.push_back(1 + 0.01 * i);
  const auto scale = [&](int zero_bits) {
    return plan::quantise_group(positive, {.group_size = 64, .zero_bits = zero_bits}).scale;
  };
  CHECK(scale(4) == doctest::Approx(scale(0) * 7 / 15).epsilon(1e-3));
  CHECK(plan::quantise_group(std::vector<double>(8, 0.0), {.group_size = 8}).value(3) == 0);
}

TEST_CASE("integer formats have the range of two's complement") {
  const auto& [int8, int4] = plan::integer_formats;
  CHECK(int8.min() == -128);
  CHECK(int8.max() == 127);
  CHECK(int4.min() == -8);
  CHECK(int4.max() == 7);
  CHECK(int4.bytes() == 0.5);
}

TEST_CASE("what leaves a format's range is counted, not averaged") {
  const std::vector<double> before{1.0, 1e5, 1e-9, -2.0};
  const auto fp16 = plan::conversion_error(before, plan::converted(plan::conversion("FP16"), before));
  CHECK(fp16.overflowed == 1);
  CHECK(fp16.vanished == 1);
  CHECK(fp16.max_absolute == 1e-9);
  const auto bf16 = plan::conversion_error(before, plan::converted(plan::conversion("BF16"), before));
  CHECK(bf16.overflowed == 0);
  CHECK(bf16.vanished == 0);
}

TEST_CASE("numbers that are no whole blocks, or not finite where a scale is shared, are refused") {
  using Numbers = std::vector<double>;
  CHECK_THROWS_WITH_AS(plan::converted(plan::conversion("Q8_0"), Numbers(33)),
                       "Q8_0: 33 numbers are not whole blocks of 32", ef::InputError);
  CHECK_THROWS_AS(plan::converted(plan::conversion("INT8"), Numbers{}), ef::InputError);
  const double infinite = std::numeric_limits<double>::infinity();
  CHECK_THROWS_AS(plan::converted(plan::conversion("INT8"), Numbers{1, infinite}), ef::InputError);
  CHECK_THROWS_AS(plan::conversion_error(Numbers(2), Numbers(3)), ef::InputError);
  CHECK_THROWS_AS(plan::quantise_group(Numbers(2), {.bits = 1}), ef::InputError);
  CHECK_THROWS_AS(plan::quantise_group(Numbers(2), {.scale_bits = 8}), ef::InputError);
}

}  // namespace plan_conversions

#include <eigenformer/plan.hpp>

#include <cmath>
#include <cstdlib>
#include <set>

#include <doctest/doctest.h>

namespace plan_devices {

namespace ef = eigenformer;
namespace plan = eigenformer::plan;

TEST_CASE("every device names its memory, its source and rates that are numbers, each name once") {
  std::set<std::string> names;
  for (const plan::Device& d : plan::known_devices) {
    CAPTURE(d.name);
    CHECK(names.insert(plan::detail::squeezed(d.name)).second);
    CHECK(!d.source.empty());
    for (const double rate : {d.peak_flops_per_second, d.bytes_per_second, d.memory_bytes}) CHECK(rate > 1e9);
    CHECK(d.watts >= 0);
    CHECK(d.usable_share > 0.5);
    CHECK(d.usable_share <= 0.9);
    // Fewer bits are never slower.
    CHECK(d.peak_32_bit <= d.peak_flops_per_second);
    CHECK((d.peak_8_bit == 0 || d.peak_8_bit >= d.peak_flops_per_second));
    CHECK(d.peak(plan::Arithmetic::bits_8) >= d.peak(plan::Arithmetic::bits_16));
    const auto dash = d.name.find('-');
    if (dash != std::string_view::npos)
      CHECK(std::atof(std::string(d.name.substr(dash + 1)).c_str()) * 1e9 == d.memory_bytes);
    CHECK(plan::device(d.name).name == d.name);
  }
}

TEST_CASE(
    "peaks and bandwidths of GeForce cards are what their cores, clocks and memory buses make of them") {
  struct Card {
    const char* name;
    double multiprocessors, gigahertz, bus_bits, gigabits_per_pin;
  };
  // A multiprocessor's four tensor cores do 256 multiplications of FP16 with FP32 sums a clock, its 128 lanes
  // as many of FP32; boost clocks and memory of NVIDIA's product pages.
  for (const Card& card : {Card{"RTX3060", 28, 1.777, 192, 15}, Card{"RTX3070", 46, 1.725, 256, 14},
                           Card{"RTX3080", 68, 1.71, 320, 19}, Card{"RTX3090", 82, 1.695, 384, 19.5},
                           Card{"RTX3090Ti", 84, 1.86, 384, 21}, Card{"RTX4060", 24, 2.46, 128, 17},
                           Card{"RTX4060Ti-16GB", 34, 2.535, 128, 18}, Card{"RTX4070", 46, 2.475, 192, 21},
                           Card{"RTX4070Ti", 60, 2.61, 192, 21}, Card{"RTX4080", 76, 2.505, 256, 22.4},
                           Card{"RTX4090", 128, 2.52, 384, 21}, Card{"RTX5070", 48, 2.512, 192, 28},
                           Card{"RTX5070Ti", 70, 2.452, 256, 28}, Card{"RTX5080", 84, 2.617, 256, 30},
                           Card{"RTX5090", 170, 2.407, 512, 28}}) {
    const plan::Device& d = plan::device(card.name);
    CAPTURE(d.name);
    const double clocks = card.multiprocessors * card.gigahertz * 1e9;
    CHECK(d.peak_flops_per_second == doctest::Approx(clocks * 256 * 2).epsilon(0.005));
    CHECK(d.peak_32_bit == doctest::Approx(clocks * 128 * 2).epsilon(0.005));
    CHECK(d.peak_8_bit == doctest::Approx(clocks * 1024 * 2).epsilon(0.005));
    CHECK(d.bytes_per_second ==
          doctest::Approx(card.bus_bits / 8 * card.gigabits_per_pin * 1e9).epsilon(0.005));
  }
}

TEST_CASE("a device is found by the names that people write") {
  const auto name = [](const char* text) { return std::string(plan::device(text).name); };
  for (const char* text : {"RTX4090", "rtx-4090", "4090-24GB", "4090", "RTX 4090", "NVIDIA GeForce RTX 4090",
                           "rtx4090_24gb", "RTX4090-24GB"})
    CHECK(name(text) == "RTX4090-24GB");
  CHECK(name("L4") == "L4-24GB");  // not L40 and not L40S
  CHECK(name("l40s") == "L40S-48GB");
  CHECK(name("Tesla T4") == "T4-16GB");
  CHECK(name("A6000") == "RTXA6000-48GB");
  CHECK(name("RTX 6000 Ada") == "RTX6000Ada-48GB");
  CHECK(name("4070") == "RTX4070-12GB");  // not the Ti
  CHECK(name("4070 Ti") == "RTX4070Ti-12GB");
  CHECK(name("Apple M2 Max 64GB") == "M2Max-64GB");
  CHECK(name("h100") == "H100-80GB");
  CHECK(name("a100-80") == "A100-80GB");
}

TEST_CASE("a device that several names could mean is answered with all of them, a far one with none") {
  CHECK_THROWS_WITH_AS(plan::device("A100"),
                       "device 'A100' could be one of A100-40GB, A100-80GB; give one of these names",
                       ef::InputError);
  CHECK_THROWS_WITH_AS(plan::device("m1"), doctest::Contains("M1-8GB, M1-16GB"), ef::InputError);
  CHECK_THROWS_WITH_AS(plan::device("RTX4095"), doctest::Contains("near are"), ef::InputError);
  CHECK_THROWS_WITH_AS(plan::device("RTX4090-48GB"), doctest::Contains("RTX4090-24GB"), ef::InputError);
  CHECK_THROWS_WITH_AS(plan::device("6000"), doctest::Contains("RTX6000Ada-48GB"), ef::InputError);
  for (const char* far : {"", "gb", "nosuch", "24GB", "-", "potato"}) {
    CAPTURE(far);
    CHECK_THROWS_WITH_AS(plan::device(far), doctest::Contains("no known name is near it"), ef::InputError);
  }
}

TEST_CASE("a mistyped name is answered with near ones alone, and letter case does not matter") {
  CHECK_THROWS_WITH_AS(plan::published("nosuch"), "unknown model 'nosuch', and no known name is near it",
                       ef::InputError);
  CHECK_THROWS_WITH_AS(plan::published(""), doctest::Contains("no known name is near it"), ef::InputError);
  CHECK_THROWS_WITH_AS(plan::published("gpt22"), doctest::Contains("'gpt2'"), ef::InputError);
  CHECK(plan::published("LLaMA-2-7B").name == "llama-2-7b");
  CHECK(plan::published("llama_2_7b").name == "llama-2-7b");
  CHECK(plan::training_precision("FP32-Adam").name == "fp32-adam");
}

TEST_CASE("every format that conversions know has a size, by its name in any case") {
  for (const plan::Conversion& c : plan::conversions) {
    CAPTURE(c.name);
    std::string small(c.name), large(c.name);
    for (char& letter : small) letter = static_cast<char>(std::tolower(letter));
    for (char& letter : large) letter = static_cast<char>(std::toupper(letter));
    CHECK(plan::storage_format(c.name).bits_per_value() == c.bits_per_value);
    CHECK(plan::storage_format(small).name == plan::storage_format(large).name);
  }
  for (const plan::StorageFormat& f : plan::storage_formats)
    CHECK(plan::storage_format(f.name).name == f.name);
  for (const plan::FormatAlias& a : plan::format_aliases) CHECK(!plan::storage_format(a.name).name.empty());
  CHECK(plan::storage_format("q4_0").name == "Q4_0");
  CHECK(plan::storage_format("bf16").name == "BF16");
  CHECK_THROWS_WITH_AS(plan::storage_format("Q4_K_M"), doctest::Contains("'Q4_K'"), ef::InputError);
}

TEST_CASE("every format stores a cache whose rows its blocks divide, and NF4's blocks run on over rows") {
  plan::KeyValueCacheOptions o{.n_layers = 3, .key_value_heads = 8, .head_size = 96, .tokens = 70};
  const double numbers = 2.0 * 3 * 768 * 70;
  for (const plan::StorageFormat& f : plan::storage_formats) {
    CAPTURE(f.name);
    o.format = f;
    const double bytes = static_cast<double>(plan::key_value_cache_bytes(o));
    CHECK(bytes >= numbers * f.bytes_per_value());  // a block begun is a block
    CHECK(bytes < numbers * f.bytes_per_value() + static_cast<double>(f.bytes));
  }
}

TEST_CASE("amounts are read as people write them") {
  const auto count = [](const char* text) { return plan::read_count(text, "--n", {1, 9e18}); };
  CHECK(count("4096") == 4096);
  CHECK(count("2,048") == 2048);
  CHECK(count("1_000_000") == 1'000'000);
  CHECK(count("4k") == 4000);
  CHECK(count("1.3B") == 1'300'000'000);
  CHECK(count("1.3b") == 1'300'000'000);
  CHECK(count("0.7G") == 700'000'000);
  CHECK(count("2T") == 2'000'000'000'000);
  CHECK(count("26e9") == 26'000'000'000);
  CHECK(count("9007199254740993") == 9'007'199'254'740'993);  // beyond a double's whole numbers
  CHECK(plan::read_amount("2.5", "--price", {0, 10}) == 2.5);
  CHECK(plan::read_amount("1e22", "--flops", {1, 1e30}) == 1e22);
  CHECK(plan::read_amount("1.5K", "--n", {1, 1e30}) == 1500);
}

TEST_CASE("what is no amount, or one out of range, is refused in a sentence that names option and value") {
  const auto refused = [](const char* text, const char* why) {
    CAPTURE(text);
    CHECK_THROWS_WITH_AS(plan::read_count(text, "--n", {1, 1e9}), why, ef::InputError);
  };
  for (const char* text : {"0", "-1", "1e300", "1e-300", "1e400", "2B", "99999999999999999999", "-2k"})
    refused(text, ef::concat("--n must lie between 1 and 1B, is ", text).c_str());
  for (const char* text : {"nan", "NaN", "inf", "-inf", "abc", "", "0x10", "4kk", "4 bytes", "--", "1e", "K"})
    refused(text, ef::concat("--n must be a number like 4096, 1.3B or 2e12, is '", text, "'").c_str());
  refused("1.5", "--n must be a whole number, is 1.5");
  refused("1.2345k", "--n must be a whole number, is 1.2345k");
}

TEST_CASE("short counts keep three digits") {
  CHECK(plan::short_count_text(1.3e9) == "1.3B");
  CHECK(plan::short_count_text(26e9) == "26B");
  CHECK(plan::short_count_text(405e6) == "405M");
  CHECK(plan::short_count_text(999.9e6) == "1B");
  CHECK(plan::short_count_text(12) == "12");
  CHECK(plan::short_count_text(15e15) == "15000T");
}

}  // namespace plan_devices

#include "plan/reference/cases.hpp"

#include <cstdio>
#include <cstdlib>

namespace cases {

namespace {

std::string hex(const plan::FloatFormat& format, std::uint64_t code) {
  char text[32];
  std::snprintf(text, sizeof text, "0x%0*llX", (format.bits() + 3) / 4,
                static_cast<unsigned long long>(code));
  return text;
}

Json as_json(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  return value;
}

std::vector<double> values_of(const Json& in) { return in.at("values").get<std::vector<double>>(); }

}  // namespace

Json numbers(const std::string& name, const Json& in) {
  if (has(name, "quant/block/") || has(name, "quant/bpw-readme/")) {
    const plan::StorageFormat& f = plan::storage_format(in.at("type").get<std::string>());
    if (has(name, "readme")) return f.bits_per_value();
    if (f.values != integer(in, "values")) return "another block size";
    return {{"bytes", f.bytes}, {"bits_per_weight", f.bits_per_value()}};
  }
  if (name == "quant/tensor-not-multiple")
    return plan::matrix_bytes(plan::storage_format("Q4_K"), 1, integer(in, "cols"));
  if (has(name, "quant/gptq") || has(name, "quant/awq"))
    return plan::bits_per_value({.bits = in.at("bits").get<int>(),
                                 .group_size = integer(in, "group"),
                                 .scale_bits = in.at("scale_bits").get<int>(),
                                 .zero_bits = in.at("zero_bits").get<int>()});
  if (name == "quant/absmax-int8-hf-blog") return plan::quantise_int8(values_of(in)).values;
  if (name == "quant/symmetric-int8-dequant-error") {
    const std::vector<double> numbers = values_of(in);
    const auto error = plan::conversion_error(numbers, plan::converted(plan::conversion("INT8"), numbers));
    return {{"max_abs_error", error.max_absolute}, {"bound", plan::quantise_int8(numbers).error_bound()}};
  }
  if (name == "quant/round-half-even-vs-away") return plan::round_half_even(real(in, "value"));
  if (name == "quant/llm-int8-threshold") return plan::llm_int8_threshold;
  if (has(name, "q8_0-block") || has(name, "q4_0-block")) {
    const auto q =
        has(name, "q8_0") ? plan::quantise_q8_0(values_of(in)) : plan::quantise_q4_0(values_of(in));
    return {{"d_stored", std::abs(q.scale)}, {"q", q.values}};
  }
  if (has(name, "format/nf4")) {
    const int index = plan::nf4_index(real(in, "value"));
    return {{"index", index}, {"value", plan::nf4_levels[static_cast<std::size_t>(index)]}};
  }
  if (in.contains("source_bits")) {
    const auto& source = plan::float_format(has(name, "half-") ? "FP16" : in.at("source").get<std::string>());
    const auto& target = plan::float_format(in.at("target").get<std::string>());
    const double value =
        plan::decode(source, std::strtoull(in.at("source_bits").get<std::string>().c_str(), nullptr, 16));
    const bool cut = in.value("rounding", "") == "toward zero";
    return {{"bits_hex", hex(target, plan::encode(target, value,
                                                  {.rounding = cut ? plan::Rounding::toward_zero
                                                                   : plan::Rounding::nearest_even}))}};
  }
  if (!in.contains("format")) return nullptr;
  const auto& f = plan::float_format(in.at("format").get<std::string>());
  if (has(name, "format/limits"))
    return {{"bits", f.bits()},
            {"bias", f.bias()},
            {"max", f.max()},
            {"min_normal", f.min_normal()},
            {"min_subnormal", f.min_subnormal()},
            {"epsilon", f.epsilon()}};
  if (name == "format/bf16-256-plus-1") return plan::rounded(f, 256.0 + 1.0);
  const double value = in.contains("value_hex")
                           ? std::strtod(in["value_hex"].get<std::string>().c_str(), nullptr)
                           : real(in, "value");
  const std::uint64_t code = plan::encode(f, value, {.saturate = in.value("saturate", false)});
  return {{"value", as_json(plan::decode(f, code))}, {"bits_hex", hex(f, code)}};
}

}  // namespace cases

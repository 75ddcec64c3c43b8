// Values of a chat template from JSON.
#pragma once

#include <eigenformer/core/error.hpp>
#include <eigenformer/text/jinja_value.hpp>
#include <eigenformer/text/utf8.hpp>

#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace text::detail {

/// A value of a template from JSON.
///
/// @throws InputError  if a text is not UTF-8, a number too large, or the nesting too deep
template <class Json> jinja::Value template_value(const Json& json, int level = 1) {
  if (level >= jinja::deepest_value)
    fail(InputError(concat("a chat message is nested more than ", jinja::deepest_value - 1, " deep")));
  const auto checked = [](const std::string& text) -> const std::string& {
    const std::size_t valid = utf8_valid_prefix(text);
    if (valid != text.size()) fail(InputError(concat("a chat message is not UTF-8 at byte ", valid)));
    return text;
  };
  switch (json.type()) {
    case Json::value_t::string: return checked(json.template get_ref<const std::string&>());
    case Json::value_t::boolean: return json.template get<bool>();
    case Json::value_t::number_unsigned:
      if (json.template get<std::uint64_t>() >
          static_cast<std::uint64_t>((std::numeric_limits<std::int64_t>::max)()))
        fail(InputError("an integer of a chat message has more than 63 bits"));
      return json.template get<std::int64_t>();
    case Json::value_t::number_integer: return json.template get<std::int64_t>();
    case Json::value_t::number_float: return json.template get<double>();
    case Json::value_t::array: {
      std::vector<jinja::Value> items;
      for (const Json& item : json) items.push_back(template_value(item, level + 1));
      return jinja::list(std::move(items));
    }
    case Json::value_t::object: {
      jinja::Dict dict;
      for (const auto& [key, item] : json.items())
        dict.items.emplace_back(checked(key), template_value(item, level + 1));
      return dict;
    }
    default: return jinja::None{};
  }
}

}  // namespace text::detail
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer

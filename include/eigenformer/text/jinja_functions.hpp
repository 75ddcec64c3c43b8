// The functions that every chat template has: raise_exception, strftime_now, range, namespace and dict.
#pragma once

#include <eigenformer/text/jinja_methods.hpp>

#include <array>
#include <ctime>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace text {
namespace jinja {

/// The function of a name.
inline std::optional<Function> function_named(std::string_view name) {
  static constexpr std::pair<std::string_view, Function> functions[] = {
      {"raise_exception", Function::raise_exception},
      {"strftime_now", Function::strftime_now},
      {"range", Function::range},
      {"namespace", Function::make_namespace},
      {"dict", Function::dict}};
  for (const auto& [known, function] : functions)
    if (known == name) return function;
  return std::nullopt;
}

namespace detail {

inline Value range(Work& work, const Arguments& arguments) {
  const Bound bound(work, "range", arguments, {"start", "stop", "step"}, 1);
  const bool one = !bound.has(1);
  const std::int64_t start = one ? 0 : bound.integer(0, 0), stop = bound.integer(one ? 0 : 1, 0),
                     step = bound.integer(2, 1);
  constexpr std::int64_t longest = 100'000;  // MAX_RANGE of Jinja's sandbox
  if (step == 0) work.refuse("range: the step is 0");
  std::vector<Value> out;
  for (std::int64_t i = start; step > 0 ? i < stop : i > stop;) {
    work.step();
    if (static_cast<std::int64_t>(out.size()) == longest)
      work.refuse(concat("range: there are more than ", longest, " numbers"));
    out.emplace_back(i);
    if (step > 0 ? i > (std::numeric_limits<std::int64_t>::max)() - step
                 : i < (std::numeric_limits<std::int64_t>::min)() - step)
      break;
    i += step;
  }
  return list(std::move(out));
}

/// dict(other, a=1, b=2), which namespace() takes too.
inline Dict make_dict(Work& work, const Arguments& arguments) {
  Dict out;
  if (arguments.positional.size() > 1) work.refuse("dict takes one argument without a name at most");
  if (!arguments.positional.empty()) {
    const Dict* const other = arguments.positional[0].dict();
    if (other == nullptr)
      work.refuse(concat("dict takes a dict, not a ", arguments.positional[0].type_name()));
    work.step(other->items.size());
    out.items = other->items;
  }
  for (const auto& [name, value] : arguments.named) {
    set(work, out, Value(name), value);
  }
  return out;
}

/// As strftime in the C locale, with the conversions that do not depend on a time zone.
inline std::string format_time(Work& work, std::string_view format, const std::tm& time) {
  static constexpr std::array<std::string_view, 12> months = {
      "January", "February", "March",     "April",   "May",      "June",
      "July",    "August",   "September", "October", "November", "December"};
  static constexpr std::array<std::string_view, 7> days = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                           "Thursday", "Friday", "Saturday"};
  const auto padded = [](int value, std::size_t digits) {
    const std::string text = std::to_string(value);
    return text.size() < digits ? std::string(digits - text.size(), '0') + text : text;
  };
  std::string out;
  for (std::size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%' || i + 1 == format.size()) {
      out += format[i];
      continue;
    }
    const bool bare = format[i + 1] == '-' && i + 2 < format.size();  // %-d: without a zero before it
    i += bare ? 2 : 1;
    const std::size_t two = bare ? 1 : 2;
    switch (format[i]) {
      case 'Y': out += std::to_string(time.tm_year + 1900); break;
      case 'y': out += padded(time.tm_year % 100, two); break;
      case 'm': out += padded(time.tm_mon + 1, two); break;
      case 'd': out += padded(time.tm_mday, two); break;
      case 'H': out += padded(time.tm_hour, two); break;
      case 'I': out += padded((time.tm_hour + 11) % 12 + 1, two); break;
      case 'M': out += padded(time.tm_min, two); break;
      case 'S': out += padded(time.tm_sec, two); break;
      case 'j': out += padded(time.tm_yday + 1, bare ? 1 : 3); break;
      case 'p': out += time.tm_hour < 12 ? "AM" : "PM"; break;
      case 'B': out += months[static_cast<std::size_t>(time.tm_mon)]; break;
      case 'b': out += months[static_cast<std::size_t>(time.tm_mon)].substr(0, 3); break;
      case 'A': out += days[static_cast<std::size_t>(time.tm_wday)]; break;
      case 'a': out += days[static_cast<std::size_t>(time.tm_wday)].substr(0, 3); break;
      case '%': out += '%'; break;
      default: work.refuse(concat("strftime_now: %", format[i], " is not supported"));
    }
  }
  return out;
}

inline Value now(Work& work, const Arguments& arguments, const std::optional<std::tm>& time) {
  const Bound bound(work, "strftime_now", arguments, {"format"}, 1);
  if (!time) work.refuse("strftime_now: the template asks for the time, which the caller must give");
  if (time->tm_mon < 0 || time->tm_mon > 11 || time->tm_wday < 0 || time->tm_wday > 6)
    fail(InputError("the time given to a chat template has no such month or weekday"));
  return work.string(format_time(work, bound.string(0), *time));
}

}  // namespace detail

/// Calls a function.
///
/// @param time    what strftime_now says
/// @param spaces  where namespaces live
/// @throws InputError  what raise_exception says
inline Value call_function(Work& work, Function function, const Arguments& arguments,
                           const std::optional<std::tm>& time, std::deque<Namespace>& spaces) {
  switch (function) {
    case Function::range: return detail::range(work, arguments);
    case Function::strftime_now: return detail::now(work, arguments, time);
    case Function::dict: return detail::make_dict(work, arguments);
    case Function::make_namespace: {
      Namespace& space = spaces.emplace_back();
      for (auto& [name, value] : detail::make_dict(work, arguments).items) space[to_text(work, name)] = value;
      return &space;
    }
    case Function::raise_exception: break;
  }
  const Bound bound(work, "raise_exception", arguments, {"message"}, 1);
  fail(InputError(concat("the chat template refuses the conversation: ", to_text(work, bound[0]))));
}

}  // namespace jinja
}  // namespace text
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer

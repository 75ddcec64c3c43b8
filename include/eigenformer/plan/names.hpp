// Names that people type: letter case and the dash do not matter, and a mistyped name is answered with the
// known ones that are near it, or with none.
#pragma once

#include <eigenformer/core/error.hpp>

#include <algorithm>
#include <limits>
#include <numeric>
#include <string>
#include <string_view>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace plan {
namespace detail {

/// A letter as names are compared: small, and '_' and ' ' are '-'.
constexpr char plain_letter(char c) {
  if (c >= 'A' && c <= 'Z') return static_cast<char>(c - 'A' + 'a');
  return c == '_' || c == ' ' ? '-' : c;
}

/// Whether two names are the same but for letter case and the kind of their dashes.
constexpr bool same_name(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) {
           return plain_letter(x) == plain_letter(y);
         });
}

/// Single-character edits (insert, delete, replace) that turn the known name a into b, letter case aside;
/// none where b is how a begins.
inline std::size_t edit_distance(std::string_view a, std::string_view b) {
  const auto same = [](char x, char y) { return plain_letter(x) == plain_letter(y); };
  if (!b.empty() && a.size() > b.size() && std::equal(b.begin(), b.end(), a.begin(), same)) return 0;
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (same(a[i], b[j]) ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = (std::min)({replaced, row[j] + 1, diagonal + 1});
    }
  }
  return row.back();
}

/// The most edits with which a name still counts as a mistyped one: a third of its letters, two at least.
constexpr std::size_t near_enough(std::string_view name) {
  return (std::max)(std::size_t{2}, name.size() / 3);
}

/// The entry of `table` whose `name` is asked for.
/// @throws InputError  naming the nearest known one, of those equally near one that begins alike; none where
/// all are far
template <class Table> const auto& find_named(const Table& table, std::string_view name, const char* what) {
  const auto alike = [&](std::string_view known) {
    const auto shorter = static_cast<std::ptrdiff_t>((std::min)(known.size(), name.size()));
    return std::mismatch(known.begin(), known.begin() + shorter, name.begin()).first - known.begin();
  };
  for (const auto& entry : table)
    if (entry.name == name) return entry;
  for (const auto& entry : table)
    if (same_name(entry.name, name)) return entry;
  const auto* nearest = &*std::begin(table);
  std::size_t least = (std::numeric_limits<std::size_t>::max)();
  for (const auto& entry : table) {
    const std::size_t distance = edit_distance(entry.name, name);
    if (distance < least || (distance == least && alike(entry.name) > alike(nearest->name))) {
      least = distance;
      nearest = &entry;
    }
  }
  const std::string unknown = concat("unknown ", what, " '", printable(name), "'");
  if (name.empty() || least > near_enough(name)) fail(InputError(unknown + ", and no known name is near it"));
  fail(InputError(concat(unknown, "; the nearest known one is '", nearest->name, "'")));
}

}  // namespace detail
}  // namespace plan
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer

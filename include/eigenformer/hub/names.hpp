// How a checkpoint's tensors are called and laid out: what a table of an architecture is, and how it is read.
// The tables are in names_decoders.hpp, names_encoders.hpp and names_seq2seq.hpp.
//
// A rule maps a path of our parameters to the tensor that holds it. "{}" stands for the layer, "{+}" for the
// layer counted from one, "{n}" for the number of layers plus one, "~" for a prefix that a checkpoint may
// lack.
#pragma once

#include <eigenformer/model/config.hpp>

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

/// Which rows of a tensor, counted along its output dimension, belong to a parameter.
struct RowSlice {
  Index offset = 0;
  Index run = 0;  ///< 0: rows stand together
  Index period = 0;
  Index rows = 0;   ///< of the whole tensor; 0: the parameter has all of them
  Index woven = 0;  ///< rows of a head whose two halves stand in turn, row by row; 0: they do not

  /// The tensor's row that is row r of the parameter.
  constexpr Index row(Index r) const {
    if (woven) return r / woven * woven + r % woven % (woven / 2) * 2 + r % woven / (woven / 2);
    return run ? offset + r / run * period + r % run : offset + r;
  }
  /// Whether the rows are neighbours in their own order.
  constexpr bool together() const { return run == 0 && woven == 0; }
};

struct NameRule {
  std::string_view ours;    ///< a path, or the part before ".weight" and ".bias"
  std::string_view theirs;  ///< likewise
  bool transposed = false;  ///< stored [in, out] (GPT-2's Conv1D)
  RowSlice (*slice)(const ModelConfig&) = nullptr;
  Head head = Head::none;                       ///< the rule holds with this head alone; none: with any
  bool (*holds)(const ModelConfig&) = nullptr;  ///< the rule holds for these configs alone; null: for all

  constexpr NameRule(std::string_view our_path, std::string_view their_name, bool is_transposed = false,
                     RowSlice (*rows)(const ModelConfig&) = nullptr)
      : ours(our_path), theirs(their_name), transposed(is_transposed), slice(rows) {}
  constexpr NameRule(std::string_view our_path, std::string_view their_name, Head only_with)
      : ours(our_path), theirs(their_name), head(only_with) {}
  constexpr NameRule(std::string_view our_path, std::string_view their_name,
                     bool (*for_config)(const ModelConfig&))
      : ours(our_path), theirs(their_name), holds(for_config) {}
};

/// A tensor that checkpoints may hold a second time.
struct NameCopy {
  std::string_view copy, original;
  bool if_tied = true;  ///< only a copy where the config ties the output matrix to the embeddings
};

/// What a family's checkpoints look like.
struct NameTable {
  std::string_view prefix;  ///< what "~" stands for
  std::span<const NameRule> rules;
  std::span<const std::string_view> ignored;  ///< what a checkpoint may carry beside: known, and not needed
  std::span<const NameCopy> copies{};
  std::span<const NameRule> heads{};  ///< of which a checkpoint may carry more than the one that is wanted
  bool norms_with_offset = false;     ///< norms are stored with the config's offset added
};

namespace names {

/// A pattern with its placeholders filled in.
[[gnu::cold]] inline std::string fill(std::string_view pattern, std::string_view prefix, Index layer,
                                      Index n_layers) {
  std::string out;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '~') {
      out += prefix;
    } else if (pattern[i] == '{') {
      const std::string_view inside = pattern.substr(i + 1, pattern.find('}', i) - i - 1);
      out += std::to_string(inside == "n" ? n_layers + 1 : inside == "+" ? layer + 1 : layer);
      i += inside.size() + 1;
    } else {
      out += pattern[i];
    }
  }
  return out;
}

/// A tensor's name and how a parameter lies in it.
struct Place {
  std::string name;
  bool transposed = false;
  RowSlice slice;
};

/// Where a parameter of ours is to be found. Of several rules for it the first counts whose tensor is
/// `present`, or else the first; nothing where the table does not know the parameter.
template <class Present>
[[gnu::cold]] std::optional<Place> find_place(const NameTable& table, std::string_view prefix,
                                              const std::string& path, const ModelConfig& config,
                                              const Present& present) {
  std::string generic = path;  // "decoder.blocks.3.attention.query.weight" → "decoder.blocks.{}.…"
  Index layer = 0;
  if (const auto at = path.find(".blocks."); at != std::string::npos) {
    const auto begin = at + 8, end = path.find('.', begin);
    layer = std::stol(path.substr(begin, end - begin));
    generic = path.substr(0, begin) + "{}" + path.substr(end);
  }
  const auto dot = generic.rfind('.');
  const std::string_view whole = generic, stem = whole.substr(0, dot);
  std::optional<Place> first;
  for (const auto rules : {table.rules, table.heads})
    for (const NameRule& rule : rules) {
      if (rule.head != Head::none && rule.head != config.head) continue;
      if (rule.holds && !rule.holds(config)) continue;
      if (rule.ours != whole && (dot == std::string::npos || rule.ours != stem)) continue;
      std::string name = fill(rule.theirs, prefix, layer, config.n_layers);
      if (rule.ours != whole) name += whole.substr(dot);
      const bool here = present(name);
      if (here || !first)
        first = {std::move(name), rule.transposed, rule.slice ? rule.slice(config) : RowSlice{}};
      if (here) return first;
    }
  return first;
}

}  // namespace names
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer

// Entities in BIO tags and their precision, recall and F1, in the definitions of seqeval: an entity counts as
// found where type, first and last word are all right (the CoNLL-2000 shared task's rule).
#pragma once

#include <eigenformer/evaluate/counts.hpp>

#include <span>
#include <string_view>
#include <tuple>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace evaluate {

/// Words first … last of one sentence.
struct Entity {
  std::string type;
  Index first = 0, last = 0;
  friend auto operator<=>(const Entity&, const Entity&) = default;
};

/// What an I- tag means that continues no entity of its type.
enum class TagScheme {
  lenient,  ///< it begins one (seqeval's default, as conlleval does)
  iob2,     ///< it is no entity (seqeval's mode "strict" with scheme IOB2)
};

using Tags = std::vector<std::string>;

namespace detail {

struct Tag {
  char prefix;  // B, I or O
  std::string_view type;
};

inline Tag parse_tag(std::string_view tag) {
  if (tag == "O") return {'O', {}};
  if (!tag.empty() && (tag[0] == 'B' || tag[0] == 'I')) {
    if (tag.size() == 1) return {tag[0], "_"};  // seqeval's name for entities without a type
    if (tag.size() > 2 && tag[1] == '-') return {tag[0], tag.substr(2)};
  }
  fail(InputError(concat("the tag \"", printable(tag), "\" is neither O nor B- or I- with a type")));
}

/// @throws InputError  for no sentences, or numbers of sentences or words that differ
inline void require_tags(std::span<const Tags> truth, std::span<const Tags> predicted) {
  require_pairs(truth.size(), predicted.size(), "sentences");
  for (std::size_t i = 0; i < truth.size(); ++i)
    if (truth[i].size() != predicted[i].size())
      fail(InputError(concat("sentence ", i, ": ", predicted[i].size(), " predicted tags for ",
                             truth[i].size(), " true ones")));
}

}  // namespace detail

/// The entities of one sentence, in order.
/// @throws InputError  for a tag that is neither O nor B- or I- with a type
inline std::vector<Entity> entities(const Tags& tags, TagScheme scheme = TagScheme::lenient) {
  std::vector<Entity> found;
  bool inside = false;  // whether the word before belongs to found.back()
  for (std::size_t i = 0; i < tags.size(); ++i) {
    const auto [prefix, type] = detail::parse_tag(tags[i]);
    const bool continues = prefix == 'I' && inside && found.back().type == type;
    const bool begins = prefix == 'B' || (prefix == 'I' && !continues && scheme == TagScheme::lenient);
    if (begins) found.push_back({std::string(type), static_cast<Index>(i), 0});
    inside = begins || continues;
    if (inside) found.back().last = static_cast<Index>(i);
  }
  return found;
}

struct EntityScores {
  Scores micro;                         ///< over the entities of all types; what "entity F1" means
  Scores macro;                         ///< the mean over types
  std::map<std::string, Scores> types;  ///< by type
};

/// Entities found in sentences, against the true ones. Without any entity all scores are 0.
/// @throws InputError  for no sentences, unequal numbers of sentences or tags, or a tag that is none
inline EntityScores entity_scores(std::span<const Tags> truth, std::span<const Tags> predicted,
                                  TagScheme scheme = TagScheme::lenient) {
  detail::require_tags(truth, predicted);
  struct Counts {
    Index hits = 0, found = 0, wanted = 0;
  };
  std::map<std::string, Counts> types;
  Counts all;
  for (std::size_t i = 0; i < truth.size(); ++i) {
    const std::vector<Entity> wanted = entities(truth[i], scheme), found = entities(predicted[i], scheme);
    for (const Entity& e : wanted) ++types[e.type].wanted, ++all.wanted;
    for (const Entity& e : found) {
      const Index hit = std::binary_search(wanted.begin(), wanted.end(), e, [](const auto& a, const auto& b) {
        return std::tie(a.first, a.last, a.type) < std::tie(b.first, b.last, b.type);
      });
      ++types[e.type].found, ++all.found;
      types[e.type].hits += hit, all.hits += hit;
    }
  }
  EntityScores result{.micro = scores(all.hits, all.found, all.wanted), .macro = {}, .types = {}};
  for (const auto& [type, c] : types) {
    const Scores s = result.types[type] = scores(c.hits, c.found, c.wanted);
    const auto n = static_cast<double>(types.size());
    result.macro.precision += s.precision / n;
    result.macro.recall += s.recall / n;
    result.macro.f1 += s.f1 / n;
  }
  return result;
}

/// The share of words whose tag is right.
/// @throws InputError  for no words, or unequal numbers of sentences or tags
inline double tag_accuracy(std::span<const Tags> truth, std::span<const Tags> predicted) {
  detail::require_tags(truth, predicted);
  Index words = 0, right = 0;
  for (std::size_t i = 0; i < truth.size(); ++i)
    for (std::size_t j = 0; j < truth[i].size(); ++j, ++words) right += truth[i][j] == predicted[i][j];
  if (words == 0) fail(InputError("there are no words to compare"));
  return static_cast<double>(right) / static_cast<double>(words);
}

/// Words by what became of them, O being the negative class (seqeval's performance_measure: a word of the
/// wrong entity tag is a false positive, and no false negative).
struct TagCounts {
  Index true_positives = 0, false_positives = 0, false_negatives = 0, true_negatives = 0;
};

/// @throws InputError  for no sentences, or unequal numbers of sentences or tags
inline TagCounts count_tags(std::span<const Tags> truth, std::span<const Tags> predicted) {
  detail::require_tags(truth, predicted);
  TagCounts counts;
  for (std::size_t i = 0; i < truth.size(); ++i)
    for (std::size_t j = 0; j < truth[i].size(); ++j) {
      const bool same = truth[i][j] == predicted[i][j], positive = predicted[i][j] != "O";
      ++(positive ? (same ? counts.true_positives : counts.false_positives)
                  : (same ? counts.true_negatives : counts.false_negatives));
    }
  return counts;
}

}  // namespace evaluate
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer

// Post-processors: how one or two tokenized texts and the special tokens around them make the model's input.
//
// Whatever it is called in the file, a post-processor is two templates: one for a single text, one for a
// pair.
#pragma once

#include <eigenformer/core/types.hpp>
#include <eigenformer/text/encoding.hpp>

#include <string>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace text {

struct TemplatePart {
  enum class Kind { first, second, special };  // the first text, the second text, or special tokens
  Kind kind = Kind::first;
  int type_id = 0;
  std::vector<Token> ids = {};           // if special
  std::vector<std::string> tokens = {};  // their strings
};

using Template = std::vector<TemplatePart>;

/// Appends the place of a text.
[[gnu::cold]] inline void add_sequence(Template& out, TemplatePart::Kind kind, int type_id) {
  TemplatePart& part = out.emplace_back();
  part.kind = kind;
  part.type_id = type_id;
}

struct PostProcessor {
  /// Nothing around the texts.
  [[gnu::cold]] PostProcessor() {
    add_sequence(single, TemplatePart::Kind::first, 0);
    add_sequence(pair, TemplatePart::Kind::first, 0);
    add_sequence(pair, TemplatePart::Kind::second, 1);
  }

  Template single, pair;
  bool trim_offsets = false;      // the offsets of a token leave out its white space
  bool add_prefix_space = false;  // but not the space put before the text
};

namespace detail {

/// CLS A SEP, and CLS A SEP [SEP] B SEP, what belongs to B in segment `second`.
[[gnu::cold]] inline void set_templates(PostProcessor& out, const TemplatePart& cls, const TemplatePart& sep,
                                        bool two, int second) {
  for (Template* const to : {&out.single, &out.pair}) {
    to->clear();
    to->push_back(cls);
    add_sequence(*to, TemplatePart::Kind::first, 0);
    to->push_back(sep);
  }
  if (two) out.pair.push_back(sep);
  add_sequence(out.pair, TemplatePart::Kind::second, second);
  out.pair.push_back(sep);
  out.pair.back().type_id = second;
}

}  // namespace detail

/// [CLS] A [SEP] and [CLS] A [SEP] B [SEP].
[[gnu::cold]] inline void set_bert_templates(PostProcessor& out, const TemplatePart& cls,
                                             const TemplatePart& sep) {
  detail::set_templates(out, cls, sep, false, 1);
}

/// <s> A </s> and <s> A </s> </s> B </s>, all of it one segment.
[[gnu::cold]] inline void set_roberta_templates(PostProcessor& out, const TemplatePart& cls,
                                                const TemplatePart& sep) {
  detail::set_templates(out, cls, sep, true, 0);
}

}  // namespace text
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer

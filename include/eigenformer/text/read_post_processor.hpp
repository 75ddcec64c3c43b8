// Post-processors, truncation and padding, from their description in a tokenizer.json.
#pragma once

#include <eigenformer/text/json_node.hpp>
#include <eigenformer/text/post_processor.hpp>

#include <string>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace text {
namespace detail {

[[gnu::cold]] inline void read_template_part(const JsonNode& node, const JsonNode& special_tokens,
                                             TemplatePart& part) {
  const auto read_type_id = [&](const JsonNode& from) {
    part.type_id = static_cast<int>(from["type_id"].integer(1 << 20));
  };
  if (const JsonNode sequence = node["Sequence"]; !sequence.is_null()) {
    const std::string& id = sequence["id"].string();
    if (id != "A" && id != "B") sequence.refuse(concat("id \"", printable(id), "\" is neither A nor B"));
    part.kind = id == "A" ? TemplatePart::Kind::first : TemplatePart::Kind::second;
    return read_type_id(sequence);
  }
  const JsonNode special = node["SpecialToken"];
  const JsonNode described = special_tokens[special["id"].string()];
  part.kind = TemplatePart::Kind::special;
  read_type_id(special);
  for (const JsonNode& id : described["ids"].elements()) part.ids.push_back(id.token());
  for (const JsonNode& token : described["tokens"].elements()) part.tokens.push_back(token.string());
  if (part.ids.size() != part.tokens.size())
    described.refuse(concat(part.ids.size(), " ids, but ", part.tokens.size(), " tokens"));
}

[[gnu::cold]] inline Template read_template(const JsonNode& node, const JsonNode& special_tokens, bool pair) {
  Template out;
  Index first = 0, second = 0;
  for (const JsonNode& part : node.elements()) {
    read_template_part(part, special_tokens, out.emplace_back());
    first += out.back().kind == TemplatePart::Kind::first ? 1 : 0;
    second += out.back().kind == TemplatePart::Kind::second ? 1 : 0;
  }
  if (first != 1 || second != (pair ? 1 : 0))
    node.refuse(pair ? "expected the sequences A and B once each" : "expected the sequence A once, and no B");
  return out;
}

/// A special token that the file gives as ["[SEP]", 102].
[[gnu::cold]] inline TemplatePart read_special(const JsonNode& node) {
  const std::vector<JsonNode> pair = node.elements();
  if (pair.size() != 2) node.refuse("expected a token and its id");
  return {TemplatePart::Kind::special, 0, {pair[1].token()}, {pair[0].string()}};
}

[[gnu::cold]] inline void read_post_processor(const JsonNode& node, PostProcessor& out) {
  if (node.is_null()) return;
  const std::string type = node["type"].string();
  if (type == "Sequence") {
    for (const JsonNode& step : node["processors"].elements()) read_post_processor(step, out);
  } else if (type == "TemplateProcessing") {
    out.single = read_template(node["single"], node["special_tokens"], false);
    out.pair = read_template(node["pair"], node["special_tokens"], true);
  } else if (type == "ByteLevel" || type == "RobertaProcessing") {
    out.trim_offsets = node["trim_offsets"].flag(true);
    out.add_prefix_space = node["add_prefix_space"].flag(true);
    if (type == "RobertaProcessing")
      set_roberta_templates(out, read_special(node["cls"]), read_special(node["sep"]));
  } else if (type == "BertProcessing") {
    set_bert_templates(out, read_special(node["cls"]), read_special(node["sep"]));
  } else {
    node["type"].refuse_value(type);
  }
}

[[gnu::cold]] inline bool read_is_left(const JsonNode& node) {
  const std::string direction = node.is_null() ? "Right" : node.string();
  if (direction != "Left" && direction != "Right")
    node.refuse(concat("\"", direction, "\" is neither Left nor Right"));
  return direction == "Left";
}

inline constexpr std::int64_t longest_input = 1 << 30;

[[gnu::cold]] inline Truncation read_truncation(const JsonNode& node) {
  Truncation out{.max_length = static_cast<Index>(node["max_length"].integer(longest_input)),
                 .stride = static_cast<Index>(node["stride"].integer(longest_input)),
                 .left = read_is_left(node["direction"])};
  const std::string strategy = node["strategy"].string();
  if (strategy == "OnlyFirst")
    out.strategy = Truncation::Strategy::only_first;
  else if (strategy == "OnlySecond")
    out.strategy = Truncation::Strategy::only_second;
  else if (strategy != "LongestFirst")
    node["strategy"].refuse_value(strategy);
  return out;
}

[[gnu::cold]] inline Padding read_padding(const JsonNode& node) {
  Padding out{.left = read_is_left(node["direction"]),
              .id = node["pad_id"].token(),
              .type_id = static_cast<int>(node["pad_type_id"].integer(1 << 20)),
              .token = node["pad_token"].string()};
  const JsonNode strategy = node["strategy"];
  if (strategy.is_object())
    out.length = static_cast<Index>(strategy["Fixed"].integer(1 << 24));
  else if (strategy.string() != "BatchLongest")  // a batch of one: only the multiple counts
    strategy.refuse_value(strategy.string());
  if (const JsonNode multiple = node["pad_to_multiple_of"]; !multiple.is_null())
    out.multiple = static_cast<Index>(multiple.integer(1 << 24));
  return out;
}

}  // namespace detail
}  // namespace text
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer

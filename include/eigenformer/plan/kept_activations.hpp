// The activations that this library keeps from a forward pass for its backward pass: the sum over the members
// of StackSaved (model/transformer.hpp). Attention keeps its softmax as two numbers a row and head instead of
// a matrix of scores, so this is linear in the length; published formulas, which keep the scores, are in
// plan/activations.hpp. A test holds this number to the memory that real models hold.
#pragma once

#include <eigenformer/plan/parameters.hpp>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace plan {

struct KeptActivationOptions {
  ModelConfig config{};
  Index rows = 0;              ///< tokens of all sequences of a batch
  Index source_rows = 0;       ///< of an encoder-decoder: tokens of all sources
  bool recompute = false;      ///< keep of each block its input, and of one block, the one at work, all
  Index bytes_per_number = 4;  ///< 8 where a model trains in double
};

namespace detail {

/// Numbers that one block keeps.
/// @param source_rows  rows that its cross-attention reads; 0: it has none
inline Index kept_of_block(const ModelConfig& c, Index rows, Index source_rows) {
  const bool parallel = c.branches != Branches::sequential;
  const bool inner = !parallel && c.norm_placement != NormPlacement::before;
  const Index branches = parallel ? 1 : source_rows > 0 ? 3 : 2;
  const Index branch = multiply(c.d_model, branches * (inner ? 2 : 1));
  const Index looking = 2 * c.query_width() + 2 * c.n_heads;  // queries, mixed values, statistics
  const Index memory = 2 * c.key_value_width();               // keys and values
  Index numbers = multiply(rows, branch + looking + memory + c.d_ff * (c.gated ? 2 : 1));
  if (source_rows > 0) numbers = add(numbers, add(multiply(rows, looking), multiply(source_rows, memory)));
  return numbers;
}

inline Index kept_of_stack(const ModelConfig& c, bool recompute, Index rows, Index source_rows) {
  const Index block = kept_of_block(c, rows, source_rows);
  const Index blocks =
      recompute ? add(multiply(c.n_layers, multiply(rows, c.d_model)), block) : multiply(c.n_layers, block);
  const Index around = multiply(rows, c.d_model) * (c.embedding_norm ? 2 : 1);  // last, and embedded
  return add(blocks, around);
}

}  // namespace detail

/// Bytes kept of both stacks when the backward pass is under way.
/// @throws ConfigError, InputError  for sizes that are not positive, or too large to count
inline Index kept_activation_bytes(const KeptActivationOptions& o) {
  validate(o.config);
  detail::require_positive(o.rows, "rows");
  detail::require_not_negative(o.source_rows, "source_rows");
  detail::require_positive(o.bytes_per_number, "bytes_per_number");
  const bool both = o.config.stacks == Stacks::encoder_decoder;
  if (both) detail::require_positive(o.source_rows, "source_rows");
  Index numbers = detail::kept_of_stack(o.config, o.recompute, o.rows, both ? o.source_rows : 0);
  if (both)
    numbers = detail::add(numbers, detail::kept_of_stack(o.config.encoder(), o.recompute, o.source_rows, 0));
  return detail::multiply(numbers, o.bytes_per_number);
}

}  // namespace plan
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer

// The most memory that a training step of this library holds at one time beside weights, gradients and
// moments: kept activations, the states between stack and loss, and the high-water mark of scratch memory.
//
// Scratch memory is taken and given back as a stack, so its mark is the largest of what the loss, a block's
// backward pass and the final norm's take. Small tables (a few numbers a sequence) are left out; a test holds
// the sum to a counting allocator.
#pragma once

#include <eigenformer/plan/kept_activations.hpp>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace plan {

struct TrainingStepOptions {
  KeptActivationOptions kept{};
  Index longest = 0;         ///< tokens of the longest sequence, of either stack
  Index counted_labels = 0;  ///< rows with a label, which get logits; 0: all
  Index threads = 1;
  Index lanes = 16;  ///< numbers of the machine's widest vector: 16 of AVX-512's in FP32, 8 of AVX2's
};

/// Bytes of one step at its peak, part by part.
struct TrainingStepMemory {
  Index kept_bytes = 0;     ///< of the forward pass, for the backward pass
  Index states_bytes = 0;   ///< hidden states under the loss and their gradients
  Index scratch_bytes = 0;  ///< high-water mark of the workspace

  Index total_bytes() const { return detail::add(detail::add(kept_bytes, states_bytes), scratch_bytes); }
};

namespace detail {

/// Numbers of scratch memory that a step takes at most for one part of its work.
struct StepScratch {
  const TrainingStepOptions& o;

  /// Two blocks of a product and a turned one, for each thread (core/product_backward.hpp: sums of 128 terms
  /// for 256 rows, four vectors wide).
  Index product() const { return multiply(o.threads, 256 * 128 + (128 + 256) * 4 * o.lanes); }

  /// A thread's block of 32 queries and 128 keys for all heads of a group (nn/attention_backward.hpp), with
  /// the packed copy of its queries.
  Index attend(const ModelConfig& c) const {
    const Index rows = (std::min)(o.longest, Index{32}) * (c.n_heads / c.key_value_heads());
    return multiply(o.threads, rows, 4 * c.head_width() + 4 * 128 + 1);
  }

  /// A block's backward pass, with what stays taken around the blocks.
  Index stack(const ModelConfig& c, Index rows, Index source_rows) const {
    const bool parallel = c.branches != Branches::sequential;
    const bool both = c.norm_placement == NormPlacement::both;
    const Index around = parallel || both ? 3 : c.norm_placement == NormPlacement::before ? 2 : 1;
    const auto attention = [&](Index keys) {
      return add(add(multiply(rows, 2 * c.query_width()), multiply(keys, 2 * c.key_value_width())),
                 (std::max)(attend(c), product()));
    };
    const Index feed_forward = add(multiply(rows, 2 * c.d_ff), product());
    const Index branch =
        (std::max)({attention(rows), source_rows > 0 ? attention(source_rows) : 0, feed_forward});
    Index shared = o.kept.recompute ? multiply(rows, c.d_model) : 0;
    if (c.positions == Positions::rotary) shared = add(shared, multiply(rows, c.rotary_dimensions()));
    if (c.positions == Positions::relative_buckets)
      shared = add(shared, multiply(4 * c.n_heads, o.longest));  // biases by distance, and their gradient
    return add(shared, add(multiply(rows, around * c.d_model), branch));
  }

  /// Hidden states that count with their gradient, through the head's transform too where it has one, and a
  /// slice of their logits (train/loss.hpp: 2²² at a time, 16 to 1,024 rows).
  Index loss(const ModelConfig& c, Index rows) const {
    const Index slice = (std::min)(rows, std::clamp((Index{1} << 22) / c.vocab_size, Index{16}, Index{1024}));
    const Index copies = c.head == Head::masked_words ? 6 : 2;  // two of them the transform keeps
    return add(
        add(multiply(rows, copies * c.d_model), multiply(slice, (c.logits_cap != 0 ? 2 : 1) * c.vocab_size)),
        product());
  }
};

}  // namespace detail

/// @throws ConfigError, InputError  as kept_activation_bytes(), and for a head that predicts no words
inline TrainingStepMemory training_step_memory(const TrainingStepOptions& o) {
  const KeptActivationOptions& kept = o.kept;
  TrainingStepMemory m{.kept_bytes = kept_activation_bytes(kept)};
  const ModelConfig& c = kept.config;
  if (c.head != Head::words && c.head != Head::masked_words)
    fail(InputError("the peak of a training step is predicted for heads of words alone"));
  detail::require_positive(o.longest, "longest");
  detail::require_positive(o.threads, "threads");
  detail::require_positive(o.lanes, "lanes");
  detail::require_between(static_cast<double>(o.counted_labels), 0, static_cast<double>(kept.rows),
                          "counted_labels");
  const bool both = c.stacks == Stacks::encoder_decoder;
  const Index source_rows = both ? kept.source_rows : 0;
  const detail::StepScratch scratch{o};
  Index most = (std::max)(scratch.stack(c, kept.rows, source_rows),
                          scratch.loss(c, o.counted_labels ? o.counted_labels : kept.rows));
  if (both) most = (std::max)(most, scratch.stack(c.encoder(), source_rows, 0));
  m.states_bytes =
      detail::multiply(2 * c.d_model, detail::add(kept.rows, source_rows), kept.bytes_per_number);
  m.scratch_bytes = detail::multiply(most, kept.bytes_per_number);
  return m;
}

}  // namespace plan
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer

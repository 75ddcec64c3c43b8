// What a model is loaded as.
#pragma once

#include <eigenformer/core/number_format.hpp>

#include <optional>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

struct LoadOptions {
  /// Matrices are converted to this format (f32, bf16, f16, int8 or int4 beside float); none: they keep the
  /// file's. Tables that are looked up alone (positions, token types, relative biases) are never quantised.
  /// bf16, asked for, means products in bfloat16 where the processor does them faster (bf16_kernel.hpp): then
  /// the weights are put into tiles, and products round their input to bfloat16 too.
  std::optional<Format> dtype;
};

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer

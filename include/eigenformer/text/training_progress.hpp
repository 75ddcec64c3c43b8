// What the training of a tokenizer reports.
#pragma once

#include <eigenformer/version.hpp>

#include <cstddef>
#include <functional>
#include <string_view>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace text {

/// How far a training is. A stage is named as a person would: "reading", "merging", "fitting".
struct TrainingProgress {
  std::string_view stage;
  std::size_t done, total;  // of the stage; total 0: not known
};
using TrainingCallback = std::function<void(const TrainingProgress&)>;

}  // namespace text
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer

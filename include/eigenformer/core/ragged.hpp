// Rows of several sequences one after another: how a batch is laid out everywhere. Nothing is ever padded.
#pragma once

#include <eigenformer/core/error.hpp>

#include <span>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

/// Token ids of several sequences, one vector each: {{5, 8, 13}, {21, 34}}.
using TokenBatch = std::vector<std::vector<Token>>;

/// Where each sequence stands in a tall matrix.
/// Invariant: offsets.front() == 0, offsets never fall, and offsets.back() is the number of rows.
struct Ragged {
  std::vector<Index> offsets{0};

  Ragged() = default;
  explicit Ragged(std::span<const Index> lengths) {
    offsets.reserve(lengths.size() + 1);
    for (const Index length : lengths) add(length);
  }
  explicit Ragged(const TokenBatch& batch) {
    for (const auto& tokens : batch) add(static_cast<Index>(tokens.size()));
  }

  /// Appends a sequence of `length` rows.
  /// @throws InputError  for a negative length
  void add(Index length) {
    if (length < 0) fail(InputError(concat("a sequence cannot have ", length, " rows")));
    offsets.push_back(offsets.back() + length);
  }

  Index sequences() const { return static_cast<Index>(offsets.size()) - 1; }
  Index rows() const { return offsets.back(); }
  Index begin(Index sequence) const { return offsets[static_cast<std::size_t>(sequence)]; }
  Index length(Index sequence) const { return begin(sequence + 1) - begin(sequence); }

  /// @throws InputError  if hidden states of so many rows are those of another batch
  void check_rows(Index count) const {
    if (count != rows())
      fail(InputError(concat(count, " rows of hidden states for the ", rows(), " tokens of a batch")));
  }
};

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer

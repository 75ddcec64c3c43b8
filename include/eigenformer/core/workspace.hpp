// Scratch memory for one run at a time: taken in order, given back in reverse, never shrunk.
//
// The first run finds out how much is needed; after it the workspace is one block of that size and no later
// run of the same shape touches the heap. The high-water mark is what the calculators must predict.
#pragma once

#include <eigenformer/core/matrix.hpp>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <new>
#include <utility>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

/// Stacked scratch memory. One thread takes from it; others may use what was taken for them.
class Workspace {
 public:
  static constexpr std::size_t alignment = 64;

  Workspace() = default;
  /// Not while a frame is open; the other is empty afterwards.
  Workspace(Workspace&& other) noexcept { swap(other); }
  Workspace& operator=(Workspace&& other) noexcept {
    Workspace taken(std::move(other));
    swap(taken);
    return *this;
  }

  /// Gives back, at the end of its scope, all that was taken since its beginning.
  class Frame {
   public:
    explicit Frame(Workspace& owner)
        : owner_(owner), block_(owner.block_), used_(owner.used_), total_(owner.total_) {
      ++owner_.depth_;
    }
    ~Frame() {
      owner_.block_ = block_;
      owner_.used_ = used_;
      owner_.total_ = total_;
      if (--owner_.depth_ == 0) owner_.join();
    }
    Frame(const Frame&) = delete;
    Frame& operator=(const Frame&) = delete;

   private:
    Workspace& owner_;
    std::size_t block_, used_, total_;
  };

  /// `count` values of T, uninitialised, aligned for the widest vectors.
  template <class T> T* take(Index count) {
    const std::size_t bytes =
        (static_cast<std::size_t>(count) * sizeof(T) + alignment - 1) / alignment * alignment;
    while (block_ < blocks_.size() && used_ + bytes > blocks_[block_].size) {
      ++block_;
      used_ = 0;
    }
    if (block_ == blocks_.size()) blocks_.push_back(allocate(bytes));
    std::byte* const begin = blocks_[block_].data.get() + used_;
    used_ += bytes;
    total_ += bytes;
    high_water_ = (std::max)(high_water_, total_);
    return reinterpret_cast<T*>(begin);
  }

  /// An uninitialised matrix [rows, columns].
  template <class S> Eigen::Map<Matrix<S>> matrix(Index rows, Index columns) {
    return Eigen::Map<Matrix<S>>(take<S>(rows * columns), rows, columns);
  }

  /// The most bytes that were ever taken at one time.
  std::size_t high_water() const { return high_water_; }

 private:
  struct Free {
    void operator()(std::byte* p) const { ::operator delete[](p, std::align_val_t{alignment}); }
  };
  struct Block {
    std::unique_ptr<std::byte[], Free> data;
    std::size_t size = 0;
  };

  static Block allocate(std::size_t bytes) {
    return {std::unique_ptr<std::byte[], Free>(
                static_cast<std::byte*>(::operator new[](bytes, std::align_val_t{alignment}))),
            bytes};
  }

  void swap(Workspace& other) noexcept {
    blocks_.swap(other.blocks_);
    std::swap(block_, other.block_);
    std::swap(used_, other.used_);
    std::swap(total_, other.total_);
    std::swap(high_water_, other.high_water_);
    std::swap(depth_, other.depth_);
  }

  void join() {  // nothing is taken now: one block as large as the largest run
    if (blocks_.size() <= 1) return;
    blocks_.clear();
    blocks_.push_back(allocate(high_water_));
  }

  std::vector<Block> blocks_;
  std::size_t block_ = 0, used_ = 0;        // where the next bytes come from
  std::size_t total_ = 0, high_water_ = 0;  // taken now, and at most
  int depth_ = 0;
};

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer

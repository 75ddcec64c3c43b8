// A text on its way through the normalizers, which remembers where each of its bytes came from.
//
// Every byte of the current text has an origin: the bytes [begin, end) of the original that its character
// stands for. Origins are only kept when offsets are wanted; ids alone need none of it.
#pragma once

#include <eigenformer/core/error.hpp>
#include <eigenformer/text/utf8.hpp>

#include <algorithm>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace text {

/// Bytes [begin, end) of a text; texts are limited to what 32 bits can count.
struct Span {
  std::uint32_t begin = 0, end = 0;
  bool operator==(const Span&) const = default;
};

class AlignedText {
 public:
  /// A part of a document that is still as it was written.
  ///
  /// @param document  the whole text, valid UTF-8; it must outlive this object
  /// @param part      which bytes of it, cut between characters
  /// @param tracked   whether origins are kept
  AlignedText(std::string_view document, Span part, bool tracked)
      : view_(document.substr(part.begin, part.end - part.begin)), base_(part.begin), tracked_(tracked) {}
  AlignedText(const AlignedText&) = delete;  // view_ may look into written_
  AlignedText& operator=(const AlignedText&) = delete;

  std::string_view view() const { return view_; }
  bool tracked() const { return tracked_; }

  /// The bytes of the document that byte `at` < view().size() stands for: those of one character at least.
  Span origin(std::size_t at) const {
    if (changed_) return origins_[at];
    std::size_t begin = at, end = at + 1;
    while (is_continuation(view_[begin])) --begin;
    while (end < view_.size() && is_continuation(view_[end])) ++end;
    return {base_ + static_cast<std::uint32_t>(begin), base_ + static_cast<std::uint32_t>(end)};
  }

  /// The bytes of the document that the bytes [begin, end) stand for, from the first one's to the last one's.
  Span origin(Span part) const {
    if (part.begin >= part.end) return {base_, base_};
    return {origin(part.begin).begin, origin(part.end - 1).end};
  }

  /// Where in the document the text began before anything was changed.
  std::uint32_t base() const { return base_; }

  /// Writes the next version of a text from left to right, then puts it in the place of the present one. Not
  /// inline, as there are many callers.
  class Rewrite {
   public:
    explicit Rewrite(AlignedText& source) : source_(source) {
      text_.reserve(source.view().size() + 16);
      if (source.tracked_) origins_.reserve(source.view().size() + 16);
    }

    /// Takes over the bytes [begin, end) unchanged.
    [[gnu::noinline]] void copy(std::size_t begin, std::size_t end) {
      text_ += source_.view_.substr(begin, end - begin);
      if (!source_.tracked_) return;
      if (source_.changed_) {
        origins_.insert(origins_.end(), source_.origins_.begin() + static_cast<Index>(begin),
                        source_.origins_.begin() + static_cast<Index>(end));
        return;
      }
      std::size_t to = origins_.size();
      origins_.resize(to + end - begin);
      for (std::size_t i = begin, next = i; i < end; i = next) {
        const Span origin = source_.origin(i);
        next = (std::min<std::size_t>)(end, origin.end - source_.base_);
        for (std::size_t byte = i; byte < next; ++byte) origins_[to++] = origin;
      }
    }

    /// Writes new bytes that have the origin of byte `at` of the source.
    [[gnu::noinline]] void put(std::string_view bytes, std::size_t at) {
      text_ += bytes;
      if (source_.tracked_) track(source_.origin(at));
    }

    /// Writes new bytes that stand for nothing.
    void insert(std::string_view bytes) {
      text_ += bytes;
      if (source_.tracked_) track({source_.base_, source_.base_});
    }

    /// Number of bytes written so far.
    std::size_t size() const { return text_.size(); }

    /// @throws InputError  if the text has grown beyond 4 GiB
    [[gnu::noinline]] void commit() {
      if (text_.size() > (std::numeric_limits<std::uint32_t>::max)())
        fail(InputError(
            concat("a text of ", source_.view_.size(), " bytes grows beyond 4 GiB when normalized")));
      source_.written_ = std::move(text_);
      source_.view_ = source_.written_;
      source_.origins_ = std::move(origins_);
      source_.changed_ = true;
    }

   private:
    void track(Span origin) {
      while (origins_.size() < text_.size()) origins_.push_back(origin);
    }

    AlignedText& source_;
    std::string text_;
    std::vector<Span> origins_;
  };

  /// A Rewrite of a text of which most stays as it is: only what changes is told, from left to right.
  class Edit {
   public:
    explicit Edit(AlignedText& source) : source_(source) {}

    /// The bytes [begin, end) give way to what the caller writes into the result next.
    Rewrite& instead_of(std::size_t begin, std::size_t end) {
      if (!rewrite_) rewrite_.emplace(source_);
      if (done_ < begin) rewrite_->copy(done_, begin);
      done_ = end;
      return *rewrite_;
    }

    /// Does nothing if nothing has changed.
    void commit() {
      if (!rewrite_) return;
      if (done_ < source_.view().size()) rewrite_->copy(done_, source_.view().size());
      rewrite_->commit();
    }

   private:
    AlignedText& source_;
    std::optional<Rewrite> rewrite_;
    std::size_t done_ = 0;  // bytes of the source that are copied or replaced
  };

 private:
  std::string_view view_;
  std::string written_;
  std::vector<Span> origins_;  // one a byte, once changed_ and if tracked_
  std::uint32_t base_;
  bool tracked_, changed_ = false;
};

}  // namespace text
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer

// The key/value cache of one sequence: what attention needs of the tokens so far.
//
// Memory comes in pages of a fixed number of tokens, each with all layers; within a layer's page the rows of
// a head stand one after another, so that a decode step reads them in order. Forks of a cache share its
// pages; a page that is shared is copied before either side writes to it (copy on write), which is at most
// the last one. Keys and values may be stored in half: half the memory, and half of what attention reads.
#pragma once

#include <eigenformer/nn/attention.hpp>

#include <memory>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

/// @throws ConfigError  for a format other than the scalar's own, or f16 beside float
template <class S> void check_cache_format(Format format) {
  if (!can_store_key_values<S>(format))
    fail(ConfigError("cache_format", concat("keys and values are not stored in ", name_of(format), " here")));
}

template <class S> class KeyValues {
 public:
  /// Room for `capacity` tokens of the config's decoder, set aside now but not touched.
  /// @throws ConfigError  as check_cache_format
  KeyValues(const ModelConfig& config, Index capacity, Format format = own_format<S>)
      : format_(format),
        layers_(config.n_layers),
        heads_(config.key_value_heads()),
        size_of_head_(config.head_width()),
        capacity_(capacity) {
    check_cache_format<S>(format);
    const auto n = static_cast<std::size_t>((capacity + page_rows - 1) / page_rows);
    pages_.resize(n);
    pointers_.resize(n);
    for (std::size_t i = 0; i < n; ++i) renew(i);
  }

  Index size() const { return size_; }
  Index capacity() const { return capacity_; }
  Format format() const { return format_; }

  /// Whether it is laid out for the decoder of this config.
  bool fits(const ModelConfig& config) const {
    return layers_ == config.n_layers && heads_ == config.key_value_heads() &&
           size_of_head_ == config.head_width();
  }

  /// Another cache with the same tokens so far, sharing their memory until one of them is written to.
  KeyValues fork() const {
    KeyValues other(*this);
    for (std::size_t i = used_pages(size_); i < pages_.size(); ++i) other.drop(i);
    return other;
  }

  /// The same with the first `size` tokens alone, and room for `capacity`, which is set aside now.
  KeyValues fork(Index size, Index capacity) const {
    KeyValues other(*this);
    other.size_ = size;
    other.capacity_ = capacity;
    const std::size_t n = used_pages(capacity);
    other.pages_.resize(n);
    other.pointers_.resize(n);
    for (std::size_t i = used_pages(size); i < n; ++i) other.renew(i);
    return other;
  }

  /// Forgets all tokens from `size` on.
  /// @throws InputError  for a negative size
  void truncate(Index size) {
    if (size < 0) fail(InputError(concat("a cache cannot be cut to ", size, " tokens")));
    size_ = (std::min)(size, size_);
  }

  /// Makes sure that the next `rows` tokens have memory of their own.
  /// @throws WindowError  if they exceed the capacity
  void prepare(Index rows) {
    if (size_ + rows > capacity_)
      fail(WindowError(capacity_, size_ + rows,
                       concat("the cache holds ", capacity_, " tokens, ", size_ + rows, " are needed")));
    for (std::size_t i = static_cast<std::size_t>(size_ / page_rows); i < used_pages(size_ + rows); ++i) {
      if (!pages_[i]) {
        renew(i);
      } else if (pages_[i].use_count() > 1) {
        const std::shared_ptr<void> shared = pages_[i];
        renew(i);
        copy_rows(shared.get(), pages_[i].get(), size_ - static_cast<Index>(i) * page_rows);
      }
    }
  }

  /// Writes keys and values [rows, heads · head size] of the tokens after size() for one layer. prepare()
  /// must have been called.
  void write(Index layer, Index rows, const S* keys, const S* values, Index stride) {
    with_stored<S>(format_, [&]<class T>(T) {
      for (Index r = 0; r < rows; ++r, keys += stride, values += stride)
        for (Index h = 0; h < heads_; ++h) {
          T* const to = static_cast<T*>(page_of(size_ + r)) + place(layer, size_ + r, h);
          lanes::convert(keys + h * size_of_head_, size_of_head_, to);
          lanes::convert(values + h * size_of_head_, size_of_head_, to + half_page());
        }
    });
  }

  /// Counts `rows` more tokens, once every layer has written them.
  void advance(Index rows) { size_ += rows; }

  /// Where a layer's first `count` keys and values lie, for attention.
  KeyValueRows<S> rows(Index layer, Index count) const {
    const Index keys = layer * 2 * half_page();
    return {pointers_.data(),          page_rows, keys,   keys + half_page(), size_of_head_,
            page_rows * size_of_head_, count,     format_};
  }

  /// Copies of a layer's keys or values, [size, key/value heads · head_size], for people who look at them.
  Matrix<S> keys(Index layer) const { return gather(layer, 0); }
  Matrix<S> values(Index layer) const { return gather(layer, half_page()); }

  /// Bytes set aside for `capacity` tokens.
  /// @throws ConfigError  as check_cache_format
  static Index bytes(const ModelConfig& config, Index capacity, Format format = own_format<S>) {
    check_cache_format<S>(format);
    const Index pages = (capacity + page_rows - 1) / page_rows;
    return pages * page_rows * 2 * config.n_layers * config.key_value_width() * bytes_of_number(format);
  }

 private:
  static constexpr Index page_rows = detail::key_block;

  KeyValues(const KeyValues&) = default;  // fork() says what it shares

 public:
  KeyValues(KeyValues&&) noexcept = default;
  KeyValues& operator=(KeyValues&&) noexcept = default;

 private:
  /// Bytes of a number.
  static Index bytes_of_number(Format format) {
    return format == own_format<S> ? static_cast<Index>(sizeof(S)) : bytes_of(format);
  }
  static std::size_t used_pages(Index size) {
    return static_cast<std::size_t>((size + page_rows - 1) / page_rows);
  }
  /// Keys, or values, of one layer's page.
  Index half_page() const { return page_rows * heads_ * size_of_head_; }
  Index page_size() const { return layers_ * 2 * half_page(); }
  void* page_of(Index token) const { return pages_[static_cast<std::size_t>(token / page_rows)].get(); }
  /// Where in its page a token's key for a head lies; its value is half_page() behind.
  Index place(Index layer, Index token, Index head) const {
    return layer * 2 * half_page() + (head * page_rows + token % page_rows) * size_of_head_;
  }

  void renew(std::size_t page) {
    if (format_ == own_format<S>)
      pages_[page] = std::shared_ptr<S[]>(new S[static_cast<std::size_t>(page_size())]);  // uninitialised
    else
      pages_[page] = own_bytes(page_size() * bytes_of_number(format_));
    pointers_[page] = pages_[page].get();
  }
  /// The first `rows` tokens of a page: all that is written.
  void copy_rows(const void* source, void* target, Index rows) const {
    with_stored<S>(format_, [&]<class T>(T) {
      const T* from = static_cast<const T*>(source);
      T* to = static_cast<T*>(target);
      for (Index part = 0; part < 2 * layers_ * heads_;
           ++part, from += page_rows * size_of_head_, to += page_rows * size_of_head_)
        std::copy_n(from, rows * size_of_head_, to);
    });
  }
  void drop(std::size_t page) {
    pages_[page].reset();
    pointers_[page] = nullptr;
  }
  Matrix<S> gather(Index layer, Index behind) const {
    Matrix<S> out(size_, heads_ * size_of_head_);
    with_stored<S>(format_, [&]<class T>(T) {
      for (Index r = 0; r < size_; ++r)
        for (Index h = 0; h < heads_; ++h)
          lanes::convert(static_cast<const T*>(page_of(r)) + place(layer, r, h) + behind, size_of_head_,
                         out.data() + r * out.cols() + h * size_of_head_);
    });
    return out;
  }

  Format format_;
  Index layers_, heads_, size_of_head_, capacity_, size_ = 0;
  std::vector<std::shared_ptr<void>> pages_;
  std::vector<const void*> pointers_;
};

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer

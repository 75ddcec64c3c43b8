// GGUF files put together by hand, straight from the format's page, and blocks of numbers with what they
// stand for, computed from their parts and not from their bytes.
#pragma once

#include <eigenformer/core/types.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gguf_file {

namespace ef = eigenformer;

template <class T> void put(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}
inline void put_string(std::string& out, std::string_view text) {
  put(out, static_cast<std::uint64_t>(text.size()));
  out += text;
}

/// A file: metadata in the order in which they are added, then tensors.
class Writer {
 public:
  explicit Writer(std::uint32_t version = 3, std::size_t alignment = 32)
      : version_(version), alignment_(alignment) {}

  void u32(const std::string& key, std::uint32_t value) { add(key, 4), put(values_, value); }
  void i32(const std::string& key, std::int32_t value) { add(key, 5), put(values_, value); }
  void f32(const std::string& key, float value) { add(key, 6), put(values_, value); }
  void boolean(const std::string& key, bool value) { add(key, 7), put(values_, static_cast<char>(value)); }
  void text(const std::string& key, std::string_view value) { add(key, 8), put_string(values_, value); }
  void u64(const std::string& key, std::uint64_t value) { add(key, 10), put(values_, value); }
  void strings(const std::string& key, const std::vector<std::string>& list) {
    array(key, 8, list.size());
    for (const std::string& item : list) put_string(values_, item);
  }
  void f32s(const std::string& key, const std::vector<float>& list) {
    array(key, 6, list.size());
    for (const float item : list) put(values_, item);
  }
  void i32s(const std::string& key, const std::vector<std::int32_t>& list) {
    array(key, 5, list.size());
    for (const std::int32_t item : list) put(values_, item);
  }
  /// A value of any type by its bytes.
  void raw(const std::string& key, std::uint32_t type, std::string_view bytes) {
    add(key, type);
    values_ += bytes;
  }

  /// @param sizes  the fastest first, as the file has them
  void tensor(const std::string& name, const std::vector<std::uint64_t>& sizes, std::uint32_t type,
              std::string_view data) {
    put_string(directory_, name);
    put(directory_, static_cast<std::uint32_t>(sizes.size()));
    for (const std::uint64_t size : sizes) put(directory_, size);
    put(directory_, type);
    put(directory_, static_cast<std::uint64_t>(data_.size()));
    data_ += data;
    data_.resize((data_.size() + alignment_ - 1) / alignment_ * alignment_);
    ++tensors_;
  }

  std::string bytes() const {
    std::string out = head();
    out.resize((out.size() + alignment_ - 1) / alignment_ * alignment_);
    return out + data_;
  }
  /// All before the padding in front of the data.
  std::string head() const {
    std::string out = "GGUF";
    put(out, version_);
    put(out, tensors_);
    put(out, keys_);
    return out + values_ + directory_;
  }

 private:
  void add(const std::string& key, std::uint32_t type) {
    put_string(values_, key);
    put(values_, type);
    ++keys_;
  }
  void array(const std::string& key, std::uint32_t type, std::size_t count) {
    add(key, 9);
    put(values_, type);
    put(values_, static_cast<std::uint64_t>(count));
  }

  std::uint32_t version_;
  std::size_t alignment_;
  std::uint64_t tensors_ = 0, keys_ = 0;
  std::string values_, directory_, data_;
};

enum class Type : std::uint32_t { f32 = 0, f16 = 1, bf16 = 30, q8_0 = 8, q4_0 = 2, q4_k = 12, q6_k = 14 };

inline const char* name_of(Type type) {
  switch (type) {
    case Type::f32: return "F32";
    case Type::f16: return "F16";
    case Type::bf16: return "BF16";
    case Type::q8_0: return "Q8_0";
    case Type::q4_0: return "Q4_0";
    case Type::q4_k: return "Q4_K";
    case Type::q6_k: return "Q6_K";
  }
  return "?";
}

/// The half nearest to a number, of at most 65,504, by its bits; and what bits stand for.
inline std::uint16_t half_bits(double x) {
  const auto sign = static_cast<std::uint16_t>(std::signbit(x) ? 0x8000 : 0);
  if (x == 0) return sign;
  int exponent = 0;
  std::frexp(x, &exponent);
  const int power = (std::max)(exponent - 1, -14) - 10;  // of the last digit
  const auto digits = static_cast<std::uint16_t>(std::nearbyint(std::ldexp(std::abs(x), -power)));
  return static_cast<std::uint16_t>(sign + digits + (power + 24) * 1024);
}
inline double half_value(std::uint16_t bits) {
  const int exponent = bits >> 10 & 31, digits = bits & 1023;
  const double size = exponent ? std::ldexp(1024 + digits, exponent - 25) : std::ldexp(digits, -24);
  return bits & 0x8000 ? -size : size;
}

/// Bytes, and the numbers that they stand for.
struct Coded {
  std::string bytes;
  std::vector<float> numbers;
};

namespace detail {

/// A byte from a whole number of any sign.
inline char byte_of(int value) { return static_cast<char>(static_cast<unsigned char>(value & 255)); }

inline int nearest(double x, int least, int most) {
  return (std::clamp)(static_cast<int>(std::lround(x)), least, most);
}

inline void code_q8_0(const float* x, Coded& out) {
  double largest = 0;
  for (int i = 0; i < 32; ++i) largest = std::fmax(largest, std::fabs(static_cast<double>(x[i])));
  const std::uint16_t bits = half_bits(largest / 127);
  const double d = half_value(bits);
  put(out.bytes, bits);
  for (int i = 0; i < 32; ++i) {
    const int q = d > 0 ? nearest(x[i] / d, -127, 127) : 0;
    out.bytes += byte_of(q);
    out.numbers.push_back(static_cast<float>(d * q));
  }
}

inline void code_q4_0(const float* x, Coded& out) {
  double largest = 0;
  for (int i = 0; i < 32; ++i)
    if (std::fabs(static_cast<double>(x[i])) > std::fabs(largest)) largest = static_cast<double>(x[i]);
  const std::uint16_t bits = half_bits(largest / -8);
  const double d = half_value(bits);
  int q[32];
  for (int i = 0; i < 32; ++i) q[i] = d != 0 ? nearest(x[i] / d + 8, 0, 15) : 8;
  put(out.bytes, bits);
  for (int i = 0; i < 16; ++i) out.bytes += byte_of(q[i] + 16 * q[i + 16]);
  for (int i = 0; i < 32; ++i) out.numbers.push_back(static_cast<float>(d * (q[i] - 8)));
}

inline void code_q4_k(const float* x, Coded& out) {
  double step[8], below[8], step_most = 0, below_most = 0;
  for (int g = 0; g < 8; ++g) {
    const auto [low, high] = std::minmax_element(x + g * 32, x + g * 32 + 32);
    below[g] = -std::fmin(0.0, static_cast<double>(*low));
    step[g] = (static_cast<double>(*high) + below[g]) / 15;
    step_most = std::fmax(step_most, step[g]);
    below_most = std::fmax(below_most, below[g]);
  }
  const std::uint16_t d_bits = half_bits(step_most / 63), m_bits = half_bits(below_most / 63);
  const double d = half_value(d_bits), dmin = half_value(m_bits);
  int s[8], m[8], q[256];
  for (int g = 0; g < 8; ++g) {
    s[g] = d > 0 ? nearest(step[g] / d, 0, 63) : 0;
    m[g] = dmin > 0 ? nearest(below[g] / dmin, 0, 63) : 0;
    for (int i = g * 32; i < g * 32 + 32; ++i) {
      q[i] = s[g] ? nearest((x[i] + dmin * m[g]) / (d * s[g]), 0, 15) : 0;
      out.numbers.push_back(static_cast<float>(d * s[g] * q[i] - dmin * m[g]));
    }
  }
  put(out.bytes, d_bits);
  put(out.bytes, m_bits);
  for (int g = 0; g < 4; ++g) out.bytes += byte_of(s[g] + (s[g + 4] / 16) * 64);
  for (int g = 0; g < 4; ++g) out.bytes += byte_of(m[g] + (m[g + 4] / 16) * 64);
  for (int g = 0; g < 4; ++g) out.bytes += byte_of(s[g + 4] % 16 + m[g + 4] % 16 * 16);
  for (int pair = 0; pair < 4; ++pair)
    for (int i = 0; i < 32; ++i) out.bytes += byte_of(q[pair * 64 + i] + 16 * q[pair * 64 + 32 + i]);
}

inline void code_q6_k(const float* x, Coded& out) {
  double step[16], most = 0;
  for (int g = 0; g < 16; ++g) {
    double largest = 0;
    for (int i = g * 16; i < g * 16 + 16; ++i)
      if (std::fabs(static_cast<double>(x[i])) > std::fabs(largest)) largest = static_cast<double>(x[i]);
    step[g] = largest / -32;  // of either sign
    most = std::fmax(most, std::fabs(step[g]));
  }
  const std::uint16_t d_bits = half_bits(most / 127);
  const double d = half_value(d_bits);
  int s[16], q[256];
  for (int g = 0; g < 16; ++g) {
    s[g] = d > 0 ? nearest(step[g] / d, -128, 127) : 0;
    for (int i = g * 16; i < g * 16 + 16; ++i) {
      q[i] = s[g] ? nearest(x[i] / (d * s[g]), -32, 31) + 32 : 32;
      out.numbers.push_back(static_cast<float>(d * s[g] * (q[i] - 32)));
    }
  }
  // A half of 128 numbers is four runs of 32: the low four bits of runs 0 and 2 share bytes, those of 1 and
  // 3, and the high two bits of all four.
  for (int half = 0; half < 256; half += 128)
    for (int run = 0; run < 64; run += 32)
      for (int i = 0; i < 32; ++i)
        out.bytes += byte_of(q[half + run + i] % 16 + 16 * (q[half + run + 64 + i] % 16));
  for (int half = 0; half < 256; half += 128)
    for (int i = 0; i < 32; ++i)
      out.bytes += byte_of(q[half + i] / 16 + 4 * (q[half + 32 + i] / 16) + 16 * (q[half + 64 + i] / 16) +
                           64 * (q[half + 96 + i] / 16));
  for (int g = 0; g < 16; ++g) out.bytes += byte_of(s[g]);
  put(out.bytes, d_bits);
}

}  // namespace detail

/// Numbers, whole rows of them, as a type has them.
inline Coded code(Type type, const std::vector<float>& numbers) {
  Coded out;
  const std::size_t block = type == Type::q4_k || type == Type::q6_k   ? 256
                            : type == Type::q8_0 || type == Type::q4_0 ? 32
                                                                       : 1;
  for (std::size_t i = 0; i < numbers.size(); i += block) {
    const float* const x = numbers.data() + i;
    switch (type) {
      case Type::f32:
        put(out.bytes, *x);
        out.numbers.push_back(*x);
        break;
      case Type::f16: {
        const std::uint16_t bits = half_bits(static_cast<double>(*x));
        put(out.bytes, bits);
        out.numbers.push_back(static_cast<float>(half_value(bits)));
        break;
      }
      case Type::bf16: {  // the upper half of a float, rounded to nearest, ties to even
        std::uint32_t bits = 0;
        std::memcpy(&bits, x, sizeof bits);
        bits = (bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000u;
        put(out.bytes, static_cast<std::uint16_t>(bits >> 16));
        float value = 0;
        std::memcpy(&value, &bits, sizeof value);
        out.numbers.push_back(value);
        break;
      }
      case Type::q8_0: detail::code_q8_0(x, out); break;
      case Type::q4_0: detail::code_q4_0(x, out); break;
      case Type::q4_k: detail::code_q4_k(x, out); break;
      case Type::q6_k: detail::code_q6_k(x, out); break;
    }
  }
  return out;
}

}  // namespace gguf_file

// GGUF files that lie: each must be refused with the sentence that says where, and nothing else may happen.
#include "files.hpp"
#include "support/gguf_file.hpp"
#include <eigenformer/core/random.hpp>
#include <eigenformer/hub/gguf.hpp>
#include <eigenformer/hub/load.hpp>
#include <eigenformer/hub/load_tokenizer.hpp>

#include <doctest/doctest.h>

namespace hub_hostile_gguf {

namespace ef = eigenformer;
using gguf_file::Writer;

namespace {

/// What opening a file from memory says, its tensors included. The bytes end where their memory ends, so that
/// a sanitizer sees any step beyond.
std::string refusal(const std::string& content) {
  const std::vector<char> bytes(content.begin(), content.end());
  return files::refusal([&] { ef::Gguf(std::as_bytes(std::span<const char>(bytes)), "x").tensors(); });
}

Writer good() {
  Writer out;
  out.text("general.architecture", "llama");
  out.u32("general.alignment", 32);
  out.strings("words", {"a", "", "bc"});
  out.f32s("scores", {1, 2});
  out.tensor("a", {3, 2}, 0, std::string(24, '\1'));
  out.tensor("b", {32}, 8, std::string(34, '\2'));
  return out;
}

/// A head of these counts and then these bytes.
std::string head(std::uint64_t tensors, std::uint64_t values, const std::string& rest,
                 std::uint32_t version = 3) {
  std::string out = "GGUF";
  gguf_file::put(out, version);
  gguf_file::put(out, tensors);
  gguf_file::put(out, values);
  return out + rest;
}

/// A value of a type by its bytes, under the key "k".
std::string value(std::uint32_t type, const std::string& bytes) {
  std::string out;
  gguf_file::put_string(out, "k");
  gguf_file::put(out, type);
  return out + bytes;
}

template <class... Numbers> std::string bytes_of(Numbers... numbers) {
  std::string out;
  (gguf_file::put(out, numbers), ...);
  return out;
}

/// The entry of a tensor "t".
std::string entry(const std::vector<std::uint64_t>& sizes, std::uint32_t type, std::uint64_t offset,
                  const std::string& name = "t") {
  std::string out;
  gguf_file::put_string(out, name);
  gguf_file::put(out, static_cast<std::uint32_t>(sizes.size()));
  for (const std::uint64_t size : sizes) gguf_file::put(out, size);
  gguf_file::put(out, type);
  gguf_file::put(out, offset);
  return out;
}

/// A file of these entries with `size` bytes of data.
std::string tensors(const std::vector<std::string>& entries, std::size_t size) {
  std::string all;
  for (const std::string& each : entries) all += each;
  std::string out = head(entries.size(), 0, all);
  out.resize((out.size() + 31) / 32 * 32 + size);
  return out;
}

constexpr std::uint64_t huge = std::uint64_t{1} << 63;

}  // namespace

TEST_CASE("the file that the bad ones are made from is good") {
  const std::string content = good().bytes();
  CHECK(refusal(content) == "");
  const ef::Gguf file(files::bytes_of(content), "x");
  CHECK(file.metadata().text("general.architecture") == "llama");
  CHECK(file.metadata().strings("words") == std::vector<std::string_view>{"a", "", "bc"});
  CHECK(file.metadata().numbers("scores") == std::vector<double>{1, 2});
  CHECK(file.shape("a") == std::vector<ef::Index>{2, 3});
  CHECK(file.tensors().at("b").blocks == ef::Blocks::q8_0);
  CHECK(file.tensors().at("b").data[33] == std::byte{2});
  CHECK(refusal(head(0, 0, "")) == "");
  CHECK(refusal(tensors({entry({3}, 0, 0)}, 12)) == "");
  CHECK(refusal(tensors({entry({3}, 0, 32), entry({3}, 0, 0, "u")}, 44)) == "");  // in any order
}

TEST_CASE("a head that is none is refused") {
  CHECK(refusal("") == "x: is no GGUF file: it does not begin with \"GGUF\"");
  CHECK(refusal("GGU") == "x: is no GGUF file: it does not begin with \"GGUF\"");
  CHECK(refusal("GGML1234567890") == "x: is no GGUF file: it does not begin with \"GGUF\"");
  CHECK(refusal("GGUF") == "x: the head: takes 4 bytes at byte 4, where the file has 0 left");
  CHECK(refusal(head(0, 0, "", 1)) == "x: the head: is of version 1, only 2 and 3 are read");
  CHECK(refusal(head(0, 0, "", 4)) == "x: the head: is of version 4, only 2 and 3 are read");
  CHECK(refusal(head(0, 0, "", 3u << 24)) == "x: the head: is big-endian, only little-endian files are read");
  for (const std::uint64_t count : {std::uint64_t{1}, huge, ~std::uint64_t{0}}) {
    const std::string number = std::to_string(count);
    CHECK(refusal(head(count, 0, "")) ==
          "x: the head: says it has " + number + " tensors, where the file has 0 bytes left");
    CHECK(refusal(head(0, count, "")) ==
          "x: the head: says it has " + number + " values, where the file has 0 bytes left");
  }
}

TEST_CASE("values of lying lengths, counts and types are refused with their key") {
  const auto says = [](std::uint32_t type, const std::string& bytes) {
    return refusal(head(0, 1, value(type, bytes)));
  };
  const std::string of = "x: the value of \"k\": ";
  CHECK(says(4, bytes_of(std::uint32_t{1})) == "");
  CHECK(says(13, bytes_of(std::uint32_t{1})) == of + "its type 13 is not known");
  CHECK(says(~0u, bytes_of(std::uint32_t{1})) == of + "its type 4294967295 is not known");
  CHECK(says(10, bytes_of(std::uint32_t{1})) == of + "takes 8 bytes at byte 37, where the file has 4 left");
  CHECK(says(7, "\1") == "");
  CHECK(says(7, "\2") == of + "is neither true nor false: 2");
  CHECK(says(8, bytes_of(std::uint64_t{2}) + "a") ==
        of + "takes 2 bytes at byte 45, where the file has 1 left");
  CHECK(says(8, bytes_of(huge) + "a") ==
        of + "takes 9223372036854775808 bytes at byte 45, where the file has 1 left");
  CHECK(says(9, bytes_of(std::uint32_t{4}, huge)) ==
        of + "says it has 9223372036854775808 elements of type UINT32, where the file has 0 bytes left");
  CHECK(says(9, bytes_of(std::uint32_t{10}, huge / 4, std::uint64_t{0})) ==  // times 8 it would wrap around
        of + "says it has 2305843009213693952 elements of type UINT64, where the file has 8 bytes left");
  CHECK(says(9, bytes_of(std::uint32_t{8}, std::uint64_t{2}, std::uint64_t{0})) ==
        of + "says it has 2 elements of type STRING, where the file has 8 bytes left");
  CHECK(says(9, bytes_of(std::uint32_t{99}, std::uint64_t{0})) == of + "its type 99 is not known");
  CHECK(says(9, bytes_of(std::uint32_t{7}, std::uint64_t{3}) + std::string("\1\0\3", 3)) ==
        of + "is neither true nor false: 3");
  std::string nested;
  for (int i = 0; i < 100'000; ++i) nested += bytes_of(std::uint32_t{9}, std::uint64_t{1});
  CHECK(says(9, nested) == of + "is nested deeper than 4 arrays");
  CHECK(refusal(head(0, 2, value(7, "\1") + value(7, "\1"))) == of + "the key stands twice");
  CHECK(refusal(head(0, 1, bytes_of(huge) + "abcde")) ==
        "x: the key of value 0: is a name of 9223372036854775808 bytes, more than 65535");
  CHECK(refusal(head(0, 1, bytes_of(std::uint64_t{65535}) + "abcde")) ==
        "x: the key of value 0: takes 65535 bytes at byte 32, where the file has 5 left");
}

TEST_CASE("an alignment that cannot be is refused") {
  const auto says = [](std::uint32_t alignment) {
    Writer out;
    out.u32("general.alignment", alignment);
    return refusal(out.bytes());
  };
  CHECK(says(8) == "");
  for (const std::uint32_t bad : {0u, 3u, 48u, 1u << 31})
    CHECK(says(bad) == "general.alignment: must be a power of two, is " + std::to_string(bad) + " (x)");
  Writer text;
  text.text("general.alignment", "32");
  CHECK(refusal(text.bytes()) == "general.alignment: an integer was expected, found STRING (x)");
}

TEST_CASE("tensors of lying sizes, types and places are refused by name") {
  const std::string of = "x: tensor \"t\": ";
  const auto says = [](const std::vector<std::uint64_t>& sizes, std::uint32_t type, std::uint64_t offset,
                       std::size_t size = 64) {
    return refusal(tensors({entry(sizes, type, offset)}, size));
  };
  CHECK(says({4}, 0, 0) == "");
  CHECK(says({}, 0, 0) == of + "has 0 dimensions, 1 to 4 can be");
  CHECK(says({1, 1, 1, 1, 1, 1, 1, 1, 1}, 0, 0) == of + "has 9 dimensions, 1 to 4 can be");
  CHECK(says({0}, 0, 0) == of + "its dimension 0 cannot be 0");
  CHECK(says({huge}, 0, 0) == of + "its dimension 0 cannot be 9223372036854775808");
  CHECK(says({huge / 2, 4}, 0, 0) == of + "its dimension 1 cannot be 4");
  CHECK(says({1u << 31, 1u << 31, 1u << 31}, 0, 0) == of + "its dimension 2 cannot be 2147483648");
  CHECK(says({huge / 2}, 0, 0) == of + "its shape overflows: [4611686018427387904]");
  CHECK(says({huge / 4}, 0, 0) == of + "its shape overflows: [2305843009213693952]");
  CHECK(says({huge / 8}, 0, 0) ==
        of + "its 4611686018427387904 bytes at offset 0 lie outside the 64 bytes of data");
  CHECK(says({17}, 0, 0) == of + "its 68 bytes at offset 0 lie outside the 64 bytes of data");
  CHECK(says({8}, 0, 64) == of + "its 32 bytes at offset 64 lie outside the 64 bytes of data");
  CHECK(says({8}, 0, huge) ==
        of + "its 32 bytes at offset 9223372036854775808 lie outside the 64 bytes of data");
  CHECK(says({8}, 0, ~std::uint64_t{0} - 31) ==
        of + "its 32 bytes at offset 18446744073709551584 lie outside the 64 bytes of data");
  CHECK(says({4}, 0, 16) == of + "its offset 16 is no multiple of the alignment 32");
  CHECK(says({16}, 8, 0) == of + "rows of 16 numbers are no blocks of 32 (Q8_0)");
  CHECK(says({32, 3}, 12, 0) == of + "rows of 32 numbers are no blocks of 256 (Q4_K)");
  const std::string read = ", which is not read; those that are: F32, F16, BF16, F64, Q8_0, Q4_0, Q4_K, Q6_K";
  CHECK(says({256}, 13, 0) == of + "is of type Q5_K" + read);
  CHECK(says({256}, 39, 0) == of + "is of type MXFP4" + read);
  CHECK(says({256}, 4, 0) == of + "is of type 4" + read);
  CHECK(says({256}, ~0u, 0) == of + "is of type 4294967295" + read);
  CHECK(refusal(tensors({entry({4}, 0, 0), entry({4}, 0, 32)}, 64)) == of + "the name stands twice");
  CHECK(refusal(tensors({entry({9}, 0, 0), entry({4}, 0, 32, "u")}, 64)) ==
        "x: tensor \"u\": its data overlap those of \"t\"");
  CHECK(refusal(tensors({entry({4}, 0, 0), entry({4}, 0, 0, "u")}, 64)).find("overlap") != std::string::npos);
  CHECK(refusal(tensors({entry({4}, 0, 0, std::string(65, 'n'))}, 64)) ==
        "x: the name of tensor 0: is a name of 65 bytes, more than 64");
  Writer part;
  part.u32("split.count", 3);
  CHECK(refusal(part.bytes()) == "x: is one of 3 parts of a model; only models in one file are read");
}

TEST_CASE("what a file says reaches a message cut short and without control characters") {
  Writer out;
  out.raw("\x1b[31m" + std::string(60'000, 'n'), 13, "");
  const std::string message = refusal(out.bytes());
  CHECK(message.starts_with("x: the value of \"?[31mnnn"));
  CHECK(message.size() < 250);
  CHECK(std::all_of(message.begin(), message.end(), [](char c) { return c >= ' ' && c <= '~'; }));
}

TEST_CASE("a good file cut off anywhere is refused") {
  const std::string content = good().bytes();
  const std::size_t needed = content.size() - 30;  // after that only padding is lost
  int accepted = 0;
  for (std::size_t size = 0; size < needed; ++size) accepted += refusal(content.substr(0, size)).empty();
  CHECK(accepted == 0);
  CHECK(refusal(content.substr(0, needed)) == "");
}

TEST_CASE("a head with flipped bytes is refused or read, and never anything else") {
  const std::string content = good().bytes();
  const std::size_t head_end = good().head().size();
  int refused = 0, read = 0;
  for (std::uint64_t round = 0; round < 20'000; ++round) {
    std::string bad = content;
    const ef::Random place(ef::Seed{2}, round);
    for (std::uint64_t flip = 0; flip < 1 + round % 3; ++flip) {
      constexpr std::uint8_t likely[] = {0, 1,  2,   4,   8,
                                         9, 12, 127, 128, 255};  // types, and the ends of sizes
      bad[place.below(2 * flip, head_end)] = static_cast<char>(
          round % 2 ? place.below(2 * flip + 1, 256) : likely[place.below(2 * flip + 1, 10)]);
    }
    std::size_t sum = 0;
    const std::string message = files::refusal([&] {
      const ef::Gguf file(files::bytes_of(bad), "x");
      for (const auto& [key, each] : file.metadata().all())
        if (each.type == ef::GgufType::array && each.element == ef::GgufType::string)
          for (const std::string_view text : file.metadata().strings(key)) sum += text.size();
      for (const auto& [name, tensor] : file.tensors())
        for (const std::byte byte : tensor.data) sum += std::to_integer<std::size_t>(byte);
    });
    (message.empty() ? read : refused) += 1;
  }
  CHECK(refused > 10'000);
  CHECK(read > 0);  // a letter of a key
}

TEST_CASE("a whole model with flipped bytes loads or is refused") {
  Writer out;
  out.text("general.architecture", "llama");
  for (const char* const key :
       {"embedding_length", "block_count", "feed_forward_length", "context_length", "attention.head_count"})
    out.u32(std::string("llama.") + key, key[0] == 'b' || key[0] == 'a' ? 1 : 32);
  out.f32("llama.attention.layer_norm_rms_epsilon", 1e-5f);
  out.text("tokenizer.ggml.model", "llama");
  out.strings("tokenizer.ggml.tokens", {"<unk>", "<s>", "a", "aa"});
  out.i32s("tokenizer.ggml.token_type", {2, 3, 1, 1});
  out.f32s("tokenizer.ggml.scores", {0, 0, -1, -2});
  out.u32("tokenizer.ggml.bos_token_id", 1);
  const std::string row(128, '\0'), block(34, '\0');
  out.tensor("token_embd.weight", {32, 4}, 0, row + row + row + row);
  out.tensor("output_norm.weight", {32}, 0, row);
  for (const char* const name : {"attn_norm", "ffn_norm"})
    out.tensor(std::string("blk.0.") + name + ".weight", {32}, 0, row);
  for (const char* const name :
       {"attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"}) {
    std::string all;
    for (int r = 0; r < 32; ++r) all += block;
    out.tensor(std::string("blk.0.") + name + ".weight", {32, 32}, 8, all);
  }
  const std::string content = out.bytes();
  const std::size_t head_end = out.head().size();
  const files::TemporaryFolder folder;
  int models = 0, tokenizers = 0, refused = 0;
  for (std::uint64_t round = 0; round < 3000; ++round) {
    std::string bad = content;
    const ef::Random place(ef::Seed{4}, round);
    if (round) bad[place.below(0, head_end)] = static_cast<char>(place.below(1, 256));
    const std::string file = folder.write("x.gguf", bad);
    const std::string model = files::refusal([&] { ef::load_causal_lm<float>(file); }),
                      tokenizer = files::refusal([&] { ef::load_tokenizer(file).encode("aaa b"); });
    if (round == 0) {
      CHECK(model == "");
      CHECK(tokenizer == "");
    }
    models += model.empty();
    tokenizers += tokenizer.empty();
    refused += !model.empty();
  }
  CHECK(models > 0);
  CHECK(tokenizers > 0);
  CHECK(refused > 1000);
}

}  // namespace hub_hostile_gguf

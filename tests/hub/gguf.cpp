// GGUF files of every architecture load as the folders that they were made from.
#include "files.hpp"
#include "generations.hpp"
#include "gguf_models.hpp"
#include "support/lively.hpp"
#include "support/matrices.hpp"
#include <eigenformer/hub/load_config.hpp>
#include <eigenformer/hub/save.hpp>
#include <eigenformer/hub/save_config.hpp>

namespace hub_gguf {

namespace ef = eigenformer;
using ef::Format;
using files::TemporaryFolder;
using fixtures::folder;
using gguf_file::Type;

namespace {

const char* const names[] = {
    "llama",    "llama-gqa",           "mistral", "qwen2",   "gemma", "gemma2", "gpt2",
    "gpt-neox", "gpt-neox-sequential", "bloom",   "bloom-6h"};

const ef::TokenBatch batch{{3, 1, 4, 1, 5, 9, 2, 6, 5}, {35, 8, 9}};

/// The largest difference of any parameter; formats and shapes must agree.
template <class S> double difference(const ef::Transformer<S>& a, const ef::Transformer<S>& b) {
  std::map<std::string, ef::Matrix<S>> numbers;
  const auto dense = [](const auto& leaf) -> ef::Matrix<S> {
    if constexpr (requires { leaf.dense(); })
      return leaf.dense();
    else
      return leaf;
  };
  ef::visit(a, [&](const std::string& path, const auto& leaf) { numbers[path] = dense(leaf); });
  double worst = 0;
  ef::visit(b, [&](const std::string& path, const auto& leaf) {
    const ef::Matrix<S> expected = dense(leaf), found = numbers.at(path);
    CAPTURE(path);
    REQUIRE(found.rows() == expected.rows());
    REQUIRE(found.cols() == expected.cols());
    if (found.size()) worst = std::fmax(worst, static_cast<double>((found - expected).cwiseAbs().maxCoeff()));
  });
  return worst;
}

}  // namespace

TEST_CASE("a float file of every architecture is its folder's model to the bit") {
  const TemporaryFolder files;
  ef::Threads threads(1);
  for (const char* const name : names) {
    CAPTURE(std::string(name));
    const std::string file =
        files.write(std::string(name) + ".gguf", gguf_models::model(folder(name)).bytes());
    const ef::HubConfig config = ef::load_config(file), expected = ef::load_config(folder(name));
    CHECK(config.model_type == expected.model_type);
    ef::ModelConfig found = config.model;
    const bool gemma2 = std::string(name) == "gemma2";  // its scale went through the root of a float
    if (gemma2) {
      CHECK(found.score_scale == doctest::Approx(expected.model.score_scale).epsilon(1e-7));
      found.score_scale = expected.model.score_scale;
    }
    CHECK(ef::hub::resolved(found) == ef::hub::resolved(expected.model));

    const auto model = ef::load_causal_lm<float>(file), original = ef::load_causal_lm<float>(folder(name));
    if (expected.model.norm.offset == 0) {
      CHECK(difference(model.parameters(), original.parameters()) == 0);
      CHECK(support::same_bits(model(batch), original(batch)));
    } else {  // adding one to a norm and taking it away again rounds it
      CHECK(difference(model.parameters(), original.parameters()) < 1.2e-7);
      CHECK(support::distance<float>(model(batch), original(batch).cast<double>()) < (gemma2 ? 1e-6 : 1e-7));
    }
    const auto in_double = ef::load_causal_lm<double>(file);
    CHECK(support::distance<double>(in_double(batch), ef::load_causal_lm<double>(folder(name))(batch)) <
          1e-6);
    CHECK(ef::load_generation_config(file).end_tokens == ef::load_generation_config(folder(name)).end_tokens);
    for (const fixtures::Call& call : fixtures::generations(folder(name))) {
      if (call.config.num_beams != 1) continue;
      const auto results = ef::generate_batch(model, call.prompts, call.config, threads, [](ef::Token) {});
      for (std::size_t row = 0; row < results.size(); ++row)
        CHECK(results[row].tokens == call.sequences[row]);
    }
  }
}

TEST_CASE("half and bfloat16 files keep their format, and any file takes the dtype that is asked for") {
  const TemporaryFolder files;
  for (const char* const name : {"llama-gqa", "gpt2", "bloom"})
    for (const Type type : {Type::f16, Type::bf16}) {
      const Format format = type == Type::f16 ? Format::f16 : Format::bf16;
      CAPTURE(std::string(name));
      CAPTURE(ef::name_of(format));
      const std::string file = files.write("model.gguf", gguf_models::model(folder(name), type).bytes());
      const auto model = ef::load_causal_lm<float>(file);
      CHECK(model.parameters().tokens.format() == format);
      CHECK(model.parameters().decoder.blocks[1].attention.query.weight.format() == format);
      const auto expected = ef::load_causal_lm<float>(folder(name), {.dtype = format});
      CHECK(difference(model.parameters(), expected.parameters()) == 0);
      // With the dtype asked for, both take products in bfloat16 where the processor has them.
      CHECK(support::same_bits(ef::load_causal_lm<float>(file, {.dtype = format})(batch), expected(batch)));
      const auto wide = ef::load_causal_lm<float>(file, {.dtype = Format::f32});
      CHECK(wide.parameters().tokens.format() == Format::f32);
      CHECK(difference(wide.parameters(), expected.parameters()) == 0);
      const auto small = ef::load_causal_lm<float>(file, {.dtype = Format::int8});
      CHECK(small.parameters().decoder.blocks[0].feed_forward.up.weight.format() == Format::int8);
    }
}

TEST_CASE("a model from a GGUF file is saved as the folder that it came from") {
  const TemporaryFolder files;
  for (const char* const name : {"llama-gqa", "gemma", "gpt-neox"}) {
    CAPTURE(std::string(name));
    const std::string file = files.write("model.gguf", gguf_models::model(folder(name)).bytes());
    ef::save(ef::load_causal_lm<float>(file), files.file(name), {.source = file});
    const ef::HubConfig found = ef::load_config(files.file(name)), expected = ef::load_config(folder(name));
    CHECK(found.model_type == expected.model_type);
    CHECK(ef::hub::resolved(found.model) == ef::hub::resolved(expected.model));
    CHECK(difference(ef::load_causal_lm<float>(files.file(name)).parameters(),
                     ef::load_causal_lm<float>(folder(name)).parameters()) < 1.2e-7);
    CHECK(ef::load_generation_config(files.file(name)).end_tokens == std::vector<ef::Token>{2});
  }
}

TEST_CASE("rotary scalings, sizes and versions that files may have are read") {
  const TemporaryFolder files;
  const auto config = [&](const std::function<void(gguf_file::Writer&)>& more, std::uint32_t version = 3) {
    gguf_file::Writer out(version);
    out.text("general.architecture", "llama");
    for (const char* const key :
         {"embedding_length", "block_count", "feed_forward_length", "context_length", "attention.head_count"})
      out.u64(std::string("llama.") + key,
              std::string(key).ends_with("head_count") ? 4
              : std::string(key) == "block_count"      ? 1
                                                       : 8);  // sizes of 64 bits are allowed
    out.f32("llama.attention.layer_norm_rms_epsilon", 1e-5f);
    more(out);
    out.tensor("token_embd.weight", {8, 3}, 0, std::string(96, '\0'));
    return ef::load_config(files.write("model.gguf", out.bytes())).model;
  };
  const auto none = [](gguf_file::Writer&) {};
  CHECK(config(none) == config(none, 2));
  CHECK(config(none).vocab_size == 3);
  CHECK(config(none).norm.epsilon == 1e-5);  // the decimal that the float stands for
  CHECK(config(none).rotary.base == 10000);
  CHECK(config(none).tied_embeddings);
  const auto linear = config([](gguf_file::Writer& out) {
    out.text("llama.rope.scaling.type", "linear");
    out.f32("llama.rope.scaling.factor", 2.5f);
  });
  CHECK(linear.rotary.scaling == ef::RotaryScaling::linear);
  CHECK(linear.rotary.factor == 2.5);
  const auto yarn = config([](gguf_file::Writer& out) {
    out.text("llama.rope.scaling.type", "yarn");
    out.f32("llama.rope.scaling.factor", 4);
    out.u32("llama.rope.scaling.original_context_length", 6);
  });
  CHECK(yarn.rotary.scaling == ef::RotaryScaling::yarn);
  CHECK(yarn.rotary.original_max_positions == 6);
}

TEST_CASE("what a file's model cannot be is refused by the name of its field") {
  const TemporaryFolder files;
  const auto refusal = [&](const std::string& key, const std::function<void(gguf_file::Writer&)>& instead) {
    gguf_file::Writer out;
    if (key != "general.architecture") out.text("general.architecture", "llama");
    for (const char* const size :
         {"embedding_length", "block_count", "feed_forward_length", "context_length", "attention.head_count"})
      if (key != std::string("llama.") + size)
        out.u32(std::string("llama.") + size, std::string(size).ends_with("head_count") ? 4
                                              : std::string(size) == "block_count"      ? 1
                                                                                        : 8);
    if (key != "llama.attention.layer_norm_rms_epsilon")
      out.f32("llama.attention.layer_norm_rms_epsilon", 1e-5f);
    instead(out);
    out.tensor("token_embd.weight", {8, 3}, 0, std::string(96, '\0'));
    const std::string file = files.write("x.gguf", out.bytes());
    std::string message = files::refusal([&] { ef::load_causal_lm<float>(file); });
    if (const auto at = message.find(files.path() + "/"); at != message.npos)
      message.erase(at, files.path().size() + 1);
    return message;
  };
  using W = gguf_file::Writer;
  const std::string known = "llama, qwen2, gemma, gemma2, gpt2, gptneox, bloom";
  CHECK(refusal("general.architecture", [](W&) {}) == "general.architecture: is missing (x.gguf)");
  CHECK(refusal("general.architecture", [](W& out) { out.text("general.architecture", "falcon"); }) ==
        "general.architecture: \"falcon\" is not one of those that the library loads: " + known +
            " (x.gguf)");
  CHECK(refusal("general.architecture", [](W& out) { out.u32("general.architecture", 1); }) ==
        "general.architecture: a value of type STRING was expected, found UINT32 (x.gguf)");
  CHECK(refusal("llama.block_count", [](W&) {}) == "llama.block_count: is missing (x.gguf)");
  CHECK(refusal("llama.block_count", [](W& out) { out.f32("llama.block_count", 8); }) ==
        "llama.block_count: an integer was expected, found FLOAT32 (x.gguf)");
  CHECK(refusal("llama.block_count", [](W& out) { out.i32s("llama.block_count", {8}); }) ==
        "llama.block_count: an integer was expected, found ARRAY of INT32 (x.gguf)");
  CHECK(refusal("llama.block_count", [](W& out) { out.u64("llama.block_count", ~std::uint64_t{0}); }) ==
        "llama.block_count: is too large: 18446744073709551615 (x.gguf)");
  CHECK(refusal("llama.block_count", [](W& out) { out.i32("llama.block_count", -8); }) ==
        "x.gguf: n_layers: must be at least 1, is -8");
  CHECK(refusal("llama.block_count", [](W& out) { out.u32("llama.block_count", ~0u); }) ==
        "llama.block_count: is 4294967295, where the file has 1 tensors (x.gguf)");
  CHECK(refusal("llama.attention.head_count", [](W& out) { out.u32("llama.attention.head_count", 0); }) ==
        "llama.attention.head_count: must be at least 1, is 0 (x.gguf)");
  CHECK(refusal("llama.attention.head_count", [](W& out) {
          out.u32("llama.attention.head_count", 3);
        }).find("x.gguf") != std::string::npos);
  CHECK(refusal("llama.embedding_length", [](W& out) { out.u32("llama.embedding_length", 3); }) ==
        "llama.embedding_length: leaves a head 0 columns (x.gguf)");
  CHECK(refusal("", [](W& out) { out.u32("llama.attention.key_length", 0); }) ==
        "llama.attention.key_length: leaves a head 0 columns (x.gguf)");
  CHECK(refusal("", [](W& out) { out.u64("llama.attention.key_length", std::uint64_t{1} << 54); }) ==
        "llama.attention.key_length: is too large: 18014398509481984 (x.gguf)");
  CHECK(refusal("", [](W& out) { out.u32("llama.expert_count", 8); }) ==
        "llama.expert_count: mixtures of experts are not read (x.gguf)");
  CHECK(refusal("", [](W& out) { out.u32("llama.rope.dimension_count", 4); }) ==
        "llama.rope.dimension_count: must be the width of a head, 2, is 4 (x.gguf)");
  CHECK(refusal("", [](W& out) { out.u32("llama.attention.value_length", 4); }) ==
        "llama.attention.value_length: must be that of the keys, 2, is 4 (x.gguf)");
  CHECK(refusal("", [](W& out) {
          out.text("llama.rope.scaling.type", "longrope"), out.f32("llama.rope.scaling.factor", 1);
        }) == "llama.rope.scaling.type: \"longrope\" is not known, only linear and yarn are (x.gguf)");
}

TEST_CASE("a file of another architecture's tensors, or of a lying shape, is refused with the tensor") {
  const TemporaryFolder files;
  const auto refusal = [&](const gguf_file::Writer& out) {
    const std::string file = files.write("x.gguf", out.bytes());
    return files::refusal([&] { ef::load_causal_lm<float>(file); });
  };
  const ef::Json config = ef::read_json(folder("llama-gqa") + "/config.json");
  const auto tensors = gguf_models::converted(folder("llama-gqa"));
  const auto with = [&](const std::string& name, const std::function<void(gguf_file::Writer&)>& instead) {
    gguf_file::Writer out;
    gguf_models::put_config(out, config, "llama");
    for (const auto& [each, x] : tensors)
      if (each != name) gguf_models::put_tensor(out, each, x, Type::f32);
    instead(out);
    return refusal(out);
  };
  const std::string file = files.file("x.gguf");
  CHECK(with("", [](auto&) {}) == "");
  CHECK(with("blk.1.attn_q.weight", [](auto&) {}) == file + ": has no tensor \"blk.1.attn_q.weight\"");
  CHECK(with("", [](auto& out) { out.tensor("blk.0.attn_qkv.weight", {1}, 0, "1234"); }) ==
        file + ": unexpected tensor \"blk.0.attn_qkv.weight\" [1]");
  CHECK(with("blk.1.attn_q.weight", [](auto& out) {
          out.tensor("blk.1.attn_q.weight", {2}, 0, "12345678");
        }) == "blk.1.attn_q.weight: expected [48, 48], found [2] in " + file);
  CHECK(with("blk.1.attn_norm.weight", [](auto& out) {
          out.tensor("blk.1.attn_norm.weight", {64}, 8, std::string(68, '\0'));
        }) == file + ": tensor \"blk.1.attn_norm.weight\": is in blocks, single numbers were expected");
  CHECK(with("", [](auto& out) {
          out.tensor("rope_freqs.weight", {6}, 0, gguf_file::code(Type::f32, {1, 2, 3, 4, 5, 6}).bytes);
        }).starts_with(file + ": tensor \"rope_freqs.weight\": number 1 is 2, "));
  CHECK(with("", [](auto& out) {
          out.tensor("rope_freqs.weight", {1}, 0, gguf_file::code(Type::f32, {1}).bytes);
        }) == file + ": tensor \"rope_freqs.weight\": has 1 numbers, expected 6");
}

}  // namespace hub_gguf

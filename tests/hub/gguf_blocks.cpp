// Blocks of numbers mean what the format says they mean, whatever they become.
#include "files.hpp"
#include "gguf_models.hpp"
#include "support/held_bytes.hpp"
#include "support/lively.hpp"
#include "support/matrices.hpp"
#include <eigenformer/hub/load.hpp>

#include <functional>

namespace hub_gguf_blocks {

namespace ef = eigenformer;
using ef::Format;
using files::TemporaryFolder;
using gguf_file::Type;

namespace {

/// A LLaMA whose rows are whole blocks of every type.
ef::ModelConfig config() {
  return {.vocab_size = 40,
          .d_model = 256,
          .n_layers = 2,
          .n_heads = 4,
          .n_key_value_heads = 2,
          .d_ff = 512,
          .max_positions = 64,
          .norm = {.kind = ef::NormKind::rms},
          .activation = ef::Activation::silu,
          .gated = true,
          .positions = ef::Positions::rotary,
          .biases = {.query_key_value = false, .attention_out = false, .feed_forward = false},
          .tied_embeddings = false};
}

std::string name_of(std::string path) {
  for (const auto& [ours, theirs] : {std::pair{"decoder.blocks.", "blk."},
                                     {"attention.query", "attn_q"},
                                     {"attention.key", "attn_k"},
                                     {"attention.value", "attn_v"},
                                     {"attention.out", "attn_output"},
                                     {"attention_norm", "attn_norm"},
                                     {"feed_forward_norm", "ffn_norm"},
                                     {"feed_forward.", "ffn_"},
                                     {"decoder.final_norm", "output_norm"},
                                     {"head.output", "output"}})
    if (const auto at = path.find(ours); at != path.npos) path.replace(at, std::string(ours).size(), theirs);
  return path == "tokens" ? "token_embd.weight" : path;
}

/// A file of a model, and the model of the numbers that the file's blocks stand for.
struct Made {
  std::string bytes;
  ef::CausalLM<float> model;
};

/// @param type_of  by the name of a tensor
Made made(const std::function<Type(const std::string&)>& type_of) {
  const ef::ModelConfig c = config();
  ef::Transformer<float> parameters = ef::random_parameters<float>(c, ef::Seed{3});
  support::enliven(parameters);
  gguf_file::Writer out;
  out.text("general.architecture", "llama");
  const auto size = [&](const char* key, ef::Index value) {
    out.u32(std::string("llama.") + key, static_cast<std::uint32_t>(value));
  };
  size("embedding_length", c.d_model);
  size("block_count", c.n_layers);
  size("attention.head_count", c.n_heads);
  size("attention.head_count_kv", c.key_value_heads());
  size("feed_forward_length", c.d_ff);
  size("context_length", c.max_positions);
  out.f32("llama.attention.layer_norm_rms_epsilon", 1e-5f);
  ef::visit(parameters, [&](const std::string& path, auto& leaf) {
    const std::string name = name_of(path);
    gguf_models::Numbers x{leaf.rows(), leaf.cols(), false, {}};
    if constexpr (requires { leaf.format(); }) {
      if (leaf.empty()) return;
      ef::Matrix<float>& values = leaf.values();
      x.values.assign(values.data(), values.data() + values.size());
      const gguf_file::Coded coded = gguf_file::code(type_of(name), x.values);
      std::copy(coded.numbers.begin(), coded.numbers.end(), values.data());
    } else {
      if (leaf.size() == 0) return;
      x.vector = true;
      x.values.assign(leaf.data(), leaf.data() + leaf.size());
    }
    if (path.find("attention.query") != path.npos) x = gguf_models::woven(x, c.n_heads);
    if (path.find("attention.key") != path.npos) x = gguf_models::woven(x, c.key_value_heads());
    gguf_models::put_tensor(out, name, x, type_of(name));
  });
  return {out.bytes(), {c, std::move(parameters)}};
}

/// Calls check(path, found, expected) for every matrix of two models.
template <class Check>
void compare(const ef::CausalLM<float>& found, const ef::CausalLM<float>& expected, Check&& check) {
  std::map<std::string, const ef::Weight<float>*> weights;
  const auto each = [](const auto& parameters, const auto& f) {
    ef::visit(parameters, [&](const std::string& path, const auto& leaf) {
      if constexpr (requires { leaf.format(); })
        if (!leaf.empty()) f(path, leaf);
    });
  };
  each(expected.parameters(), [&](const std::string& path, const auto& leaf) { weights[path] = &leaf; });
  each(found.parameters(), [&](const std::string& path, const auto& leaf) {
    CAPTURE(path);
    check(leaf, weights.at(path)->dense());
  });
}

const ef::TokenBatch batch{{3, 1, 4, 1, 5, 9, 2, 6, 5}, {35, 8, 9}};

}  // namespace

TEST_CASE("blocks in float are to the bit the numbers that the format defines") {
  const TemporaryFolder files;
  for (const Type type : {Type::q8_0, Type::q4_0, Type::q4_k, Type::q6_k}) {
    CAPTURE(std::string(gguf_file::name_of(type)));
    const Made m = made([&](const std::string&) { return type; });
    const auto model = ef::load_causal_lm<float>(files.write("x.gguf", m.bytes), {.dtype = Format::f32});
    compare(model, m.model, [](const ef::Weight<float>& found, const ef::Matrix<float>& expected) {
      CHECK(found.format() == Format::f32);
      CHECK(support::same_bits(found.dense(), expected));
    });
    CHECK(support::same_bits(model(batch), m.model(batch)));
    const auto in_double = ef::load_causal_lm<double>(files.file("x.gguf"));
    CHECK(support::distance<double>(in_double(batch), m.model(batch).cast<double>()) < 1e-4);
  }
}

TEST_CASE("Q8_0 and Q4_0 stay int8 and int4 with the same numbers") {
  const TemporaryFolder files;
  for (const Format format : {Format::int8, Format::int4}) {
    CAPTURE(ef::name_of(format));
    const Type type = format == Format::int8 ? Type::q8_0 : Type::q4_0;
    const Made m = made([&](const std::string&) { return type; });
    const auto model = ef::load_causal_lm<float>(files.write("x.gguf", m.bytes));
    compare(model, m.model, [&](const ef::Weight<float>& found, const ef::Matrix<float>& expected) {
      CHECK(found.format() == format);
      CHECK(support::same_bits(found.dense(), expected));
    });
  }
}

TEST_CASE("blocks that are asked for in bfloat16 are in tiles where the processor has a unit for them") {
  const TemporaryFolder files;
  for (const Type type : {Type::q8_0, Type::q6_k}) {
    CAPTURE(std::string(gguf_file::name_of(type)));
    const Made m = made([&](const std::string&) { return type; });
    const auto model = ef::load_causal_lm<float>(files.write("x.gguf", m.bytes), {.dtype = Format::bf16});
    compare(model, m.model, [](const ef::Weight<float>& found, const ef::Matrix<float>& expected) {
      CHECK(found.format() == Format::bf16);
      CHECK(found.tiled() == (ef::fastest_bf16_form() != ef::Bf16Form::portable));
      CHECK(support::same_bits<float>(
          found.dense(), expected.unaryExpr([](float x) { return static_cast<float>(ef::bfloat16(x)); })));
    });
  }
}

TEST_CASE("larger blocks become int8 within a 254th of the largest number of each 32") {
  const TemporaryFolder files;
  for (const Type type : {Type::q4_k, Type::q6_k}) {
    CAPTURE(std::string(gguf_file::name_of(type)));
    const Made m = made([&](const std::string&) { return type; });
    const auto model = ef::load_causal_lm<float>(files.write("x.gguf", m.bytes));
    compare(model, m.model, [](const ef::Weight<float>& weight, const ef::Matrix<float>& expected) {
      CHECK(weight.format() == Format::int8);
      const ef::Matrix<float> found = weight.dense();
      double worst = 0;
      for (ef::Index r = 0; r < expected.rows(); ++r)
        for (ef::Index c = 0; c < expected.cols(); c += 32) {
          const auto of = [&](const ef::Matrix<float>& x) {
            return x.block(r, c, 1, 32).cast<double>().eval();
          };
          const double largest = of(expected).cwiseAbs().maxCoeff();
          worst = std::fmax(worst, (of(found) - of(expected)).cwiseAbs().maxCoeff() / largest);
        }
      CHECK(worst < 1.0 / 254 + 1.0 / 2048);  // and the rounding of the scale to a half
      CHECK(worst > 0);
    });
  }
}

TEST_CASE("a file may mix types, as the recipes of llama.cpp do") {
  const TemporaryFolder files;
  const Made m = made([](const std::string& name) {
    return name == "output.weight"                    ? Type::q6_k
           : name.find("attn_v") != std::string::npos ? Type::q8_0
           : name.find("attn_k") != std::string::npos ? Type::f16
           : name.starts_with("token")                ? Type::q4_0
                                                      : Type::q4_k;
  });
  const std::string file = files.write("x.gguf", m.bytes);
  const auto model = ef::load_causal_lm<float>(file);
  CHECK(model.parameters().tokens.format() == Format::int4);
  CHECK(model.parameters().head.output.weight.format() == Format::int8);
  CHECK(model.parameters().decoder.blocks[0].attention.key.weight.format() == Format::f16);
  const auto exact = ef::load_causal_lm<float>(file, {.dtype = Format::f32});
  CHECK(support::same_bits(exact(batch), m.model(batch)));
  for (const Format format : {Format::bf16, Format::f16, Format::int8, Format::int4}) {
    const auto other = ef::load_causal_lm<float>(file, {.dtype = format});
    CHECK(other.parameters().decoder.blocks[1].feed_forward.down.weight.format() == format);
    CHECK(other.parameters().head.output.weight.format() == format);
  }
}

TEST_CASE("float files are used in place: only norms and the rows of queries and keys are copied") {
  const TemporaryFolder files;
  const Made m = made([](const std::string&) { return Type::f32; });
  const std::string file = files.write("x.gguf", m.bytes);
  const std::ptrdiff_t before = held_bytes::now;
  const auto model = ef::load_causal_lm<float>(file);
  const std::ptrdiff_t held = held_bytes::now - before;
  std::ptrdiff_t copied = 0;
  for (const auto& block : model.parameters().decoder.blocks)
    copied += block.attention.query.weight.bytes() + block.attention.key.weight.bytes();
  if (held_bytes::counts) CHECK(held < copied + 32768);
  CHECK(support::same_bits(model(batch), m.model(batch)));
}

TEST_CASE("a scale that is not finite is refused with the tensor") {
  const TemporaryFolder files;
  for (const Type type : {Type::q8_0, Type::q4_0, Type::q4_k, Type::q6_k}) {
    CAPTURE(std::string(gguf_file::name_of(type)));
    std::string bytes = made([&](const std::string&) { return type; }).bytes;
    // The last tensor, output.weight, ends the file; its last block has its scale first or last.
    const std::string infinite("\x00\x7c", 2);
    const std::size_t block = type == Type::q8_0   ? 34
                              : type == Type::q4_0 ? 18
                              : type == Type::q4_k ? 144
                                                   : 210;
    const std::size_t tail = 40 * (256 / (type == Type::q8_0 || type == Type::q4_0 ? 32 : 256)) * block;
    const std::size_t begin = bytes.size() - (tail + 31) / 32 * 32;
    bytes.replace(begin + (type == Type::q6_k ? 208 : 0), 2, infinite);
    const std::string file = files.write("x.gguf", bytes);
    const std::string expected = file + ": tensor \"output.weight\": a scale of its blocks is inf";
    CHECK(files::refusal([&] { ef::load_causal_lm<float>(file); }) == expected);
    CHECK(files::refusal([&] { ef::load_causal_lm<float>(file, {.dtype = Format::f32}); }) == expected);
  }
}

}  // namespace hub_gguf_blocks

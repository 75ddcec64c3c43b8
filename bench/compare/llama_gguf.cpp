// Writes a GGUF file of bench's llama_110m with random weights, for llama.cpp and the library to run:
//   llama_gguf f32|f16|q8_0|q4_0|q4_k|q6_k OUT.gguf
#include "../../tests/support/gguf_file.hpp"
#include "../models.hpp"
#include <eigenformer/hub/write_file.hpp>

#include <cstdio>

namespace ef = eigenformer;
using gguf_file::Type;

namespace {

std::string tensor_name(std::string path) {
  constexpr std::pair<const char*, const char*> parts[] = {
      {"decoder.blocks.", "blk."},          {"attention.query", "attn_q"},
      {"attention.key", "attn_k"},          {"attention.value", "attn_v"},
      {"attention.out", "attn_output"},     {"attention_norm", "attn_norm"},
      {"feed_forward_norm", "ffn_norm"},    {"feed_forward.", "ffn_"},
      {"decoder.final_norm", "output_norm"}};
  for (const auto& [ours, theirs] : parts)
    if (const auto at = path.find(ours); at != path.npos) path.replace(at, std::string(ours).size(), theirs);
  return path == "tokens" ? "token_embd.weight" : path;
}

/// A vocabulary that llama.cpp accepts: its words are never looked at.
void put_tokenizer(gguf_file::Writer& out, ef::Index size) {
  std::vector<std::string> tokens{"<unk>", "<s>", "</s>"};
  std::vector<std::int32_t> kinds{2, 3, 3};
  for (int byte = 0; byte < 256; ++byte) {
    char name[8];
    std::snprintf(name, sizeof name, "<0x%02X>", byte);
    tokens.emplace_back(name);
    kinds.push_back(6);
  }
  while (static_cast<ef::Index>(tokens.size()) < size) {
    tokens.push_back("w" + std::to_string(tokens.size()));
    kinds.push_back(1);
  }
  out.text("tokenizer.ggml.model", "llama");
  out.strings("tokenizer.ggml.tokens", tokens);
  out.f32s("tokenizer.ggml.scores", std::vector<float>(tokens.size(), 0.0f));
  out.i32s("tokenizer.ggml.token_type", kinds);
}

void write(Type type, const std::string& file) {
  const ef::ModelConfig& c = shapes::llama_110m;
  gguf_file::Writer out;
  const auto size = [&](const char* key, ef::Index value) {
    out.u32(std::string("llama.") + key, static_cast<std::uint32_t>(value));
  };
  out.text("general.architecture", "llama");
  size("embedding_length", c.d_model);
  size("block_count", c.n_layers);
  size("attention.head_count", c.n_heads);
  size("feed_forward_length", c.d_ff);
  size("context_length", c.max_positions);
  size("rope.dimension_count", c.head_width());
  out.f32("llama.attention.layer_norm_rms_epsilon", static_cast<float>(c.norm.epsilon));
  out.u32("general.quantization_version", 2);
  put_tokenizer(out, c.vocab_size);
  ef::visit(shapes::model<shapes::llama_110m>().parameters(), [&](const std::string& path, const auto& leaf) {
    if (leaf.size() == 0) return;
    std::vector<std::uint64_t> sizes{static_cast<std::uint64_t>(leaf.cols())};
    if constexpr (requires { leaf.format(); }) {
      const ef::Matrix<float> x = leaf.dense();
      sizes.push_back(static_cast<std::uint64_t>(leaf.rows()));
      out.tensor(tensor_name(path), sizes, static_cast<std::uint32_t>(type),
                 gguf_file::code(type, {x.data(), x.data() + x.size()}).bytes);
    } else {
      out.tensor(tensor_name(path), sizes, 0,
                 gguf_file::code(Type::f32, {leaf.data(), leaf.data() + leaf.size()}).bytes);
    }
  });
  ef::write_file(file, out.bytes());
}

}  // namespace

int main(int argc, char** argv) {
  constexpr std::pair<const char*, Type> types[] = {{"f32", Type::f32},   {"f16", Type::f16},
                                                    {"q8_0", Type::q8_0}, {"q4_0", Type::q4_0},
                                                    {"q4_k", Type::q4_k}, {"q6_k", Type::q6_k}};
  try {
    for (const auto& [name, type] : types)
      if (argc == 3 && std::string(argv[1]) == name) {
        write(type, argv[2]);
        return 0;
      }
    std::fprintf(stderr, "usage: llama_gguf f32|f16|q8_0|q4_0|q4_k|q6_k OUT.gguf\n");
  } catch (const ef::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
  }
  return 1;
}

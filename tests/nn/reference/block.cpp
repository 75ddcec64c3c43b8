#include "nn/reference/torch.hpp"

#include <limits>

#include <doctest/doctest.h>

namespace nn_block {

namespace ef = eigenformer;
using ef::Index;

namespace {

ef::ModelConfig config_of(bool norm_first, ef::Activation activation) {
  return {.vocab_size = 1,
          .d_model = 48,
          .n_layers = 1,
          .n_heads = 4,
          .d_ff = 112,
          .max_positions = 1,
          .norm_placement = norm_first ? ef::NormPlacement::before : ef::NormPlacement::after,
          .activation = activation};
}

/// nn.TransformerEncoderLayer, or with `cross` nn.TransformerDecoderLayer.
template <class S> ef::Block<S> block(const ef::SafeTensors& file, const std::string& path, bool cross) {
  ef::Block<S> p;
  p.attention_norm = torch::norm<S>(file, path + "norm1");
  p.attention = torch::attention<S>(file, path + "self_attn.");
  if (cross) {
    p.cross_norm = torch::norm<S>(file, path + "norm2");
    p.cross = torch::attention<S>(file, path + "multihead_attn.");
  }
  p.feed_forward_norm = torch::norm<S>(file, path + (cross ? "norm3" : "norm2"));
  p.feed_forward.up = torch::linear<S>(file, path + "linear1");
  p.feed_forward.down = torch::linear<S>(file, path + "linear2");
  return p;
}

/// Element b of the batch through a block: keys that a mask calls padding are left out, and `causal` hides
/// later keys.
template <class S>
void apply(const ef::Block<S>& p, const ef::ModelConfig& config, ef::Run& run, ef::Matrix<S>& x, bool causal,
           const ef::TensorView* padding, const ef::Matrix<S>& memory, const ef::TensorView* memory_padding,
           Index b) {
  ef::AttentionRule<S> rule = torch::rule<S>(4, 48);
  std::vector<Index> kept;  // columns of the masks
  for (Index r = 0; r < x.rows(); ++r)
    if (!padding || !padding->element<bool>(b * x.rows() + r)) kept.push_back(r);
  ef::Matrix<S> added = ef::Matrix<S>::Zero(x.rows(), static_cast<Index>(kept.size()));
  for (Index i = 0; i < added.rows(); ++i)
    for (Index k = 0; k < added.cols(); ++k)
      if (kept[static_cast<std::size_t>(k)] > i) added(i, k) = -std::numeric_limits<S>::infinity();
  const auto attend = [&](ef::View<S> h, ef::Out<S> y, bool add) {
    const ef::Matrix<S> keys = torch::unpadded<S>(h, padding, b);
    ef::AttentionRule<S> self = rule;
    if (causal) self.added = added.data();
    torch::attend<S>(p.attention, self, run, h, keys, keys, y, add);
  };
  const auto cross = [&](ef::View<S> h, ef::Out<S> y, bool add) {
    const ef::Matrix<S> keys = torch::unpadded<S>(memory, memory_padding, b);
    torch::attend<S>(p.cross, rule, run, h, keys, keys, y, add);
  };
  ef::forward<S>(p, config, run, x, attend, cross);
}

}  // namespace

TEST_CASE_TEMPLATE("encoder and decoder layers are those of PyTorch, norms before and after", S, float,
                   double) {
  ef::Threads threads;
  ef::Workspace workspace;
  ef::Run run{threads, workspace};
  for (const bool first : {true, false})
    for (const auto& [name, kind] :
         {std::pair("relu", ef::Activation::relu), {"gelu", ef::Activation::gelu}}) {
      const std::string rest = std::string(first ? "-layer-pre-" : "-layer-post-") + name;
      CAPTURE(rest);
      const ef::ModelConfig config = config_of(first, kind);
      const ef::SafeTensors encoder = torch::open("encoder" + rest), decoder = torch::open("decoder" + rest);
      const ef::Block<S> encode = block<S>(encoder, "state.", false),
                         decode = block<S>(decoder, "state.", true);
      for (Index b = 0; b < 2; ++b) {
        ef::Matrix<S> x = torch::item<S>(encoder.at("input.src"), b);
        apply<S>(encode, config, run, x, false, encoder.find("input.src_key_padding_mask"), {}, nullptr, b);
        CHECK(support::distance<S>(x, torch::item<double>(encoder.at("output.output"), b)) <
              support::tolerance<S>());
        ef::Matrix<S> y = torch::item<S>(decoder.at("input.tgt"), b);
        apply<S>(decode, config, run, y, true, decoder.find("input.tgt_key_padding_mask"),
                 torch::item<S>(decoder.at("input.memory"), b), decoder.find("input.memory_key_padding_mask"),
                 b);
        CHECK(support::distance<S>(y, torch::item<double>(decoder.at("output.output"), b)) <
              support::tolerance<S>());
      }
    }
}

TEST_CASE_TEMPLATE("the whole nn.Transformer comes out of blocks and norms", S, float, double) {
  ef::Threads threads;
  ef::Workspace workspace;
  ef::Run run{threads, workspace};
  const ef::SafeTensors file = torch::open("transformer");
  const ef::ModelConfig config = config_of(false, ef::Activation::relu);
  const auto* const source_padding = file.find("input.src_key_padding_mask");
  const auto* const memory_padding = file.find("input.memory_key_padding_mask");
  REQUIRE(source_padding);
  REQUIRE(memory_padding);
  for (Index b = 0; b < 2; ++b) {
    ef::Matrix<S> source = torch::item<S>(file.at("input.src"), b);
    ef::Matrix<S> target = torch::item<S>(file.at("input.tgt"), b);
    for (const char* const layer : {"0.", "1."})
      apply<S>(block<S>(file, std::string("state.encoder.layers.") + layer, false), config, run, source,
               false, source_padding, {}, nullptr, b);
    ef::forward<S>(torch::norm<S>(file, "state.encoder.norm"), config.norm, run, source, source);
    for (const char* const layer : {"0.", "1."})
      apply<S>(block<S>(file, std::string("state.decoder.layers.") + layer, true), config, run, target, true,
               nullptr, source, memory_padding, b);
    ef::forward<S>(torch::norm<S>(file, "state.decoder.norm"), config.norm, run, target, target);
    CHECK(support::distance<S>(target, torch::item<double>(file.at("output.output"), b)) <
          support::tolerance<S>());
  }
}

}  // namespace nn_block

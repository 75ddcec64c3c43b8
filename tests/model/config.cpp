#include <eigenformer/model/config.hpp>

#include <doctest/doctest.h>

namespace model_config {

namespace ef = eigenformer;

namespace {
constexpr ef::ModelConfig small{
    .vocab_size = 97, .d_model = 48, .n_layers = 2, .n_heads = 4, .d_ff = 112, .max_positions = 64};

/// The field that validate() names for a config, or "" where it accepts it.
std::string refused(ef::ModelConfig config) {
  try {
    ef::validate(config);
  } catch (const ef::ConfigError& error) {
    return error.field;
  }
  return "";
}
}  // namespace

TEST_CASE("a config with sizes that fit together is accepted") { CHECK(refused(small) == ""); }

TEST_CASE("a size that is absent, negative or inconsistent is refused by its name") {
  auto config = small;
  SUBCASE("no vocabulary") {
    config.vocab_size = 0;
    CHECK(refused(config) == "vocab_size");
  }
  SUBCASE("a negative width") {
    config.d_model = -48;
    CHECK(refused(config) == "d_model");
  }
  SUBCASE("a size beyond any memory") {
    config.d_ff = ef::Index{1} << 40;
    CHECK(refused(config) == "d_ff");
  }
  SUBCASE("heads that do not divide the width") {
    config.n_heads = 5;
    CHECK(refused(config) == "n_heads");
  }
  SUBCASE("key/value heads that do not divide the heads") {
    config.n_key_value_heads = 3;
    CHECK(refused(config) == "n_key_value_heads");
  }
  SUBCASE("an odd number of turning columns") {
    config.positions = ef::Positions::rotary;
    config.rotary.dimensions = 3;
    CHECK(refused(config) == "rotary.dimensions");
  }
  SUBCASE("heads whose widths together are beyond any memory") {
    config.n_heads = config.head_size = ef::Index{1} << 20;
    CHECK(refused(config) == "head_size");
  }
  SUBCASE("a residual that parallel branches cannot have") {
    config.branches = ef::Branches::parallel_two_norms;
    config.residual_source = ef::ResidualSource::normed;
    CHECK(refused(config) == "residual_source");
  }
  SUBCASE("parallel branches beside cross-attention") {
    config.branches = ef::Branches::parallel_one_norm;
    config.stacks = ef::Stacks::encoder_decoder;
    CHECK(refused(config) == "branches");
  }
  SUBCASE("a classifier without labels") {
    config.head = ef::Head::text_classes;
    CHECK(refused(config) == "n_labels");
  }
}

TEST_CASE("sizes left at zero have the defaults that their comments name") {
  CHECK(small.key_value_heads() == 4);
  CHECK(small.head_width() == 12);
  CHECK(small.query_width() == 48);
}

}  // namespace model_config

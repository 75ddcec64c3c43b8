// Smaller copies on disk: int8 and int4 folders read back to the bits of quantising at load, and what lies is
// refused.
#include "files.hpp"
#include "fixtures.hpp"
#include "support/parameter_bits.hpp"
#include <eigenformer/hub/save.hpp>
#include <eigenformer/hub/write_safetensors.hpp>

#include <functional>

namespace hub_stored_quantised {

namespace ef = eigenformer;
using ef::Format;
using files::refusal;
using files::TemporaryFolder;
using fixtures::folder;
using support::bits_of;

namespace {

template <class Load> void check_stored(const std::string& name, const Load& load) {
  for (const Format format : {Format::int8, Format::int4}) {
    CAPTURE(name);
    CAPTURE(ef::name_of(format));
    const TemporaryFolder copy;
    const auto model = load(folder(name), {.dtype = format});
    ef::save(model, copy.path(), {.source = folder(name)});
    const auto again = load(copy.path(), {});
    CHECK(again.parameters().tokens.format() == format);
    CHECK(bits_of(again) == bits_of(model));
    // and as float the numbers that the whole numbers stand for
    const auto wide = load(copy.path(), {.dtype = Format::f32});
    CHECK(wide.parameters().tokens.format() == Format::f32);
    CHECK((wide.parameters().tokens.dense().array() == model.parameters().tokens.dense().array()).all());
  }
}

/// A stored copy of GPT-2 with its tensors or config changed, and what loading it is refused with.
std::string refused(
    Format format, const std::function<void(std::vector<ef::TensorView>&)>& change,
    const std::function<void(ef::Json&)>& change_config = [](ef::Json&) {}) {
  const TemporaryFolder copy, liar;
  ef::save(ef::load_causal_lm<float>(folder("gpt2"), {.dtype = format}), copy.path());
  ef::Json config = ef::read_json(copy.file("config.json"));
  change_config(config);
  liar.write("config.json", config.dump());
  const ef::SafeTensors stored = ef::open_folder(copy.path());
  std::vector<ef::TensorView> tensors;
  for (const auto& [name, tensor] : stored.tensors()) tensors.push_back(tensor);
  change(tensors);
  ef::write_safetensors(liar.file("model.safetensors"), tensors);
  std::string why = refusal([&] { ef::load_causal_lm<float>(liar.path()); });
  if (const auto at = why.find(liar.path()); at != why.npos) why.replace(at, liar.path().size(), "DIR");
  return why;
}

ef::TensorView& named(std::vector<ef::TensorView>& tensors, const std::string& name) {
  for (auto& tensor : tensors)
    if (tensor.name == name) return tensor;
  FAIL(name << " is not there");
  return tensors.front();
}

}  // namespace

TEST_CASE("int8 and int4 folders of every family read back to the bits of quantising at load") {
  for (const char* const name : fixtures::decoders)
    check_stored(name, [](const std::string& path, const ef::LoadOptions& options) {
      return ef::load_causal_lm<float>(path, options);
    });
  for (const char* const name : fixtures::seq2seq)
    check_stored(name, [](const std::string& path, const ef::LoadOptions& options) {
      return ef::load_seq2seq<float>(path, options);
    });
  for (const char* const name : {"bert-mlm", "roberta-mlm", "distilbert-mlm"})
    check_stored(name, [](const std::string& path, const ef::LoadOptions& options) {
      return ef::load_masked_lm<float>(path, options);
    });
}

TEST_CASE("a stored matrix is the documented numbers times the documented scales") {
  for (const Format format : {Format::int8, Format::int4}) {
    const TemporaryFolder copy;
    const auto model = ef::load_causal_lm<float>(folder("bloom"), {.dtype = format});
    ef::save(model, copy.path());
    CHECK(ef::read_json(copy.file("config.json"))["quantization_config"] ==
          ef::Json{{"quant_method", "eigenformer"}, {"format", ef::name_of(format)}, {"group_size", 32}});
    const ef::SafeTensors stored = ef::open_folder(copy.path());
    const ef::TensorView& numbers = stored.at("transformer.h.1.self_attention.query_key_value.weight");
    const ef::TensorView& scales = stored.at("transformer.h.1.self_attention.query_key_value.scales");
    CHECK(numbers.shape == std::vector<ef::Index>{144, format == Format::int8 ? 48 : 24});
    CHECK(scales.shape == std::vector<ef::Index>{144, 2});
    const auto& attention = model.parameters().decoder.blocks[1].attention;
    for (ef::Index row = 0; row < 144; ++row) {
      const ef::Index head = row / 36, part = row % 36 / 12;  // queries, keys and values of each head
      const auto& weight = part == 0   ? attention.query.weight
                           : part == 1 ? attention.key.weight
                                       : attention.value.weight;
      const ef::Matrix<float> expected = weight.dense().row(head * 12 + row % 12);
      for (ef::Index c = 0; c < 48; ++c) {
        const int q = format == Format::int8
                          ? numbers.element<int>(row * 48 + c)
                          : (numbers.element<int>(row * 24 + c / 2) >> (c % 2 ? 4 : 0) & 15) - 8;
        const float value = static_cast<float>(q) * scales.element<float>(row * 2 + c / 32);
        if (value != expected(0, c)) FAIL(row << ", " << c);
      }
    }
  }
}

TEST_CASE("rows with one scale each are stored with it once, and read back to the same bits") {
  const TemporaryFolder copy;
  for (const Format format : {Format::int8, Format::int4}) {
    auto model = ef::load_causal_lm<float>(folder("gpt2"));
    ef::quantise(model.parameters(), format, true);
    ef::save(model, copy.path());
    const ef::SafeTensors stored = ef::open_folder(copy.path());
    CHECK(stored.at("transformer.h.0.mlp.c_proj.scales").shape == std::vector<ef::Index>{48, 1});
    const auto again = ef::load_causal_lm<float>(copy.path());
    CHECK(bits_of(again) == bits_of(model));
    // the scale is the largest number's of the row
    const auto exact = ef::load_causal_lm<float>(folder("gpt2"));
    const auto& before = exact.parameters().decoder.blocks[0].feed_forward.down.weight;
    const auto& after = again.parameters().decoder.blocks[0].feed_forward.down.weight;
    const double scale =
        static_cast<double>(before.dense().row(5).cwiseAbs().maxCoeff()) / (format == Format::int8 ? 127 : 8);
    const double worst = static_cast<double>((before.dense() - after.dense()).row(5).cwiseAbs().maxCoeff());
    CHECK(worst <= scale * (format == Format::int8 ? 0.6 : 1.01));  // int4 has no +8
    CHECK(worst > scale * 0.3);
  }
}

TEST_CASE("a stored model may be asked for in double or in another quantised format") {
  const TemporaryFolder copy;
  const auto int8 = ef::load_causal_lm<float>(folder("llama"), {.dtype = Format::int8});
  ef::save(int8, copy.path());
  const auto wide = ef::load_causal_lm<double>(copy.path());
  CHECK((wide.parameters().head.output.weight.dense().cast<float>().array() ==
         int8.parameters().head.output.weight.dense().array())
            .all());
  const auto int4 = ef::load_causal_lm<float>(copy.path(), {.dtype = Format::int4});
  CHECK(int4.parameters().tokens.format() == Format::int4);
}

TEST_CASE("a stored copy that lies is refused with the tensor, what it has and what it should") {
  const auto keep = [](auto&) {};
  const std::string name = "transformer.h.0.mlp.c_fc.weight", scales = "transformer.h.0.mlp.c_fc.scales";
  CHECK(refused(Format::int8, keep) == "");
  CHECK(refused(Format::int8, [&](auto& all) {
          std::erase_if(all, [&](const auto& tensor) { return tensor.name == scales; });
        }) == "DIR: has no tensor \"" + scales + "\"");
  CHECK(refused(Format::int8, [&](auto& all) {
          named(all, name).shape = {48, 112};
        }) == name + ": expected [112, 48], found [48, 112] in DIR/model.safetensors");
  CHECK(refused(Format::int4, [&](auto& all) {
          named(all, name).shape = {56, 48};
        }) == name + ": expected [112, 24], found [56, 48] in DIR/model.safetensors");
  CHECK(refused(Format::int8, [&](auto& all) {
          named(all, scales).shape = {2, 112};
        }) == scales + ": expected [112, 2], found [2, 112] in DIR/model.safetensors");
  CHECK(refused(Format::int8, [&](auto& all) { named(all, scales).type = ef::ElementType::bf16; }) ==
        "DIR/model.safetensors: tensor \"" + scales + "\": holds BF16, expected F16");
  CHECK(refused(Format::int8, [&](auto& all) { named(all, name).type = ef::ElementType::u8; }) ==
        "DIR/model.safetensors: tensor \"" + name + "\": holds U8, floating-point numbers were expected");
  std::vector<ef::half> infinite(224, ef::half(1.0f));
  infinite[7] = ef::half(1e9f);
  CHECK(refused(Format::int8, [&](auto& all) {
          named(all, scales).data = std::as_bytes(std::span(infinite));
        }) == "DIR/model.safetensors: tensor \"" + scales + "\": element 7 is not finite");
  CHECK(refused(Format::int8, [&](auto& all) {
          ef::TensorView more = named(all, name);
          more.name = "transformer.h.9.mlp.c_fc.weight";
          all.push_back(more);
        }).ends_with("unexpected tensor \"transformer.h.9.mlp.c_fc.weight\" [112, 48]"));
}

TEST_CASE("other tools' quantised checkpoints, and stored formats that are not known, are refused by name") {
  const auto keep = [](auto&) {};
  const auto with = [&](const char* key, const ef::Json& value) {
    return refused(Format::int8, keep, [&](ef::Json& c) { c["quantization_config"][key] = value; });
  };
  CHECK(with("quant_method", "gptq") ==
        "quantization_config.quant_method: \"gptq\" checkpoints are not read, only \"eigenformer\" "
        "(DIR/config.json)");
  CHECK(with("format", "int3") ==
        "quantization_config.format: \"int3\" is neither int8 nor int4 (DIR/config.json)");
  CHECK(with("group_size", 64) == "quantization_config.group_size: must be 32 (DIR/config.json)");
  CHECK(with("format", "int4").find("holds I8, floating-point numbers were expected") != std::string::npos);
  CHECK(refused(Format::int8, keep, [](ef::Json& c) {
          c.erase("quantization_config");
        }).find("holds I8, floating-point numbers were expected") != std::string::npos);
}

}  // namespace hub_stored_quantised

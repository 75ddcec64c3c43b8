// Models written to folders: what loads, saves and loads again is the same, under the names that the original
// has.
#include "files.hpp"
#include "fixtures.hpp"
#include "support/parameter_bits.hpp"
#include <eigenformer/hub/load_config.hpp>
#include <eigenformer/hub/load_tokenizer.hpp>
#include <eigenformer/hub/safetensors.hpp>
#include <eigenformer/hub/save.hpp>
#include <eigenformer/hub/save_config.hpp>

#include <limits>
#include <set>

namespace hub_save {

namespace ef = eigenformer;
using ef::Format;
using files::refusal;
using files::TemporaryFolder;
using fixtures::folder;
using support::bits_of;

namespace {

/// The names of a checkpoint as they are today, without what is known to be left out.
std::map<std::string, std::vector<ef::Index>> names(const std::string& path) {
  std::map<std::string, std::vector<ef::Index>> out;
  const ef::SafeTensors tensors = ef::open_folder(path);
  for (const auto& [name, tensor] : tensors.tensors()) out[name] = tensor.shape;
  return out;
}

template <class Load> void check_round_trip(const std::string& name, const Load& load) {
  CAPTURE(name);
  const TemporaryFolder copy;
  const auto model = load(folder(name));
  ef::save(model, copy.file("new/folder"));
  const auto again = load(copy.file("new/folder"));
  CHECK(bits_of(again) == bits_of(model));
  CHECK(ef::hub::resolved(again.config()) == ef::hub::resolved(model.config()));
  if constexpr (requires { model.labels(); }) CHECK(again.labels() == model.labels());
  if (name != "bert-old") CHECK(names(copy.file("new/folder")) == names(folder(name)));

  // the same with what the original says beside
  ef::save(model, copy.path(), {.source = folder(name)});
  CHECK(bits_of(load(copy.path())) == bits_of(model));
  CHECK(load(copy.path()).config() == model.config());
  const ef::Json before = ef::read_json(folder(name) + "/config.json"),
                 after = ef::read_json(copy.file("config.json"));
  for (const auto& item : before.items()) {
    const std::string& key = item.key();
    const ef::Json& value = item.value();
    CAPTURE(key);
    CHECK(after.contains(key));
    if (key != "architectures" || name != "bert-old") CHECK(after.at(key) == value);
  }
  if (std::filesystem::exists(folder(name) + "/generation_config.json"))
    CHECK(files::read(copy.file("generation_config.json")) ==
          files::read(folder(name) + "/generation_config.json"));
}

ef::ModelConfig tiny() {
  return {.vocab_size = 61, .d_model = 16, .n_layers = 2, .n_heads = 2, .d_ff = 20, .max_positions = 32};
}

/// The model_type under which a config is saved; what it is refused with where there is none.
std::string type_of(const ef::ModelConfig& config) {
  try {
    return ef::hub::describe(config, "", {}).config.model_type;
  } catch (const ef::ConfigError& error) {
    return error.what();
  }
}

}  // namespace

TEST_CASE("every decoder loads, saves and loads again with equal config, names and bits") {
  for (const char* const name : fixtures::decoders) {
    check_round_trip(name, [](const std::string& path) { return ef::load_causal_lm<float>(path); });
    const TemporaryFolder copy;
    const auto model = ef::load_causal_lm<double>(folder(name));
    ef::save(model, copy.path());
    CHECK(bits_of(ef::load_causal_lm<double>(copy.path())) == bits_of(model));
  }
}

TEST_CASE("every sequence-to-sequence model loads, saves and loads again with equal config, names and bits") {
  for (const char* const name : fixtures::seq2seq)
    check_round_trip(name, [](const std::string& path) { return ef::load_seq2seq<float>(path); });
}

TEST_CASE("every encoder with its head loads, saves and loads again with equal config, names and bits") {
  for (const char* const name : {"bert-mlm", "bert-old", "roberta-mlm", "distilbert-mlm"})
    check_round_trip(name, [](const std::string& path) { return ef::load_masked_lm<float>(path); });
  for (const char* const name : {"bert-seqcls", "roberta-seqcls", "distilbert-seqcls"})
    check_round_trip(name, [](const std::string& path) { return ef::load_classifier<float>(path); });
  for (const char* const name : {"bert-tokcls", "roberta-tokcls", "distilbert-tokcls"})
    check_round_trip(name, [](const std::string& path) { return ef::load_tagger<float>(path); });
}

TEST_CASE("a bare encoder is saved without a prefix, with a pooler where it has one") {
  for (const char* const name : {"bert-mlm", "bert-old", "bert-seqcls", "roberta-mlm", "distilbert-mlm"}) {
    CAPTURE(std::string(name));
    const TemporaryFolder copy;
    const auto model = ef::load_encoder<float>(folder(name));
    ef::save(model, copy.path());
    const auto again = ef::load_encoder<float>(copy.path());
    CHECK(bits_of(again) == bits_of(model));
    CHECK(again.config().pooler == model.config().pooler);
    CHECK(names(copy.path()).contains("embeddings.word_embeddings.weight"));
    CHECK(ef::read_json(copy.file("config.json"))["architectures"][0].get<std::string>().ends_with("Model"));
  }
}

TEST_CASE("smaller copies are rounded to nearest, norms and biases too") {
  for (const auto& [format, name] : {std::pair{Format::bf16, "bfloat16"}, {Format::f16, "float16"}})
    for (const char* const family : {"gpt2", "bloom", "llama"}) {
      const TemporaryFolder copy;
      const auto model = ef::load_causal_lm<float>(folder(family));
      ef::save(model, copy.path(), {.dtype = format});
      CHECK(ef::read_json(copy.file("config.json"))["torch_dtype"] == name);
      const ef::SafeTensors written = ef::open_folder(copy.path()), exact = ef::open_folder(folder(family));
      for (const auto& [its_name, tensor] : written.tensors()) {
        CHECK(tensor.format() == format);
        const auto values = exact.at(its_name).values<float>();
        for (std::size_t i = 0; i < values.size(); ++i) {
          const auto nearest = format == Format::bf16 ? static_cast<float>(ef::bfloat16(values[i]))
                                                      : static_cast<float>(ef::half(values[i]));
          if (tensor.element<float>(static_cast<ef::Index>(i)) != nearest) FAIL(its_name);
        }
      }
      // held in that format, it is saved in it again
      const TemporaryFolder second;
      ef::save(ef::load_causal_lm<float>(copy.path()), second.path());
      CHECK(ef::open_folder(second.path()).at(exact.tensors().begin()->first).format().has_value());
      CHECK(bits_of(ef::load_causal_lm<float>(second.path())) ==
            bits_of(ef::load_causal_lm<float>(copy.path())));
    }
}

TEST_CASE("configs made in C++ are saved as the first family that has them") {
  ef::ModelConfig config = tiny();
  CHECK(type_of(config) == "gpt2");
  config.norm.kind = ef::NormKind::rms;
  config.positions = ef::Positions::rotary;
  config.activation = ef::Activation::silu;
  config.gated = true;
  CHECK(type_of(config) == "llama");
  config.window = 8;
  CHECK(type_of(config) == "mistral");
  config.window = 0;
  config.biases = {.query_key_value = true, .attention_out = false, .feed_forward = false};
  CHECK(type_of(config) == "qwen2");
  config.norm_placement = ef::NormPlacement::both;
  CHECK(type_of(config) ==
        "model_type: no architecture of Hugging Face that the library knows has this "
        "config");
  ef::ModelConfig encoder = tiny();
  encoder.stacks = ef::Stacks::encoder;
  encoder.head = ef::Head::masked_words;
  encoder.norm_placement = ef::NormPlacement::after;
  encoder.embedding_norm = true;
  encoder.final_norm = false;
  encoder.biases.logits = true;
  encoder.norm.epsilon = 1e-12;
  CHECK(type_of(encoder) == "distilbert");
  encoder.token_types = 2;
  CHECK(type_of(encoder) == "bert");
  encoder.position_offset = 2;
  CHECK(type_of(encoder) == "roberta");
  encoder.positions = ef::Positions::alibi;
  CHECK(type_of(encoder).find("no architecture") != std::string::npos);
}

TEST_CASE("a model trained from scratch is saved, and gives the same logits when it is loaded") {
  const TemporaryFolder copy;
  ef::ModelConfig config = tiny();
  config.norm.kind = ef::NormKind::rms;
  config.positions = ef::Positions::rotary;
  config.activation = ef::Activation::silu;
  config.gated = true;
  for (const ef::RotaryScaling scaling : {ef::RotaryScaling::none, ef::RotaryScaling::linear,
                                          ef::RotaryScaling::yarn, ef::RotaryScaling::llama3}) {
    config.rotary.scaling = scaling;
    config.rotary.factor = scaling == ef::RotaryScaling::none ? 1.0 : 2.0;
    config.rotary.original_max_positions = scaling == ef::RotaryScaling::none ? 0 : 16;
    const ef::CausalLM<float> model(config, ef::Seed{1});
    ef::save(model, copy.path(), {.start_token = 1, .end_tokens = {2, 3}, .padding_token = 0});
    const auto again = ef::load_causal_lm<float>(copy.path());
    const ef::TokenBatch batch{{3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3, 2, 3, 8}};
    CHECK((model(batch).array() == again(batch).array()).all());
  }
  const ef::Json generation = ef::read_json(copy.file("generation_config.json"));
  CHECK(generation == ef::Json{{"bos_token_id", 1}, {"eos_token_id", {2, 3}}, {"pad_token_id", 0}});
  const ef::Seq2Seq<double> t5 = ef::load_seq2seq<double>(folder("t5"));
  ef::save(t5, copy.path());
  CHECK(ef::read_json(copy.file("generation_config.json")) ==
        ef::Json{{"bos_token_id", nullptr}, {"eos_token_id", nullptr}, {"decoder_start_token_id", 0}});
}

TEST_CASE("a source's generation_config.json stays as it is, whatever tokens are given, also over itself") {
  const TemporaryFolder source, copy;
  const auto model = ef::load_causal_lm<float>(folder("llama"));
  ef::save(model, source.path());
  const std::string generation = R"({"eos_token_id": 5, "temperature": 0.5})";
  source.write("generation_config.json", generation);
  for (const TemporaryFolder* const to : {&copy, &source}) {
    ef::save(model, to->path(), {.end_tokens = {7}, .source = source.path()});
    CHECK(files::read(to->file("generation_config.json")) == generation);
    CHECK(ef::read_json(to->file("config.json"))["eos_token_id"] == 7);
  }
  std::filesystem::remove(source.file("generation_config.json"));
  ef::save(model, copy.path(), {.end_tokens = {7}, .source = source.path()});
  CHECK(ef::read_json(copy.file("generation_config.json"))["eos_token_id"] == 7);
}

TEST_CASE("rotary angles that no rotary_pct gives by itself read back") {
  ef::ModelConfig config = ef::load_causal_lm<float>(folder("gpt-neox")).config();
  for (ef::Index heads = 1; heads <= 3; ++heads)
    for (ef::Index width = 2; width <= 130; ++width)
      for (ef::Index turned = 2; turned <= width; turned += 2) {
        config.n_heads = config.n_key_value_heads = heads;
        config.d_model = heads * width;
        config.head_size = 0;
        config.rotary.dimensions = turned;
        if (type_of(config) != "gpt_neox") FAIL(turned << " of " << width);
        if (heads > 1) turned += 14;
      }
}

TEST_CASE("the family may be named, and one that cannot have the config is refused") {
  const TemporaryFolder copy;
  const auto model = ef::load_masked_lm<float>(folder("roberta-mlm"));
  ef::save(model, copy.path(), {.model_type = "xlm-roberta"});
  CHECK(ef::load_config(copy.path()).model_type == "xlm-roberta");
  CHECK(ef::read_json(copy.file("config.json"))["architectures"][0] == "XLMRobertaForMaskedLM");
  CHECK(refusal([&] { ef::save(model, copy.path(), {.model_type = "bert"}); }) ==
        "model_type: \"bert\" cannot have this config");
  CHECK(refusal([&] { ef::save(model, copy.path(), {.model_type = "elmo"}); }) ==
        "model_type: \"elmo\" is not one of those that the library writes");
  const auto palm = ef::load_causal_lm<float>(folder("palm"));
  CHECK(refusal([&] { ef::save(palm, copy.path(), {.source = folder("llama")}); }) ==
        "model_type: \"llama\" cannot have this config");
}

TEST_CASE("numbers beyond the range of a dtype are refused by tensor and value; a NaN is written as one") {
  const TemporaryFolder copy;
  ef::CausalLM<float> model(tiny(), ef::Seed{1});
  auto& values = model.parameters().decoder.blocks[1].attention.key.weight.values();
  values(3, 5) = std::numeric_limits<float>::quiet_NaN();
  values(4, 5) = -std::numeric_limits<float>::infinity();
  ef::save(model, copy.path(), {.dtype = Format::bf16});
  ef::save(model, copy.path(), {.dtype = Format::f16});
  const auto again = ef::load_causal_lm<float>(copy.path());
  const auto read = again.parameters().decoder.blocks[1].attention.key.weight.dense();
  CHECK(std::isnan(read(3, 5)));
  CHECK(read(4, 5) == -std::numeric_limits<float>::infinity());
  const std::string before = files::read(copy.file("model.safetensors"));
  values(3, 5) = 7e4f;
  CHECK(refusal([&] { ef::save(model, copy.path(), {.dtype = Format::f16}); }) ==
        "dtype: tensor \"transformer.h.1.attn.c_attn.weight\" holds 70000, which is beyond the range of "
        "F16");
  CHECK(files::read(copy.file("model.safetensors")) == before);
  CHECK_FALSE(std::filesystem::exists(copy.file("model.safetensors.part")));
  CHECK(refusal([&] { ef::save(model, copy.path(), {.dtype = Format::int8}); }) ==
        "dtype: a model that is to be written as int8 is loaded or quantised so first");
}

TEST_CASE("parameters that are not those of the config are refused before anything is written") {
  const TemporaryFolder copy;
  ef::CausalLM<float> model(tiny(), ef::Seed{1});
  model.parameters().decoder.blocks[0].feed_forward.up.weight = ef::Weight<float>(19, 16);
  CHECK(refusal([&] { ef::save(model, copy.file("out")); }) ==
        "decoder.blocks.0.feed_forward.up.weight: expected [20, 16], found [19, 16]");
  model.parameters().decoder.blocks[0].feed_forward.up.weight = ef::Weight<float>(20, 16);
  model.parameters().decoder.token_types = ef::Weight<float>(2, 16);
  CHECK(refusal([&] { ef::save(model, copy.file("out")); }) ==
        "decoder.token_types: the config has no such parameter");
  model.parameters().decoder.token_types = {};
  model.parameters().decoder.blocks.pop_back();
  CHECK(refusal([&] { ef::save(model, copy.file("out")); }).ends_with("the model has no such parameter"));
  CHECK_FALSE(std::filesystem::exists(copy.file("out")));
}

TEST_CASE("a tokenizer is saved beside its model, and encodes as before") {
  const TemporaryFolder copy;
  const std::string source = R"({"model":{"type":"WordLevel","vocab":{"[UNK]":0,"a":1,"b":2},
      "unk_token":"[UNK]"},"pre_tokenizer":{"type":"Whitespace"},"added_tokens":[]})";
  const ef::Tokenizer tokenizer = ef::parse_tokenizer(source, "t.json");
  const ef::CausalLM<float> model(tiny(), ef::Seed{1});
  ef::save(model, tokenizer, copy.path(), {.end_tokens = {2}});
  CHECK(ef::load_tokenizer(copy.path()).encode("b a c") == std::vector<ef::Token>{2, 1, 0});
  CHECK(ef::read_json(copy.file("tokenizer_config.json"))["eos_token"] == "b");
  CHECK(bits_of(ef::load_causal_lm<float>(copy.path())) == bits_of(model));
  CHECK(refusal([&] { ef::save(model, tokenizer, copy.path(), {.end_tokens = {7}}); }) ==
        "eos_token: the tokenizer has no token 7");
}

TEST_CASE("a folder that cannot be written is told with the system's reason") {
  const TemporaryFolder copy;
  const ef::CausalLM<float> model(tiny(), ef::Seed{1});
  copy.write("file", "");
  CHECK(refusal([&] { ef::save(model, copy.file("file")); }) ==
        copy.file("file/model.safetensors") + ": cannot write: Not a directory");
  std::filesystem::create_directories(copy.file("out/model.safetensors"));
  CHECK(refusal([&] { ef::save(model, copy.file("out")); }) ==
        copy.file("out/model.safetensors") + ": cannot write: is not a regular file");
  CHECK_FALSE(std::filesystem::exists(copy.file("out/config.json")));
}

}  // namespace hub_save

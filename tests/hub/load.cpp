// Model folders that lie: each is refused with the file, the tensor or field, and the offending value.
#include "files.hpp"
#include "fixtures.hpp"
#include <eigenformer/hub/generation_config.hpp>
#include <eigenformer/hub/load_config.hpp>
#include <eigenformer/hub/write_safetensors.hpp>

#include <functional>

namespace hub_load {

namespace ef = eigenformer;
using files::refusal;
using files::TemporaryFolder;
using fixtures::folder;

namespace {

/// A copy of a reference folder's config.json with one change, and what loading it is refused with.
std::string refused_config(const char* model, const std::function<void(ef::Json&)>& change) {
  const TemporaryFolder copy;
  ef::Json config = ef::read_json(folder(model) + "/config.json");
  change(config);
  copy.write("config.json", config.dump());
  const std::string why = refusal([&] { ef::load_config(copy.path()); });
  CHECK((why.empty() || why.find(copy.path() + "/config.json") != std::string::npos));
  return why;
}

/// A copy of a reference folder with its tensors changed, and what loading it is refused with.
std::string refused_tensors(
    const char* model, const std::function<void(std::vector<ef::TensorView>&)>& change,
    const std::function<void(const std::string&)>& load = [](const std::string& path) {
      ef::load_causal_lm<float>(path);
    }) {
  const TemporaryFolder copy;
  copy.write("config.json", files::read(folder(model) + "/config.json"));
  const ef::SafeTensors original = ef::open_folder(folder(model));
  std::vector<ef::TensorView> tensors;
  for (const auto& [name, tensor] : original.tensors()) tensors.push_back(tensor);
  change(tensors);
  ef::write_safetensors(copy.file("model.safetensors"), tensors);
  return refusal([&] { load(copy.path()); });
}

ef::TensorView& named(std::vector<ef::TensorView>& tensors, const std::string& name) {
  for (auto& tensor : tensors)
    if (tensor.name == name) return tensor;
  FAIL(name << " is not there");
  return tensors.front();
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a config with a field that is absent, of the wrong type, or cannot be is refused by its name") {
  CHECK(contains(refused_config("llama", [](ef::Json& c) { c.erase("hidden_size"); }),
                 "hidden_size: is missing"));
  CHECK(contains(refused_config("llama", [](ef::Json& c) { c["hidden_size"] = -48; }), "-48"));
  CHECK(contains(refused_config("llama", [](ef::Json& c) { c["hidden_size"] = 0; }), "d_model"));
  CHECK(contains(refused_config("llama", [](ef::Json& c) { c["hidden_size"] = "48"; }), "\"48\""));
  CHECK(contains(refused_config("llama", [](ef::Json& c) { c["hidden_size"] = 48.5; }), "48.5"));
  CHECK(contains(refused_config("llama", [](ef::Json& c) { c["vocab_size"] = std::int64_t{1} << 40; }),
                 "too large"));
  CHECK(contains(refused_config("llama", [](ef::Json& c) { c["num_attention_heads"] = 5; }), "heads"));
  CHECK(contains(refused_config("llama-gqa", [](ef::Json& c) { c["num_key_value_heads"] = 3; }),
                 "3 key/value heads do not divide 4 heads"));
  CHECK(contains(refused_config("llama", [](ef::Json& c) { c["rms_norm_eps"] = "small"; }), "rms_norm_eps"));
  CHECK(contains(refused_config("llama", [](ef::Json& c) { c["tie_word_embeddings"] = 1; }),
                 "tie_word_embeddings"));
  CHECK(contains(refused_config("llama", [](ef::Json& c) { c["hidden_act"] = "step"; }),
                 "unknown activation \"step\""));
  CHECK(contains(refused_config("llama", [](ef::Json& c) { c["model_type"] = "mamba"; }), "\"mamba\""));
  CHECK(
      contains(refused_config("llama-gqa", [](ef::Json& c) { c["rope_scaling"]["rope_type"] = "longrope"; }),
               "unknown rotary scaling \"longrope\""));
  CHECK(contains(refused_config("llama-gqa", [](ef::Json& c) { c["rope_scaling"].erase("factor"); }),
                 "factor"));
  for (const char* const type : {"linear", "dynamic", "yarn", "llama3"})
    CHECK(contains(refused_config("llama-gqa",
                                  [&](ef::Json& c) {
                                    c["rope_scaling"]["rope_type"] = type;
                                    c["rope_scaling"]["factor"] = 1e300;
                                  }),
                   "rope_scaling.factor: 1e+300 times "));
  for (const double part : {1e300, 1.5, 0.0, -0.25})
    CHECK(contains(refused_config("gpt-neox", [&](ef::Json& c) { c["rotary_pct"] = part; }),
                   ef::concat("rotary_pct: must lie in (0, 1], is ", part)));
  CHECK(contains(refused_config("gpt-neox", [](ef::Json& c) { c["rotary_pct"] = 1e-3; }),
                 "rotary_pct: 0.001 of a head of "));
  CHECK(contains(refused_config("gpt2", [](ef::Json& c) { c["scale_attn_by_inverse_layer_idx"] = true; }),
                 "scale_attn_by_inverse_layer_idx"));
  CHECK(refused_config("gpt2", [](ef::Json&) {}).empty());
}

TEST_CASE("a folder without its files, or with a config that is no JSON object, is refused") {
  const TemporaryFolder empty;
  CHECK(contains(refusal([&] { ef::load_causal_lm<float>(empty.path()); }), empty.path() + "/config.json"));
  empty.write("config.json", "[1, 2]");
  CHECK(contains(refusal([&] { ef::load_config(empty.path()); }), "object"));
  empty.write("config.json", "{");
  CHECK(contains(refusal([&] { ef::load_config(empty.path()); }), "JSON"));
  empty.write("config.json", files::read(folder("gpt2") + "/config.json"));
  CHECK(contains(refusal([&] { ef::load_causal_lm<float>(empty.path()); }), "model.safetensors"));
}

TEST_CASE("a tensor that is missing, misshapen, unexpected or of whole numbers is refused by its name") {
  const std::string up = "model.layers.1.mlp.up_proj.weight";
  CHECK(contains(refused_tensors("llama", [&](auto& tensors) { named(tensors, up).name = "other"; }), up));
  CHECK(contains(refused_tensors("llama",
                                 [&](auto& tensors) {
                                   ef::TensorView& tensor = named(tensors, up);
                                   std::swap(tensor.shape[0], tensor.shape[1]);
                                 }),
                 up + ": expected [104, 48], found [48, 104]"));
  CHECK(contains(refused_tensors("llama",
                                 [&](auto& tensors) {
                                   ef::TensorView extra = named(tensors, up);
                                   extra.name = "model.layers.7.mlp.up_proj.weight";
                                   tensors.push_back(extra);
                                 }),
                 "unexpected tensor \"model.layers.7.mlp.up_proj.weight\""));
  CHECK(contains(
      refused_tensors("llama", [&](auto& tensors) { named(tensors, up).type = ef::ElementType::i32; }),
      "I32"));
  CHECK(refused_tensors("llama", [](auto&) {}).empty());
}

TEST_CASE("a stored copy of a tied matrix is taken where it is one, and refused where it differs") {
  CHECK(refused_tensors("gpt2", [](auto& tensors) {
          ef::TensorView copy = named(tensors, "transformer.wte.weight");
          copy.name = "lm_head.weight";
          tensors.push_back(copy);
        }).empty());
  std::vector<std::byte> other;
  CHECK(contains(refused_tensors("gpt2",
                                 [&](auto& tensors) {
                                   ef::TensorView copy = named(tensors, "transformer.wte.weight");
                                   other.assign(copy.data.begin(), copy.data.end());
                                   other[5] ^= std::byte{1};
                                   copy.name = "lm_head.weight";
                                   copy.data = other;
                                   tensors.push_back(copy);
                                 }),
                 "\"lm_head.weight\" differs from \"transformer.wte.weight\""));
}

TEST_CASE("so is every copy that checkpoints of encoders and encoder-decoders store") {
  struct Copy {
    const char *model, *copy, *original;
  };
  for (const Copy& c : std::vector<Copy>{
           {"bert-mlm", "cls.predictions.decoder.bias", "cls.predictions.bias"},
           {"roberta-mlm", "lm_head.decoder.weight", "roberta.embeddings.word_embeddings.weight"},
           {"roberta-mlm", "lm_head.decoder.bias", "lm_head.bias"},
           {"distilbert-mlm", "vocab_projector.weight", "distilbert.embeddings.word_embeddings.weight"},
           {"t5", "encoder.embed_tokens.weight", "shared.weight"},
           {"t5", "lm_head.weight", "shared.weight"},
           {"flan-t5", "decoder.embed_tokens.weight", "shared.weight"},
           {"bart", "model.encoder.embed_tokens.weight", "model.shared.weight"},
           {"bart", "lm_head.weight", "model.shared.weight"}}) {
    CAPTURE(std::string(c.copy));
    const auto load = [&](const std::string& path) {
      if (ef::load_config(path).model.stacks == ef::Stacks::encoder)
        ef::load_masked_lm<float>(path);
      else
        ef::load_seq2seq<float>(path);
    };
    std::vector<std::byte> bytes;
    for (const bool differs : {false, true}) {
      const std::string why = refused_tensors(
          c.model,
          [&](auto& tensors) {
            ef::TensorView copy = named(tensors, c.original);
            bytes.assign(copy.data.begin(), copy.data.end());
            if (differs) bytes[2] ^= std::byte{1};
            copy.name = c.copy;
            copy.data = bytes;
            tensors.push_back(copy);
          },
          load);
      if (differs)
        CHECK(contains(why, ef::concat('"', c.copy, "\" differs from \"", c.original, '"')));
      else
        CHECK(why.empty());
    }
  }
}

TEST_CASE("an encoder loads with and without its family's prefix, also from a head that the library lacks") {
  const ef::TokenBatch batch{{3, 1, 4, 1, 5}, {9, 2, 6}};
  for (const std::string family : {"bert", "roberta", "distilbert"})
    for (const char* const head : {"-mlm", "-seqcls", "-tokcls"}) {
      const std::string model = family + head;
      CAPTURE(model);
      const auto expected = ef::load_encoder<float>(folder(model))(batch);
      for (const bool bare : {false, true}) {
        ef::Matrix<float> found;
        CHECK(refused_tensors(
                  model.c_str(),
                  [&](auto& tensors) {
                    for (auto& tensor : tensors)
                      if (bare && tensor.name.starts_with(family + "."))
                        tensor.name.erase(0, family.size() + 1);
                    for (const char* const answers : {"qa_outputs.weight", "qa_outputs.bias"}) {
                      ef::TensorView other = tensors.front();
                      other.name = answers;
                      tensors.push_back(other);
                    }
                  },
                  [&](const std::string& path) { found = ef::load_encoder<float>(path)(batch); })
                  .empty());
        CHECK(found == expected);
      }
    }
}

TEST_CASE("GPT-2 loads with and without its prefix, and its known buffers are passed over") {
  const auto bare = refused_tensors("gpt2", [](auto& tensors) {
    for (auto& tensor : tensors) tensor.name = tensor.name.substr(std::string("transformer.").size());
    ef::TensorView buffer = tensors.front();
    buffer.name = "h.0.attn.bias";
    tensors.push_back(buffer);
  });
  CHECK(bare.empty());
}

TEST_CASE("a label map that has gaps, no names, or not as many as the head has rows is refused") {
  CHECK(contains(refused_config("bert-tokcls", [](ef::Json& c) { c["id2label"].erase("1"); }), "number 1"));
  CHECK(contains(refused_config("bert-tokcls", [](ef::Json& c) { c["id2label"]["2"] = 7; }), "number 2"));
  CHECK(contains(refused_config("bert-tokcls", [](ef::Json& c) { c["id2label"] = {"O", "B"}; }), "id2label"));
  CHECK(contains(refused_config("bert-tokcls", [](ef::Json& c) { c["id2label"] = ef::Json::object(); }),
                 "id2label"));
  const TemporaryFolder copy;
  ef::Json config = ef::read_json(folder("bert-tokcls") + "/config.json");
  config["id2label"]["5"] = "I-ORG";
  copy.write("config.json", config.dump());
  copy.write("model.safetensors", files::read(folder("bert-tokcls") + "/model.safetensors"));
  const std::string why = refusal([&] { ef::load_tagger<float>(copy.path()); });
  CHECK(contains(why, "classifier.weight"));
  CHECK(contains(why, "[6, 48]"));
  CHECK(contains(why, "[5, 48]"));
}

TEST_CASE("copies that an encoder's checkpoint stores are compared, and what no head knows is refused") {
  using Tensors = std::vector<ef::TensorView>;
  const auto masked = [](const std::string& path) { ef::load_masked_lm<float>(path); };
  const auto bare = [](const std::string& path) { ef::load_encoder<float>(path); };
  for (const auto& load : {std::function<void(const std::string&)>(masked), {bare}}) {
    CHECK(refused_tensors(
              "bert-old", [](Tensors&) {}, load)
              .empty());
    const ef::Matrix<float> other = ef::Matrix<float>::Constant(97, 48, 0.5F);
    const auto differs = [&](Tensors& t) {
      named(t, "cls.predictions.decoder.weight").data =
          std::as_bytes(std::span(other.data(), static_cast<std::size_t>(other.size())));
    };
    CHECK(contains(refused_tensors("bert-old", differs, load), "differs from"));
    CHECK(contains(
        refused_tensors(
            "bert-old", [](Tensors& t) { named(t, "cls.seq_relationship.bias").name = "cls.other"; }, load),
        "\"cls.other\""));
    CHECK(contains(
        refused_tensors(
            "bert-old",
            [](Tensors& t) { named(t, "bert.embeddings.LayerNorm.gamma").name = "bert.embeddings.gone"; },
            load),
        "bert.embeddings.LayerNorm.weight"));
  }
}

TEST_CASE("a tensor under its former and its present name at once is refused") {
  const auto twice = [](std::vector<ef::TensorView>& tensors) {
    ef::TensorView copy = named(tensors, "bert.embeddings.LayerNorm.gamma");
    copy.name = "bert.embeddings.LayerNorm.weight";
    tensors.push_back(copy);
  };
  const auto load = [](const std::string& path) { ef::load_encoder<float>(path); };
  CHECK(contains(refused_tensors("bert-old", twice, load), "former name"));
}

TEST_CASE("a weight beyond the range of the format that is asked for is refused by its tensor") {
  const ef::Matrix<float> large = ef::Matrix<float>::Constant(48, 48, 70000.0F);
  const auto change = [&](std::vector<ef::TensorView>& tensors) {
    named(tensors, "model.layers.0.self_attn.q_proj.weight").data =
        std::as_bytes(std::span(large.data(), static_cast<std::size_t>(large.size())));
  };
  const auto with = [](ef::Format format) {
    return [=](const std::string& path) { ef::load_causal_lm<float>(path, {.dtype = format}); };
  };
  const std::string why = refused_tensors("llama", change, with(ef::Format::f16));
  CHECK(contains(why, "q_proj.weight"));
  CHECK(contains(why, "70000"));
  CHECK(refused_tensors("llama", change, with(ef::Format::bf16)).empty());
}

TEST_CASE("token ids of a config that are none are refused, not wrapped") {
  const auto refused = [](const char* key, const ef::Json& value) {
    const TemporaryFolder copy;
    ef::Json config = ef::Json::object();
    config[key] = value;
    copy.write("generation_config.json", config.dump());
    return refusal([&] { ef::load_generation_config(copy.path()); });
  };
  for (const char* const key : {"eos_token_id", "forced_bos_token_id", "forced_eos_token_id"}) {
    CHECK(contains(refused(key, std::int64_t{1} << 32), key));
    CHECK(contains(refused(key, -1), "-1"));
    CHECK(contains(refused(key, "2"), key));
    CHECK(refused(key, 2).empty());
  }
  CHECK(contains(refused("eos_token_id", {2, -3}), "-3"));
  CHECK(
      contains(refused_config("t5", [](ef::Json& c) { c["decoder_start_token_id"] = std::int64_t{1} << 32; }),
               "decoder_start_token_id"));
}

}  // namespace hub_load

#include "hub/files.hpp"
#include <eigenformer/hub/write_safetensors.hpp>

#include <cmath>

#include <doctest/doctest.h>

namespace hub_safetensors {

namespace ef = eigenformer;

namespace {

const std::string data = EIGENFORMER_TEST_DATA;

template <class T>
ef::TensorView view(std::string name, ef::ElementType type, std::vector<ef::Index> shape,
                    const std::vector<T>& values) {
  ef::TensorView tensor;
  tensor.name = std::move(name);
  tensor.type = type;
  tensor.shape = std::move(shape);
  tensor.data = std::as_bytes(std::span<const T>(values));
  return tensor;
}

}  // namespace

TEST_CASE("reference files hold the numbers of their closed forms") {
  const ef::SafeTensors sinusoids(data + "/torch-nn/positional-encoding.safetensors");
  const ef::TensorView& table = sinusoids.at("table");
  CHECK(table.shape == std::vector<ef::Index>{64, 48});
  CHECK(table.type == ef::ElementType::f64);
  const auto values = table.values<double>();
  double worst = 0;
  for (int p = 0; p < 64; ++p) {
    for (int k = 0; k < 24; ++k) {
      const double angle = p / std::pow(10000.0, 2 * k / 48.0);
      worst = (std::max)(worst, std::abs(values[static_cast<std::size_t>(48 * p + 2 * k)] - std::sin(angle)));
      worst =
          (std::max)(worst, std::abs(values[static_cast<std::size_t>(48 * p + 2 * k + 1)] - std::cos(angle)));
    }
  }
  CHECK(worst < 1e-5);  // the table was computed in float
  CHECK(sinusoids.metadata().at("format") == "pt");

  const ef::SafeTensors rope(data + "/rope/rope.safetensors");
  for (ef::Index i = 0; i < 8; ++i) {
    CHECK(rope.at("default.inv_freq").element<double>(i) ==
          doctest::Approx(std::pow(10000.0, -static_cast<double>(i) / 8)).epsilon(1e-7));
  }
}

TEST_CASE("a model folder has the tensors of its architecture, in order of their names") {
  const ef::SafeTensors gpt2 = ef::open_folder(data + "/gpt2");
  CHECK(gpt2.tensors().size() == 40);  // 3 layers of 12, two embeddings, the last norm
  CHECK(gpt2.at("transformer.h.0.attn.c_attn.weight").shape == std::vector<ef::Index>{48, 144});
  CHECK(gpt2.at("transformer.h.0.attn.c_attn.weight").size() == 48 * 144);
  CHECK(gpt2.find("lm_head.weight") == nullptr);
  CHECK(files::refusal([&] { gpt2.at("lm_head.weight"); }) ==
        data + "/gpt2/model.safetensors: has no tensor \"lm_head.weight\"");
}

TEST_CASE("what is written is read again, with its names, shapes, values and metadata") {
  const files::TemporaryFolder folder;
  const std::string path = folder.file("out.safetensors");
  const std::vector<float> floats{1.5f, -2, 3, 4, 5, 6};
  const std::vector<double> doubles{1e-300, -0.1};
  const std::vector<std::uint8_t> flags{1, 0, 1};
  const std::vector<std::int64_t> ids{-1, std::int64_t{1} << 62};
  const std::vector<ef::half> halves{ef::half(0.5f)};
  const std::vector<ef::bfloat16> brains{ef::bfloat16(-3.0f), ef::bfloat16(0x1p100f)};
  const std::map<std::string, std::string> metadata{{"format", "pt"}, {"who", "ünïcode \"quoted\""}};
  ef::write_safetensors(
      path,
      {view("flags", ef::ElementType::boolean, {3}, flags),
       view("floats", ef::ElementType::f32, {2, 3}, floats),
       view("halves", ef::ElementType::f16, {1, 1}, halves),
       view("doubles", ef::ElementType::f64, {2}, doubles), view("ids", ef::ElementType::i64, {1, 2}, ids),
       view("brains", ef::ElementType::bf16, {2}, brains),
       view("nothing", ef::ElementType::f32, {0, 5}, std::vector<float>{}),
       view("scalar", ef::ElementType::f32, {}, std::vector<float>{7})},
      metadata);
  CHECK_FALSE(std::filesystem::exists(path + ".part"));
  const ef::SafeTensors read(path);
  CHECK(read.tensors().size() == 8);
  CHECK(read.metadata() == metadata);
  CHECK(read.at("floats").values<float>() == floats);
  CHECK(read.at("floats").shape == std::vector<ef::Index>{2, 3});
  CHECK(read.at("floats").format() == ef::Format::f32);
  CHECK(read.at("doubles").values<double>() == doubles);
  CHECK(read.at("ids").values<std::int64_t>() == ids);
  CHECK_FALSE(read.at("ids").format().has_value());
  CHECK(read.at("halves").values<float>() == std::vector<float>{0.5f});
  CHECK(read.at("brains").values<double>() == std::vector<double>{-3, 0x1p100});
  CHECK(read.at("flags").values<int>() == std::vector<int>{1, 0, 1});
  CHECK(read.at("flags").values<char>() == std::vector<char>{1, 0, 1});
  CHECK(read.at("flags").values<bool>() == std::vector<bool>{true, false, true});
  CHECK(read.at("nothing").shape == std::vector<ef::Index>{0, 5});
  CHECK(read.at("nothing").values<float>().empty());
  CHECK(read.at("scalar").shape.empty());
  CHECK(read.at("scalar").element<float>(0) == 7);
}

TEST_CASE("every written tensor is aligned to its elements, whatever the order and the metadata") {
  const files::TemporaryFolder folder;
  const std::vector<std::uint8_t> bytes(3, 1);
  const std::vector<float> floats(3, 1);
  const std::vector<double> doubles(1, 1);
  for (std::size_t extra = 0; extra < 9; ++extra) {
    ef::write_safetensors(
        folder.file("x"),
        {view("a", ef::ElementType::u8, {3}, bytes), view("b", ef::ElementType::f32, {3}, floats),
         view("c", ef::ElementType::f64, {1}, doubles)},
        {{"pad", std::string(extra, ' ')}});
    const ef::SafeTensors read(folder.file("x"));  // a mapping begins at a page
    for (const auto& [name, tensor] : read.tensors()) {
      const auto width = static_cast<std::size_t>(ef::bytes_of(tensor.type));
      CHECK(reinterpret_cast<std::uintptr_t>(tensor.data.data()) % width == 0);
    }
  }
}

TEST_CASE("tensors are read from any address") {
  const std::string file = files::safetensors(
      R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"F32","shape":[2],"data_offsets":[1,9]}})",
      9);
  for (std::size_t shift = 0; shift < 8; ++shift) {
    const std::string shifted = std::string(shift, ' ') + file;
    const ef::SafeTensors tensors(files::bytes_of(shifted).subspan(shift), "memory");
    CHECK(tensors.at("b").element<float>(0) == std::bit_cast<float>(0x04030201u));
    CHECK(tensors.at("b").values<double>()[1] == std::bit_cast<float>(0x08070605u));
  }
}

TEST_CASE("a tensor keeps its file mapped after the file object is gone") {
  ef::TensorView tensor;
  {
    const ef::SafeTensors file(data + "/rope/rope.safetensors");
    tensor = file.at("default.inv_freq");
  }
  CHECK(tensor.element<double>(0) == 1.0);
}

TEST_CASE("numbers that do not fit the type that is asked for are refused with their place and value") {
  const std::vector<double> wide{1.0, 1e39};
  const std::vector<std::int64_t> ids{5, std::int64_t{1} << 40};
  const std::vector<std::uint64_t> large{~std::uint64_t{0}};
  auto doubles = view("d", ef::ElementType::f64, {2}, wide);
  doubles.file = "x";
  auto integers = view("i", ef::ElementType::i64, {2}, ids);
  integers.file = "x";
  auto naturals = view("u", ef::ElementType::u64, {1}, large);
  naturals.file = "x";
  CHECK(files::refusal([&] { doubles.values<float>(); }) ==
        "x: tensor \"d\": element 1 is out of range: 1e+39");
  CHECK(files::refusal([&] { doubles.values<int>(); }) ==
        "x: tensor \"d\": holds F64 where integers are wanted");
  CHECK(files::refusal([&] { integers.values<std::int32_t>(); }) ==
        "x: tensor \"i\": element 1 is out of range: 1099511627776");
  CHECK(files::refusal([&] { naturals.values<std::int64_t>(); }) ==
        "x: tensor \"u\": element 0 is out of range: 18446744073709551615");
  CHECK(files::refusal([&] { integers.values<bool>(); }) == "x: tensor \"i\": element 0 is out of range: 5");
  CHECK(doubles.element<float>(0) == 1.0f);
  CHECK(integers.element<ef::Token>(0) == 5);
  const std::vector<double> infinite{std::numeric_limits<double>::infinity()};
  CHECK(std::isinf(view("d", ef::ElementType::f64, {1}, infinite).element<float>(0)));
}

TEST_CASE("what cannot be written is refused, and a file that was there stays") {
  const files::TemporaryFolder folder;
  const std::string path = folder.write("x", "before");
  const std::vector<float> two{1, 2};
  const auto a = view("a", ef::ElementType::f32, {2}, two);
  const auto refusal = [&](const std::vector<ef::TensorView>& tensors,
                           const std::map<std::string, std::string>& metadata = {}) {
    return files::refusal([&] { ef::write_safetensors(path, tensors, metadata); });
  };
  CHECK(refusal({a, a}) == path + ": tensor \"a\": the name is taken");
  CHECK(refusal({view("__metadata__", ef::ElementType::f32, {2}, two)}) ==
        path + ": tensor \"__metadata__\": the name is taken");
  CHECK(refusal({view("a", ef::ElementType::f32, {3}, two)}) ==
        path + ": tensor \"a\": [3] of F32 does not take 8 bytes");
  CHECK(refusal({view("a", ef::ElementType::f64, {2}, two)}) ==
        path + ": tensor \"a\": [2] of F64 does not take 8 bytes");
  CHECK(refusal({view("a", ef::ElementType::f32, {-1, -2}, two)}) ==
        path + ": tensor \"a\": [-1, -2] of F32 does not take 8 bytes");
  CHECK(refusal({view("\xff", ef::ElementType::f32, {2}, two)}) ==
        path + ": a name or the metadata is not valid UTF-8");
  CHECK(refusal({a}, {{"a", "\xc3"}}) == path + ": a name or the metadata is not valid UTF-8");
  CHECK(files::read(path) == "before");
  CHECK(files::refusal([&] { ef::write_safetensors(folder.file("absent/x"), {a}); }) ==
        folder.file("absent/x") + ": cannot write: No such file or directory");

  std::filesystem::create_directories(folder.file("folder/inside"));
  CHECK(files::refusal([&] {
          ef::write_safetensors(folder.file("folder"), {a});
        }).starts_with(folder.file("folder") + ": cannot write: "));
  CHECK_FALSE(std::filesystem::exists(folder.file("folder.part")));
  CHECK(refusal({a}) == "");
  CHECK(ef::SafeTensors(path).at("a").values<float>() == two);
}

}  // namespace hub_safetensors

// Folders of one file or several shards.
#include "hub/files.hpp"
#include <eigenformer/hub/safetensors.hpp>

#include <doctest/doctest.h>

namespace hub_folder {

namespace ef = eigenformer;

namespace {

/// A file with tensors of one byte each.
std::string bytes_named(const std::vector<std::string>& names) {
  std::string header;
  for (std::size_t i = 0; i < names.size(); ++i) {
    header += (i ? ",\"" : "\"") + names[i] + R"(":{"dtype":"U8","shape":[1],"data_offsets":[)" +
              std::to_string(i) + "," + std::to_string(i + 1) + "]}";
  }
  return files::safetensors("{" + header + "}", names.size());
}

struct Sharded : files::TemporaryFolder {
  Sharded() {
    write("1.safetensors", bytes_named({"a", "b"}));
    write("2.safetensors", bytes_named({"c"}));
  }
  std::string index = file("model.safetensors.index.json");

  std::string refusal(const std::string& weight_map) const {
    write("model.safetensors.index.json", R"({"metadata":{"total_size":3},"weight_map":)" + weight_map + "}");
    return files::refusal([&] { ef::open_folder(path()); });
  }
};

}  // namespace

TEST_CASE("shards are read as one set of tensors, each with its own file") {
  const Sharded folder;
  CHECK(folder.refusal(R"({"a":"1.safetensors","b":"1.safetensors","c":"2.safetensors"})") == "");
  const ef::SafeTensors all = ef::open_folder(folder.path());
  CHECK(all.tensors().size() == 3);
  CHECK(all.at("b").element<int>(0) == 1);
  CHECK(all.at("b").file == folder.path() + "/1.safetensors");
  CHECK(all.at("c").element<int>(0) == 0);
  CHECK(all.at("c").file == folder.path() + "/2.safetensors");
}

TEST_CASE("model.safetensors is read before an index, as transformers does") {
  const Sharded folder;
  folder.write("model.safetensors.index.json", "not even JSON");
  folder.write("model.safetensors", bytes_named({"whole"}));
  CHECK(ef::open_folder(folder.path()).tensors().size() == 1);
}

TEST_CASE("a folder without weights is refused by name") {
  const files::TemporaryFolder folder;
  const std::string why = ": has neither model.safetensors nor model.safetensors.index.json";
  CHECK(files::refusal([&] { ef::open_folder(folder.path()); }) == folder.path() + why);
  CHECK(files::refusal([&] { ef::open_folder("/absent/folder"); }) == "/absent/folder" + why);
}

TEST_CASE("an index and shards that disagree are refused with the tensor and the shard") {
  const Sharded folder;
  CHECK(folder.refusal(R"({"a":"1.safetensors","b":"1.safetensors","c":"3.safetensors"})") ==
        folder.file("3.safetensors") + ": cannot open: No such file or directory");
  CHECK(folder.refusal(
            R"({"a":"1.safetensors","b":"1.safetensors","c":"2.safetensors","d":"2.safetensors"})") ==
        folder.file("2.safetensors") + ": has no tensor \"d\"");
  CHECK(folder.refusal(R"({"a":"1.safetensors","b":"2.safetensors","c":"2.safetensors"})") ==
        folder.file("1.safetensors") + ": tensor \"b\": the index does not list it for this shard");
  CHECK(folder.refusal(R"({"a":"1.safetensors","c":"2.safetensors"})") ==
        folder.file("1.safetensors") + ": tensor \"b\": the index does not list it for this shard");
  CHECK(folder.refusal(R"({"a":"1.safetensors","a":"2.safetensors"})") ==
        folder.index + ": the key \"a\" stands twice in one object");
  folder.write("2.safetensors", bytes_named({"a", "c"}));
  CHECK(folder.refusal(R"({"a":"1.safetensors","b":"1.safetensors","c":"2.safetensors"})") ==
        folder.file("2.safetensors") + ": tensor \"a\": the index does not list it for this shard");
  folder.write("2.safetensors", "short");
  CHECK(folder.refusal(R"({"a":"1.safetensors","b":"1.safetensors","c":"2.safetensors"})") ==
        folder.file("2.safetensors") + ": is 5 bytes long, too short for a safetensors file");
}

TEST_CASE("a shard that is not a plain file name of the folder is refused, and never opened") {
  const Sharded folder;
  for (const std::string shard : {"../1.safetensors", "..", ".", "", "/etc/passwd", "sub/1.safetensors",
                                  "sub\\\\1.safetensors", "C:1.safetensors", "1.safetensors\\u0000"}) {
    CAPTURE(shard);
    CHECK(folder.refusal("{\"a\":\"" + shard + "\"}") ==
          folder.index + ": tensor \"a\": shard \"" + shard + "\" is not a file of this folder");
  }
  CHECK(folder.refusal(R"({"a":1})") ==
        folder.index + ": tensor \"a\": shard 1 is not a file of this folder");
  CHECK(folder.refusal("[]") == folder.index + ": its weight_map is not an object: []");
  CHECK(folder.refusal("null") == "weight_map: is missing (" + folder.index + ")");
}

TEST_CASE("merging refuses a tensor that both have") {
  const Sharded folder;
  ef::SafeTensors one(folder.file("1.safetensors"));
  folder.write("2.safetensors", bytes_named({"c", "b"}));
  CHECK(files::refusal([&] { one.merge(ef::SafeTensors(folder.file("2.safetensors"))); }) ==
        folder.file("2.safetensors") + ": tensor \"b\": is also in " + folder.file("1.safetensors"));
}

}  // namespace hub_folder

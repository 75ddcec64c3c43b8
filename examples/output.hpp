// Folders that programs write models into: none is overwritten unless the user says so.
#pragma once

#include "common.hpp"

#include <algorithm>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace example {

namespace ef = eigenformer;

/// Adds --overwrite.
inline CLI::Option* add_overwrite(CLI::App& app, bool& overwrite) {
  return app.add_flag("--overwrite", overwrite, "replace what a model's folder of this name holds");
}

/// The files by which a folder is a model, adapters or a tokenizer, with those that go with them.
inline std::vector<std::filesystem::path> model_files(const std::string& folder) {
  static const std::vector<std::string> names{"config.json",
                                              "generation_config.json",
                                              "adapter_config.json",
                                              "tokenizer.json",
                                              "vocab.json",
                                              "tokenizer_config.json",
                                              "added_tokens.json",
                                              "special_tokens_map.json",
                                              "merges.txt",
                                              "vocab.txt",
                                              "tokenizer.model",
                                              "spiece.model",
                                              "chat_template.jinja",
                                              "sentencepiece.bpe.model",
                                              "chat_template.json",
                                              "1_Pooling",
                                              "loss.csv",
                                              "loss.svg",
                                              "modules.json"};
  std::vector<std::filesystem::path> found;
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(folder, none)) {
    const std::string name = entry.path().filename().string();
    if (name.ends_with(".safetensors") || name.ends_with(".safetensors.index.json") ||
        std::find(names.begin(), names.end(), name) != names.end())
      found.push_back(entry.path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

/// Refuses a folder that a model may not be written into, before any work is done for it.
/// @param source  the model that it is made from, if any
/// @throws FileError  for a file, the folder of the source, and without `overwrite` a folder that holds a
///                    model
inline void check_output(const std::string& folder, bool overwrite, const std::string& source = "") {
  namespace fs = std::filesystem;
  std::error_code none;
  if (!fs::exists(folder, none)) return;
  if (!fs::is_directory(folder, none))
    ef::fail(ef::FileError(folder, "is a file, where a folder is to be written"));
  if (!source.empty() && fs::equivalent(folder, source, none))
    ef::fail(ef::FileError(folder, "is the model itself, and the new one needs a folder of its own"));
  if (overwrite) return;
  if (const auto files = model_files(folder); !files.empty())
    ef::fail(ef::FileError(folder, "holds a model already (" + files.front().filename().string() +
                                       "): choose another folder, or replace it with --overwrite"));
}

/// While a model is written into a folder, what the model before it left there stands aside: nothing of it
/// (a shard, a chat template) mixes with the new one. It comes back unless the new one is complete.
class Replacement {
 public:
  explicit Replacement(const std::string& folder) {
    for (const auto& file : model_files(folder)) {
      auto aside = file;
      aside += ".old";
      std::filesystem::rename(file, aside);
      moved_.emplace_back(file, std::move(aside));
    }
  }
  Replacement(const Replacement&) = delete;
  Replacement& operator=(const Replacement&) = delete;
  ~Replacement() {
    std::error_code ignored;
    for (const auto& [file, aside] : moved_) {
      if (std::filesystem::exists(file, ignored)) std::filesystem::remove_all(file, ignored);
      std::filesystem::rename(aside, file, ignored);
    }
  }

  /// The new model is complete.
  void complete() {
    std::error_code ignored;
    for (const auto& [file, aside] : moved_) std::filesystem::remove_all(aside, ignored);
    moved_.clear();
  }

 private:
  std::vector<std::pair<std::filesystem::path, std::filesystem::path>> moved_;
};

/// write(), which writes a model into the folder, in place of the one that may be there.
template <class Write> void replace_model(const std::string& folder, Write&& write) {
  Replacement replacement(folder);
  write();
  replacement.complete();
}

}  // namespace example

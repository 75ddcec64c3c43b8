// Reads a tokenizer.json into memory: the two long tables straight into vectors, the rest as a JSON value.
//
// The file is not trusted. Nesting is limited, no key may stand twice in an object, and nothing is allocated
// but what has been read.
#pragma once

#include <eigenformer/core/error.hpp>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace text {

struct TokenizerJson {
  nlohmann::json root;  // without model.vocab and model.merges
  std::vector<std::pair<std::string, std::int64_t>> vocabulary;
  std::vector<std::pair<std::string, std::string>> merges;
};

namespace detail {

/// Builds a TokenizerJson from the parser's events. The names of the members are those nlohmann-json calls.
class TokenizerJsonEvents final : public nlohmann::json_sax<nlohmann::json> {
 public:
  TokenizerJsonEvents(std::string file, TokenizerJson& out) : file_(std::move(file)), out_(out) {}

  bool null() override { return value(nullptr); }
  bool boolean(bool flag) override { return value(flag); }
  bool number_integer(std::int64_t number) override {
    return place_ == Place::vocabulary ? entry(number) : value(number);
  }
  bool number_unsigned(std::uint64_t number) override {
    if (place_ != Place::vocabulary) return value(number);
    if (number > (std::numeric_limits<std::uint32_t>::max)())
      refuse("model.vocab", concat("id ", number, " is too large"));
    return entry(static_cast<std::int64_t>(number));
  }
  bool number_float(double number, const std::string&) override { return value(number); }
  bool string(std::string& text) override {
    if (place_ == Place::merges) {
      const std::size_t space = text.find(' ');
      if (space == std::string::npos || text.find(' ', space + 1) != std::string::npos)
        refuse(merge_name(), concat("expected two tokens with one space between, found \"", text, '"'));
      out_.merges.emplace_back(text.substr(0, space), text.substr(space + 1));
      return true;
    }
    if (place_ == Place::merge) {
      merge_.push_back(std::move(text));
      return true;
    }
    return value(std::move(text));
  }
  bool binary(nlohmann::json::binary_t&) override { return false; }  // not in JSON text

  bool start_object(std::size_t) override {
    if (place_ == Place::none && in_model("vocab")) {
      place_ = Place::vocabulary;
      return true;
    }
    return start(nlohmann::json::object());
  }
  bool key(std::string& name) override {
    if (place_ != Place::none) {
      key_ = std::move(name);
      return true;
    }
    if (open_.back()->contains(name)) refuse(path(), concat("the key \"", name, "\" stands twice"));
    (*open_.back())[name] = nullptr;
    names_.back() = std::move(name);
    return true;
  }
  bool end_object() override { return place_ == Place::vocabulary ? leave() : end(); }

  bool start_array(std::size_t) override {
    if (place_ == Place::none && in_model("merges")) {
      place_ = Place::merges;
      return true;
    }
    if (place_ == Place::merges) {
      place_ = Place::merge;
      merge_.clear();
      return true;
    }
    return start(nlohmann::json::array());
  }
  bool end_array() override {
    if (place_ == Place::merge) {
      if (merge_.size() != 2) refuse(merge_name(), concat("expected two tokens, found ", merge_.size()));
      out_.merges.emplace_back(std::move(merge_[0]), std::move(merge_[1]));
      place_ = Place::merges;
      return true;
    }
    return place_ == Place::merges ? leave() : end();
  }

  bool parse_error(std::size_t byte, const std::string&, const nlohmann::json::exception& error) override {
    const std::string what = error.what();  // "[json.exception.parse_error.101] parse error at line …: …"
    const std::size_t text = what.find("parse error");
    fail(FileError(file_, concat("not JSON at byte ", byte, ": ",
                                 text == std::string::npos ? what : what.substr(text))));
  }

 private:
  enum class Place { none, vocabulary, merges, merge };
  static constexpr std::size_t deepest = 64;

  [[noreturn]] void refuse(const std::string& where, const std::string& why) const {
    fail(FileError(file_, concat(where, where.empty() ? "" : ": ", why)));
  }

  std::string path() const {
    std::string out;
    for (const std::string& name : names_) out += (out.empty() || name.empty() ? "" : ".") + name;
    return out;
  }

  std::string merge_name() const { return concat("model.merges[", out_.merges.size(), ']'); }

  bool in_model(std::string_view name) const {
    return names_.size() == 2 && names_[0] == "model" && names_[1] == name && open_.back()->is_object();
  }

  bool entry(std::int64_t id) {
    out_.vocabulary.emplace_back(std::move(key_), id);
    return true;
  }

  bool leave() {
    place_ = Place::none;
    return true;
  }

  nlohmann::json* put(nlohmann::json&& what) {
    if (place_ == Place::vocabulary)
      refuse("model.vocab", concat("the id of \"", key_, "\" is not an integer"));
    if (place_ != Place::none) refuse(merge_name(), "expected two tokens");
    if (open_.empty()) return &(out_.root = std::move(what));
    if (open_.back()->is_array()) return &open_.back()->emplace_back(std::move(what));
    return &((*open_.back())[names_.back()] = std::move(what));
  }

  template <class T> bool value(T&& what) {
    put(nlohmann::json(std::forward<T>(what)));
    return true;
  }

  bool start(nlohmann::json&& empty) {
    if (open_.size() == deepest) refuse(path(), concat("nested more than ", deepest, " deep"));
    open_.push_back(put(std::move(empty)));
    names_.emplace_back();
    return true;
  }

  bool end() {
    open_.pop_back();
    names_.pop_back();
    return true;
  }

  std::string file_;
  TokenizerJson& out_;
  Place place_ = Place::none;
  std::vector<nlohmann::json*> open_;  // the objects and arrays around the present place; a later sibling is
                                       // only made once an earlier one is closed, so that these never dangle
  std::vector<std::string> names_;     // in each, the present key
  std::string key_;                    // in the vocabulary
  std::vector<std::string> merge_;
};

}  // namespace detail

/// Everything a file holds.
///
/// @throws FileError  if it cannot be read
[[gnu::cold]] inline std::string read_file(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error))
    fail(FileError(path.string(),
                   std::filesystem::exists(path, error) ? "is not a regular file" : "there is no such file"));
  std::ifstream stream(path, std::ios::binary);
  std::string content;
  for (std::string block(1 << 16, '\0'); stream.read(block.data(), std::ssize(block)) || stream.gcount() > 0;)
    content.append(block, 0, static_cast<std::size_t>(stream.gcount()));
  if (stream.bad() || !stream.is_open()) fail(FileError(path.string(), "it cannot be read"));
  return content;
}

/// @throws FileError  if the content is not a JSON object, is nested too deep, or holds a key twice
[[gnu::cold]] inline TokenizerJson parse_tokenizer_json(const std::string& content, const std::string& file) {
  TokenizerJson out;
  detail::TokenizerJsonEvents events(file, out);
  // The parser itself: json::sax_parse would compile the readers of five binary formats beside it.
  // Bytes and an abstract receiver, as in hub/json.hpp: one parser is compiled for both.
  auto input = nlohmann::detail::input_adapter(std::string_view(content));
  nlohmann::detail::parser<nlohmann::json, decltype(input)>(std::move(input))
      .sax_parse(static_cast<nlohmann::json_sax<nlohmann::json>*>(&events));
  if (!out.root.is_object()) fail(FileError(file, "expected a JSON object"));
  return out;
}

}  // namespace text
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer

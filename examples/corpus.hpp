// What the training programs read: text files, JSON lines and token files, as sequences of tokens.
#pragma once

#include <eigenformer/core/ragged.hpp>
#include <eigenformer/text/read_text.hpp>
#include <eigenformer/text/tokenizer.hpp>
#include <eigenformer/text/tokenizer_parts.hpp>
#include <eigenformer/train/sources.hpp>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

namespace example {

namespace ef = eigenformer;

/// Either one long text, of which windows are drawn, or documents that are kept whole.
struct Corpus {
  std::vector<ef::Token> text{};
  ef::TokenBatch documents{};
  ef::TokenBatch targets{};           ///< of pairs: what belongs to each document
  std::vector<std::string> labels{};  ///< of classes: one a document
  bool whole = false;                 ///< documents, not windows

  std::size_t tokens() const {
    std::size_t n = text.size();
    for (const auto* all : {&documents, &targets})
      for (const auto& one : *all) n += one.size();
    return n;
  }
  std::uint64_t fingerprint() const {
    std::uint64_t hash = ef::fingerprint(text);
    for (const auto* all : {&documents, &targets})
      for (const auto& one : *all)
        hash = ef::fingerprint(one, ef::fingerprint(std::vector{ef::Token(-1)}, hash));
    for (const std::string& label : labels)
      hash = ef::fingerprint(std::vector<ef::Token>(label.begin(), label.end()), hash);
    return hash;
  }
};

/// Special tokens around a text.
struct Frame {
  std::vector<ef::Token> before{}, after{};

  ef::Index size() const { return static_cast<ef::Index>(before.size() + after.size()); }
  std::vector<ef::Token> around(std::vector<ef::Token> text) const {
    text.insert(text.begin(), before.begin(), before.end());
    text.insert(text.end(), after.begin(), after.end());
    return text;
  }
};

/// What the tokenizer itself puts around a text.
inline Frame frame_of(const ef::Tokenizer& tokenizer) {
  Frame frame;
  auto* side = &frame.before;
  for (const auto& part : tokenizer.parts().post_processor.single) {
    if (part.kind == ef::text::TemplatePart::Kind::first) side = &frame.after;
    side->insert(side->end(), part.ids.begin(), part.ids.end());
  }
  return frame;
}

/// How texts become sequences.
struct Reading {
  const ef::Tokenizer& tokenizer;
  ef::Index vocab_size = 0;
  Frame frame{}, target_frame{};  ///< of documents, and of what belongs to them; `after` ends text files
  bool lines = false;             ///< every line of a text file is a document
  bool pairs = false, classes = false;  ///< what JSON lines must hold
};

inline bool has_extension(const std::string& file, std::initializer_list<const char*> extensions) {
  return std::any_of(extensions.begin(), extensions.end(),
                     [&](const char* extension) { return file.ends_with(extension); });
}

/// Whether a file's name says that it holds JSON lines.
inline bool is_json_lines(const std::string& file) { return has_extension(file, {".jsonl", ".ndjson"}); }

/// @throws FileError  which names the record's line
[[noreturn]] inline void refuse(const std::string& file, const ef::TextRecord& record,
                                const std::string& why) {
  ef::fail(ef::FileError(file, ef::concat("line ", record.line, ": ", why)));
}

inline std::vector<ef::Token> document(const Reading& how, const std::string& text) {
  return how.frame.around(how.tokenizer.encode(text, false));
}

/// Adds a file: *.jsonl and *.ndjson are JSON lines, *.u16 and *.bin ids of 16 bits, *.u32 ids of 32 bits,
/// everything else is text.
inline void add_file(Corpus& corpus, const Reading& how, const std::string& file) {
  if (is_json_lines(file)) {
    corpus.whole = true;
    for (ef::TextRecord& record : ef::read_json_lines(file)) {
      if (how.pairs && !record.pair) refuse(file, record, "has no \"target\"");
      if (how.classes && !record.label) refuse(file, record, "has no \"label\"");
      if (how.classes && record.pair) refuse(file, record, "has a \"pair\", which only finetune learns from");
      corpus.documents.push_back(document(how, record.text));
      if (how.pairs)
        corpus.targets.push_back(how.target_frame.around(how.tokenizer.encode(*record.pair, false)));
      if (how.classes) corpus.labels.push_back(*record.label);
    }
    return;
  }
  if (how.pairs || how.classes)
    ef::fail(ef::FileError(file, "pairs and classes are read from JSON lines (*.jsonl)"));
  if (has_extension(file, {".u16", ".bin", ".u32"})) {
    const auto ids = ef::read_token_file(file, file.ends_with(".u32") ? 32 : 16, how.vocab_size);
    corpus.text.insert(corpus.text.end(), ids.begin(), ids.end());
    return;
  }
  const std::string text = ef::read_text(file);
  if (!how.lines) {
    const auto ids = how.tokenizer.encode(text, false);
    corpus.text.insert(corpus.text.end(), ids.begin(), ids.end());
    corpus.text.insert(corpus.text.end(), how.frame.after.begin(), how.frame.after.end());
    return;
  }
  corpus.whole = true;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t stop = (std::min)(text.find('\n', begin), text.size());
    std::string line = text.substr(begin, stop - begin);
    begin = stop + 1;
    if (line.ends_with('\r')) line.pop_back();
    if (!line.empty()) corpus.documents.push_back(document(how, line));
  }
}

inline Corpus read_corpus(const std::vector<std::string>& files, const Reading& how) {
  Corpus corpus;
  for (const std::string& file : files) add_file(corpus, how, file);
  if (!corpus.documents.empty() && !corpus.text.empty())
    ef::fail(ef::InputError("some files are texts and some are documents; use --lines, or two trainings"));
  if (corpus.documents.empty() && corpus.text.empty()) ef::fail(ef::InputError("the corpus is empty"));
  return corpus;
}

/// Cuts the last `share` of a corpus off, and returns it.
inline Corpus split_off(Corpus& corpus, double share) {
  Corpus out;
  out.whole = corpus.whole;
  const auto cut = [&](auto& from, auto& to) {
    const auto kept = static_cast<std::ptrdiff_t>(static_cast<double>(from.size()) * (1 - share));
    to.assign(from.begin() + kept, from.end());
    from.erase(from.begin() + kept, from.end());
  };
  cut(corpus.text, out.text);
  cut(corpus.documents, out.documents);
  cut(corpus.targets, out.targets);
  cut(corpus.labels, out.labels);
  if (out.tokens() == 0) ef::fail(ef::InputError("the held-out share of the corpus is empty"));
  if (corpus.tokens() == 0) ef::fail(ef::InputError("nothing is left beside the held-out share"));
  return out;
}

/// What a training is measured on: a file, or a share that is cut off the corpus; nothing for "".
inline std::optional<Corpus> held_out(const std::string& what, Corpus& corpus, const Reading& how) {
  if (what.empty()) return std::nullopt;
  char* end = nullptr;
  const double share = std::strtod(what.c_str(), &end);
  if (*end == '\0' && !std::filesystem::exists(what)) {
    if (!(share > 0 && share < 1)) ef::fail(ef::ConfigError("held-out", "a share must lie between 0 and 1"));
    return split_off(corpus, share);
  }
  return read_corpus({what}, how);
}

}  // namespace example

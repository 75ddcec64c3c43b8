// Words with tags, for the programs that learn and measure them.
#pragma once

#include <eigenformer/evaluate/entities.hpp>
#include <eigenformer/hub.hpp>
#include <eigenformer/text/read_tagged.hpp>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace example {

namespace ef = eigenformer;

/// A text's tokens, and the number of the word that each belongs to; -1: none.
struct EncodedWords {
  std::vector<ef::Token> ids;
  std::vector<ef::Index> word_ids;
};

/// Words with single spaces between them, so that a text's marks are read as when they stand alone.
inline EncodedWords encode_words(const ef::Tokenizer& tokenizer, const std::vector<std::string>& words) {
  std::string text;
  std::vector<ef::Index> begins;  // of words, in code points
  ef::Index at = 0;
  for (const std::string& word : words) {
    if (!text.empty()) text += ' ', ++at;
    begins.push_back(at);
    text += word;
    at += std::count_if(word.begin(), word.end(),
                        [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
  }
  const ef::Encoding encoding = tokenizer.encode_full(text);
  EncodedWords out{encoding.ids, {}};
  for (std::size_t i = 0; i < encoding.ids.size(); ++i) {
    const ef::Offset place = encoding.offsets[i];
    const bool none = encoding.special_tokens_mask[i] != 0 || place.end <= place.begin;
    // the last code point decides, as byte-level tokens begin with the space before them
    const auto after = std::upper_bound(begins.begin(), begins.end(), place.end - 1);
    out.word_ids.push_back(none ? -1 : after - begins.begin() - 1);
  }
  return out;
}

/// Where code point `place` of a text begins.
inline std::size_t byte_of(const std::string& text, ef::Index place) {
  std::size_t at = 0;
  while (at < text.size()) {
    if ((static_cast<unsigned char>(text[at]) & 0xC0) != 0x80 && place-- == 0) break;
    ++at;
  }
  return at;
}

/// Words with a space between each two.
inline std::string spaced(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : " ") + word;
  return out;
}

/// All tags of a data set, O first, then in alphabetical order.
inline std::vector<std::string> tags_of(const std::vector<ef::TaggedRecord>& records) {
  std::vector<std::string> tags;
  for (const ef::TaggedRecord& record : records)
    tags.insert(tags.end(), record.tags.begin(), record.tags.end());
  std::sort(tags.begin(), tags.end());
  tags.erase(std::unique(tags.begin(), tags.end()), tags.end());
  if (const auto o = std::find(tags.begin(), tags.end(), "O"); o != tags.end())
    std::rotate(tags.begin(), o, o + 1);
  return tags;
}

/// The tag that a tagger gives each word: at the word's first token. A word without tokens has the first tag.
inline ef::evaluate::Tags predicted_tags(const ef::Tagger<float>& model, const EncodedWords& text,
                                         std::size_t words, ef::Run& run) {
  ef::evaluate::Tags tags(words, model.labels().front());
  const ef::Matrix<float> logits = model({text.ids}, run);
  for (std::size_t i = text.ids.size(); i-- > 0;) {
    if (text.word_ids[i] < 0) continue;
    ef::Index best = 0;
    logits.row(static_cast<ef::Index>(i)).maxCoeff(&best);
    tags[static_cast<std::size_t>(text.word_ids[i])] = model.labels()[static_cast<std::size_t>(best)];
  }
  return tags;
}

/// How many words a tagger tags right, and the entities that it finds; wrong(record, predicted) is told of
/// the sentences with a wrong tag.
template <class Wrong>
nlohmann::ordered_json measure_tags(const ef::Tagger<float>& model, const ef::Tokenizer& tokenizer,
                                    const std::vector<ef::TaggedRecord>& records, ef::Run& run,
                                    Wrong&& wrong) {
  std::vector<ef::evaluate::Tags> truth, predicted;
  std::map<std::string, double> occurrences;
  double words = 0;
  for (const ef::TaggedRecord& record : records) {
    truth.push_back(record.tags);
    predicted.push_back(
        predicted_tags(model, encode_words(tokenizer, record.words), record.words.size(), run));
    for (const std::string& tag : record.tags) ++occurrences[tag], ++words;
    if (predicted.back() != truth.back()) wrong(record, predicted.back());
  }
  const auto scores = ef::evaluate::entity_scores(truth, predicted);
  const auto most = std::max_element(occurrences.begin(), occurrences.end(),
                                     [](const auto& a, const auto& b) { return a.second < b.second; });
  nlohmann::ordered_json out{
      {"entity_f1", scores.micro.f1}, {"precision", scores.micro.precision}, {"recall", scores.micro.recall}};
  for (const auto& [type, of_type] : scores.types) out["f1_of_" + type] = of_type.f1;
  out["accuracy_of_words"] = ef::evaluate::tag_accuracy(truth, predicted);
  out["sentences"] = records.size();
  out["accuracy_of_the_most_frequent"] = most->second / words;
  return out;
}

}  // namespace example

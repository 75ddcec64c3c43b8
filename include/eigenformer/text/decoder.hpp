// Decoders: how the strings of tokens become text again.
//
// A decoder is a list of steps (a Sequence in the file is flattened). Tokens run through it one at a time,
// each step handing on what is certain and holding back what later tokens may still change, so that streaming
// and decoding a whole list are the same code and give the same text.
#pragma once

#include <eigenformer/text/byte_alphabet.hpp>
#include <eigenformer/text/pattern.hpp>
#include <eigenformer/text/utf8.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace text {

struct DecoderStep {
  enum class Kind {
    replace,        // every match of `pattern` in a token by `content`
    byte_fallback,  // tokens <0x00> to <0xFF> become the characters their bytes spell
    fuse,           // all tokens become one
    strip,       // up to `start` characters `content` from the front of a token, up to `stop` from its back
    spaces,      // a space between tokens: what happens where a file has no decoder
    byte_level,  // characters of the byte alphabet become bytes, of all tokens together
    word_piece,  // tokens are words, or go on where they begin with `pattern`; see `cleanup`
    metaspace,   // every `pattern` becomes a space; in the first token `content`
    bpe_suffix,  // every `pattern` becomes a space, at the end nothing
    ctc          // a token that stands several times in a row is one; every `pattern` goes; see `cleanup` and
                 // `content`, which then becomes a space (Graves et al. 2006)
  };
  Kind kind = Kind::replace;
  Pattern pattern = {};
  std::string content = {};
  Index start = 0, stop = 0;
  bool cleanup = false;  // word_piece: no space before punctuation and in English contractions
};

using Decoder = std::vector<DecoderStep>;

/// Decoding of one list of tokens, in progress.
class Decoding {
 public:
  /// @param decoder  must outlive this object
  explicit Decoding(const Decoder& decoder) : steps_(&decoder), states_(decoder.size()) {
    for (std::size_t i = 0; i < decoder.size(); ++i)
      if (decoder[i].kind == DecoderStep::Kind::fuse) states_[i].collects = !takes_fragments_after(i);
  }

  /// Appends to `out` the text that has become certain with this token: whole characters only.
  void push(std::string_view token, std::string& out) { feed(0, token, out); }

  /// Appends what is still held back. Afterwards a new list can begin.
  void finish(std::string& out) {
    for (std::size_t i = 0; i < steps_->size(); ++i) end(i, out);
    for (State& state : states_) state = {.collects = state.collects};
  }

 private:
  struct State {
    bool collects = false;  // fuse: later steps need the whole text, which is held back until the end
    bool started = false;   // a token has been here
    std::string held = {};  // fuse: the text so far; byte_fallback: a run of bytes; byte_level: part of a
                            // character; bpe_suffix and ctc: the latest token
    Index stripped = 0;     // strip, of a fused text: characters gone from its front
  };

  /// Whether all steps after a fuse can work on the fused text in parts.
  bool takes_fragments_after(std::size_t fuse) const {
    for (std::size_t i = fuse + 1; i < steps_->size(); ++i)
      if ((*steps_)[i].kind != DecoderStep::Kind::strip || (*steps_)[i].stop > 0) return false;
    return true;
  }

  /// Whether step `i` gets parts of one fused token in place of tokens.
  bool gets_fragments(std::size_t i) const {
    for (std::size_t before = 0; before < i; ++before)
      if ((*steps_)[before].kind == DecoderStep::Kind::fuse && !states_[before].collects) return true;
    return false;
  }

  void feed(std::size_t i, std::string_view token, std::string& out) {
    if (i == steps_->size()) {
      out += token;
      return;
    }
    const DecoderStep& step = (*steps_)[i];
    State& state = states_[i];
    switch (step.kind) {
      case DecoderStep::Kind::replace: return feed(i + 1, replaced(step.pattern, token, step.content), out);
      case DecoderStep::Kind::byte_fallback: {
        const int byte = byte_of(token);
        if (byte >= 0) {
          state.held += static_cast<char>(byte);
          return;
        }
        end_bytes(i, out);
        return feed(i + 1, token, out);
      }
      case DecoderStep::Kind::fuse:
        if (!state.collects) return feed(i + 1, token, out);
        state.held += token;
        return;
      case DecoderStep::Kind::strip:
        if (gets_fragments(i)) return feed(i + 1, strip_front(step, token, state.stripped), out);
        return feed(i + 1, strip(step, token), out);
      case DecoderStep::Kind::spaces:
        if (state.started) feed(i + 1, " ", out);
        state.started = true;
        return feed(i + 1, token, out);
      case DecoderStep::Kind::byte_level: return byte_level(i, token, out);
      case DecoderStep::Kind::word_piece: {
        std::string word = !state.started ? std::string(token)
                           : token.starts_with(step.pattern.string)
                               ? std::string(token.substr(step.pattern.string.size()))
                               : concat(' ', token);
        state.started = true;
        if (step.cleanup) clean_up(word);
        return feed(i + 1, word, out);
      }
      case DecoderStep::Kind::metaspace: {
        const std::string_view space = state.started ? std::string_view(" ") : std::string_view(step.content);
        state.started = true;
        return feed(i + 1, replaced(step.pattern, token, space), out);
      }
      case DecoderStep::Kind::bpe_suffix:
        if (state.started) feed(i + 1, replaced(step.pattern, state.held, " "), out);
        state.started = true;
        state.held = token;
        return;
      case DecoderStep::Kind::ctc: {
        if (state.started && state.held == token) return;
        state.started = true;
        state.held = token;
        std::string text = replaced(step.pattern, token, "");
        if (step.cleanup) {
          clean_up(text);
          text = replaced({.string = step.content}, text, " ");
        }
        return text.empty() ? void() : feed(i + 1, text, out);
      }
    }
  }

  /// No more tokens come to step `i`.
  void end(std::size_t i, std::string& out) {
    if ((*steps_)[i].kind == DecoderStep::Kind::byte_fallback) end_bytes(i, out);
    if ((*steps_)[i].kind == DecoderStep::Kind::fuse && states_[i].collects)
      feed(i + 1, states_[i].held, out);
    if ((*steps_)[i].kind == DecoderStep::Kind::byte_level && !states_[i].held.empty())
      feed(i + 1, replacement_character, out);
    if ((*steps_)[i].kind == DecoderStep::Kind::bpe_suffix && states_[i].started)
      feed(i + 1, replaced((*steps_)[i].pattern, states_[i].held, ""), out);
  }

  /// BERT's clean_up_tokenization, token by token.
  static void clean_up(std::string& word) {
    constexpr std::string_view forms[][2] = {
        {" .", "."},   {" ?", "?"},           {" !", "!"},   {" ,", ","},     {" ' ", "'"},   {" n't", "n't"},
        {" 'm", "'m"}, {" do not", " don't"}, {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}};
    for (const auto& [from, to] : forms)
      for (std::size_t at = word.find(from); at != std::string::npos; at = word.find(from, at + to.size()))
        word.replace(at, from.size(), to);
  }

  /// Adds the bytes of a token to those held, and hands on the characters that are complete.
  void byte_level(std::size_t i, std::string_view token, std::string& out) {
    std::string& held = states_[i].held;
    std::string bytes;
    held += bytes_of_alphabet(token, bytes) ? std::string_view(bytes) : token;
    std::size_t complete = held.size();
    for (std::size_t back = 1; back < 4 && back <= held.size(); ++back) {
      if (is_continuation(held[held.size() - back])) continue;
      if (utf8_sequence(held, held.size() - back).state == Utf8Sequence::State::truncated)
        complete = held.size() - back;
      break;
    }
    const std::string text = replace_invalid_utf8(std::string_view(held).substr(0, complete));
    held.erase(0, complete);
    if (!text.empty()) feed(i + 1, text, out);
  }

  /// The byte that a token <0x00> to <0xFF> stands for, or -1.
  static int byte_of(std::string_view token) {
    if (token.size() != 6 || !token.starts_with("<0x") || token[5] != '>') return -1;
    const int high = digit(token[3]), low = digit(token[4]);
    return high < 0 || low < 0 ? -1 : 16 * high + low;
  }

  static int digit(char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                  : -1;
  }

  /// A run of bytes is over: its characters or, where it is not UTF-8 as a whole, one U+FFFD for each byte.
  void end_bytes(std::size_t i, std::string& out) {
    const std::string run = std::move(states_[i].held);
    states_[i].held.clear();
    if (run.empty()) return;
    if (utf8_valid_prefix(run) == run.size()) return feed(i + 1, run, out);
    for (std::size_t byte = 0; byte < run.size(); ++byte) feed(i + 1, replacement_character, out);
  }

  static std::string_view strip(const DecoderStep& step, std::string_view token) {
    Index front = 0;
    token = strip_front(step, token, front);
    for (Index i = 0; i < step.stop && token.ends_with(step.content); ++i)
      token.remove_suffix(step.content.size());
    return token;
  }

  static std::string_view strip_front(const DecoderStep& step, std::string_view token, Index& stripped) {
    while (stripped < step.start && token.starts_with(step.content)) {
      token.remove_prefix(step.content.size());
      ++stripped;
    }
    if (!token.empty()) stripped = step.start;
    return token;
  }

  const Decoder* steps_;
  std::vector<State> states_;
};

}  // namespace text
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer

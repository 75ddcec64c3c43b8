// Checking that a stream gives what decoding the whole list gives.
#pragma once

#include <eigenformer/text/text_stream.hpp>
#include <eigenformer/text/utf8.hpp>

#include <string>
#include <vector>

#include <doctest/doctest.h>

/// Pushes tokens one by one; every part must be whole characters, and all together the decoded text.
inline void check_stream(const eigenformer::Tokenizer& tokenizer, const std::vector<eigenformer::Token>& ids,
                         bool skip_special_tokens) {
  eigenformer::TextStream stream(tokenizer, skip_special_tokens);
  std::string all;
  const auto add = [&](const std::string& part) {
    CHECK(eigenformer::text::utf8_valid_prefix(part) == part.size());
    all += part;
  };
  for (const eigenformer::Token id : ids) add(stream.push(id));
  add(stream.finish());
  CHECK(all == tokenizer.decode(ids, skip_special_tokens));
}

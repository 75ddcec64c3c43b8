// Fields of config.json one at a time: what transformers computes with each change, and what the library
// does.
#include "files.hpp"
#include "fixtures.hpp"
#include "support/machine.hpp"
#include <eigenformer/hub/json.hpp>

#include <set>

namespace hub_config_fields {

namespace ef = eigenformer;
using files::TemporaryFolder;

namespace {

/// Words of which a refusal of this change must have one: the fields that it sets, with what stands in them.
std::set<std::string> names_in(const ef::Json& change) {
  std::set<std::string> out;
  for (const auto& [key, value] : change.items()) {
    out.insert(key);
    if (value.is_object()) out.merge(names_in(value));
  }
  return out;
}

/// How far the last rows of the logits are from stored ones, relative to the largest.
double distance(const ef::Matrix<double>& logits, const ef::Json& rows) {
  double worst = 0, largest = 0;
  const auto first = logits.rows() - static_cast<ef::Index>(rows.size());
  for (std::size_t r = 0; r < rows.size(); ++r) {
    REQUIRE(std::cmp_equal(rows[r].size(), logits.cols()));
    for (std::size_t c = 0; c < rows[r].size(); ++c) {
      const double expected = rows[r][c];
      const double found = logits(first + static_cast<ef::Index>(r), static_cast<ef::Index>(c));
      worst = std::fmax(worst, std::fabs(found - expected));
      largest = std::fmax(largest, std::fabs(expected));
    }
  }
  REQUIRE(largest > 0);
  return worst / largest;
}

ef::Matrix<double> logits(const std::string& folder, const ef::Json& inputs, ef::Run& run) {
  const auto tokens = [&](const char* name) { return inputs.at(name).get<ef::TokenBatch>(); };
  if (inputs.contains("decoder_input_ids"))
    return ef::load_seq2seq<double>(folder)(tokens("input_ids"), tokens("decoder_input_ids"), run);
  return ef::load_causal_lm<double>(folder)(tokens("input_ids"), run);
}

}  // namespace

TEST_CASE(
    "a field of rotary positions, windows, caps or scalings is read as transformers reads it, or refused by "
    "its "
    "name") {
  support::Machine machine;
  for (const char* const family :
       {"llama", "mistral", "qwen2", "gemma", "gemma2", "gpt_neox", "t5", "t5.untied", "mt5"}) {
    const std::string stem = fixtures::folder(ef::concat("fields/", family));
    const ef::Json reference = ef::read_json(stem + ".json");
    const TemporaryFolder copy;
    std::filesystem::copy_file(stem + ".safetensors", copy.file("model.safetensors"));
    int right = 0;
    const auto check = [&](const std::string& what, const ef::Json& change, const std::string& verdict,
                           const ef::Json& rows) {
      CAPTURE(std::string(family));
      CAPTURE(what);
      ef::Json config = reference.at("config");
      for (const auto& [key, value] : change.items())
        if (value == "(absent)")
          config.erase(key);
        else
          config[key] = value;
      copy.write("config.json", config.dump());
      std::string why;
      double far = INFINITY;
      why = files::refusal(
          [&] { far = distance(logits(copy.path(), reference.at("inputs"), machine.run), rows); });
      CAPTURE(why);
      if (verdict == "error" || verdict == "shapes") {  // transformers has no such model
        CHECK(why != "");
      } else if (why.empty()) {
        CHECK(far < 1e-5);  // as the reference data have it: parts of T5 run in float there
        ++right;
      } else {
        // what changes nothing is not refused, but for fields that transformers 4 reads and 5 does not
        const bool of_version_4 =
            what == "4.x: rotary_pct beside rope_theta" || what == "4.x: hidden_activation";
        CHECK((verdict == "changes" || of_version_4));
        bool named = false;
        for (const std::string& name : names_in(change)) named = named || why.find(name) != why.npos;
        CHECK(named);
        CHECK(why.find(copy.file("config.json")) != why.npos);
      }
    };
    check("as it is", ef::Json::object(), "nothing", reference.at("logits"));
    for (const ef::Json& row : reference.at("table"))
      check(row.at("what"), row.at("set"), row.at("verdict"),
            row.at("verdict") == "changes" ? row.at("logits") : reference.at("logits"));
    CHECK(right >= 5);
  }
}

}  // namespace hub_config_fields

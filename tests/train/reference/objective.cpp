#include <eigenformer/hub/json.hpp>
#include <eigenformer/train/objective.hpp>

#include <string>
#include <vector>

#include <doctest/doctest.h>

namespace train_reference_objective {

namespace ef = eigenformer;
using Tokens = std::vector<ef::Token>;

TEST_CASE("labels shifted right are those of BART and T5") {
  const ef::Json cases =
      ef::read_json(std::string(EIGENFORMER_TEST_DATA) + "/objectives/objectives.json")["shift_tokens_right"];
  CHECK(cases.size() == 2);
  for (const auto& c : cases)
    for (std::size_t row = 0; row < c["labels"].size(); ++row) {
      const auto labels = c["labels"][row].get<Tokens>();
      CHECK(ef::shift_tokens_right(labels, c["decoder_start_token_id"], c["pad_token_id"]) ==
            c["decoder_input_ids"][row].get<Tokens>());
    }
}

}  // namespace train_reference_objective

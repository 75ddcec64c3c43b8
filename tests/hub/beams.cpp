// Beam searches of every family that writes against those of Hugging Face transformers (data/README.md).
#include "fixtures.hpp"
#include "generations.hpp"
#include <eigenformer/generate/beams.hpp>

#include <doctest/doctest.h>

namespace hub_beams {

namespace ef = eigenformer;
using fixtures::folder;

namespace {

template <class Model> int check_beams(const Model& model, const std::string& name, double tolerance) {
  CAPTURE(name);
  int compared = 0;
  for (fixtures::Call& call : fixtures::generations(folder(name))) {
    if (call.config.num_beams == 1) continue;
    CAPTURE(call.name);
    call.config.temperature = 1;
    for (const int count : {1, 2}) {
      ef::Threads threads(count);
      std::vector<ef::Generation> results;
      for (auto& list : ef::generate_beams(model, call.prompts, call.config, threads))
        for (auto& result : list) results.push_back(std::move(result));
      REQUIRE(results.size() == call.sequences.size());
      for (std::size_t i = 0; i < results.size(); ++i) {
        CHECK(results[i].tokens == call.sequences[i]);
        if (!call.scores.empty()) CHECK(std::fabs(results[i].score - call.scores[i]) < tolerance);
      }
    }
    ++compared;
  }
  CHECK(compared > 0);
  return compared;
}

}  // namespace

TEST_CASE_TEMPLATE("beams and their scores are those of the reference", S, float, double) {
  const double tolerance = sizeof(S) == 8 ? 1e-6 : 1e-4;
  int compared = 0;
  for (const char* const name : fixtures::decoders)
    compared += check_beams(ef::load_causal_lm<S>(folder(name)), name, tolerance);
  for (const char* const name : fixtures::seq2seq)
    compared += check_beams(ef::load_seq2seq<S>(folder(name)), name, tolerance);
  CHECK(compared > 60);
}

}  // namespace hub_beams

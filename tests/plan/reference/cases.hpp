// The golden cases of tests/data/facts/cases.json: one function a group gives what the calculators answer.
#pragma once

#include <eigenformer/plan.hpp>

#include <nlohmann/json.hpp>

namespace cases {

namespace ef = eigenformer;
namespace plan = eigenformer::plan;
using Json = nlohmann::json;
using ef::Index;

/// The answer to one case in the form of its `expected`, or null where no calculator answers it.
Json params(const std::string& name, const Json& in);
Json flops(const std::string& name, const Json& in);
Json memory(const std::string& name, const Json& in);
Json scaling(const std::string& name, const Json& in);
Json numbers(const std::string& name, const Json& in);  // quant and format
Json rest(const std::string& name, const Json& in);     // throughput, comm, pipeline, context

inline double real(const Json& in, const char* key) { return in.at(key).get<double>(); }
inline Index integer(const Json& in, const char* key) { return in.at(key).get<Index>(); }
inline bool has(const std::string& name, const char* part) { return name.find(part) != std::string::npos; }

/// A decoder with these sizes and nothing else of interest.
inline ef::ModelConfig gpt(Index layers, Index d, Index heads, Index vocab, Index head_size = 0) {
  return {.vocab_size = vocab,
          .d_model = d,
          .n_layers = layers,
          .n_heads = heads,
          .head_size = head_size,
          .d_ff = 4 * d,
          .max_positions = 1 << 20};
}

}  // namespace cases

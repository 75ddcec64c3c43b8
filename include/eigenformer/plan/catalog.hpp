// The catalog of published models: exact architecture, context window, training tokens and compute, each with
// its source. Parameter counts are computed from the architecture, never copied.
#pragma once

#include <eigenformer/plan/catalog_bloom_palm_falcon.hpp>
#include <eigenformer/plan/catalog_encoder_decoders.hpp>
#include <eigenformer/plan/catalog_encoders.hpp>
#include <eigenformer/plan/catalog_gpt.hpp>
#include <eigenformer/plan/catalog_gptj_neox.hpp>
#include <eigenformer/plan/catalog_llama.hpp>

#include <span>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace plan {

namespace detail {

template <std::size_t... sizes> constexpr auto joined(const CatalogEntry (&... parts)[sizes]) {
  std::array<CatalogEntry, (sizes + ...)> all{};
  std::size_t at = 0;
  const auto append = [&](std::span<const CatalogEntry> part) {
    for (const CatalogEntry& entry : part) all[at++] = entry;
  };
  (append(parts), ...);
  return all;
}

inline constexpr auto all_models = joined(encoder_models, gpt_models, gptj_neox_models,
                                          bloom_palm_falcon_models, llama_models, encoder_decoder_models);

}  // namespace detail

/// All published models of the catalog, by family.
constexpr std::span<const CatalogEntry> catalog() { return detail::all_models; }

/// A published model by its name: published("llama-2-7b").
/// @throws InputError  for an unknown name, with the nearest known one
inline const CatalogEntry& published(std::string_view name) {
  return detail::find_named(catalog(), name, "model");
}

}  // namespace plan
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer

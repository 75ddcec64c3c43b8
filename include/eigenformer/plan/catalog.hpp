// The catalog of published models: exact architecture, context window, training tokens and compute, each with
// its source. Parameter counts are computed from the architecture, never copied.
#pragma once

#include <eigenformer/plan/catalog_bloom_palm_falcon.hpp>
#include <eigenformer/plan/catalog_encoder_decoders.hpp>
#include <eigenformer/plan/catalog_encoders.hpp>
#include <eigenformer/plan/catalog_gpt.hpp>
#include <eigenformer/plan/catalog_llama.hpp>

#include <span>

namespace eigenformer::inline EIGENFORMER_ABI::plan {

namespace detail {

constexpr auto joined_catalog() {
  constexpr std::size_t size = std::size(encoder_models) + std::size(gpt_models) +
                               std::size(bloom_palm_falcon_models) + std::size(llama_models) +
                               std::size(encoder_decoder_models);
  std::array<CatalogEntry, size> all{};
  std::size_t at = 0;
  const auto append = [&](std::span<const CatalogEntry> part) {
    for (const CatalogEntry& entry : part) all[at++] = entry;
  };
  append(encoder_models);
  append(gpt_models);
  append(bloom_palm_falcon_models);
  append(llama_models);
  append(encoder_decoder_models);
  return all;
}

inline constexpr auto all_models = joined_catalog();

}  // namespace detail

/// All published models of the catalog, by family.
constexpr std::span<const CatalogEntry> catalog() { return detail::all_models; }

/// A published model by its name: published("llama-2-7b").
/// @throws InputError  for an unknown name, with the nearest known one
inline const CatalogEntry& published(std::string_view name) {
  return detail::find_named(catalog(), name, "model");
}

}  // namespace eigenformer::inline EIGENFORMER_ABI::plan

// Adapters that have learned something.
#pragma once

#include <eigenformer/model/lora.hpp>

namespace support {

/// Gives every adapter a B that is not zero.
template <class S> void enliven_lora(eigenformer::Transformer<S>& parameters) {
  std::uint64_t stream = 77;
  eigenformer::for_each_linear(parameters, [&](const std::string&, eigenformer::Linear<S>& linear) {
    if (linear.lora.empty()) return;
    const eigenformer::Random random(eigenformer::Seed{8}, ++stream);
    for (eigenformer::Index i = 0; i < linear.lora.b.size(); ++i)
      linear.lora.b.values().data()[i] = S(0.3 * random.normal(static_cast<std::uint64_t>(i)));
  });
}

}  // namespace support

// Every activation by the names that Hugging Face configs give it.
#pragma once

#include <eigenformer/nn/activation.hpp>

#include <string>

namespace support {

struct NamedActivation {
  std::string name;
  eigenformer::Activation kind;
};
inline const NamedActivation activations[] = {{"relu", eigenformer::Activation::relu},
                                              {"gelu", eigenformer::Activation::gelu},
                                              {"gelu_new", eigenformer::Activation::gelu_tanh},
                                              {"gelu_pytorch_tanh", eigenformer::Activation::gelu_tanh},
                                              {"gelu_fast", eigenformer::Activation::gelu_tanh},
                                              {"quick_gelu", eigenformer::Activation::gelu_quick},
                                              {"silu", eigenformer::Activation::silu},
                                              {"tanh", eigenformer::Activation::tanh},
                                              {"sigmoid", eigenformer::Activation::sigmoid},
                                              {"relu2", eigenformer::Activation::relu_squared},
                                              {"mish", eigenformer::Activation::mish}};

}  // namespace support

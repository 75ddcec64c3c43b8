// Products and their gradients.
#define EIGENFORMER_ONCE_core
#include <eigenformer/core/product.hpp>
#include <eigenformer/core/product_backward.hpp>

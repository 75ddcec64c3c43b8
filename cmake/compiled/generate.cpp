// Sampling, beams, batches.
#define EIGENFORMER_ONCE_generate
#include <eigenformer/generate/batch.hpp>
#include <eigenformer/generate/beams.hpp>
#include <eigenformer/generate/generate.hpp>

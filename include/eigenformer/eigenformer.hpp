// What most programs need of the library that needs Eigen alone: models from a config, generation and
// training.
#pragma once

#include <eigenformer/generate/beams.hpp>
#include <eigenformer/generate/generate.hpp>
#include <eigenformer/model/causal_lm.hpp>
#include <eigenformer/model/encoder.hpp>
#include <eigenformer/model/presets.hpp>
#include <eigenformer/model/seq2seq.hpp>
#include <eigenformer/model/session.hpp>
#include <eigenformer/train/denoising.hpp>
#include <eigenformer/train/masking.hpp>
#include <eigenformer/train/span_corruption.hpp>
#include <eigenformer/train/train.hpp>

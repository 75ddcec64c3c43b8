// All of the library that needs Eigen alone.
#pragma once

#include <eigenformer/generate/beams.hpp>
#include <eigenformer/generate/generate.hpp>
#include <eigenformer/model/causal_lm.hpp>
#include <eigenformer/model/encoder.hpp>
#include <eigenformer/model/seq2seq.hpp>
#include <eigenformer/model/session.hpp>

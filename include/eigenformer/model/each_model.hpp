// Compiles a function template once for every kind of model, in float and double.
#pragma once

#include <eigenformer/core/compiled.hpp>
#include <eigenformer/model/causal_lm.hpp>
#include <eigenformer/model/encoder.hpp>
#include <eigenformer/model/seq2seq.hpp>

/// `declaration` is a macro of a kind of model and its scalar.
#define EIGENFORMER_ONCE_EACH_MODEL(source, declaration)             \
  EIGENFORMER_ONCE(source, declaration(CausalLM<float>, float));     \
  EIGENFORMER_ONCE(source, declaration(Seq2Seq<float>, float));      \
  EIGENFORMER_ONCE(source, declaration(Encoder<float>, float));      \
  EIGENFORMER_ONCE(source, declaration(MaskedLM<float>, float));     \
  EIGENFORMER_ONCE(source, declaration(Classifier<float>, float));   \
  EIGENFORMER_ONCE(source, declaration(Tagger<float>, float));       \
  EIGENFORMER_ONCE(source, declaration(CausalLM<double>, double));   \
  EIGENFORMER_ONCE(source, declaration(Seq2Seq<double>, double));    \
  EIGENFORMER_ONCE(source, declaration(Encoder<double>, double));    \
  EIGENFORMER_ONCE(source, declaration(MaskedLM<double>, double));   \
  EIGENFORMER_ONCE(source, declaration(Classifier<double>, double)); \
  EIGENFORMER_ONCE(source, declaration(Tagger<double>, double))

// The forward pass, sessions, parameters.
#define EIGENFORMER_ONCE_model
#include <eigenformer/model/lora.hpp>
#include <eigenformer/model/seq2seq.hpp>
#include <eigenformer/model/session.hpp>

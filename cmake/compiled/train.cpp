// The backward pass, losses, optimisers, the trainer.
#define EIGENFORMER_ONCE_train
#include <eigenformer/train/lora.hpp>
#include <eigenformer/train/preference.hpp>
#include <eigenformer/train/text_loss.hpp>
#include <eigenformer/train/train.hpp>

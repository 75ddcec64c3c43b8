// Models, adapters and checkpoints to folders.
#define EIGENFORMER_ONCE_save
#include <eigenformer/hub/checkpoint.inl.hpp>
#include <eigenformer/hub/save.inl.hpp>
#include <eigenformer/hub/save_adapter.inl.hpp>

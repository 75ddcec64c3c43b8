// Training, and all of hub.hpp: models from scratch or from a folder, checkpoints, and folders to share.
#pragma once

#include <eigenformer/hub.hpp>
#include <eigenformer/hub/checkpoint.hpp>
#include <eigenformer/hub/save.hpp>
#include <eigenformer/model/presets.hpp>
#include <eigenformer/text/byte_tokenizer.hpp>
#include <eigenformer/text/read_tagged.hpp>
#include <eigenformer/text/read_text.hpp>
#include <eigenformer/train/masters.hpp>
#include <eigenformer/train/train.hpp>

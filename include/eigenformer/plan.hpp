// The calculators alone: parameters, memory, compute, time and scaling of published and planned models.
// Needs neither Eigen nor any model. Fitting a scaling law to one's own runs is plan/fit.hpp, which does.
#pragma once

#include <eigenformer/plan/activations.hpp>
#include <eigenformer/plan/adapters.hpp>
#include <eigenformer/plan/amounts.hpp>
#include <eigenformer/plan/catalog.hpp>
#include <eigenformer/plan/cluster.hpp>
#include <eigenformer/plan/context.hpp>
#include <eigenformer/plan/conversions.hpp>
#include <eigenformer/plan/devices.hpp>
#include <eigenformer/plan/flops.hpp>
#include <eigenformer/plan/formats.hpp>
#include <eigenformer/plan/kept_activations.hpp>
#include <eigenformer/plan/key_value_cache.hpp>
#include <eigenformer/plan/memory.hpp>
#include <eigenformer/plan/names.hpp>
#include <eigenformer/plan/offload.hpp>
#include <eigenformer/plan/parameters.hpp>
#include <eigenformer/plan/quantised.hpp>
#include <eigenformer/plan/read_amount.hpp>
#include <eigenformer/plan/recompute.hpp>
#include <eigenformer/plan/scaling_laws.hpp>
#include <eigenformer/plan/split_inference.hpp>
#include <eigenformer/plan/strategies.hpp>
#include <eigenformer/plan/throughput.hpp>
#include <eigenformer/plan/training_step.hpp>

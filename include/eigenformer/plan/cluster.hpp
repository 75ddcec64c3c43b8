// Which parallel strategy suits a cluster, why, and how small a cluster can be.
#pragma once

#include <eigenformer/plan/flops.hpp>
#include <eigenformer/plan/strategies.hpp>

#include <tuple>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace plan {

/// A cluster of equal devices in equal nodes. The rates are defaults of an A100 on NVLink 3 and a network of
/// 200 Gbit/s a device; they decide which strategy is the fastest, not whether it fits.
struct Cluster {
  Index devices = 1;
  double memory_bytes = 0;                 ///< of one device
  Index devices_per_node = 8;              ///< tensor parallelism stays within a node, where links are fast
  double usable_share = 0.9;               ///< the rest goes to the runtime, fragments and buffers
  double flops_per_second = 125e12;        ///< that one device achieves: 40% of 312e12
  double node_bytes_per_second = 300e9;    ///< that one device sends within its node
  double network_bytes_per_second = 25e9;  ///< and to other nodes
};

/// Where the time of a training step goes, if nothing overlaps.
struct StepTime {
  double compute_seconds = 0;
  double idle_seconds = 0;  ///< in the pipeline's bubble
  double communication_seconds = 0;

  double total_seconds() const { return compute_seconds + idle_seconds + communication_seconds; }
};

namespace detail {

inline void check(const Cluster& c) {
  require_positive(c.devices, "devices");
  require_positive(c.memory_bytes, "memory_bytes");
  require_positive(c.devices_per_node, "devices_per_node");
  require_between(c.usable_share, 0.01, 1, "usable_share");
  require_positive(c.flops_per_second, "flops_per_second");
  require_positive(c.node_bytes_per_second, "node_bytes_per_second");
  require_positive(c.network_bytes_per_second, "network_bytes_per_second");
}

}  // namespace detail

/// The time of a step: arithmetic at the cluster's rate, the pipeline's bubble, and every byte over the link
/// that it takes. Neighbours in tensor parallelism are side by side in a node, those in data parallelism
/// next, pipeline stages farthest apart; a ring that leaves its node runs at the network's rate.
inline StepTime step_time(const TrainingJob& job, const StrategyCost& cost, const Cluster& cluster) {
  detail::check(cluster);
  const Strategy& s = cost.strategy;
  const auto rate = [&](Index span) {  // of a group that spans so many devices
    return span <= cluster.devices_per_node ? cluster.node_bytes_per_second
                                            : cluster.network_bytes_per_second;
  };
  const double sequences = static_cast<double>(cost.micro_batches) * static_cast<double>(cost.micro_batch) *
                           static_cast<double>(s.data_parallel);
  const Index replica = s.tensor_parallel * s.data_parallel;
  const Index shard = s.shard_devices ? s.shard_devices : s.data_parallel;
  StepTime t;
  t.compute_seconds = training_flops({.config = job.config, .tokens = job.sequence_tokens()}, job.recompute) *
                      sequences / static_cast<double>(s.devices()) / cluster.flops_per_second;
  t.idle_seconds = t.compute_seconds * cost.bubble.over_ideal;
  t.communication_seconds = cost.data_parallel.within_shard_bytes / rate(s.tensor_parallel * shard) +
                            cost.data_parallel.between_shard_bytes / rate(replica) +
                            cost.tensor_parallel_bytes / rate(s.tensor_parallel) +
                            cost.pipeline_bytes / rate(replica * s.pipeline_parallel);
  return t;
}

/// One strategy on a cluster.
struct RatedStrategy {
  StrategyCost cost;
  StepTime time;
  bool fits = false;
};

namespace detail {

/// Calls f(job, Strategy) for all that fill the cluster and divide layers, heads and batch: DDP and ZeRO 1-3,
/// FSDP in shards of a node and of 2, 4, … nodes, each with and without tensor and pipeline parallelism; the
/// job has the micro-batch to try. Stages 2 and 3 are left out beside a pipeline: scattering or gathering for
/// each of its many micro-batches undoes what it gains.
template <class F> void for_each_strategy(TrainingJob job, const Cluster& cluster, F&& f) {
  check(cluster);
  validate(job.config);
  require_not_negative(job.micro_batch, "micro_batch");
  require_not_negative(job.sequences, "sequences");
  const Index least = (std::max)(job.micro_batch, Index{1});
  if (job.sequences == 0) job.sequences = multiply(cluster.devices, least);
  const bool both = job.config.stacks == Stacks::encoder_decoder;
  const Index layers = job.layers(), node = cluster.devices_per_node, sequences = job.sequences;
  const Index most_at_once = job.micro_batch ? job.micro_batch : sequences;
  for (Index tensor = 1; tensor <= (std::min)(node, cluster.devices); ++tensor) {
    if (cluster.devices % tensor != 0 || node % tensor != 0 || job.config.n_heads % tensor != 0) continue;
    if (both && job.config.encoder().n_heads % tensor != 0) continue;
    const Index rest = cluster.devices / tensor;
    for (Index pipeline = 1; pipeline <= (std::min)(layers, rest); ++pipeline) {
      if (rest % pipeline != 0 || layers % pipeline != 0) continue;
      const Index data = rest / pipeline;
      const int stages = data == 1 ? 0 : pipeline > 1 ? 1 : 3;
      for (job.micro_batch = least; sequences % multiply(data, job.micro_batch) == 0; job.micro_batch *= 2) {
        for (int stage = 0; stage <= stages; ++stage) f(job, Strategy{data, stage, 0, tensor, pipeline});
        for (Index shard = node / tensor; stages == 3 && shard < data; shard *= 2)
          if (shard > 1 && data % shard == 0) f(job, Strategy{data, 3, shard, tensor, 1});
        if (job.micro_batch > most_at_once / 2) break;
      }
    }
  }
}

/// Strategies of one kind differ in their numbers alone.
inline auto kind_of(const Strategy& s) {
  return std::tuple(s.zero_stage, s.shard_devices > 0, s.tensor_parallel > 1, s.pipeline_parallel > 1);
}

/// Those that fit before those that do not; the fast ones first, of those equally fast the small ones.
inline auto rank_of(const RatedStrategy& r) {
  return std::tuple(!r.fits, r.fits ? r.time.total_seconds() : 0.0, r.cost.memory.total_bytes());
}

}  // namespace detail

/// The strategy chosen, why, and what stood beside it.
struct StrategyChoice {
  RatedStrategy best;
  std::vector<RatedStrategy> others;  ///< the best of every other kind, those that do not fit last
  std::string reason;
};

/// Of every strategy that fills the cluster and fits a device, the one whose step takes the least time.
/// @throws InputError  where none fits, with the least memory that any of them needs
inline StrategyChoice best_strategy(const TrainingJob& job, const Cluster& cluster) {
  const double room = cluster.memory_bytes * cluster.usable_share;
  std::vector<RatedStrategy> best;  // of each kind
  Index tried = 0, fitting = 0;
  double least_bytes = std::numeric_limits<double>::infinity();
  detail::for_each_strategy(job, cluster, [&](const TrainingJob& tried_job, const Strategy& s) {
    RatedStrategy rated{.cost = strategy_cost(tried_job, s), .time = {}};
    rated.time = step_time(job, rated.cost, cluster);
    rated.fits = rated.cost.memory.total_bytes() <= room;
    ++tried;
    fitting += rated.fits ? 1 : 0;
    least_bytes = (std::min)(least_bytes, rated.cost.memory.total_bytes());
    const auto same = std::find_if(best.begin(), best.end(), [&](const RatedStrategy& r) {
      return detail::kind_of(r.cost.strategy) == detail::kind_of(s);
    });
    if (same == best.end())
      best.push_back(rated);
    else if (detail::rank_of(rated) < detail::rank_of(*same))
      *same = rated;
  });
  if (tried == 0)
    fail(
        InputError(concat("no strategy divides ", cluster.devices, " devices, ", job.layers(), " layers and ",
                          job.sequences, " sequences in micro-batches of ", job.micro_batch)));
  if (fitting == 0)
    fail(InputError(concat("no strategy fits: the leanest needs ", bytes_text(least_bytes),
                           " a device, usable are ", bytes_text(room))));
  std::sort(best.begin(), best.end(), [](const RatedStrategy& a, const RatedStrategy& b) {
    return detail::rank_of(a) < detail::rank_of(b);
  });
  const StepTime& t = best.front().time;
  StrategyChoice choice{best.front(), {best.begin() + 1, best.end()}, {}};
  choice.reason = concat(fitting, " of ", tried, " ways to spread it fit ", bytes_text(room),
                         " a device, and this one's step is the shortest: ", seconds_text(t.total_seconds()),
                         ", of which computing ", seconds_text(t.compute_seconds), ", idle ",
                         seconds_text(t.idle_seconds), ", sending ", seconds_text(t.communication_seconds));
  return choice;
}

/// Of every strategy that fills the cluster, the one that needs the least memory of a device, whether it fits
/// or not. @throws InputError  where none divides devices, layers and batch
inline RatedStrategy leanest_strategy(const TrainingJob& job, const Cluster& cluster) {
  RatedStrategy least;
  Index tried = 0;
  detail::for_each_strategy(job, cluster, [&](const TrainingJob& tried_job, const Strategy& s) {
    const StrategyCost cost = strategy_cost(tried_job, s);
    if (tried++ == 0 || cost.memory.total_bytes() < least.cost.memory.total_bytes()) least.cost = cost;
  });
  if (tried == 0)
    fail(
        InputError(concat("no strategy divides ", cluster.devices, " devices, ", job.layers(), " layers and ",
                          job.sequences, " sequences in micro-batches of ", job.micro_batch)));
  least.time = step_time(job, least.cost, cluster);
  least.fits = least.cost.memory.total_bytes() <= cluster.memory_bytes * cluster.usable_share;
  return least;
}

/// The smallest number of devices on which any strategy fits, up to a node any number, then whole nodes; and
/// the best strategy there. cluster.devices is not read; the batch is rounded up to a micro-batch a device.
/// @throws InputError  where not even 131,072 devices are enough
inline StrategyChoice fewest_devices(TrainingJob job, Cluster cluster) {
  constexpr Index most = 131072;
  const Index wanted = job.sequences;
  const auto fits = [&](Index devices) {
    cluster.devices = devices;
    const Index at_once = detail::multiply(devices, (std::max)(job.micro_batch, Index{1}));
    job.sequences = detail::multiply(at_once, wanted / at_once + (wanted % at_once || !wanted ? 1 : 0));
    bool any = false;
    detail::for_each_strategy(job, cluster, [&](const TrainingJob& tried, const Strategy& s) {
      any =
          any || strategy_cost(tried, s).memory.total_bytes() <= cluster.memory_bytes * cluster.usable_share;
    });
    return any;
  };
  Index enough = 1;
  while (enough < most && !fits(enough)) enough *= 2;
  if (enough >= most && !fits(most)) return best_strategy(job, cluster);  // which says what the leanest needs
  const Index step = enough <= cluster.devices_per_node ? 1 : cluster.devices_per_node;
  for (Index devices = (enough / 2 / step + 1) * step; devices < enough; devices += step)
    if (fits(devices)) return best_strategy(job, cluster);
  fits(enough);  // sets batch and cluster
  return best_strategy(job, cluster);
}

}  // namespace plan
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer

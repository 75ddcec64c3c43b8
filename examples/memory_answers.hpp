// What `memory` answers first: does it fit, by how much, and if not, what would.
#pragma once

#include "memory_options.hpp"

/// One question answered, in one line.
struct Answer {
  std::string question;              ///< "inference", "LoRA of rank 16", ...
  double bytes = 0;                  ///< that one device needs, the fullest of them
  std::string how{};                 ///< of what these bytes are
  std::string room_for{};            ///< where it fits: what else would
  std::vector<std::string> would{};  ///< where it does not: what would fit
};

/// The devices asked about, and how much of each a model may take.
struct Room {
  ef::Index devices = 1;
  double device_bytes = 0;  ///< 0: no device was named
  double usable_share = 0.9;
  std::string name{};

  double usable() const { return device_bytes * usable_share; }
  std::string text() const {
    return devices == 1 ? "one " + name : ef::concat("each of ", plan::grouped(devices), " × ", name);
  }
};

inline Room room_of(const Options& o) {
  Room room{.devices = o.devices};
  if (!o.device.empty()) {
    const plan::Device& device = device_named(o.device);
    room.device_bytes = device.memory_bytes;
    room.usable_share = device.usable_share;
    room.name = device.name;
  } else if (o.device_memory_gb != 0) {
    room.device_bytes = o.device_memory_gb * plan::gigabyte;
    room.name = ef::concat("device of ", o.device_memory_gb, " GB");
  }
  return room;
}

/// "20.07 GB", "671 MB", "488 kB".
inline std::string size_text(double bytes) {
  if (bytes >= 1e13) return plan::grouped(std::llround(bytes / 1e12)) + " TB";
  if (bytes >= 0.9995e9) return plan::detail::scaled(bytes, "%.2f GB", plan::gigabyte);
  if (bytes >= 0.9995e6) return plan::detail::scaled(bytes, "%.3g MB", 1e6);
  if (bytes >= 999.5) return plan::detail::scaled(bytes, "%.3g kB", 1e3);
  return plan::detail::scaled(bytes, "%.0f bytes", 1.0);
}

inline bool fits(const Answer& a, const Room& room) { return a.bytes <= room.usable(); }

/// "inference: fits, 1.53 GB left (20.07 GB of 21.60 GB usable on each of 2 × RTX4090-24GB: weights ...)"
inline std::string answer_text(const Answer& a, const Room& room) {
  const std::string needs = size_text(a.bytes);
  if (room.device_bytes == 0)
    return ef::concat(a.question, ": takes ", needs, room.devices > 1 ? " a device" : "", " (", a.how, ")");
  const bool yes = fits(a, room);
  std::string text = ef::concat(a.question, yes ? ": fits, " : ": does not fit, ",
                                size_text(std::abs(room.usable() - a.bytes)), yes ? " left" : " too much");
  if (yes && !a.room_for.empty()) text += "; " + a.room_for;
  for (std::size_t i = 0; !yes && i < a.would.size(); ++i)
    text += (i == 0 ? "; what would fit: " : ", or ") + a.would[i];
  return ef::concat(text, " (", needs, " of ", size_text(room.usable()), " usable on ", room.text(), ": ",
                    a.how, ")");
}

inline Json answer_json(const Answer& a, const Room& room) {
  Json out = {{"question", a.question}, {"needed_bytes", a.bytes}, {"text", answer_text(a, room)}};
  if (room.device_bytes == 0) return out;
  const double left = room.usable() - a.bytes;
  out["fits"] = left >= 0;
  out["usable_bytes"] = room.usable();
  out[left >= 0 ? "left_bytes" : "missing_bytes"] = std::abs(left);
  if (left < 0) out["would_fit"] = a.would;
  return out;
}

/// What f finds, or nothing where nothing fits.
template <class F> std::optional<decltype(std::declval<F>()())> if_any(F f) {
  try {
    return f();
  } catch (const ef::InputError&) {
    return std::nullopt;
  }
}

inline std::string counted(ef::Index count, const char* what) {
  return ef::concat(plan::grouped(count), " ", what, count == 1 ? "" : "s");
}

/// Of a model's weights split over the devices by whole blocks.
inline plan::SplitInferenceOptions split_of(const Options& o, const Planned& model) {
  return {.inference = {.config = model.config,
                        .weights = plan::storage_format(o.weights),
                        .cache = plan::storage_format(o.cache),
                        .tokens = o.tokens ? o.tokens : model.config.max_positions,
                        .sequences = o.sequences,
                        .rows = plan::pass_rows(
                            model.config, o.tokens ? o.tokens : model.config.max_positions, o.sequences)},
          .devices = o.devices};
}

/// The usual formats, from large to small, of which the first that fits is proposed.
inline constexpr const char* smaller_formats[] = {"Q8_0", "Q6_K", "Q5_K", "Q4_K", "Q3_K", "Q2_K"};

inline Answer inference_answer(const Options& o, const Planned& model, const Room& room) {
  Answer a{.question = "inference"};
  const double each = static_cast<double>(o.devices);
  if (!model.architecture) {
    a.bytes = plan::weight_bytes(model.parameters, plan::storage_format(o.weights)) / each;
    a.how = ef::concat("weights in ", o.weights, " alone: cache and activations need an architecture");
    if (room.device_bytes == 0) return a;
    const double devices = std::ceil(a.bytes * each / room.usable());
    if (devices <= 1e7) a.would.push_back(counted(static_cast<ef::Index>(devices), "device"));
    return a;
  }
  plan::SplitInferenceOptions split = split_of(o, model);
  const plan::InferenceMemory m = plan::split_inference_memory(split);
  a.bytes = m.total_bytes();
  const bool cached = m.cache_bytes > 0;
  a.how = ef::concat("weights in ", o.weights, " ", size_text(m.weight_bytes), ", ");
  if (cached) a.how += ef::concat("cache in ", o.cache, " ", size_text(m.cache_bytes), ", ");
  a.how += ef::concat("activations ", size_text(m.activation_bytes), ", ", counted(o.sequences, "sequence"),
                      " of ", counted(split.inference.tokens, "token"));
  const ef::Index most = plan::most_inference_devices(model.config);
  if (o.devices > most) a.how += ef::concat("; only ", most, " devices get a part of the model");
  if (room.device_bytes == 0) return a;
  const double usable = room.usable();
  if (a.bytes <= usable) {
    const auto batch = if_any([&] { return plan::largest_batch(split, usable); });
    if (batch) a.room_for = ef::concat("at most ", counted(*batch, "sequence"), " of this length at once");
    return a;
  }
  const double bits = split.inference.weights.bits_per_value();
  for (const char* name : smaller_formats) {
    plan::SplitInferenceOptions smaller = split;
    smaller.inference.weights = plan::storage_format(name);
    if (smaller.inference.weights.bits_per_value() >= bits ||
        plan::split_inference_memory(smaller).total_bytes() > usable)
      continue;
    a.would.push_back(ef::concat("--weights ", name));
    break;
  }
  if (const auto devices = if_any([&] { return plan::fewest_inference_devices(split, usable); }))
    a.would.push_back(counted(*devices, "device"));
  if (o.sequences > 1)
    if (const auto batch = if_any([&] { return plan::largest_batch(split, usable); }))
      a.would.push_back(ef::concat("--sequences ", *batch));
  if (cached)
    if (const auto tokens = if_any([&] { return plan::longest_context(split, usable); }))
      a.would.push_back(ef::concat("--tokens ", *tokens));
  return a;
}

/// Memory of one device in training adapters, base and adapters shared by all devices.
inline plan::TrainingMemory adapter_memory(const Options& o, const Planned& model, const std::string& base,
                                           const std::string& recompute, ef::Index tokens,
                                           ef::Index devices) {
  const double activations = plan::activation_bytes({.config = model.config,
                                                     .tokens = tokens,
                                                     .micro_batch = o.sequences,
                                                     .recompute = recompute_of(recompute)});
  return plan::adapter_training_memory(
      {.config = model.config,
       .rank = o.lora_rank,
       .targets = o.all_matrices ? plan::AdapterTargets::all() : plan::AdapterTargets{},
       .base = plan::storage_format(base),
       .activation_bytes = activations,
       .devices = devices});
}

/// Selective recomputation where it fits or nobody says what fits, else full.
/// @param bytes_with  bytes of a device by what is recomputed
template <class F> std::string least_recomputation(const Options& o, const Room& room, F bytes_with) {
  if (!o.recompute.empty() || room.device_bytes == 0 || bytes_with("selective") <= room.usable())
    return o.recomputation();
  return "full";
}

inline Answer adapter_answer(const Options& o, const Planned& model, const Room& room,
                             const std::string& base) {
  const ef::Index tokens = o.tokens ? o.tokens : model.config.max_positions;
  const auto memory = [&](const std::string& format, const std::string& recompute, ef::Index length,
                          ef::Index devices) {
    return adapter_memory(o, model, format, recompute, length, devices);
  };
  const std::string recompute = least_recomputation(
      o, room, [&](const std::string& how) { return memory(base, how, tokens, o.devices).total_bytes(); });
  const plan::TrainingMemory m = memory(base, recompute, tokens, o.devices);
  Answer a{.question = ef::concat(plan::storage_format(base).bits_per_value() < 5 ? "QLoRA" : "LoRA",
                                  " of rank ", o.lora_rank),
           .bytes = m.total_bytes()};
  a.how = ef::concat("base in ", base, " and adapters ", size_text(m.weight_bytes), ", gradients and Adam ",
                     size_text(m.gradient_bytes + m.optimizer_bytes), ", activations ",
                     size_text(m.activation_bytes), " with ", recompute, " recomputation, ",
                     counted(o.sequences, "sequence"), " of ", counted(tokens, "token"));
  if (room.device_bytes == 0) return a;
  const auto in_room = [&](const plan::TrainingMemory& t) { return t.total_bytes() <= room.usable(); };
  if (in_room(m)) return a;
  if (recompute != "full" && in_room(memory(base, "full", tokens, o.devices)))
    a.would.push_back("--recompute full");
  if (o.sequences > 1) {
    Options single = o;
    single.sequences = 1;
    if (in_room(adapter_memory(single, model, base, recompute, tokens, o.devices)))
      a.would.push_back("--sequences 1");
  }
  if (const auto length = if_any([&] {
        return plan::detail::most_that_fits(
            [&](ef::Index count) { return in_room(memory(base, recompute, count, o.devices)); }, tokens,
            "token", room.usable());
      }))
    a.would.push_back(ef::concat("--tokens ", *length));
  if (base == "F16" && in_room(memory("NF4-DQ", recompute, tokens, o.devices))) a.would.push_back("--qlora");
  for (ef::Index devices = o.devices; devices <= 4096; ++devices) {
    if (!in_room(memory(base, recompute, tokens, devices))) continue;
    a.would.push_back(counted(devices, "device"));
    break;
  }
  return a;
}

inline plan::TrainingJob job_of(const Options& o, const Planned& model, const std::string& recompute) {
  return {.config = model.config,
          .precision = plan::training_precision(o.precision),
          .tokens = o.tokens,
          .sequences = o.batch,
          .micro_batch = o.sequences,
          .recompute = recompute_of(recompute)};
}

inline plan::Cluster cluster_of(const Options& o) {
  const Room room = room_of(o);
  plan::Cluster cluster{.devices = o.devices,
                        .memory_bytes = room.device_bytes,
                        .devices_per_node = o.devices_per_node,
                        .usable_share = room.usable_share};
  if (!o.device.empty()) cluster.flops_per_second = 0.4 * device_named(o.device).peak_flops_per_second;
  return cluster;
}

inline plan::Strategy strategy_of(const Options& o) {
  require(o.devices % o.tensor == 0 && o.devices / o.tensor % o.pipeline == 0,
          ef::concat("--devices ", o.devices, " must be a positive multiple of --tensor ", o.tensor,
                     " times --pipeline ", o.pipeline));
  return {.data_parallel = o.devices / (o.tensor * o.pipeline),
          .zero_stage = static_cast<int>(o.zero),
          .shard_devices = o.shard_devices,
          .tensor_parallel = o.tensor,
          .pipeline_parallel = o.pipeline};
}

/// The job of a search: how many sequences at once is its choice unless asked for.
inline plan::TrainingJob searched_job(const Options& o, const Planned& model, const std::string& recompute) {
  plan::TrainingJob job = job_of(o, model, recompute);
  if (!o.sequences_given) job.micro_batch = 0;
  return job;
}

/// How all parameters are trained: what is recomputed, and what it costs.
struct TrainingPlan {
  std::string recompute;
  plan::StrategyCost cost{};
};

/// The strategy asked for; where none was, the fastest on the devices that fits them, or else the leanest.
inline plan::StrategyCost training_cost(const Options& o, const Planned& model, const Room& room,
                                        const std::string& recompute) {
  const plan::TrainingJob job = job_of(o, model, recompute);
  plan::StrategyCost cost;
  if (o.strategy_given || o.devices == 1) {
    cost = plan::strategy_cost(job, strategy_of(o));
  } else {
    plan::Cluster cluster = cluster_of(o);
    const bool known = room.device_bytes > 0;
    if (!known) cluster.memory_bytes = 1;  // nothing fits it: the leanest is meant
    const auto best = if_any([&] { return plan::best_strategy(job, cluster); });
    cost = best ? best->best.cost : plan::leanest_strategy(job, cluster).cost;
  }
  // A convention's flat allowance stands for activations.
  const double allowance = plan::training_precision(o.precision).activations_and_temporary;
  if (allowance > 0) cost.memory.activation_bytes = static_cast<double>(model.parameters) * allowance;
  return cost;
}

inline TrainingPlan training_plan(const Options& o, const Planned& model, const Room& room) {
  const std::string recompute = least_recomputation(o, room, [&](const std::string& how) {
    return training_cost(o, model, room, how).memory.total_bytes();
  });
  return {recompute, training_cost(o, model, room, recompute)};
}

/// What training holds of a model of which only the number of parameters is known: the strategy asked for, or
/// all shared by all devices.
inline plan::TrainingMemoryOptions states_of(const Options& o, ef::Index parameters,
                                             const plan::Strategy& s) {
  return {.parameters = parameters,
          .precision = plan::training_precision(o.precision),
          .zero_stage = s.zero_stage,
          .devices = s.data_parallel,
          .shard_devices = s.shard_devices,
          .tensor_parallel = s.tensor_parallel,
          .pipeline_parallel = s.pipeline_parallel};
}
inline plan::Strategy states_strategy(const Options& o) {
  plan::Strategy s = strategy_of(o);
  if (!o.strategy_given && o.devices > 1) s.zero_stage = 3;
  return s;
}

inline Answer training_answer(const Options& o, const Planned& model, const Room& room) {
  Answer a{.question = "full training"};
  const plan::TrainingPrecision& precision = plan::training_precision(o.precision);
  if (!model.architecture) {
    const plan::Strategy s = states_strategy(o);
    a.bytes = plan::training_memory(states_of(o, model.parameters, s)).total_bytes();
    a.how = ef::concat(plan::strategy_text(s), ", ", precision.total(),
                       " bytes a parameter, activations apart: they need an architecture");
    if (room.device_bytes > 0 && !o.strategy_given)
      a.would.push_back(ef::concat(
          "FSDP on ",
          counted(static_cast<ef::Index>(std::ceil(a.bytes * static_cast<double>(o.devices) / room.usable())),
                  "device")));
    return a;
  }
  const auto [recompute, cost] = training_plan(o, model, room);
  const plan::TrainingMemory& m = cost.memory;
  a.bytes = m.total_bytes();
  a.how = ef::concat(plan::strategy_text(cost.strategy), ", weights ", size_text(m.weight_bytes),
                     ", gradients ", size_text(m.gradient_bytes), ", optimiser ",
                     size_text(m.optimizer_bytes), ", activations ", size_text(m.activation_bytes), " with ",
                     recompute, " recomputation, ", counted(o.sequences, "sequence"), " of ",
                     counted(o.tokens ? o.tokens : model.config.max_positions, "token"), " at once");
  if (room.device_bytes == 0 || a.bytes <= room.usable()) return a;
  if (recompute != "full" && training_cost(o, model, room, "full").memory.total_bytes() <= room.usable())
    a.would.push_back("--recompute full");
  const auto fewest = if_any([&, how = recompute] {  // clang 14 captures no structured binding by reference
    return plan::fewest_devices(searched_job(o, model, how), cluster_of(o));
  });
  if (fewest)
    a.would.push_back(ef::concat(counted(fewest->best.cost.strategy.devices(), "device"), " (",
                                 plan::strategy_text(fewest->best.cost.strategy), ")"));
  return a;
}

/// All that was asked, what was asked for first.
inline std::vector<Answer> answers_of(const Options& o, const Planned& model) {
  const Room room = room_of(o);
  const bool all = !(o.inference || o.lora || o.qlora || o.training);
  require(model.architecture || !(o.lora || o.qlora),
          "adapters need an architecture: a model of the catalog or --config");
  std::vector<Answer> answers;
  if (all && o.strategy_given) answers.push_back(training_answer(o, model, room));
  if (all || o.inference) answers.push_back(inference_answer(o, model, room));
  const auto adapters = [&](const std::string& base) {
    if (!all) return answers.push_back(adapter_answer(o, model, room, base));
    // Nobody asked about adapters: a model too narrow for their rank is passed over.
    if (const auto answer = if_any([&] { return adapter_answer(o, model, room, base); }))
      answers.push_back(*answer);
  };
  if (model.architecture && (all || o.lora)) adapters(o.base);
  if (model.architecture && (all || o.qlora)) adapters("NF4-DQ");
  if ((all && !o.strategy_given) || o.training) answers.push_back(training_answer(o, model, room));
  return answers;
}

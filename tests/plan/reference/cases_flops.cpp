#include "plan/reference/cases.hpp"

namespace cases {

namespace {

double megatron(const Json& in, plan::Recompute recompute) {
  return plan::megatron_step_flops({.n_layers = integer(in, "layers"),
                                    .d_model = integer(in, "hidden"),
                                    .vocab_size = integer(in, "vocab"),
                                    .tokens = integer(in, "seq"),
                                    .sequences = in.value("batch", 1.0),
                                    .recompute = recompute});
}

double palm(const Json& in, plan::ScoreCount scores = plan::ScoreCount::whole) {
  const Index heads = integer(in, "heads");
  const Index size = in.contains("head_dim") ? integer(in, "head_dim") : integer(in, "hidden") / heads;
  const double n = in.contains("params")
                       ? real(in, "params")
                       : static_cast<double>(plan::parameters_of(plan::published("llama-65b")));
  return plan::palm_flops_per_token({.parameters = n,
                                     .n_layers = integer(in, "layers"),
                                     .n_heads = heads,
                                     .head_size = size,
                                     .tokens = integer(in, "seq"),
                                     .scores = scores});
}

Json nanogpt(const Json& in) {
  const std::string part = in.at("part");
  const plan::FlopOptions o{
      .config = gpt(integer(in, "layers"), integer(in, "hidden"), integer(in, "heads"), integer(in, "vocab")),
      .tokens = integer(in, "seq")};
  const plan::ForwardFlops f = plan::forward_flops(o);
  const double layers = static_cast<double>(o.config.n_layers);
  if (part == "attention_kqv") return f.query_key_value / layers;
  if (part == "attention_scores") return f.scores / layers;
  if (part == "attention_values") return f.mixing / layers;
  if (part == "attention_proj") return f.attention_out / layers;
  if (part == "attention") return f.attention() / layers;
  if (part == "mlp") return f.feed_forward / layers;
  if (part == "block") return f.blocks() / layers;
  if (part == "transformer") return f.blocks();
  if (part == "logits") return f.logits;
  if (part == "forward_total") return f.total();
  if (part == "training_total") return plan::training_flops(o);
  return nullptr;
}

}  // namespace

Json flops(const std::string& name, const Json& in) {
  if (has(name, "gpt3-table-D1")) {
    const double c =
        plan::dense_flops(real(in, "params"), real(in, "tokens"), in.value("flops_per_param_per_token", 6.0));
    return {{"flops", c}, {"pf_days", c / plan::flops_per_pf_day}};
  }
  if (has(name, "flops-per-token")) return palm(in);
  if (has(name, "palm") && has(name, "training-flops")) {
    const double c = palm(in) * real(in, "tokens");
    return {{"flops", c}, {"pf_days", c / plan::flops_per_pf_day}};
  }
  if (has(name, "causal-half")) return palm(in, plan::ScoreCount::causal_half);
  if (name == "flops/nanogpt-palm-formula") return palm(in) * real(in, "seq");
  if (has(name, "nanogpt-gpt2-forward")) return nanogpt(in);
  if (name == "flops/nanogpt-mfu")
    return plan::flops_utilisation(real(in, "flops_per_sequence") * real(in, "sequences"),
                                   real(in, "seconds"), 1, real(in, "peak"));
  if (has(name, "bloom-training-log") || has(name, "mt-nlg-"))
    return megatron(in, plan::Recompute::full) / real(in, "seconds") / real(in, "gpus");
  if (has(name, "percent-of-peak"))
    return plan::flops_utilisation(real(in, "tflops_per_gpu"), 1, 1, real(in, "peak"));
  if (name == "flops/nanogpt-train-days")
    return plan::training_time({.flops = plan::dense_flops(real(in, "params"), real(in, "tokens")),
                                .devices = real(in, "gpus"),
                                .flops_per_second = real(in, "peak") * real(in, "mfu")})
        .days();
  if (has(name, "train-days"))
    return plan::training_time({.flops = plan::dense_flops(real(in, "params"), real(in, "tokens"), 8),
                                .devices = real(in, "gpus"),
                                .flops_per_second = 1e12 * real(in, "achieved_tflops")})
        .days();
  if (has(name, "korthikanti"))
    return plan::flops_utilisation(
        megatron(in, has(name, "-hfu-") ? plan::Recompute::selective : plan::Recompute::none),
        real(in, "seconds"), real(in, "gpus"), real(in, "peak"));
  if (has(name, "selective-recompute-overhead"))
    return megatron(in, plan::Recompute::selective) / megatron(in, plan::Recompute::none) - 1;
  if (has(name, "-mfu")) {
    const double tokens = in.contains("tokens_per_s")
                              ? real(in, "tokens_per_s")
                              : real(in, "steps_per_s") * real(in, "batch_sequences") * real(in, "seq");
    const bool attention = in.contains("layers");
    const double each = attention ? palm(in) : 6 * real(in, "params");
    return plan::flops_utilisation(tokens * each, 1, real(in, "chips"), real(in, "peak"));
  }
  if (has(name, "chinchilla-table-A4")) {
    ef::ModelConfig c = gpt(integer(in, "layers"), integer(in, "d_model"), integer(in, "heads"),
                            integer(in, "vocab"), integer(in, "key_size"));
    c.d_ff = integer(in, "ffw");
    const double sequence = plan::chinchilla_sequence_flops({.config = c, .tokens = integer(in, "seq")},
                                                            in.at("count_embedding_and_logits").get<bool>());
    return {{"training_flops_per_sequence", sequence},
            {"ratio_to_6ND", sequence / plan::dense_flops(real(in, "params"), real(in, "seq"))}};
  }
  if (name == "flops/llama-65b-days")
    return real(in, "tokens") / real(in, "tokens_per_s_per_gpu") / real(in, "gpus") / 86400;
  if (name == "flops/bloomberg-tokens")
    return {{"tokens", real(in, "seq") * (real(in, "warm_steps") * real(in, "warm_batch") +
                                          (real(in, "steps") - real(in, "warm_steps")) * real(in, "batch"))}};
  if (name == "flops/bloomberg-total")
    return megatron(in, plan::Recompute::full) * real(in, "tokens") / real(in, "seq");
  if (name == "flops/bloomberg-share")
    return real(in, "finpile_tokens") / (real(in, "finpile_tokens") + real(in, "public_tokens"));
  if (has(name, "kaplan-forward"))
    return plan::kaplan_forward_flops_per_token(real(in, "params_nonembedding"), integer(in, "layers"),
                                                integer(in, "context"), integer(in, "d_attn"));
  if (name == "flops/inference-2N") return plan::dense_flops(real(in, "params"), real(in, "tokens"), 2);
  if (name == "flops/pf-day") return real(in, "pf_days") * plan::flops_per_pf_day;
  if (in.contains("params") && in.contains("tokens"))
    return plan::dense_flops(real(in, "params"), real(in, "tokens"));
  return nullptr;
}

}  // namespace cases

// The learning rate of each step: warm-up, then one of the usual decays, each as in Hugging Face's
// optimization.py.
#pragma once

#include <eigenformer/core/error.hpp>
#include <eigenformer/core/types.hpp>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

/// linear: to zero at the last step. cosine: half a wave to zero (Loshchilov & Hutter 2016, "SGDR"), or
/// `cycles` waves. cosine_restarts: `cycles` half waves. inverse_sqrt: Vaswani et al. 2017, §5.3. polynomial:
/// to end_rate.
enum class Decay { constant, linear, cosine, cosine_restarts, inverse_sqrt, polynomial };

struct Schedule {
  double rate = 1e-3;  ///< the highest
  Decay decay = Decay::constant;
  Index warmup = 0;        ///< steps over which the rate rises from 0
  Index steps = 0;         ///< in all, warm-up included; not of constant and inverse_sqrt
  double cycles = 0.0;     ///< 0: half a wave of cosine, one of cosine_restarts
  Index timescale = 0;     ///< of inverse_sqrt; 0: as long as the warm-up, or 10000 without one
  double power = 1.0;      ///< of polynomial
  double end_rate = 1e-7;  ///< of polynomial
};

/// @throws ConfigError  for numbers that describe no schedule
inline void validate(const Schedule& s) {
  const bool ends = s.decay != Decay::constant && s.decay != Decay::inverse_sqrt;
  if (!(s.rate >= 0) || !std::isfinite(s.rate))
    fail(ConfigError("learning_rate", concat("must be finite and not negative, is ", s.rate)));
  if (s.warmup < 0) fail(ConfigError("warmup", concat("must not be negative, is ", s.warmup)));
  if (ends && s.steps < 1) fail(ConfigError("steps", concat("must be at least 1, is ", s.steps)));
  if (ends && s.warmup > s.steps)
    fail(ConfigError("warmup", concat(s.warmup, " steps exceed all ", s.steps)));
  if (s.timescale < 0) fail(ConfigError("timescale", concat("must not be negative, is ", s.timescale)));
  if (s.cycles < 0) fail(ConfigError("cycles", concat("must not be negative, is ", s.cycles)));
  if (s.decay == Decay::polynomial && !(s.end_rate < s.rate))
    fail(ConfigError("end_rate", concat(s.end_rate, " is not below the rate ", s.rate)));
}

/// The rate for the update of step 0, 1, 2, …
inline double learning_rate(const Schedule& s, Index step) {
  const auto at = static_cast<double>(step), warmup = static_cast<double>(s.warmup);
  if (step < s.warmup) return s.rate * (at / warmup);
  const auto decaying = static_cast<double>((std::max)(Index{1}, s.steps - s.warmup));
  const double progress = (at - warmup) / decaying;
  switch (s.decay) {
    case Decay::constant: break;
    case Decay::linear: return s.rate * (std::max)(0.0, 1 - progress);
    case Decay::cosine: {
      const double waves = s.cycles > 0 ? s.cycles : 0.5;
      return s.rate * 0.5 * (1 + std::cos(2 * std::numbers::pi * waves * progress));
    }
    case Decay::cosine_restarts: {
      if (progress >= 1) return 0;
      const double part = std::fmod((s.cycles > 0 ? s.cycles : 1.0) * progress, 1.0);
      return s.rate * 0.5 * (1 + std::cos(std::numbers::pi * part));
    }
    case Decay::inverse_sqrt: {
      const double usual = s.warmup ? warmup : 10000.0;
      const double scale = s.timescale ? static_cast<double>(s.timescale) : usual;
      return s.rate / std::sqrt((at + scale - warmup) / scale);
    }
    case Decay::polynomial:
      if (step > s.steps) return s.end_rate;
      return (s.rate - s.end_rate) * std::pow(1 - progress, s.power) + s.end_rate;
  }
  return s.rate;
}

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer

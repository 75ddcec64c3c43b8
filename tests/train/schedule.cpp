#include <eigenformer/hub/json.hpp>
#include <eigenformer/train/schedule.hpp>

#include <map>
#include <string>

#include <doctest/doctest.h>

namespace train_schedule {

namespace ef = eigenformer;
using ef::Index;

TEST_CASE("schedules give the learning rates of transformers' functions") {
  const std::map<std::string, ef::Decay> decays{
      {"get_constant_schedule", ef::Decay::constant},
      {"get_constant_schedule_with_warmup", ef::Decay::constant},
      {"get_linear_schedule_with_warmup", ef::Decay::linear},
      {"get_cosine_schedule_with_warmup", ef::Decay::cosine},
      {"get_inverse_sqrt_schedule", ef::Decay::inverse_sqrt},
      {"get_polynomial_decay_schedule_with_warmup", ef::Decay::polynomial},
      {"get_cosine_with_hard_restarts_schedule_with_warmup", ef::Decay::cosine_restarts}};
  const ef::Json json =
      ef::read_json(std::string(EIGENFORMER_TEST_DATA) + "/schedules/schedules.json")["schedules"];
  CHECK(json.size() == 9);
  for (const auto& reference : json) {
    const std::string function = reference["function"];
    CAPTURE(function);
    const ef::Json& arguments = reference["arguments"];
    ef::Schedule s{.rate = reference["base_lr"], .decay = decays.at(function)};
    for (const auto& [name, value] : arguments.items()) {
      if (name == "num_warmup_steps")
        s.warmup = value;
      else if (name == "num_training_steps")
        s.steps = value;
      else if (name == "timescale")
        s.timescale = value;
      else if (name == "lr_end")
        s.end_rate = value;
      else if (name == "power")
        s.power = value;
      else if (name == "num_cycles")
        s.cycles = value;
      else
        FAIL("an argument without a field: ", name);
    }
    ef::validate(s);
    double worst = 0;
    REQUIRE(reference["lr"].size() == 100);
    for (std::size_t step = 0; step < 100; ++step)
      worst = std::fmax(worst, std::fabs(ef::learning_rate(s, static_cast<Index>(step)) -
                                         reference["lr"][step].get<double>()));
    CHECK(worst < 1e-17);
  }
}

TEST_CASE("a schedule that cannot be is refused with its field and value") {
  const auto refusal = [](const ef::Schedule& s) -> std::string {
    try {
      ef::validate(s);
    } catch (const ef::ConfigError& error) {
      return error.what();
    }
    return "";
  };
  CHECK(refusal({.rate = -1}).find("learning_rate") != std::string::npos);
  CHECK(refusal({.decay = ef::Decay::linear}).find("steps") != std::string::npos);
  CHECK(refusal({.decay = ef::Decay::cosine, .warmup = 11, .steps = 10}).find("11") != std::string::npos);
  CHECK(refusal({.decay = ef::Decay::polynomial, .steps = 10, .end_rate = 1}).find("end_rate") !=
        std::string::npos);
  CHECK(refusal({.decay = ef::Decay::linear, .warmup = 10, .steps = 10}) == "");
}

}  // namespace train_schedule

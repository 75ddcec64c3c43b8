#include <eigenformer/hub/json.hpp>
#include <eigenformer/train/schedule.hpp>

#include <map>
#include <string>
#include <vector>

#include <doctest/doctest.h>

namespace train_reference_schedule {

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

}  // namespace train_reference_schedule

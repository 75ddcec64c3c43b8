#include <eigenformer/train/schedule.hpp>

#include <map>
#include <string>

#include <doctest/doctest.h>

namespace train_schedule {

namespace ef = eigenformer;
using ef::Index;

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

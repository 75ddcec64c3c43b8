#include <eigenformer/core/ragged.hpp>

#include <doctest/doctest.h>

namespace core_ragged {

namespace ef = eigenformer;

TEST_CASE("sequences stand one after another, empty ones included") {
  const ef::Ragged batch(ef::TokenBatch{{5, 8, 13}, {}, {21, 34}});
  CHECK(batch.offsets == std::vector<ef::Index>{0, 3, 3, 5});
  CHECK(batch.sequences() == 3);
  CHECK(batch.rows() == 5);
  CHECK(batch.begin(2) == 3);
  CHECK(batch.length(1) == 0);
  CHECK(batch.length(2) == 2);
  const std::vector<ef::Index> lengths{3, 0, 2};
  CHECK(ef::Ragged(lengths).offsets == batch.offsets);
}

TEST_CASE("a batch of no sequences has no rows") {
  CHECK(ef::Ragged().sequences() == 0);
  CHECK(ef::Ragged(ef::TokenBatch{}).rows() == 0);
}

TEST_CASE("a sequence of a negative length is refused") {
  ef::Ragged batch;
  CHECK_THROWS_WITH_AS(batch.add(-1), "a sequence cannot have -1 rows", ef::InputError);
  CHECK(batch.sequences() == 0);
}

}  // namespace core_ragged

#include <eigenformer/core/workspace.hpp>

#include <algorithm>
#include <cstdint>
#include <vector>

#include <doctest/doctest.h>

namespace core_workspace {

namespace ef = eigenformer;
using ef::Index;

namespace {

bool aligned(const void* p) { return reinterpret_cast<std::uintptr_t>(p) % ef::Workspace::alignment == 0; }

}  // namespace

TEST_CASE("pieces are aligned, do not overlap, and keep what is written to them") {
  ef::Workspace workspace;
  for (int run = 0; run < 3; ++run) {
    const ef::Workspace::Frame frame(workspace);
    std::vector<std::uint8_t*> pieces;
    for (Index size = 1; size <= 100; ++size) {
      pieces.push_back(workspace.take<std::uint8_t>(size));
      CHECK(aligned(pieces.back()));
      std::fill_n(pieces.back(), size, static_cast<std::uint8_t>(size));
    }
    for (Index size = 1; size <= 100; ++size) {
      const std::uint8_t* const piece = pieces[static_cast<std::size_t>(size - 1)];
      CHECK(std::count(piece, piece + size, static_cast<std::uint8_t>(size)) == size);
    }
  }
}

TEST_CASE("after a run of the same shape all pieces come from one block, at the same places") {
  ef::Workspace workspace;
  const auto run = [&] {
    std::vector<const float*> places;
    const ef::Workspace::Frame frame(workspace);
    places.push_back(workspace.take<float>(16));
    {
      const ef::Workspace::Frame inner(workspace);
      places.push_back(workspace.take<float>(1000));
      places.push_back(workspace.take<float>(3));
    }
    places.push_back(workspace.take<float>(32));
    return places;
  };
  run();
  const auto second = run(), third = run();
  CHECK(second == third);
  CHECK(second[1] == second[0] + 16);
  CHECK(second[2] == second[1] + 1008);  // 64 bytes at a time
  CHECK(second[3] == second[1]);         // what the inner frame gave back
}

TEST_CASE("the high-water mark is the most that was taken at one time, in whole cache lines") {
  ef::Workspace workspace;
  CHECK(workspace.high_water() == 0);
  {
    const ef::Workspace::Frame frame(workspace);
    workspace.take<double>(9);
    {
      const ef::Workspace::Frame inner(workspace);
      workspace.take<char>(65);
    }
    workspace.take<char>(1);
  }
  CHECK(workspace.high_water() == 128 + 128);
  {
    const ef::Workspace::Frame frame(workspace);
    workspace.take<char>(1);
  }
  CHECK(workspace.high_water() == 256);
}

TEST_CASE("a matrix has its shape and a piece of no values is allowed") {
  ef::Workspace workspace;
  const ef::Workspace::Frame frame(workspace);
  auto m = workspace.matrix<double>(3, 5);
  m.setConstant(2);
  CHECK(m.rows() == 3);
  CHECK(m.cols() == 5);
  CHECK(m.sum() == 30);
  CHECK(workspace.matrix<double>(0, 5).size() == 0);
}

TEST_CASE("both sides of a move can be used on") {
  ef::Workspace first;
  first.take<float>(16);
  ef::Workspace second(std::move(first));
  CHECK(second.high_water() == 64);
  for (ef::Workspace* workspace : {&first, &second}) {
    float* const piece = workspace->take<float>(64);  // written whole: a sanitizer sees what is too short
    std::fill_n(piece, 64, 1.0f);
    CHECK(piece[63] == 1.0f);
  }
}

}  // namespace core_workspace

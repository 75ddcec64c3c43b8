#include <eigenformer/core/matrix.hpp>

#include <nlohmann/json_fwd.hpp>

eigenformer::Index columns(const eigenformer::Matrix<float>& matrix) { return matrix.cols(); }

#include <eigenformer/core/matrix.hpp>

eigenformer::Index columns(const eigenformer::Matrix<float>& matrix);

int main() { return columns(eigenformer::Matrix<float>::Zero(2, 3)) == 3 ? 0 : 1; }

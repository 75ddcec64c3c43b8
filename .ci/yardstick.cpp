// What .ci/compile_time measures by: a program that changes with none of our headers, of Eigen and JSON as they use them.
#include <Eigen/Dense>
#include <iostream>
#include <nlohmann/json.hpp>

int main() {
  const nlohmann::json sizes = nlohmann::json::parse(std::cin);
  const Eigen::MatrixXf a = Eigen::MatrixXf::Random(sizes[0], sizes[1]);
  const Eigen::MatrixXf b = Eigen::MatrixXf::Random(sizes[1], sizes[2]);
  const Eigen::MatrixXd c = (a * b).cast<double>();
  std::cout << nlohmann::json{{"norm", c.norm()}, {"rank", c.fullPivLu().rank()}}.dump() << '\n' << c << '\n';
}

// Reductions over one row with a fixed order of additions (sixteen lanes, then a tree), whatever the address and the
// instruction set. Sums run in double: rows are short, and a float sum would be the largest error of a stage. So many
// lanes are more than one vector: several chains of additions hide the time that each of them takes.
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <cstdint>

namespace gld {

constexpr int kLanes = 16;
using Lanes = Eigen::Array<double, kLanes, 1>;

template <class T>
Lanes lanes_at(const T* x) {
  return Eigen::Map<const Eigen::Array<T, kLanes, 1>>(x).template cast<double>();
}
// The first `count` of them, and zeros.
template <class T>
Lanes lanes_at(const T* x, std::int64_t count) {
  T some[kLanes] = {};
  std::copy_n(x, count, some);
  return lanes_at(static_cast<const T*>(some));
}

inline double fold(const Lanes& a) {
  const Eigen::Array<double, 8, 1> of8 = a.head<8>() + a.tail<8>();
  const Eigen::Array<double, 4, 1> of4 = of8.head<4>() + of8.tail<4>();
  return (of4[0] + of4[2]) + (of4[1] + of4[3]);
}

// Σ term(lanes of each of the rows), `term` of zeros being 0.
template <class F, class... T>
double reduce(std::int64_t count, F&& term, const T*... rows) {
  Lanes total = Lanes::Zero();
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) total += term(lanes_at(rows + i)...);
  if (i < count) total += term(lanes_at(rows + i, count - i)...);
  return fold(total);
}

template <class T>
double sum(const T* x, std::int64_t count) {
  return reduce(
      count, [](const Lanes& a) { return a; }, x);
}

template <class A, class B>
double dot(const A* x, const B* y, std::int64_t count) {
  return reduce(
      count, [](const Lanes& a, const Lanes& b) -> Lanes { return a * b; }, x, y);
}

// ‖x‖², x·y and ‖y‖² at once, over elements that may have weights.
struct Products {
  double xx = 0, xy = 0, yy = 0;

  void operator+=(const Products& other) {
    xx += other.xx;
    xy += other.xy;
    yy += other.yy;
  }
};
template <class T, class... Weights>
Products products(const T* x, const T* y, std::int64_t count, const Weights*... weights) {
  Lanes xx = Lanes::Zero();
  Lanes xy = Lanes::Zero();
  Lanes yy = Lanes::Zero();
  const auto add = [&](const Lanes& a, const Lanes& b, const auto&... w) {
    xx += ((a * a) * ... * w);
    xy += ((a * b) * ... * w);
    yy += ((b * b) * ... * w);
  };
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) add(lanes_at(x + i), lanes_at(y + i), lanes_at(weights + i)...);
  if (i < count) add(lanes_at(x + i, count - i), lanes_at(y + i, count - i), lanes_at(weights + i, count - i)...);
  return {fold(xx), fold(xy), fold(yy)};
}

// Σ w (x - shift), the differences in double: neither rounded nor overflowing in T.
template <class T>
double dot_shifted(const T* w, const T* x, T shift, std::int64_t count) {
  const double offset = static_cast<double>(shift);
  return reduce(
      count, [offset](const Lanes& a, const Lanes& b) -> Lanes { return a * (b - offset); }, w, x);
}

// ‖x - y‖² without the cancellation of ‖x‖² + ‖y‖² - 2 x·y.
template <class T>
double square_distance(const T* x, const T* y, std::int64_t count) {
  return reduce(
      count, [](const Lanes& a, const Lanes& b) -> Lanes { return (a - b).square(); }, x, y);
}

}  // namespace gld

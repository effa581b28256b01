// Reductions over one row with a fixed order of additions (eight lanes, then a tree), whatever the address and the
// instruction set. Sums run in double: rows are short, and a float sum would be the largest error of a stage.
#pragma once

#include <Eigen/Core>
#include <cstdint>

namespace gld {

constexpr int kLanes = 8;
using Lanes = Eigen::Array<double, kLanes, 1>;

template <class T>
Lanes lanes_at(const T* x) {
  return Eigen::Map<const Eigen::Array<T, kLanes, 1>>(x).template cast<double>();
}

inline double fold(const Lanes& a) { return ((a[0] + a[4]) + (a[2] + a[6])) + ((a[1] + a[5]) + (a[3] + a[7])); }

template <class T>
double sum(const T* x, std::int64_t count) {
  Lanes total = Lanes::Zero();
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) total += lanes_at(x + i);
  for (int lane = 0; i < count; ++i, ++lane) total[lane] += static_cast<double>(x[i]);
  return fold(total);
}

template <class A, class B>
double dot(const A* x, const B* y, std::int64_t count) {
  Lanes total = Lanes::Zero();
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) total += lanes_at(x + i) * lanes_at(y + i);
  for (int lane = 0; i < count; ++i, ++lane) total[lane] += static_cast<double>(x[i]) * static_cast<double>(y[i]);
  return fold(total);
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
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    const Lanes a = lanes_at(x + i);
    const Lanes b = lanes_at(y + i);
    xx += ((a * a) * ... * lanes_at(weights + i));
    xy += ((a * b) * ... * lanes_at(weights + i));
    yy += ((b * b) * ... * lanes_at(weights + i));
  }
  for (int lane = 0; i < count; ++i, ++lane) {
    const double a = static_cast<double>(x[i]);
    const double b = static_cast<double>(y[i]);
    xx[lane] += ((a * a) * ... * static_cast<double>(weights[i]));
    xy[lane] += ((a * b) * ... * static_cast<double>(weights[i]));
    yy[lane] += ((b * b) * ... * static_cast<double>(weights[i]));
  }
  return {fold(xx), fold(xy), fold(yy)};
}

// Σ w (x - shift), the differences in double: neither rounded nor overflowing in T.
template <class T>
double dot_shifted(const T* w, const T* x, T shift, std::int64_t count) {
  const double offset = static_cast<double>(shift);
  Lanes total = Lanes::Zero();
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) total += lanes_at(w + i) * (lanes_at(x + i) - offset);
  for (int lane = 0; i < count; ++i, ++lane) total[lane] += static_cast<double>(w[i]) * (static_cast<double>(x[i]) - offset);
  return fold(total);
}

// ‖x - y‖² without the cancellation of ‖x‖² + ‖y‖² - 2 x·y.
template <class T>
double square_distance(const T* x, const T* y, std::int64_t count) {
  Lanes total = Lanes::Zero();
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) total += (lanes_at(x + i) - lanes_at(y + i)).square();
  for (int lane = 0; i < count; ++i, ++lane) {
    const double difference = static_cast<double>(x[i]) - static_cast<double>(y[i]);
    total[lane] += difference * difference;
  }
  return fold(total);
}

// 0 if every element is finite, NaN otherwise. Vectorised maxima and exponentials may drop a NaN on the way;
// adding this to a row's sum keeps the promise that NaN or Inf in means NaN or Inf out.
template <class T>
double poison(const T* x, std::int64_t count) {
  Lanes total = Lanes::Zero();
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    const Lanes value = lanes_at(x + i);
    total += value - value;
  }
  for (int lane = 0; i < count; ++i, ++lane) total[lane] += static_cast<double>(x[i]) - static_cast<double>(x[i]);
  return fold(total);
}

template <class T>
T max(const T* x, std::int64_t count) {
  return Eigen::Map<const Eigen::Array<T, Eigen::Dynamic, 1>>(x, count).maxCoeff();
}

template <class T>
T min(const T* x, std::int64_t count) {
  return Eigen::Map<const Eigen::Array<T, Eigen::Dynamic, 1>>(x, count).minCoeff();
}

template <class T>
using RowArray = Eigen::Map<Eigen::Array<T, Eigen::Dynamic, 1>>;
template <class T>
using ConstRowArray = Eigen::Map<const Eigen::Array<T, Eigen::Dynamic, 1>>;

}  // namespace gld

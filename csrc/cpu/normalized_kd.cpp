#include "normalized_kd.h"

#include <algorithm>

#include "../formulas/normalized_kd.h"
#include "arena.h"
#include "lanes.h"

namespace gld {

template <class T>
NormalizedKd<T>::NormalizedKd(const gld_call& call)
    : classes_(call.classes),
      by_std_(call.normalization == GLD_NORMALIZE_STD),
      degrees_(static_cast<double>(call.unbiased ? call.classes - 1 : call.classes)),
      temperature_(call.temperature) {}

template <class T>
std::int64_t NormalizedKd<T>::scratch(std::int64_t classes) {
  return 4 * padded<T>(classes);
}

template <class T>
NormalizedRow NormalizedKd<T>::normalize(const T* logits, T* y, T* exponential) const {
  const std::int64_t width = padded<T>(classes_);
  const T high = max(logits, classes_);
  const T low = min(logits, classes_);
  NormalizedRow row;
  T top = 0;  // the largest y: what makes y of the logits is monotonic
  if (!by_std_) {
    row.inverse = 1 / temperature_;
    for (std::int64_t k = 0; k < classes_; ++k) y[k] = tempered(logits[k], high, row.inverse);
  } else if (constant_row(high, low)) {
    std::fill_n(y, classes_, T(0));
  } else {
    StdNormalization<T> to(high, low);
    for (std::int64_t k = 0; k < classes_; ++k) y[k] = to.scaled(logits[k]);
    to.set_mean(sum(y, classes_), static_cast<double>(classes_));
    for (std::int64_t k = 0; k < classes_; ++k) y[k] = to.centred(y[k]);
    row.inverse = to.set_deviation(dot(y, y, classes_), degrees_);
    for (std::int64_t k = 0; k < classes_; ++k) y[k] = to.normalized(y[k]);
    top = to(high);
  }
  std::fill(y + classes_, y + width, T(0));  // whole vectors below
  row.top = static_cast<double>(top);
  RowArray<T>(exponential, width) = (ConstRowArray<T>(y, width) - top).exp();
  row.total = sum(exponential, classes_) + poison(logits, classes_);
  return row;
}

template <class T>
double NormalizedKd<T>::row(const T* teacher, const T* student, double weight, T* grad, T* scratch) const {
  const std::int64_t width = padded<T>(classes_);
  T* yt = scratch;
  T* et = scratch + width;
  T* ys = scratch + 2 * width;
  T* es = scratch + 3 * width;
  const NormalizedRow t = normalize(teacher, yt, et);
  const NormalizedRow s = normalize(student, ys, es);

  const double factor = kd_factor(by_std_, temperature_);
  T* gap = yt;
  for (std::int64_t k = 0; k < classes_; ++k) gap[k] = yt[k] - ys[k];
  const double divergence = kl_value(t, s, dot(et, gap, classes_));

  if (grad != nullptr) {
    const double of_student = 1 / s.total;
    const double of_teacher = 1 / t.total;
    T* slope = es;
    for (std::int64_t k = 0; k < classes_; ++k) slope[k] = kl_slope(es[k], of_student, et[k], of_teacher);
    const NormalizedGradient gradient{weight * factor * s.inverse, sum(slope, classes_) / static_cast<double>(classes_),
                                      by_std_ ? dot(slope, ys, classes_) / degrees_ : 0};
    for (std::int64_t k = 0; k < classes_; ++k) grad[k] += gradient(slope[k], ys[k]);
  }
  return factor * divergence;
}

template class NormalizedKd<float>;
template class NormalizedKd<double>;

}  // namespace gld

#include "normalized_kd.h"

#include <algorithm>

#include "lanes.h"
#include "views.h"

namespace gld {

namespace {

// Takes the classes that either side excludes out of the sum over the gaps. What they add to it is returned: 0, or
// infinity if there is one that the student alone excludes.
template <class T>
double leave_out(T* teacher, T* student, std::int64_t count) {
  double total = 0;
  for (std::int64_t k = 0; k < count; ++k) {
    if (!excluded(teacher[k]) && !excluded(student[k])) continue;
    total += static_cast<double>(kl_gap(T(0), teacher[k], student[k]));
    teacher[k] = student[k] = 0;
  }
  return total;
}

}  // namespace

template <class T>
NormalizedKd<T>::NormalizedKd(const gld_call& call)
    : classes_(call.classes), width_(padded(call.classes)), by_(Normalization::of(call)) {}

template <class T>
std::int64_t NormalizedKd<T>::scratch(std::int64_t classes) {
  return 4 * padded(classes);
}

template <class T>
NormalizedRow NormalizedKd<T>::normalize(const T* logits, T* y, T* exponential) const {
  // Sums run over whole lanes: what lies behind a row is 0.
  const auto zero_rest = [&](T* line) { fill_rest(line, classes_, width_, T(0)); };
  const Extent<T> all = extent(logits, classes_);
  NormalizedRow row;
  T top = 0;  // the largest y: what makes y of the logits is monotonic
  std::copy_n(logits, classes_, y);
  zero_rest(y);
  if (!by_.by_std) {
    row.inverse = 1 / by_.temperature;
    for (std::int64_t k = 0; k < classes_; ++k) y[k] = tempered(y[k], all.high, row.inverse);
  } else if (constant_row(all.high, all.low)) {
    std::fill_n(y, classes_, T(0));
  } else {
    StdNormalization<T> to(all.high, all.low);
    const double total = reduce(
        width_, [&](const Lanes& a) -> Lanes { return a * to.scale; }, y);
    to.set_mean(total, static_cast<double>(classes_));
    for (std::int64_t k = 0; k < width_; ++k) y[k] = to.centred(to.scaled(static_cast<double>(y[k])));
    zero_rest(y);
    row.inverse = to.set_deviation(dot(y, y, width_), by_.degrees);
    for (std::int64_t k = 0; k < width_; ++k) y[k] = to.normalized(y[k]);
    top = to(all.high);
  }
  row.top = static_cast<double>(top);
  RowArray<T>(exponential, width_) = (ConstRowArray<T>(y, width_) - top).exp();
  zero_rest(exponential);
  row.excludes = !by_.by_std && excludes(all, logits, classes_);
  for (std::int64_t k = 0; row.excludes && k < classes_; ++k) {
    if (!excluded(logits[k])) continue;
    y[k] = logits[k];
    exponential[k] = 0;
  }
  row.total = sum(exponential, width_) + (row.excludes ? 0 : all.poison);
  return row;
}

template <class T>
double NormalizedKd<T>::row(const T* teacher, const T* student, double weight, T* grad, T* scratch) const {
  T* yt = scratch;
  T* et = scratch + width_;
  T* ys = scratch + 2 * width_;
  T* es = scratch + 3 * width_;
  const NormalizedRow t = normalize(teacher, yt, et);
  const NormalizedRow s = normalize(student, ys, es);

  const double factor = by_.factor(t, s);
  const double beyond = t.excludes || s.excludes ? leave_out(yt, ys, classes_) : 0;
  const double gap =
      beyond +
      reduce(
          width_, [](const Lanes& e, const Lanes& a, const Lanes& b) -> Lanes { return e * (a - b); }, et, yt, ys);
  if (grad != nullptr) {
    const double of_student = 1 / s.total;
    const double of_teacher = 1 / t.total;
    T* slope = es;
    for (std::int64_t k = 0; k < width_; ++k) slope[k] = kl_slope(es[k], of_student, et[k], of_teacher);
    const NormalizedGradient gradient{weight * factor * s.inverse,
                                      by_.by_std ? sum(slope, width_) / static_cast<double>(classes_) : 0,
                                      by_.by_std ? dot(slope, ys, width_) / by_.degrees : 0};
    for (std::int64_t k = 0; k < classes_; ++k) grad[k] += gradient(slope[k], ys[k]);
  }
  return factor * kl_value(t, s, gap);
}

template class NormalizedKd<float>;
template class NormalizedKd<double>;

}  // namespace gld

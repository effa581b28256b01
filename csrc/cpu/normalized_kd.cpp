#include "normalized_kd.h"

#include <algorithm>

#include "sixteen.h"
#include "views.h"

namespace gld {
namespace {

// Rows whose scale is beyond this are scaled: else squares of their differences might not fit double.
constexpr double kScaled = 0x1p400;
// If more than this share of the squares about an element comes of its distance from the mean, what is left is rounded
// too much for T.
template <class T>
constexpr double kBeside = sizeof(T) == sizeof(float) ? 1 - 0x1p-20 : 0.9;

// The extremes, and the sums of the differences to `origin` and of their squares.
template <class T>
struct Moments {
  T low, high;
  double sum, squares;
};
template <class T>
EIGEN_ALWAYS_INLINE Moments<T> moments(const T* row, std::int64_t count, T origin) {
  const auto from = Sixteen<double>::of(static_cast<double>(origin));
  Sixteen<T> low = Sixteen<T>::of(row[0]);
  Sixteen<T> high = low;
  auto sums = Sixteen<double>::of(0);
  Sixteen<double> squares = sums;
  const Pieces<T> pieces(row, count, origin);
  for (std::int64_t i = 0; i < count; i += kLanes) {
    const Sixteen<T> x = pieces[i];
    const Sixteen<double> difference = widen(x) - from;
    low = smaller(low, x);
    high = larger(high, x);
    sums += difference;
    squares = multiply_add(difference, difference, squares);
  }
  return {least(low), largest(high), fold(sums), fold(squares)};
}

// y = (z - high) unit, rounded once: of two classes it is 0 and the same number for every row.
template <class T>
class ToY {
 public:
  ToY(T high, double unit) : high_(Sixteen<double>::of(static_cast<double>(high))), unit_(Sixteen<double>::of(unit)) {}

  Sixteen<T> operator()(const Sixteen<T>& z) const {
    // A tiny τ must not make infinities to subtract, nor must a class that is excluded.
    return or_least(narrow<T>((widen(z) - high_) * unit_), Sixteen<T>::of(static_cast<T>(-kLargest<T>)));
  }

 private:
  Sixteen<double> high_, unit_;
};

}  // namespace

// What makes y of a row's logits z: y = (z - high) / divisor, whose largest is 0.
template <class T>
struct NormalizedKd<T>::Line {
  NormalizedRow row;
  const T* z;
  T high;
  double unit;      // 1 / divisor
  double lead = 0;  // by std: by how much the largest element is above the row's mean, in units of the divisor
  double poison;
};

template <class T>
NormalizedKd<T>::NormalizedKd(const gld_call& call)
    : classes_(call.classes),
      width_(padded(call.classes)),
      share_(1 / static_cast<double>(call.classes)),
      by_(Normalization::of(call)) {}

template <class T>
std::int64_t NormalizedKd<T>::scratch(std::int64_t classes) {
  return 5 * padded(classes);
}

template <class T>
auto NormalizedKd<T>::by_temperature(const T* logits) const -> Line {
  const Extent<T> all = extent(logits, classes_);
  Line line{{}, logits, all.high, 1 / by_.temperature, 0, all.poison};
  line.row.inverse = line.unit;
  line.row.excludes = excludes(all, logits, classes_);
  if (line.row.excludes) line.poison = 0;
  return line;
}

template <class T>
EIGEN_ALWAYS_INLINE auto NormalizedKd<T>::by_deviation(const T* logits, T* scaled) const -> Line {
  const T* z = logits;
  Moments<T> all = moments(z, classes_, z[0]);
  StdNormalization<T> to(all.high, all.low);
  double left = to.scale;  // of the scale, to be applied
  if (to.scale > kScaled || to.scale < 1 / kScaled) {
    for (std::int64_t k = 0; k < classes_; ++k) scaled[k] = to.template scaled<T>(logits[k]);
    left = 1;
    z = scaled;
    all = moments(z, classes_, z[0]);
  }
  T origin = z[0];
  double mean = all.sum * share_;  // from the origin
  if (all.sum * mean > kBeside<T> * all.squares) {
    origin = static_cast<T>(static_cast<double>(origin) + mean);
    all = moments(z, classes_, origin);
    mean = all.sum * share_;
  }
  Line line{{}, z, all.high, 1, 0, all.squares - all.squares};
  if (constant_row(all.high, all.low)) return line;
  line.row.inverse = to.set_deviation((all.squares - all.sum * mean) * left * left, by_.degrees);
  line.unit = std::min(to.unit * left, kLargest<double>);
  line.lead = (static_cast<double>(all.high) - static_cast<double>(origin) - mean) * line.unit;
  return line;
}

template <class T>
EIGEN_ALWAYS_INLINE void NormalizedKd<T>::add_gradient(const T* es, const T* et, const T* ys, const Gradient& by,
                                                       T* grad) const {
  // In double: of few classes nearly all of it cancels. Equal rows have the ratio 1 and slopes of 0.
  const auto ratio = Sixteen<double>::of(by.ratio);
  const auto scale = Sixteen<double>::of(by.scale);
  const auto mean = Sixteen<double>::of(by.mean);
  const auto along = Sixteen<double>::of(by.along);
  for (std::int64_t i = 0; i < classes_; i += kLanes) {
    const Sixteen<double> slope = multiply_add(widen(Sixteen<T>::at(es + i)), ratio, -widen(Sixteen<T>::at(et + i)));
    const Sixteen<double> through = multiply_add(along, widen(Sixteen<T>::at(ys + i)), mean);
    add_piece(grad, i, classes_, narrow<T>(scale * (slope - through)));
  }
}

template <class T>
double NormalizedKd<T>::row(const T* teacher, const T* student, double weight, T* grad, T* scratch) const {
  T* et = scratch;
  T* es = scratch + width_;
  T* ys = scratch + 2 * width_;
  Line t = by_.by_std ? by_deviation(teacher, scratch + 3 * width_) : by_temperature(teacher);
  Line s = by_.by_std ? by_deviation(student, scratch + 4 * width_) : by_temperature(student);

  auto of_t = Sixteen<double>::of(0);
  Sixteen<double> of_s = of_t, gaps = of_t, along_t = of_t, along_s = of_t;
  const Pieces<T> teachers(t.z, classes_, static_cast<T>(-INFINITY));
  const Pieces<T> students(s.z, classes_, static_cast<T>(-INFINITY));
  const ToY<T> y_of_t(t.high, t.unit);
  const ToY<T> y_of_s(s.high, s.unit);
  for (std::int64_t i = 0; i < classes_; i += kLanes) {
    const Sixteen<T> yt = y_of_t(teachers[i]);
    const Sixteen<T> y = y_of_s(students[i]);
    const Sixteen<T> p = exponential(yt);
    const Sixteen<T> q = exponential(y);
    p.store(et + i);
    q.store(es + i);
    y.store(ys + i);
    const Sixteen<double> wide_p = widen(p);
    const Sixteen<double> wide_q = widen(q);
    const Sixteen<double> wide_y = widen(y);
    of_t += wide_p;
    of_s += wide_q;
    gaps = multiply_add(wide_p, widen(yt - y), gaps);
    along_t = multiply_add(wide_p, wide_y, along_t);
    along_s = multiply_add(wide_q, wide_y, along_s);
  }
  t.row.total = fold(of_t) + t.poison;
  s.row.total = fold(of_s) + s.poison;

  const double factor = by_.factor(t.row, s.row);
  double gap = fold(gaps);
  if (s.row.excludes) {
    for (std::int64_t k = 0; k < classes_; ++k) {
      if (excluded(student[k]) && !excluded(teacher[k])) gap = INFINITY;
    }
  }
  if (grad != nullptr) {
    // All times the teacher's total, by which the scale is divided.
    const double ratio = t.row.total / s.row.total;
    const double along = by_.by_std ? (fold(along_s) * ratio - fold(along_t)) / by_.degrees : 0;
    add_gradient(es, et, ys, {ratio, weight * factor * s.row.inverse / t.row.total, along * s.lead, along}, grad);
  }
  return factor * kl_value(t.row, s.row, gap);
}

template class NormalizedKd<float>;
template class NormalizedKd<double>;

}  // namespace gld

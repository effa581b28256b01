#include "normalized_kd.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "arena.h"
#include "lanes.h"

namespace gld {
namespace {

template <class T>
constexpr double kLowest = static_cast<double>(std::numeric_limits<T>::lowest());

}  // namespace

// A row ready for its softmax: normalized logits y (shifted by any constant), their exponentials exp(y - top).
template <class T>
struct NormalizedKd<T>::Normalized {
  double top;      // largest y
  double total;    // sum of the exponentials; NaN if the row has a NaN or Inf
  double inverse;  // d y / d logit apart from the row statistics: 1/σ or 1/τ, and 0 for a constant row
};

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
typename NormalizedKd<T>::Normalized NormalizedKd<T>::normalize(const T* logits, T* y, T* exponential) const {
  const std::int64_t width = padded<T>(classes_);
  const T high = max(logits, classes_);
  const T low = min(logits, classes_);
  Normalized row{};
  T top = 0;  // the largest y: what makes y of the logits is monotonic
  if (!by_std_) {
    row.inverse = 1 / temperature_;
    for (std::int64_t k = 0; k < classes_; ++k) {
      const double shifted = (static_cast<double>(logits[k]) - static_cast<double>(high)) * row.inverse;
      y[k] = static_cast<T>(shifted < kLowest<T> ? kLowest<T> : shifted);  // a tiny τ must not make infinities to subtract
    }
  } else if (high == low) {
    // σ = 0 exactly: uniform by definition, gradient 0. Rounding can hide a constant row from a computed σ, not from this.
    std::fill_n(y, classes_, T(0));
  } else {
    // A power of two takes the largest logit to about 1, so that squares neither overflow nor vanish.
    int exponent = 0;
    std::frexp(std::max(std::abs(static_cast<double>(high)), std::abs(static_cast<double>(low))), &exponent);
    const double scale = std::ldexp(1.0, std::min(-exponent, 1000));
    const auto scaled = [&](T logit) { return static_cast<T>(static_cast<double>(logit) * scale); };
    for (std::int64_t k = 0; k < classes_; ++k) y[k] = scaled(logits[k]);
    const double mean = sum(y, classes_) / static_cast<double>(classes_);
    const auto centred = [&](T value) { return static_cast<T>(static_cast<double>(value) - mean); };
    for (std::int64_t k = 0; k < classes_; ++k) y[k] = centred(y[k]);
    const double deviation = std::sqrt(dot(y, y, classes_) / degrees_);
    row.inverse = std::min(scale / deviation, std::numeric_limits<double>::max());  // subnormal logits
    const double unit = 1 / deviation;
    const auto normalized = [&](T value) { return static_cast<T>(static_cast<double>(value) * unit); };
    for (std::int64_t k = 0; k < classes_; ++k) y[k] = normalized(y[k]);
    top = normalized(centred(scaled(high)));
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
  const Normalized t = normalize(teacher, yt, et);
  const Normalized s = normalize(student, ys, es);

  // KL from log-softmax: log p - log q = (yt - ys) - (top_t - top_s) - (log total_t - log total_s).
  const double offset = (t.top - s.top) + (std::log(t.total) - std::log(s.total));
  const double factor = by_std_ ? 1 : temperature_ * temperature_;
  T* gap = yt;
  for (std::int64_t k = 0; k < classes_; ++k) gap[k] = yt[k] - ys[k];
  double divergence = dot(et, gap, classes_) / t.total - offset;
  // KL >= 0; what rounding leaves below zero is not information. A NaN passes.
  if (divergence < 0) divergence = 0;

  if (grad != nullptr) {
    const double of_student = 1 / s.total;
    const double of_teacher = 1 / t.total;
    T* slope = es;  // d loss / d y = q - p
    for (std::int64_t k = 0; k < classes_; ++k) {
      slope[k] = static_cast<T>(static_cast<double>(es[k]) * of_student - static_cast<double>(et[k]) * of_teacher);
    }
    const double scale = weight * factor * s.inverse;
    // Through σ: d y_j / d z_k = (δ_jk - 1/K - y_j y_k / degrees) / σ; the mean of the slope is 0 up to rounding.
    const double along = by_std_ ? dot(slope, ys, classes_) / degrees_ : 0;
    const double mean = sum(slope, classes_) / static_cast<double>(classes_);
    for (std::int64_t k = 0; k < classes_; ++k) {
      grad[k] += static_cast<T>(scale * (static_cast<double>(slope[k]) - mean - along * static_cast<double>(ys[k])));
    }
  }
  return factor * divergence;
}

template class NormalizedKd<float>;
template class NormalizedKd<double>;

}  // namespace gld

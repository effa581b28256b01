#include "cross_entropy.h"

#include <algorithm>

#include "../shared/arithmetic.h"
#include "../shared/cross_entropy.h"
#include "../shared/status.h"
#include "lanes.h"

namespace gld {

template <class T>
std::int64_t CrossEntropy<T>::scratch(std::int64_t classes) {
  return 3 * padded(classes);
}

template <class T>
void CrossEntropy<T>::read() {
  if (class_weights_ == nullptr) return;
  visit(class_view_, [&](const auto* from) {
    double largest = 0;
    const auto at = [&](std::int64_t k) { return static_cast<double>(from[k * class_view_.stride[0]]); };
    for (std::int64_t k = 0; k < classes_; ++k) largest = std::max(largest, at(k));
    class_scale_ = inverse_power(largest);
    for (std::int64_t k = 0; k < classes_; ++k) class_weights_[k] = static_cast<T>(at(k) * class_scale_);
  });
}

template <class T>
std::int64_t CrossEntropy<T>::class_of(std::int64_t sample) const {
  const std::int64_t of_sample = label(sample);
  if (of_sample < 0 || of_sample >= classes_) throw LabelOutOfRange{sample, of_sample};
  return of_sample;
}

template <class T>
double CrossEntropy<T>::divisor(const RowWeights& weights, std::int64_t samples, std::int64_t rows) const {
  const bool soft = soft_.data != nullptr;
  if (!unlabelled_ && (soft || class_weights_ == nullptr)) return weights.global_sum() * class_scale_;
  double total = 0;
  for (std::int64_t sample = 0; sample < samples; ++sample) {
    if (!labelled(sample)) continue;
    const double of_class = class_weights_ == nullptr ? 1 : static_cast<double>(class_weights_[class_of(sample)]);
    total += weights[sample * rows] * of_class;
  }
  return total;
}

template <class T>
double CrossEntropy<T>::row(std::int64_t sample, const T* logits, double weight, T* grad, T* scratch) const {
  const std::int64_t width = padded(classes_);
  T* target = scratch;
  T* line = scratch + width;  // of the logits
  T* exponential = scratch + 2 * width;

  // A label is the distribution that has all its weight on one class.
  if (soft_.data != nullptr) {
    visit(soft_,
          [&](const auto* from) { read_line(target, from + sample * soft_.stride[0], classes_, soft_.stride[1]); });
  } else {
    std::fill_n(target, classes_, T(0));
    target[class_of(sample)] = T(1);
  }
  if (smoothing_ != 0) {
    const double mass = sum(target, classes_);
    for (std::int64_t k = 0; k < classes_; ++k) target[k] = smoothed_target(target[k], smoothing_, mass, classes_);
  }
  for (std::int64_t k = 0; class_weights_ != nullptr && k < classes_; ++k) target[k] *= class_weights_[k];

  fill_rest(target, classes_, width, T(0));
  const Extent<T> all = extent(logits, classes_);
  const T top = all.high;
  std::copy_n(logits, classes_, line);
  fill_rest(line, classes_, width, top);
  RowArray<T>(exponential, width) = (ConstRowArray<T>(line, width) - top).exp();
  fill_rest(exponential, classes_, width, T(0));

  double poison = all.poison;
  if (excludes(all, logits, classes_)) {
    poison = 0;
    for (std::int64_t k = 0; k < classes_; ++k) {
      if (!excluded(logits[k])) continue;
      exponential[k] = 0;
      if (target[k] == 0) line[k] = top;  // 0 times infinity; any other target has an infinite loss
    }
  }

  const CrossEntropyRow row{sum(exponential, width) + poison, sum(target, width)};
  if (grad != nullptr) {
    const double share = row.share();
    for (std::int64_t k = 0; k < classes_; ++k)
      grad[k] += cross_entropy_gradient(weight, share, exponential[k], target[k]);
  }
  return row.value(dot_shifted(target, line, top, width));
}

template class CrossEntropy<float>;
template class CrossEntropy<double>;

}  // namespace gld

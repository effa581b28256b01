#include "cross_entropy.h"

#include <algorithm>

#include "../shared/arithmetic.h"
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
    for (std::int64_t k = 0; k < targets_.classes; ++k) largest = std::max(largest, at(k));
    class_scale_ = inverse_power(largest);
    for (std::int64_t k = 0; k < targets_.classes; ++k) class_weights_[k] = static_cast<T>(at(k) * class_scale_);
  });
}

template <class T>
double CrossEntropy<T>::divisor(const RowWeights& weights, std::int64_t samples, std::int64_t rows) const {
  if (!targets_.unlabelled && (targets_.are_soft() || class_weights_ == nullptr)) {
    return weights.global_sum() * class_scale_;
  }
  double total = 0;
  for (std::int64_t sample = 0; sample < samples; ++sample) {
    if (!labelled(sample)) continue;
    const double of_class =
        class_weights_ == nullptr ? 1 : static_cast<double>(class_weights_[targets_.class_of(sample)]);
    total += weights[sample * rows] * of_class;
  }
  return total;
}

template <class T>
double CrossEntropy<T>::row(std::int64_t sample, const T* logits, double weight, T* grad, T* scratch) const {
  const std::int64_t classes = targets_.classes;
  const std::int64_t width = padded(classes);
  T* target = scratch;
  T* line = scratch + width;  // of the logits
  T* exponential = scratch + 2 * width;

  if (targets_.are_soft()) {
    const gld_view& soft = targets_.soft;
    visit(soft, [&](const auto* from) { read_line(target, from + sample * soft.stride[0], classes, soft.stride[1]); });
  } else {
    std::fill_n(target, classes, T(0));
    target[targets_.class_of(sample)] = T(1);
  }
  if (targets_.are_smoothed()) {
    const double mass = sum(target, classes);
    for (std::int64_t k = 0; k < classes; ++k) target[k] = targets_.smoothed(target[k], mass);
  }
  for (std::int64_t k = 0; class_weights_ != nullptr && k < classes; ++k) target[k] *= class_weights_[k];

  fill_rest(target, classes, width, T(0));
  const Extent<T> all = extent(logits, classes);
  const T top = all.high;
  std::copy_n(logits, classes, line);
  fill_rest(line, classes, width, top);
  RowArray<T>(exponential, width) = (ConstRowArray<T>(line, width) - top).exp();
  fill_rest(exponential, classes, width, T(0));

  double poison = all.poison;
  if (excludes(all, logits, classes)) {
    poison = 0;
    for (std::int64_t k = 0; k < classes; ++k) {
      if (!excluded(logits[k])) continue;
      exponential[k] = 0;
      if (target[k] == 0) line[k] = top;  // 0 times infinity; any other target has an infinite loss
    }
  }

  const CrossEntropyRow row{sum(exponential, width) + poison, sum(target, width)};
  if (grad != nullptr) {
    const double share = row.share();
    for (std::int64_t k = 0; k < classes; ++k)
      grad[k] += cross_entropy_gradient(weight, share, exponential[k], target[k]);
  }
  return row.value(dot_shifted(target, line, top, width));
}

template class CrossEntropy<float>;
template class CrossEntropy<double>;

}  // namespace gld

#include "cross_entropy.h"

#include <algorithm>

#include "../shared/arithmetic.h"
#include "sixteen.h"

namespace gld {

template <class T>
std::int64_t CrossEntropy<T>::scratch(std::int64_t classes) {
  return 2 * padded(classes);
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
  T* exponentials = scratch + width;

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

  const Extent<T> all = extent(logits, classes);
  const T top = all.high;
  auto totals = Sixteen<double>::of(0);
  Sixteen<double> masses = totals, dots = totals;
  std::fill(target + classes, target + width, T(0));
  const Pieces<T> pieces(logits, classes, static_cast<T>(-INFINITY));
  const auto tops = Sixteen<T>::of(top);
  for (std::int64_t i = 0; i < classes; i += kLanes) {
    const Sixteen<T> z = pieces[i];
    const auto share = Sixteen<T>::at(target + i);
    const Sixteen<T> e = exponential(z - tops);
    e.store(exponentials + i);
    // Not 0 times infinity; any other target of an excluded class has an infinite loss.
    const Sixteen<T> counting = where_not_zero(share, z, tops);
    totals += widen(e);
    masses += widen(share);
    dots += widen(share) * (widen(counting) - widen(tops));
  }

  const double poison = excludes(all, logits, classes) ? 0 : all.poison;
  const CrossEntropyRow row{fold(totals) + poison, fold(masses)};
  if (grad != nullptr) {
    const auto share = Sixteen<double>::of(row.share());
    const auto factor = Sixteen<double>::of(weight);
    for (std::int64_t i = 0; i < classes; i += kLanes) {
      const Sixteen<double> e = widen(Sixteen<T>::at(exponentials + i));
      const Sixteen<double> t = widen(Sixteen<T>::at(target + i));
      add_piece(grad, i, classes, narrow<T>(factor * (share * e - t)));
    }
  }
  return row.value(fold(dots));
}

template class CrossEntropy<float>;
template class CrossEntropy<double>;

}  // namespace gld

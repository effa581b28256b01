#include "cross_entropy.h"

#include <algorithm>

#include "../shared/cross_entropy.h"
#include "../shared/status.h"
#include "arena.h"
#include "lanes.h"

namespace gld {

template <class T>
std::int64_t CrossEntropy<T>::scratch(std::int64_t classes) {
  return 3 * padded(classes);
}

template <class T>
double CrossEntropy<T>::labelled_sum(const RowWeights& weights, std::int64_t samples, std::int64_t rows) const {
  if (!unlabelled_) return weights.global_sum();
  double total = 0;
  for (std::int64_t sample = 0; sample < samples; ++sample) total += labelled(sample) ? weights[sample * rows] : 0;
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
    const std::int64_t of_sample = label(sample);
    if (of_sample < 0 || of_sample >= classes_) throw LabelOutOfRange{sample, of_sample};
    std::fill_n(target, classes_, T(0));
    target[of_sample] = T(1);
  }
  if (smoothing_ != 0) {
    const double mass = sum(target, classes_);
    for (std::int64_t k = 0; k < classes_; ++k) target[k] = smoothed_target(target[k], smoothing_, mass, classes_);
  }

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

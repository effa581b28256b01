#include "cross_entropy.h"

#include <algorithm>

#include "../formulas/cross_entropy.h"
#include "../status.h"
#include "arena.h"
#include "lanes.h"

namespace gld {

template <class T>
std::int64_t CrossEntropy<T>::scratch(std::int64_t classes) {
  return 3 * padded<T>(classes);
}

template <class T>
double CrossEntropy<T>::row(std::int64_t sample, const T* logits, double weight, T* grad, T* scratch) const {
  const std::int64_t width = padded<T>(classes_);
  T* target = scratch;
  T* shifted = scratch + width;
  T* exponential = scratch + 2 * width;

  // A label is the distribution that has all its weight on one class.
  if (soft_.data != nullptr) {
    visit(soft_, [&](const auto* from) {
      read_line(target, from + sample * soft_.stride[0], classes_, soft_.stride[1]);
    });
  } else {
    const std::int64_t label = static_cast<const std::int32_t*>(labels_.data)[sample * labels_.stride[0]];
    if (label < 0 || label >= classes_) throw LabelOutOfRange{sample, label};
    std::fill_n(target, classes_, T(0));
    target[label] = T(1);
  }

  std::fill(shifted + classes_, shifted + width, T(0));  // whole vectors below
  const T top = max(logits, classes_);
  for (std::int64_t k = 0; k < classes_; ++k) shifted[k] = logits[k] - top;
  RowArray<T>(exponential, width) = ConstRowArray<T>(shifted, width).exp();

  const CrossEntropyRow row{sum(exponential, classes_) + poison(logits, classes_), sum(target, classes_)};
  if (grad != nullptr) {
    const double share = row.share();
    for (std::int64_t k = 0; k < classes_; ++k) grad[k] += cross_entropy_gradient(weight, share, exponential[k], target[k]);
  }
  return row.value(dot_shifted(target, logits, top, classes_));
}

template class CrossEntropy<float>;
template class CrossEntropy<double>;

}  // namespace gld

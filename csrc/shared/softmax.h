// The softmax of one row, p_k = exp(x_k - top) / total with top the largest x: no exponential overflows, and the total
// is at least 1.
#pragma once

#include "host_device.h"

namespace gld {

// Whether a logit rules its class out: it is -Inf and its exponential 0, which is finite mathematics. Not of a NaN.
template <class T>
GLD_HOST_DEVICE inline bool excluded(T logit) {
  return logit < static_cast<T>(-kLargest<T>);
}

// 0 for a finite value, NaN otherwise. Maxima and exponentials may drop a NaN on the way; the sum of this over a row,
// added to the row's total, keeps the promise that NaN or Inf in means NaN or Inf out.
template <class T>
GLD_HOST_DEVICE inline T poison_of(T x) {
  return x - x;
}
// Poison where classes may be excluded, which have none.
template <class T>
GLD_HOST_DEVICE inline T poison_but_of_excluded(T x) {
  return excluded(x) ? T(0) : poison_of(x);
}

}  // namespace gld

// The softmax of one row, p_k = exp(x_k - top) / total with top the largest x: no exponential overflows, and the total
// is at least 1.
#pragma once

#include "host_device.h"

namespace gld {

// 0 for a finite value, NaN otherwise. Maxima and exponentials may drop a NaN on the way; the sum of this over a row,
// added to the row's total, keeps the promise that NaN or Inf in means NaN or Inf out.
template <class T>
GLD_HOST_DEVICE inline T poison_of(T x) {
  return x - x;
}

}  // namespace gld

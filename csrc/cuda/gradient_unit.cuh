// What a kernel that runs before the relation needs of it: the unit of shared/relation.h in which the gradient of the
// logits is added up.
#pragma once

#include <cstdint>
#include <cstring>

#include "../shared/relation.h"
#include "reduce.cuh"

namespace gld::cuda {

// d centred / d logit from the largest difference to the first row: a power of two, so that scaling changes no bit of
// the result. On its bits: devices call a function with memory of its own for the other.
__device__ inline double scale_of(double largest) {
  if (!(largest > 0) || largest > 0x1p1000) return 1.0;
  std::uint64_t bits = 0;
  std::memcpy(&bits, &largest, sizeof bits);
  bits = (2 * std::uint64_t{1022} + 1 - (bits >> 52)) << 52;
  double scale = 0;
  std::memcpy(&scale, &bits, sizeof scale);
  return scale;
}

struct GradientUnit {
  double slope = 0;                 // d loss / d (sum of the rows' values); 0 if the relation adds no gradient
  const double* largest = nullptr;  // device memory: of the student's differences, in parts
  std::int64_t parts = 0;

  __device__ double operator()() const {
    double most = 0;
    for (std::int64_t i = 0; i < parts; ++i) most = Larger()(most, largest[i]);
    return gradient_unit<float>(slope * scale_of(most));
  }
};

}  // namespace gld::cuda

// The formulas of this folder are compiled into every engine: by the host's compiler and by nvcc for the device. They
// hold the arithmetic of one row or one element; loops, sums and memory belong to the engines. Hence no std:: helpers
// here that device code lacks (std::min, std::numeric_limits' functions), only <cmath>.
#pragma once

#ifdef __CUDACC__
#define GLD_HOST_DEVICE __host__ __device__
#else
#define GLD_HOST_DEVICE
#endif

#include <cfloat>
#include <cmath>

namespace gld {

// Largest finite value of an element type.
template <class T>
constexpr double kLargest = 0;
template <>
inline constexpr double kLargest<float> = FLT_MAX;
template <>
inline constexpr double kLargest<double> = DBL_MAX;

}  // namespace gld

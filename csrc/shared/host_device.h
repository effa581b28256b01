// Marks what is compiled into every engine for the place where its loops run: by the host's compiler, or by nvcc for
// the device. That is the arithmetic of one row, one element or one axis; loops, sums and memory belong to the engines.
// Functions with the mark do without the std:: helpers that device code lacks (std::min, std::numeric_limits'
// functions) and take <cmath> alone.
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

// Sums, maxima and minima over the threads of a warp or a block in a fixed order: same input, same bits. Every thread
// gets the result.
#pragma once

#include "launch.cuh"
#include "simt.cuh"

namespace gld::cuda {

struct Add {
  template <class T>
  __device__ T operator()(T a, T b) const {
    return a + b;
  }
};
// A NaN on either side may get lost: whoever needs it looks for it apart.
struct Larger {
  template <class T>
  __device__ T operator()(T a, T b) const {
    return a < b ? b : a;
  }
};

template <class T, class Combine>
__device__ T reduce_warp(T value, Combine combine) {
#pragma unroll
  for (int bits = kWarp / 2; bits > 0; bits /= 2) value = combine(value, __shfl_xor_sync(kAllLanes, value, bits));
  return value;
}

// N values at once over the kThreads threads of a block (one dimension, whole warps), with one pair of barriers.
template <int kThreads, class T, int N, class Combine>
__device__ void reduce_block(T (&values)[N], Combine combine) {
  constexpr int kWarps = kThreads / kWarp;
#pragma unroll
  for (int i = 0; i < N; ++i) values[i] = reduce_warp(values[i], combine);
  if constexpr (kWarps > 1) {
    GLD_SHARED(T, partial, [N][kWarps]);
    const int warp = static_cast<int>(threadIdx.x) / kWarp;
    __syncthreads();  // the last reduction's results have been read
    if (threadIdx.x % kWarp == 0) {
#pragma unroll
      for (int i = 0; i < N; ++i) partial[i][warp] = values[i];
    }
    __syncthreads();
#pragma unroll
    for (int i = 0; i < N; ++i) {
      T total = partial[i][0];
#pragma unroll
      for (int w = 1; w < kWarps; ++w) total = combine(total, partial[i][w]);
      values[i] = total;
    }
  }
}

template <int kThreads>
__global__ void __launch_bounds__(kThreads)
    sum_kernel(const std::int32_t* stop, const double* values, std::int64_t count, double factor, double* to) {
  if (block_stopped(stop)) return;
  double total[1] = {0};
  for (std::int64_t i = threadIdx.x; i < count; i += kThreads) total[0] += values[i];
  reduce_block<kThreads>(total, Add());
  if (threadIdx.x == 0) *to = factor * total[0];
}

// *sum = factor * Σ values, all in device memory.
template <int kThreads = 512>
void queue_sum(const Launch& to, const double* values, std::int64_t count, double factor, double* sum) {
  launch(to, &sum_kernel<kThreads>, dim3(1), dim3(kThreads), 0, to.stop, values, count, factor, sum);
}

}  // namespace gld::cuda

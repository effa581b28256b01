// CUDA as the kernels of this folder use it. Every file here also compiles as plain C++ with -DGLD_EMULATED, where a
// CUDA runtime for tests (test/native/simt) runs the kernels on the CPU; what differs between the two is here and in
// intrinsics.cuh, and nowhere else.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>

namespace gld::cuda {

constexpr int kWarp = 32;
constexpr unsigned kAllLanes = 0xffffffffu;

}  // namespace gld::cuda

// GLD_SHARED(float, tile, [32][33]): an array in the shared memory of a block. GLD_DYNAMIC_SHARED(float, rows): the
// part whose size the launch gives, 16-byte aligned.
#ifdef GLD_EMULATED
#define GLD_SHARED(type, name, dimensions) \
  static const char name##_key = 0;        \
  typedef type name##_array dimensions;    \
  name##_array& name = *static_cast<name##_array*>(::simt::shared(&name##_key, sizeof(name##_array)))
#define GLD_DYNAMIC_SHARED(type, name) type* const name = static_cast<type*>(::simt::dynamic_shared())
#else
#define GLD_SHARED(type, name, dimensions) __shared__ __align__(16) type name dimensions
#define GLD_DYNAMIC_SHARED(type, name)                                \
  extern __shared__ __align__(16) unsigned char gld_dynamic_shared[]; \
  type* const name = reinterpret_cast<type*>(gld_dynamic_shared)
#endif

namespace gld::cuda {

// Whether the call was cancelled. The first statement of every kernel; of one with barriers, the second form, which
// gives all threads of a block the same answer.
__device__ inline bool stopped(const std::int32_t* stop) {
  return *static_cast<const volatile std::int32_t*>(stop) != 0;
}
__device__ inline bool block_stopped(const std::int32_t* stop) { return __syncthreads_or(stopped(stop) ? 1 : 0) != 0; }

}  // namespace gld::cuda

// How the host queues kernels.
#pragma once

#include <utility>

#include "../shared/arithmetic.h"
#include "runtime.h"
#include "simt.cuh"

namespace gld::cuda {

// Where a stage queues its work. Nothing in it waits for the device.
struct Launch {
  Stream stream;
  const std::int32_t* stop;  // device memory; kernels return at once while it is not zero
  int sm_count;
  int arch;                // 80: compute capability 8.0
  std::int32_t precision;  // gld_precision of matrix products
};

constexpr std::size_t kPlainSharedBytes = 48 << 10;  // of one block; more has to be asked for
constexpr std::int64_t kMaxGridX = 0x7fffffff;

// kernel<<<grid, block, shared_bytes>>>(args...) on the stream.
template <class... P, class... A>
void launch(const Launch& to, void (*kernel)(P...), dim3 grid, dim3 block, std::size_t shared_bytes, A&&... args) {
#ifdef GLD_EMULATED
  check(::simt::launch(to.stream, kernel, grid, block, shared_bytes, std::forward<A>(args)...), "kernel launch");
#else
  if (shared_bytes > kPlainSharedBytes) {
    const auto bytes = static_cast<int>(shared_bytes);
    GLD_CUDA_CHECK(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes));
  }
  // The formatter takes a launch apart.
  // clang-format off
  kernel<<<grid, block, shared_bytes, to.stream>>>(static_cast<P>(std::forward<A>(args))...);
  // clang-format on
  check(cudaGetLastError(), "kernel launch");
#endif
}

// Blocks for `count` units of work; a kernel whose grid is cut at the limit loops over the rest.
inline dim3 grid_of(std::int64_t count) { return dim3(static_cast<unsigned>(count < kMaxGridX ? count : kMaxGridX)); }

}  // namespace gld::cuda

// The part of CUDA that csrc/cuda uses, on the CPU: what <cuda_runtime.h> means in a build with -DGLD_EMULATED. Kernels
// run in simt.h's fibers; streams are threads that do what is queued in order; captured graphs are lists of closures;
// device memory is the heap, poisoned when it is taken. Names and rules are those of the CUDA runtime API. For tests
// only.
//
// Environment: GLD_EMULATED_DEVICES (1; 0: none, -1: a driver that is too old), GLD_EMULATED_ARCH (80: compute
// capability 8.0), GLD_EMULATED_MEMORY (bytes of each device), GLD_EMULATED_SEED (order of threads),
// GLD_EMULATED_SPARSE (device blocks of so many bytes or more are zeros that take no memory until they are written to),
// GLD_EMULATED_FAIL ("cudaMemcpy 700 2": the next two calls of it fail with this error; of cudaMalloc, cudaMemcpy,
// cudaMemsetAsync and cudaEventSynchronize). The name of a device counts its streams, what they were given to do, and
// its blocks of memory.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <tuple>
#include <utility>

#include "simt.h"

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)
#define __grid_constant__
#define __align__(n) alignas(n)
#define __restrict__ __restrict

#define threadIdx (::simt::indices().thread)
#define blockIdx (::simt::indices().block)
#define blockDim (::simt::indices().block_size)
#define gridDim (::simt::indices().grid_size)
constexpr int warpSize = 32;

// --- vector types

#define GLD_SIMT_VECTOR2(T, name, bytes) \
  struct alignas(bytes) name {           \
    T x, y;                              \
  };                                     \
  inline name make_##name(T x, T y) { return {x, y}; }
#define GLD_SIMT_VECTOR4(T, name, bytes) \
  struct alignas(bytes) name {           \
    T x, y, z, w;                        \
  };                                     \
  inline name make_##name(T x, T y, T z, T w) { return {x, y, z, w}; }
GLD_SIMT_VECTOR2(float, float2, 8)
GLD_SIMT_VECTOR2(double, double2, 16)
GLD_SIMT_VECTOR2(int, int2, 8)
GLD_SIMT_VECTOR2(unsigned, uint2, 8)
GLD_SIMT_VECTOR2(unsigned short, ushort2, 4)
GLD_SIMT_VECTOR4(float, float4, 16)
GLD_SIMT_VECTOR4(int, int4, 16)
GLD_SIMT_VECTOR4(unsigned, uint4, 16)
GLD_SIMT_VECTOR4(unsigned short, ushort4, 8)
#undef GLD_SIMT_VECTOR2
#undef GLD_SIMT_VECTOR4

// --- inside kernels

inline void __syncthreads() { simt::block_barrier(); }
inline int __syncthreads_count(int predicate) { return simt::block_barrier(predicate != 0); }
inline int __syncthreads_or(int predicate) { return simt::block_barrier(predicate != 0) > 0 ? 1 : 0; }
inline void __syncwarp(unsigned mask = 0xffffffffu) { simt::exchange(mask, "", 0); }
inline void __threadfence() {}
inline void __threadfence_block() {}

template <class T>
T __shfl_sync(unsigned mask, T value, int source, int width = 32) {
  return simt::from_lane(mask, value, (simt::lane() & ~(width - 1)) + (source & (width - 1)));
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int bits, int width = 32) {
  const int source = simt::lane() ^ bits;
  return simt::from_lane(mask, value, source / width > simt::lane() / width ? simt::lane() : source);
}
template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32) {
  const int source = simt::lane() + static_cast<int>(delta);
  return simt::from_lane(mask, value, source / width != simt::lane() / width ? simt::lane() : source);
}
template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32) {
  const int source = simt::lane() - static_cast<int>(delta);
  return simt::from_lane(mask, value, source < (simt::lane() & ~(width - 1)) ? simt::lane() : source);
}
inline unsigned __ballot_sync(unsigned mask, int predicate) {
  const unsigned char mine = predicate != 0;
  const unsigned char* shown = simt::exchange(mask, &mine, 1);
  unsigned bits = 0;
  for (int i = 0; i < simt::kWarp; ++i) {
    if ((mask >> i & 1) != 0 && shown[i * simt::kExchangeBytes] != 0) bits |= 1u << i;
  }
  return bits;
}
inline int __any_sync(unsigned mask, int predicate) { return __ballot_sync(mask, predicate) != 0; }
inline int __all_sync(unsigned mask, int predicate) { return __ballot_sync(mask, predicate) == mask; }

template <class T>
T __ldg(const T* from) {
  return *from;
}
template <class T>
T __ldcs(const T* from) {
  return *from;
}
template <class T>
T __ldcg(const T* from) {
  return *from;
}
template <class T>
void __stcs(T* to, T value) {
  *to = value;
}
template <class T>
void __stcg(T* to, T value) {
  *to = value;
}

// Blocks run one after another and threads change at barriers only, so plain accesses are atomic.
template <class T, class U>
T atomicAdd(T* to, U value) {
  return std::exchange(*to, *to + static_cast<T>(value));
}
template <class T, class U>
T atomicMax(T* to, U value) {
  return std::exchange(*to, *to < static_cast<T>(value) ? static_cast<T>(value) : *to);
}
template <class T, class U>
T atomicMin(T* to, U value) {
  return std::exchange(*to, static_cast<T>(value) < *to ? static_cast<T>(value) : *to);
}
template <class T, class U>
T atomicExch(T* to, U value) {
  return std::exchange(*to, static_cast<T>(value));
}
template <class T>
T atomicCAS(T* to, T expected, T value) {
  const T old = *to;
  if (old == expected) *to = value;
  return old;
}

template <class To, class From>
To simt_bits(From from) {
  static_assert(sizeof(To) == sizeof(From));
  To to;
  __builtin_memcpy(&to, &from, sizeof(To));
  return to;
}
inline unsigned __float_as_uint(float x) { return simt_bits<unsigned>(x); }
inline int __float_as_int(float x) { return simt_bits<int>(x); }
inline float __uint_as_float(unsigned x) { return simt_bits<float>(x); }
inline float __int_as_float(int x) { return simt_bits<float>(x); }
inline int __popc(unsigned x) { return __builtin_popcount(x); }
inline int __ffs(int x) { return __builtin_ffs(x); }
inline int __clz(int x) { return x == 0 ? 32 : __builtin_clz(static_cast<unsigned>(x)); }
inline float rsqrtf(float x) { return 1 / std::sqrt(x); }
inline double rsqrt(double x) { return 1 / std::sqrt(x); }
template <class T>
constexpr T min(T a, T b) {
  return b < a ? b : a;
}
template <class T>
constexpr T max(T a, T b) {
  return a < b ? b : a;
}

// --- the host's side

enum cudaError_t {
  cudaSuccess = 0,
  cudaErrorInvalidValue = 1,
  cudaErrorMemoryAllocation = 2,
  cudaErrorInitializationError = 3,
  cudaErrorInsufficientDriver = 35,
  cudaErrorNoDevice = 100,
  cudaErrorInvalidDevice = 101,
  cudaErrorNoKernelImageForDevice = 209,
  cudaErrorUnsupportedPtxVersion = 222,
  cudaErrorInvalidResourceHandle = 400,
  cudaErrorNotReady = 600,
  cudaErrorIllegalAddress = 700,
  cudaErrorLaunchFailure = 719,
  cudaErrorNotSupported = 801,
  cudaErrorStreamCaptureUnsupported = 900,
  cudaErrorStreamCaptureInvalidated = 901,
  cudaErrorUnknown = 999
};
enum cudaMemcpyKind {
  cudaMemcpyHostToHost = 0,
  cudaMemcpyHostToDevice = 1,
  cudaMemcpyDeviceToHost = 2,
  cudaMemcpyDeviceToDevice = 3,
  cudaMemcpyDefault = 4
};
enum cudaMemoryType {
  cudaMemoryTypeUnregistered = 0,
  cudaMemoryTypeHost = 1,
  cudaMemoryTypeDevice = 2,
  cudaMemoryTypeManaged = 3
};
enum cudaStreamCaptureMode {
  cudaStreamCaptureModeGlobal = 0,
  cudaStreamCaptureModeThreadLocal = 1,
  cudaStreamCaptureModeRelaxed = 2
};
enum cudaDeviceAttr {
  cudaDevAttrMultiProcessorCount = 16,
  cudaDevAttrComputeCapabilityMajor = 75,
  cudaDevAttrComputeCapabilityMinor = 76,
  cudaDevAttrMaxSharedMemoryPerBlockOptin = 97
};
enum cudaFuncAttribute {
  cudaFuncAttributeMaxDynamicSharedMemorySize = 8,
  cudaFuncAttributePreferredSharedMemoryCarveout = 9
};

enum cudaDriverEntryPointQueryResult {
  cudaDriverEntryPointSuccess = 0,
  cudaDriverEntryPointSymbolNotFound = 1,
  cudaDriverEntryPointVersionNotSufficent = 2
};
constexpr unsigned long long cudaEnableDefault = 0;

struct cudaDeviceProp {
  char name[256];
  std::size_t totalGlobalMem;
  int major, minor, multiProcessorCount;
};
struct cudaPointerAttributes {
  cudaMemoryType type;
  int device;
  void* devicePointer;
  void* hostPointer;
};

struct SimtStream;
struct SimtEvent;
struct SimtGraph;
struct SimtGraphExec;
using cudaStream_t = SimtStream*;
using cudaEvent_t = SimtEvent*;
using cudaGraph_t = SimtGraph*;
using cudaGraphExec_t = SimtGraphExec*;
using cudaStreamCallback_t = void (*)(cudaStream_t, cudaError_t, void*);

constexpr unsigned cudaStreamNonBlocking = 1, cudaEventDisableTiming = 2, cudaEventBlockingSync = 1,
                   cudaHostAllocMapped = 2, cudaHostAllocPortable = 1, cudaHostAllocDefault = 0,
                   cudaHostAllocWriteCombined = 4;

cudaError_t cudaGetDeviceCount(int* count);
cudaError_t cudaSetDevice(int device);
cudaError_t cudaGetDevice(int* device);
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device);
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device);
cudaError_t cudaDriverGetVersion(int* version);
cudaError_t cudaRuntimeGetVersion(int* version);
cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total);
cudaError_t cudaGetLastError();
cudaError_t cudaPeekAtLastError();
const char* cudaGetErrorName(cudaError_t error);
const char* cudaGetErrorString(cudaError_t error);

cudaError_t cudaMalloc(void** memory, std::size_t bytes);
cudaError_t cudaFree(void* memory);
cudaError_t cudaHostAlloc(void** memory, std::size_t bytes, unsigned flags);
cudaError_t cudaFreeHost(void* memory);
cudaError_t cudaGetDriverEntryPointByVersion(const char* symbol, void** function, unsigned version,
                                             unsigned long long flags, cudaDriverEntryPointQueryResult* result);
cudaError_t cudaPointerGetAttributes(cudaPointerAttributes* attributes, const void* memory);
cudaError_t cudaMemcpy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind);
cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream = nullptr);
cudaError_t cudaMemsetAsync(void* to, int value, std::size_t bytes, cudaStream_t stream = nullptr);

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags);
cudaError_t cudaStreamDestroy(cudaStream_t stream);
cudaError_t cudaStreamSynchronize(cudaStream_t stream);
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned flags = 0);
cudaError_t cudaStreamAddCallback(cudaStream_t stream, cudaStreamCallback_t callback, void* data, unsigned flags);
cudaError_t cudaDeviceSynchronize();
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags);
cudaError_t cudaEventDestroy(cudaEvent_t event);
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream = nullptr);
cudaError_t cudaEventSynchronize(cudaEvent_t event);
cudaError_t cudaEventQuery(cudaEvent_t event);

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode);
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph);
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* exec, cudaGraph_t graph, unsigned long long flags = 0);
cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream);
cudaError_t cudaGraphDestroy(cudaGraph_t graph);
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec);

template <class F>
cudaError_t cudaFuncSetAttribute(F*, cudaFuncAttribute, int) {
  return cudaSuccess;
}

// --- what stands in for kernel<<<...>>>(...)

namespace simt {

// Largest shared memory of one block.
constexpr std::size_t kSharedBytes = 99 << 10;

cudaError_t enqueue(cudaStream_t stream, std::function<void()> work);
cudaError_t check_launch(dim3 grid, dim3 block, std::size_t shared_bytes);

template <class... P, class... A>
cudaError_t launch(cudaStream_t stream, void (*kernel)(P...), dim3 grid, dim3 block, std::size_t shared_bytes,
                   A&&... args) {
  const cudaError_t error = check_launch(grid, block, shared_bytes);
  if (error != cudaSuccess) return error;
  return enqueue(stream, [=, values = std::tuple<P...>(static_cast<P>(args)...)] {
    run(grid, block, shared_bytes, [&] { std::apply(kernel, values); });
  });
}

}  // namespace simt

// The instructions that C++ has no name for, one small function each: products of the tensor cores (mma.sync), rounding
// to their input formats, asynchronous copies into shared memory (cp.async).
//
// Each has a twin for the emulator with the same operands in the same lanes. A lane is 4 g + t, g its group of four
// lanes and t its place therein (PTX ISA, "Matrix Fragments for mma.m16n8k8" and "m16n8k16"):
//   left [16, 8] tf32     a[0] (g, t)            a[1] (g + 8, t)           a[2] (g, t + 4)        a[3] (g + 8, t + 4)
//   right [8, 8] tf32     b[0] (t, g)            b[1] (t + 4, g)
//   left [16, 16] bf16    a[0] (g, 2t, 2t+1)     a[1] (g + 8, 2t, 2t+1)    a[2] (g, 2t+8, 2t+9)   a[3] (g + 8, 2t+8,
//   2t+9) right [16, 8] bf16    b[0] (2t, 2t+1; g)     b[1] (2t+8, 2t+9; g) sum [16, 8]           d[0] (g, 2t) d[1] (g,
//   2t + 1)          d[2] (g + 8, 2t)       d[3] (g + 8, 2t + 1)
// Before compute capability 8.0 there are no such instructions: tensor_cores() says which way to go.
#pragma once

#include <cstdint>
#include <cstring>

#include "../engine.h"
#include "convert.cuh"
#include "simt.cuh"

#if defined(GLD_EMULATED)
#include <cmath>
#endif

namespace gld::cuda {

__device__ inline float bits_float(std::uint32_t bits) { return __uint_as_float(bits); }

#if defined(GLD_EMULATED)

// The emulated device's capability decides, so that tests take both ways through the same kernels.
inline bool tensor_cores() {
  static const bool some = [] {
    int major = 0;
    return cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, 0) == cudaSuccess && major >= 8;
  }();
  return some;
}

// To 10 bits after the leading one, ties away from zero.
inline std::uint32_t round_tf32(float value) {
  const std::uint32_t bits = __float_as_uint(value);
  if ((bits & 0x7f800000u) == 0x7f800000u) return (bits & 0x7fffffu) != 0 ? 0x7fffffffu : bits;
  return (bits + 0x1000u) & 0xffffe000u;
}

// `low` in the lower half.
inline std::uint32_t pack_bf16(float low, float high) {
  return from_float<Bfloat16>(low).bits | static_cast<std::uint32_t>(from_float<Bfloat16>(high).bits) << 16;
}

namespace emulated {

// 2^exponent
inline double power_of_two(int exponent) {
  return simt_bits<double>(static_cast<std::uint64_t>(exponent + 1023) << 52);
}

// One element of a tensor core's sum: addends aligned to the largest, cut there after 24 bits, and so is their sum.
// Real ones cut too, most of them some bits later (Fasi, Higham, Mikaitis and Pranesh, "Numerical behavior of NVIDIA
// tensor cores", 2021), which makes this the least accurate of them.
template <int kCount>
float tensor_sum(float start, const double (&products)[kCount]) {
  double largest = std::fabs(static_cast<double>(start));
  double plain = static_cast<double>(start);
  for (const double product : products) {
    const double size = std::fabs(product);
    largest = size > largest ? size : largest;
    plain += product;
  }
  // What is not finite, or too small or large for the way below.
  if (!(largest > 0x1p-900 && std::fabs(plain) < 0x1p900 && largest < 0x1p900)) return static_cast<float>(plain);
  const int exponent = static_cast<int>(simt_bits<std::uint64_t>(largest) >> 52) - 1022;  // largest < 2^exponent
  const double inverse = power_of_two(24 - exponent);
  const auto cut = [&](double value) { return static_cast<std::int64_t>(value * inverse); };
  std::int64_t total = cut(static_cast<double>(start));
  for (const double product : products) total += cut(product);
  const std::int64_t size = total < 0 ? -total : total;
  int extra = 0;
  while (size >> extra >= std::int64_t{1} << 24) ++extra;
  const auto whole = static_cast<double>(size >> extra << extra);
  return static_cast<float>((total < 0 ? -whole : whole) * power_of_two(exponent - 24));
}

struct Fragments {
  std::uint32_t a[4], b[2];
};

}  // namespace emulated

// d += left * right
inline void mma_tf32(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2]) {
  emulated::Fragments all[32];
  simt::gather(emulated::Fragments{{a[0], a[1], a[2], a[3]}, {b[0], b[1]}}, all);
  const int group = simt::lane() / 4;
  const int place = simt::lane() % 4;
  const auto value = [](std::uint32_t bits) { return static_cast<double>(bits_float(bits & 0xffffe000u)); };
  for (int i = 0; i < 4; ++i) {
    const int column = 2 * place + i % 2;
    double products[8];
    for (int k = 0; k < 8; ++k) {
      products[k] = value(all[4 * group + k % 4].a[i / 2 + k / 4 * 2]) * value(all[4 * column + k % 4].b[k / 4]);
    }
    d[i] = emulated::tensor_sum(d[i], products);
  }
}
inline void mma_bf16(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2]) {
  emulated::Fragments all[32];
  simt::gather(emulated::Fragments{{a[0], a[1], a[2], a[3]}, {b[0], b[1]}}, all);
  const int group = simt::lane() / 4;
  const int place = simt::lane() % 4;
  const auto value = [](std::uint32_t bits, int half) {
    return static_cast<double>(bits_float(half == 0 ? bits << 16 : bits & 0xffff0000u));
  };
  for (int i = 0; i < 4; ++i) {
    const int column = 2 * place + i % 2;
    double products[16];
    for (int k = 0; k < 16; ++k) {
      products[k] = value(all[4 * group + k % 8 / 2].a[i / 2 + k / 8 * 2], k % 2) *
                    value(all[4 * column + k % 8 / 2].b[k / 8], k % 2);
    }
    d[i] = emulated::tensor_sum(d[i], products);
  }
}

// Copies 16 bytes to shared memory, of which the first `bytes` are read and the others zero. Both addresses are
// multiples of 16. Complete once copies_wait() has let its group pass, and for other threads after a barrier
// thereafter.
inline void copy_async(void* to, const void* from, int bytes) {
  if (tensor_cores()) return simt::async_copy(to, from, 16, static_cast<std::size_t>(bytes));
  std::memset(to, 0, 16);
  std::memcpy(to, from, static_cast<std::size_t>(bytes));
}
inline void copies_commit() {
  if (tensor_cores()) simt::async_commit();
}
// All but the `kPending` last groups.
template <int kPending>
void copies_wait() {
  if (tensor_cores()) simt::async_wait(kPending);
}

#else

#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 800
__device__ constexpr bool tensor_cores() { return false; }
#else
__device__ constexpr bool tensor_cores() { return true; }
#endif

__device__ inline std::uint32_t round_tf32(float value) {
#if __CUDA_ARCH__ >= 800
  std::uint32_t bits;
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(bits) : "f"(value));
  return bits;
#else
  return __float_as_uint(value);
#endif
}

__device__ inline std::uint32_t pack_bf16(float low, float high) {
#if __CUDA_ARCH__ >= 800
  std::uint32_t bits;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(bits) : "f"(high), "f"(low));
  return bits;
#else
  (void)high;
  return __float_as_uint(low);
#endif
}

__device__ inline void mma_tf32(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2]) {
#if __CUDA_ARCH__ >= 800
  asm("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, "
      "%3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#else
  (void)d, (void)a, (void)b;
#endif
}

__device__ inline void mma_bf16(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2]) {
#if __CUDA_ARCH__ >= 800
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, "
      "%3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#else
  (void)d, (void)a, (void)b;
#endif
}

__device__ inline void copy_async(void* to, const void* from, int bytes) {
#if __CUDA_ARCH__ >= 800
  const auto address = static_cast<std::uint32_t>(__cvta_generic_to_shared(to));
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(address), "l"(from), "r"(bytes) : "memory");
#else
  auto* words = static_cast<std::uint32_t*>(to);
  if (bytes == 16) {
    *static_cast<uint4*>(to) = *static_cast<const uint4*>(from);
    return;
  }
#pragma unroll
  for (int i = 0; i < 4; ++i) words[i] = 4 * i < bytes ? static_cast<const std::uint32_t*>(from)[i] : 0u;
#endif
}

__device__ inline void copies_commit() {
#if __CUDA_ARCH__ >= 800
  asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}

template <int kPending>
__device__ void copies_wait() {
#if __CUDA_ARCH__ >= 800
  asm volatile("cp.async.wait_group %0;" ::"n"(kPending) : "memory");
#endif
}

#endif

// What a product in this precision (gld_precision) makes of an element of its operands.
__device__ inline float round_input(std::int32_t precision, float value) {
  if (!tensor_cores()) return value;
  if (precision == GLD_PRECISION_TF32) return bits_float(round_tf32(value));
  if (precision == GLD_PRECISION_BF16) return bits_float(pack_bf16(value, 0.0f) << 16);
  return value;
}

}  // namespace gld::cuda

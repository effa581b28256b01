// Single elements of any dtype that the device reads or writes, as float32.
#pragma once

#include <cstdint>
#include <cstring>

#include "../engine.h"
#include "simt.cuh"

#ifndef GLD_EMULATED
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#endif

namespace gld::cuda {

#ifdef GLD_EMULATED

inline float half_to_float(std::uint16_t bits) {
  const std::uint32_t sign = static_cast<std::uint32_t>(bits & 0x8000u) << 16;
  const std::uint32_t rest = bits & 0x7fffu;
  if (rest >= 0x7c00u) return __uint_as_float(sign | 0x7f800000u | (rest & 0x3ffu) << 13);
  // 2^112 makes up for the exponents' different biases, and normalises what is subnormal.
  return __uint_as_float(__float_as_uint(__uint_as_float(rest << 13) * 0x1p112f) | sign);
}
inline std::uint16_t float_to_half(float value) {
  const std::uint32_t sign = __float_as_uint(value) >> 16 & 0x8000u;
  const float size = std::fabs(value);
  if (value != value) return 0x7fffu;
  if (size >= 65520.0f) return static_cast<std::uint16_t>(sign | 0x7c00u);
  if (size < 0x1p-14f) return static_cast<std::uint16_t>(sign | static_cast<std::uint32_t>(std::nearbyint(size * 0x1p24f)));
  const std::uint32_t bits = __float_as_uint(size) - (112u << 23);
  return static_cast<std::uint16_t>(sign | (bits + 0xfffu + (bits >> 13 & 1u)) >> 13);
}
inline float bfloat_to_float(std::uint16_t bits) { return __uint_as_float(static_cast<std::uint32_t>(bits) << 16); }
inline std::uint16_t float_to_bfloat(float value) {
  const std::uint32_t bits = __float_as_uint(value);
  if (value != value) return 0x7fffu;
  return static_cast<std::uint16_t>((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

#else

__device__ inline float half_to_float(std::uint16_t bits) { return __half2float(__ushort_as_half(bits)); }
__device__ inline std::uint16_t float_to_half(float value) { return __half_as_ushort(__float2half_rn(value)); }
__device__ inline float bfloat_to_float(std::uint16_t bits) { return __bfloat162float(__ushort_as_bfloat16(bits)); }
__device__ inline std::uint16_t float_to_bfloat(float value) { return __bfloat16_as_ushort(__float2bfloat16_rn(value)); }

#endif

// The element `at` elements from the view's first one.
__device__ inline float load_element(const gld_view& from, std::int64_t at) {
  switch (from.dtype) {
    case GLD_F64: return static_cast<float>(static_cast<const double*>(from.data)[at]);
    case GLD_F16: return half_to_float(static_cast<const std::uint16_t*>(from.data)[at]);
    case GLD_BF16: return bfloat_to_float(static_cast<const std::uint16_t*>(from.data)[at]);
    default: return static_cast<const float*>(from.data)[at];
  }
}

__device__ inline void store_element(const gld_view& to, std::int64_t at, float value) {
  switch (to.dtype) {
    case GLD_F64: static_cast<double*>(to.data)[at] = static_cast<double>(value); return;
    case GLD_F16: static_cast<std::uint16_t*>(to.data)[at] = float_to_half(value); return;
    case GLD_BF16: static_cast<std::uint16_t*>(to.data)[at] = float_to_bfloat(value); return;
    default: static_cast<float*>(to.data)[at] = value;
  }
}

}  // namespace gld::cuda

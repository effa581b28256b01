// Element types of the caller's buffers, and float32 inside. 16-bit types are bits here, so that host and device agree
// on them without CUDA's own headers.
#pragma once

#include "../engine.h"
#include "../shared/views.h"
#include "simt.cuh"

namespace gld::cuda {

struct Half {
  std::uint16_t bits;
};
struct Bfloat16 {
  std::uint16_t bits;
};

// Calls use(pointer) with the view's data as a pointer to its own element type; engine.cpp refuses any other.
template <class F>
void visit(const gld_view& view, F&& use) {
  visit_as<Element<GLD_F32, float>, Element<GLD_F16, Half>, Element<GLD_BF16, Bfloat16>>(view, use);
}

#ifdef GLD_EMULATED
inline float half_to_float(std::uint16_t bits) {
  const std::uint32_t sign = (bits & 0x8000u) << 16;
  const std::uint32_t exponent = bits >> 10 & 0x1fu;
  const std::uint32_t fraction = bits & 0x3ffu;
  if (exponent == 0x1f) return __uint_as_float(sign | 0x7f800000u | fraction << 13);
  if (exponent != 0) return __uint_as_float(sign | (exponent + 112) << 23 | fraction << 13);
  const float small = static_cast<float>(fraction) * 0x1p-24f;
  return sign != 0 ? -small : small;
}
inline std::uint16_t float_to_half(float x) {
  const std::uint32_t bits = __float_as_uint(x);
  const auto sign = static_cast<std::uint16_t>(bits >> 16 & 0x8000u);
  const float size = std::fabs(x);
  if (std::isnan(x)) return 0x7fff;
  if (size >= 65520.0f) return sign | 0x7c00;
  if (size < 0x1p-14f) return sign | static_cast<std::uint16_t>(std::nearbyint(size * 0x1p24f));
  const std::uint32_t rounded = (bits & 0x7fffffffu) + 0xfffu + (bits >> 13 & 1);
  return sign | static_cast<std::uint16_t>((rounded - (112u << 23)) >> 13);
}
#else
__device__ inline float half_to_float(std::uint16_t bits) {
  float x;
  asm("cvt.f32.f16 %0, %1;" : "=f"(x) : "h"(bits));
  return x;
}
__device__ inline std::uint16_t float_to_half(float x) {
  std::uint16_t bits;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(bits) : "f"(x));
  return bits;
}
#endif

__device__ inline float to_float(float x) { return x; }
__device__ inline float to_float(Half x) { return half_to_float(x.bits); }
__device__ inline float to_float(Bfloat16 x) { return __uint_as_float(static_cast<std::uint32_t>(x.bits) << 16); }

// Rounded to the nearest, ties to even.
template <class T>
__device__ inline T from_float(float x);
template <>
__device__ inline float from_float<float>(float x) {
  return x;
}
template <>
__device__ inline Half from_float<Half>(float x) {
  return {float_to_half(x)};
}
template <>
__device__ inline Bfloat16 from_float<Bfloat16>(float x) {
  const std::uint32_t bits = __float_as_uint(x);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return {0x7fff};
  return {static_cast<std::uint16_t>((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16)};
}

// As many elements as one load or store of a thread moves.
template <class T, int N>
struct alignas(N * sizeof(T)) Pack {
  T at[N];
};
template <class T>
constexpr int kWide = static_cast<int>(16 / sizeof(T));

}  // namespace gld::cuda

// What both ways of the stage pool share: which kernel suits a view, and how much a block of it takes.
#pragma once

#include <algorithm>

#include "convert.cuh"
#include "pool.h"

namespace gld::cuda {

constexpr int kPoolThreads = 256;
constexpr std::int64_t kPoolShared = 16 << 10;     // of a block, so that many fit a multiprocessor
constexpr std::int64_t kPoolMaxShared = 40 << 10;  // where one plane, or all regions, need more
constexpr std::int64_t kPoolMaxPlanes = 256;
constexpr std::int64_t kPoolMaxSide = 16384;  // products of positions and cells stay within 32 bits

inline Windows<int> narrow(const Windows<std::int64_t>& axis) {
  return {static_cast<int>(axis.length), static_cast<int>(axis.cells), static_cast<int>(axis.period)};
}

// Strides of a view [samples, channels, 1, height, width], those of axes of size 1 left out of account.
inline bool dense_planes(const gld_view& view, const PoolShape& shape) {
  const std::int64_t width = shape.horizontal.length;
  const std::int64_t height = shape.vertical.length;
  const auto is = [](std::int64_t size, std::int64_t stride, std::int64_t wanted) {
    return size == 1 || stride == wanted;
  };
  return is(width, view.stride[4], 1) && is(height, view.stride[3], width) &&
         is(shape.channels, view.stride[1], width * height) &&
         is(shape.samples, view.stride[0], width * height * shape.channels);
}

inline bool wide_lines(const gld_view& view, const PoolShape& shape) {
  const std::int64_t wide = 16 / bytes_of(view.dtype);
  const auto is = [&](std::int64_t size, std::int64_t stride) { return size == 1 || stride % wide == 0; };
  return reinterpret_cast<std::uintptr_t>(view.data) % 16 == 0 && shape.channels % wide == 0 &&
         is(shape.samples, view.stride[0]) && is(shape.vertical.length, view.stride[3]) &&
         is(shape.horizontal.length, view.stride[4]);
}

inline bool small_map(const PoolShape& shape) {
  return shape.vertical.length <= kPoolMaxSide && shape.horizontal.length <= kPoolMaxSide &&
         shape.vertical.length * shape.horizontal.length <= 2 * kPoolMaxSide;
}

// begins[r] = first position of run r, begins[runs] = length; by the threads [first, count) of a block.
template <class Int, class Index>
__device__ void find_runs(const Windows<Int>& axis, Index* begins, Int first, Int count) {
  for (Int p = first; p <= axis.length; p += count) {
    const Int to = p == axis.length ? axis.runs() : axis.run(p);
    const Int from = p == 0 ? -1 : axis.run(p - 1);
    for (Int r = from + 1; r <= to; ++r) begins[r] = static_cast<Index>(p);
  }
}

// A power of two of units of `bytes` each that a block's shared memory holds beside `fixed` bytes; 0 if not even one.
inline std::int64_t units_of_block(std::int64_t bytes, std::int64_t fixed, std::int64_t most) {
  if (fixed + bytes > kPoolMaxShared) return 0;
  std::int64_t units = 1;
  while (2 * units <= most && fixed + 2 * units * bytes <= kPoolShared) units *= 2;
  return units;
}

// Threads of a block of the kernels on lines: x along the channels, `wide` of them each, y over regions or positions.
inline dim3 line_threads(std::int64_t channels, int wide) {
  unsigned x = 1;
  while (x < kWarp && static_cast<std::int64_t>(x) * wide < channels) x *= 2;
  return dim3(x, kPoolThreads / x);
}

// Elements before the first that lies on 16 bytes, at most `count`.
template <class T>
__device__ int unaligned_head(const T* data, int count) {
  const auto past = static_cast<int>(reinterpret_cast<std::uintptr_t>(data) % 16 / sizeof(T));
  const int head = past == 0 ? 0 : kWide<T> - past;
  return head < count ? head : count;
}

}  // namespace gld::cuda

// One row of logits, held by the threads that work on it: a warp, or a whole block. Thread `lane` of kThreads has the
// elements 4 (p kThreads + lane) + j, so that a load moves 16 bytes. kPacks of them are kept in registers; with kPacks
// = 0 the row stays in memory and is read again (from a cache, mostly) whenever it is looked at.
#pragma once

#include "convert.cuh"
#include "reduce.cuh"

namespace gld::cuda {

template <int kThreads, int kPacks>
struct Line {
  static constexpr bool kInRegisters = kPacks > 0;
  static constexpr int kSlots = kInRegisters ? 4 * kPacks : 1;

  const float* row;
  int classes;
  float kept[kSlots];

  __device__ Line(const float* row_, int classes_) : row(row_), classes(classes_) {
    if constexpr (kInRegisters) {
      each_pack(classes, [&](int slot, int k) {
        if (k + 4 <= classes) {
          const auto pack = *reinterpret_cast<const Pack<float, 4>*>(row + k);
#pragma unroll
          for (int j = 0; j < 4; ++j) kept[slot + j] = pack.at[j];
        } else {
          // What lies between the row's end and the next row was never written.
#pragma unroll
          for (int j = 0; j < 3; ++j) kept[slot + j] = k + j < classes ? row[k + j] : 0;
        }
      });
    }
  }

  __device__ static int lane() { return static_cast<int>(threadIdx.x) % kThreads; }
  __device__ float at(int slot, int k) const {
    if constexpr (kInRegisters) {
      return kept[slot];
    } else {
      return row[k];
    }
  }

  // use(slot, k) for the first element of every pack that begins within the row.
  template <class F>
  __device__ static void each_pack(int classes, F&& use) {
    if constexpr (kInRegisters) {
#pragma unroll
      for (int p = 0; p < kPacks; ++p) {
        const int k = 4 * (p * kThreads + lane());
        if (k < classes) use(4 * p, k);
      }
    } else {
      for (int k = 4 * lane(); k < classes; k += 4 * kThreads) use(0, k);
    }
  }
  // use(slot, k) for every element of this thread.
  template <class F>
  __device__ static void each(int classes, F&& use) {
    each_pack(classes, [&](int slot, int k) {
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        if (k + j < classes) use(kInRegisters ? slot + j : 0, k + j);
      }
    });
  }
  // Adds N sums over the row at once to what each thread has: term(slot, k, values) gives the element's. A pack in V,
  // float where its rounding does no harm, and the rest in double.
  template <class V, int N, class F>
  __device__ static void sums(int classes, double (&total)[N], F&& term) {
    each_pack(classes, [&](int slot, int k) {
      V pack[N] = {};
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        if (k + j >= classes) continue;
        V values[N];
        term(kInRegisters ? slot + j : 0, k + j, values);
#pragma unroll
        for (int i = 0; i < N; ++i) pack[i] += values[i];
      }
#pragma unroll
      for (int i = 0; i < N; ++i) total[i] += static_cast<double>(pack[i]);
    });
    reduce_block<kThreads>(total, Add{});
  }
};

// The gradient of a row, written as it is formed, or kept until it is whole.
template <int kThreads, int kPacks>
struct GradientLine {
  using Same = Line<kThreads, kPacks>;
  float* row;  // null if no gradient is wanted
  float kept[Same::kSlots];

  __device__ GradientLine(float* row_, int classes) : row(row_) {
#pragma unroll
    for (int i = 0; i < Same::kSlots; ++i) kept[i] = 0;
    if constexpr (!Same::kInRegisters) {
      if (row != nullptr) Same::each(classes, [&](int, int k) { row[k] = 0; });
    }
  }
  __device__ void add(int slot, int k, float value) {
    if constexpr (Same::kInRegisters) {
      kept[slot] += value;
    } else {
      row[k] += value;
    }
  }
  // Writes the row, and what lies between the row's end and the next row, up to a whole pack: zeros.
  __device__ void write(int classes) const {
    if constexpr (Same::kInRegisters) {
      if (row == nullptr) return;
      Same::each_pack(classes, [&](int slot, int k) {
        Pack<float, 4> pack;
#pragma unroll
        for (int j = 0; j < 4; ++j) pack.at[j] = kept[slot + j];
        *reinterpret_cast<Pack<float, 4>*>(row + k) = pack;
      });
    }
  }
};

}  // namespace gld::cuda

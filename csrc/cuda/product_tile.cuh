// One tile of a matrix product, the part that every product of the engine shares: left [rows, depth] times right
// [depth, columns], a block's tile of the result in its threads' registers.
//
// Both operands are float32. Shared memory holds slabs of kSlab depths of either, several of them in flight (cp.async).
// An operand's "line" is a row of left or a column of right; in memory either the depths of a line are neighbours
// (kAlongDepth) or the lines of a depth are (kAlongLines), in global and in shared memory alike.
//
// A warp multiplies by tensor-core steps of 16 lines x 8 lines. Which depth of a slab meets which place of a step is
// free as long as both operands agree: thread t of a group of four takes depths 4t..4t+3, which makes them one 16-byte
// load.
//
// Precisions (gld_precision). FLOAT32 splits x = big + small, both tf32, and sums small*big + big*small + big*big:
// about 22 of float32's 24 bits. Tensor cores cut sums instead of rounding them, which would grow with depth, so only
// one slab's worth is summed there and added to the total by an ordinary rounded addition (Ootomo and Yokota,
// "Recovering single precision accuracy from Tensor Cores while surpassing the FP32 theoretical peak performance",
// 2022). An infinity, and what rounds to one (above 3.40e38), becomes NaN, as there is no splitting it. TF32 and BF16
// round the inputs and do the same without the split. Before compute capability 8.0 all three are float32
// multiply-adds, in the same threads.
#pragma once

#include <cstdint>

#include "intrinsics.cuh"
#include "product.h"

namespace gld::cuda {

constexpr int kSlab = 16;  // depths of one stage of the pipeline

// Where an operand's tile lies in shared memory and how a warp reads it.
template <OperandLayout kLayout, int kLines>
struct Slab;

// [kLines][kSlab]: eight lines by four places are 512 bytes in a row, without conflicts.
template <int kLines>
struct Slab<OperandLayout::kAlongDepth, kLines> {
  static constexpr int kChunks = kLines * kSlab / 4;  // of 16 bytes
  static __device__ int line(int chunk) { return chunk / (kSlab / 4); }
  static __device__ int depth(int chunk) { return chunk % (kSlab / 4) * 4; }
  static __device__ int offset(int chunk) { return chunk * 4; }
  static __device__ Four read(const float* slab, int line, int place) {
    return *reinterpret_cast<const Four*>(slab + line * kSlab + 4 * place);
  }
};

// [kSlab][kLines], the lines of depths 4t..4t+3 exchanged in eights by t, so that the 32 lanes that read depth 4t + j
// of line g meet 32 banks.
template <int kLines>
struct Slab<OperandLayout::kAlongLines, kLines> {
  static constexpr int kChunks = kLines * kSlab / 4;
  static __device__ int line(int chunk) { return chunk % (kLines / 4) * 4; }
  static __device__ int depth(int chunk) { return chunk / (kLines / 4); }
  static __device__ int offset(int chunk) { return depth(chunk) * kLines + (line(chunk) ^ depth(chunk) / 4 * 8); }
  static __device__ Four read(const float* slab, int line, int place) {
    const float* at = slab + 4 * place * kLines + (line ^ place * 8);
    return {{at[0], at[kLines], at[2 * kLines], at[3 * kLines]}};
  }
};

// The lines of an operand that a block's tile needs.
struct OperandLines {
  const float* data;  // of the first one
  std::int64_t pitch;
  int count;  // up to the end of the operand, or of the tile

  template <OperandLayout kLayout, int kLines>
  static __device__ OperandLines of(const Operand& operand, std::int64_t first) {
    const std::int64_t left = operand.lines - first;
    return {operand.data + (kLayout == OperandLayout::kAlongDepth ? first * operand.pitch : first), operand.pitch,
            left < kLines ? static_cast<int>(left) : kLines};
  }
};

// Begins to copy `count` depths (kSlab at most) of a slab from `depth` on; what lies beyond the operand becomes zero.
template <OperandLayout kLayout, int kLines, int kThreads>
__device__ void copy_slab(float* to, const OperandLines& from, std::int64_t depth, int count) {
  using At = Slab<kLayout, kLines>;
  constexpr bool along_depth = kLayout == OperandLayout::kAlongDepth;
  const float* const source = from.data + (along_depth ? depth : depth * from.pitch);
#pragma unroll
  for (int i = 0; i < At::kChunks / kThreads; ++i) {
    const int chunk = static_cast<int>(threadIdx.x) + i * kThreads;
    const int line = At::line(chunk);
    const int at = At::depth(chunk);
    const int left = line >= from.count || at >= count ? 0 : along_depth ? count - at : from.count - line;
    const std::int64_t offset = along_depth ? line * from.pitch + at : at * from.pitch + line;
    copy_async(to + At::offset(chunk), left > 0 ? source + offset : from.data, left >= 4 ? 16 : 4 * left);
  }
}

// Multiplies every depth of a slab with a factor of its own, in place, each thread what it has copied itself.
template <OperandLayout kLayout, int kLines, int kThreads>
__device__ void scale_slab(float* slab, const float* factors, int count) {
  using At = Slab<kLayout, kLines>;
#pragma unroll
  for (int i = 0; i < At::kChunks / kThreads; ++i) {
    const int chunk = static_cast<int>(threadIdx.x) + i * kThreads;
    Four value = *reinterpret_cast<const Four*>(slab + At::offset(chunk));
#pragma unroll
    for (int k = 0; k < 4; ++k) {
      const int own = At::depth(chunk) + (kLayout == OperandLayout::kAlongDepth ? k : 0);
      value.x[k] *= own < count ? factors[own] : 0.0f;
    }
    *reinterpret_cast<Four*>(slab + At::offset(chunk)) = value;
  }
}

// A block's tile: kRows x kColumns by kRowWarps x kColumnWarps warps.
template <int kRows_, int kColumns_, int kRowWarps_, int kColumnWarps_, int kStages_, int kBlocks_>
struct Tile {
  static constexpr int kRows = kRows_, kColumns = kColumns_;
  static constexpr int kRowWarps = kRowWarps_, kColumnWarps = kColumnWarps_;
  static constexpr int kStages = kStages_;
  static constexpr int kBlocks = kBlocks_;  // that a multiprocessor's registers are to hold
  static constexpr int kThreads = 32 * kRowWarps * kColumnWarps;
  static constexpr int kRowSteps = kRows / kRowWarps / 16;          // of 16 rows
  static constexpr int kColumnSteps = kColumns / kColumnWarps / 8;  // of 8 columns
  static constexpr int kStageFloats = (kRows + kColumns) * kSlab;
  static constexpr int kSharedBytes = kStages * kStageFloats * 4;

  // The element that a thread's value (i, j, e) is, counted in the tile.
  static __device__ int row(int i, int e) {
    return static_cast<int>(threadIdx.x) / 32 / kColumnWarps * (16 * kRowSteps) + 16 * i + e / 2 * 8 + lane() / 4;
  }
  static __device__ int column(int j, int e) {
    return static_cast<int>(threadIdx.x) / 32 % kColumnWarps * (8 * kColumnSteps) + 8 * j + lane() % 4 * 2 + e % 2;
  }
  static __device__ int lane() { return static_cast<int>(threadIdx.x) % 32; }
};

// A thread's share of a tile: value[i][j][e] is element (row(i, e), column(j, e)).
template <class Tile>
struct Sums {
  float value[Tile::kRowSteps][Tile::kColumnSteps][4];

  __device__ void clear() {
#pragma unroll
    for (int i = 0; i < Tile::kRowSteps; ++i) {
#pragma unroll
      for (int j = 0; j < Tile::kColumnSteps; ++j) {
#pragma unroll
        for (int e = 0; e < 4; ++e) value[i][j][e] = 0;
      }
    }
  }
};

template <int kPrecision>
struct Fragments;

// A line has four depths: (0, 1) are two places of one step of eight, (2, 3) of the next.
template <>
struct Fragments<GLD_PRECISION_FLOAT32> {
  struct Line {
    std::uint32_t big[4], small[4];
  };
  static __device__ Line of(const Four& from) {
    Line line;
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      line.big[i] = round_tf32(from.x[i]);
      line.small[i] = round_tf32(from.x[i] - bits_float(line.big[i]));
    }
    return line;
  }
  static __device__ void multiply(float (&sum)[4], const Line& upper, const Line& lower, const Line& right) {
    // Small products first: the sum is cut relative to the largest of its addends.
#pragma unroll
    for (int step = 0; step < 4; step += 2) {
      mma_tf32(sum, {upper.small[step], lower.small[step], upper.small[step + 1], lower.small[step + 1]},
               {right.big[step], right.big[step + 1]});
      mma_tf32(sum, {upper.big[step], lower.big[step], upper.big[step + 1], lower.big[step + 1]},
               {right.small[step], right.small[step + 1]});
    }
#pragma unroll
    for (int step = 0; step < 4; step += 2) {
      mma_tf32(sum, {upper.big[step], lower.big[step], upper.big[step + 1], lower.big[step + 1]},
               {right.big[step], right.big[step + 1]});
    }
  }
};

template <>
struct Fragments<GLD_PRECISION_TF32> {
  struct Line {
    std::uint32_t value[4];
  };
  static __device__ Line of(const Four& from) {
    return {{round_tf32(from.x[0]), round_tf32(from.x[1]), round_tf32(from.x[2]), round_tf32(from.x[3])}};
  }
  static __device__ void multiply(float (&sum)[4], const Line& upper, const Line& lower, const Line& right) {
#pragma unroll
    for (int step = 0; step < 4; step += 2) {
      mma_tf32(sum, {upper.value[step], lower.value[step], upper.value[step + 1], lower.value[step + 1]},
               {right.value[step], right.value[step + 1]});
    }
  }
};

template <>
struct Fragments<GLD_PRECISION_BF16> {
  struct Line {
    std::uint32_t pair[2];
  };
  static __device__ Line of(const Four& from) {
    return {{pack_bf16(from.x[0], from.x[1]), pack_bf16(from.x[2], from.x[3])}};
  }
  static __device__ void multiply(float (&sum)[4], const Line& upper, const Line& lower, const Line& right) {
    mma_bf16(sum, {upper.pair[0], lower.pair[0], upper.pair[1], lower.pair[1]}, {right.pair[0], right.pair[1]});
  }
};

// sums += the product of one slab, by the tensor cores.
template <int kPrecision, class Tile, class Left, class Right>
__device__ void multiply_steps(Sums<Tile>& sums, const float* left, const float* right) {
  using Parts = Fragments<kPrecision>;
  const int group = Tile::lane() / 4;
  const int place = Tile::lane() % 4;
  const int first_row = Tile::row(0, 0) - group;
  const int first_column = Tile::column(0, 0) - 2 * place;
  typename Parts::Line columns[Tile::kColumnSteps];
#pragma unroll
  for (int j = 0; j < Tile::kColumnSteps; ++j) {
    columns[j] = Parts::of(Right::read(right, first_column + 8 * j + group, place));
  }
#pragma unroll
  for (int i = 0; i < Tile::kRowSteps; ++i) {
    const auto upper = Parts::of(Left::read(left, first_row + 16 * i + group, place));
    const auto lower = Parts::of(Left::read(left, first_row + 16 * i + 8 + group, place));
#pragma unroll
    for (int j = 0; j < Tile::kColumnSteps; ++j) {
      float sum[4] = {};
      Parts::multiply(sum, upper, lower, columns[j]);
#pragma unroll
      for (int e = 0; e < 4; ++e) sums.value[i][j][e] += sum[e];
    }
  }
}

// Ordinary multiply-adds in place of those, each thread for the elements that it holds anyway.
template <class Tile, class Left, class Right>
__device__ void multiply_plain(Sums<Tile>& sums, const float* left, const float* right) {
#pragma unroll 1
  for (int place = 0; place < kSlab / 4; ++place) {
    Four columns[Tile::kColumnSteps][2];
#pragma unroll
    for (int j = 0; j < Tile::kColumnSteps; ++j) {
#pragma unroll
      for (int e = 0; e < 2; ++e) columns[j][e] = Right::read(right, Tile::column(j, e), place);
    }
#pragma unroll
    for (int i = 0; i < Tile::kRowSteps; ++i) {
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const Four row = Left::read(left, Tile::row(i, 2 * half), place);
#pragma unroll
        for (int j = 0; j < Tile::kColumnSteps; ++j) {
#pragma unroll
          for (int e = 0; e < 2; ++e) {
#pragma unroll
            for (int k = 0; k < 4; ++k) sums.value[i][j][2 * half + e] += row.x[k] * columns[j][e].x[k];
          }
        }
      }
    }
  }
}

// sums += left * right over depths [begin, end), begin a multiple of 4. copy(left slab, right slab, depth, count)
// begins to copy `count` depths of both operands; ready(left slab, depth, count) is called by each thread once what it
// copied itself is there, and may change that. Ends with nothing in flight and shared memory free.
template <int kPrecision, class Tile, class Left, class Right, class Copy, class Ready>
__device__ void multiply_tile(Sums<Tile>& sums, std::int64_t begin, std::int64_t end, float* shared, Copy&& copy,
                              Ready&& ready) {
  constexpr int kAhead = Tile::kStages - 1;
  const int slabs = static_cast<int>((end - begin + kSlab - 1) / kSlab);
  const int last =
      static_cast<int>(end - begin - static_cast<std::int64_t>(slabs - 1) * kSlab);  // depths of the last one
  int come = 0;  // where the slab lies that is multiplied next
  int go = 0;    // ... and the one that is copied next
#pragma unroll 1
  for (int slab = -kAhead; slab < slabs; ++slab) {
    float* const stage = shared + come * Tile::kStageFloats;
    if (slab >= 0) {
      copies_wait<kAhead - 1>();
      ready(stage, begin + static_cast<std::int64_t>(slab) * kSlab, slab + 1 < slabs ? kSlab : last);
      // This slab is there for all, and all are done with the one before, whose place the next copy takes.
      __syncthreads();
      come = come + 1 < Tile::kStages ? come + 1 : 0;
    }
    const int next = slab + kAhead;
    if (next < slabs) {
      float* const to = shared + go * Tile::kStageFloats;
      copy(to, to + Tile::kRows * kSlab, begin + static_cast<std::int64_t>(next) * kSlab,
           next + 1 < slabs ? kSlab : last);
      go = go + 1 < Tile::kStages ? go + 1 : 0;
    }
    copies_commit();  // an empty group too, so that their number tells which slab has come
    if (slab < 0) continue;
    if (tensor_cores()) {
      multiply_steps<kPrecision, Tile, Left, Right>(sums, stage, stage + Tile::kRows * kSlab);
    } else {
      multiply_plain<Tile, Left, Right>(sums, stage, stage + Tile::kRows * kSlab);
    }
  }
  copies_wait<0>();
  __syncthreads();
}

}  // namespace gld::cuda

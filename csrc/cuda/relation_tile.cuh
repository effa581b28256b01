// One tile of the distances of pairs: products of rows made distances in registers, and what is taken from them. The
// parts of relation_pairwise.cu's kernel on tiles.
#pragma once

#include "../shared/relation_pairwise.h"
#include "centred.h"
#include "product_tile.cuh"
#include "reduce.cuh"

namespace gld::cuda {

using PairTile = Tile<64, 64, 2, 2, 4, 2>;

constexpr int kSquarePitch = PairTile::kColumns + 1;  // of a tile of distances in shared memory
constexpr int kRowsOfThread = 2 * PairTile::kRowSteps;
constexpr int kColumnsOfThread = 2 * PairTile::kColumnSteps;
enum PairSum { kDtDt, kDsDs, kDtDs, kSums };  // over a row: Σ dt², Σ ds², Σ dt ds

static_assert(PairTile::kRows == PairTile::kColumns, "tiles are mirrored");
static_assert(PairTile::kRows * kSquarePitch * 4 <= PairTile::kSharedBytes, "a tile of distances fits");
static_assert(kSums * 2 * PairTile::kRows * 8 <= PairTile::kSharedBytes, "sums of a tile fit");

struct PairArguments {
  Operand rows[kSides];
  Product::Parts products;  // of all rows with all rows, one job per side, if they were made apart
  const double* squares[kSides];
  std::int64_t m, classes;
  std::int64_t first, count;       // rows of the result; all of them except for weights
  std::int64_t slots, slot_tiles;  // tiles of columns of one block
  bool symmetric;                  // one tile per block, on or above the diagonal, for both of its halves
  bool euclidean;
  float* kept[kSides];  // distances, if they are to be kept
  float* weights;       // A instead of the sums of squares, if there
  std::int64_t pitch;   // of kept or weights
  const float* slopes[kSides];
  std::int32_t precision;
  double* sums;  // [slots][kSums][m], or of weights [slots][count]
  const std::int32_t* stop;
};

// Roots of a tile of squared distances in shared memory, each as accurate as its rows allow.
__device__ inline void take_roots(float* tile, const PairArguments& arguments, int side, std::int64_t first_row,
                                  std::int64_t first_column) {
  const Operand& rows = arguments.rows[side];
  const std::int64_t lane = PairTile::lane();
  for (int i = static_cast<int>(threadIdx.x) / kWarp; i < PairTile::kRows; i += PairTile::kThreads / kWarp) {
    const std::int64_t r = first_row + i;
    for (int j = static_cast<int>(lane); j < PairTile::kColumns; j += kWarp) {
      const std::int64_t c = first_column + j;
      float distance = tile[i * kSquarePitch + j];
      const bool inside = r < arguments.m && c < arguments.m;
      const bool close = inside && r != c &&
                         close_rows(distance, static_cast<float>(arguments.squares[side][r]),
                                    static_cast<float>(arguments.squares[side][c]));
      distance = sqrtf(distance);
      // Close pairs one after another, by the whole warp.
      for (unsigned left = __ballot_sync(kAllLanes, close); left != 0; left &= left - 1) {
        const int owner = __ffs(static_cast<int>(left)) - 1;
        const float* x = rows.data + r * rows.pitch;
        const float* y = rows.data + (c - lane + owner) * rows.pitch;
        double square = 0;
        for (std::int64_t k = lane; k < arguments.classes; k += kWarp) {
          const double difference = static_cast<double>(x[k]) - static_cast<double>(y[k]);
          square += difference * difference;
        }
        square = reduce_warp(square, Add());
        if (lane == owner) distance = static_cast<float>(sqrt(square));
      }
      tile[i * kSquarePitch + j] = distance;
    }
  }
}

// A tile of products that were made apart, part by part, all elements of a thread at once.
__device__ inline void load_products(Sums<PairTile>& to, const PairArguments& arguments, int side,
                                     std::int64_t first_row, std::int64_t first_column) {
  const Product::Parts& parts = arguments.products;
  const float* from = parts.data + side * parts.job;
#pragma unroll 1
  for (int part = 0; part < parts.count; ++part, from += parts.part) {
#pragma unroll
    for (int line = 0; line < kRowsOfThread; ++line) {
      const std::int64_t r = first_row + PairTile::row(line / 2, line % 2 * 2);
#pragma unroll
      for (int j = 0; j < PairTile::kColumnSteps; ++j) {
        const std::int64_t c = first_column + PairTile::column(j, 0);
        if (r >= arguments.m || c >= arguments.m) continue;
        const float* const at = from + r * parts.pitch + c;  // c is even
        const float2 pair = c + 1 < arguments.m ? *reinterpret_cast<const float2*>(at) : make_float2(*at, 0.0f);
        to.value[line / 2][j][line % 2 * 2] += pair.x;
        to.value[line / 2][j][line % 2 * 2 + 1] += pair.y;
      }
    }
  }
}

// Products of rows to distances; 0 beyond the last row.
__device__ inline void to_distances(Sums<PairTile>& of, const PairArguments& arguments, int side,
                                    std::int64_t first_row, std::int64_t first_column, float* shared) {
  const double* squares = arguments.squares[side];
  float of_column[PairTile::kColumnSteps][2];
#pragma unroll
  for (int j = 0; j < PairTile::kColumnSteps; ++j) {
#pragma unroll
    for (int e = 0; e < 2; ++e) {
      const std::int64_t c = first_column + PairTile::column(j, e);
      of_column[j][e] = c < arguments.m ? static_cast<float>(squares[c]) : 0.0f;
    }
  }
#pragma unroll
  for (int i = 0; i < PairTile::kRowSteps; ++i) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const std::int64_t r = first_row + PairTile::row(i, 2 * half);
      const float of_row = r < arguments.m ? static_cast<float>(squares[r]) : 0.0f;
#pragma unroll
      for (int j = 0; j < PairTile::kColumnSteps; ++j) {
#pragma unroll
        for (int e = 0; e < 2; ++e) {
          const std::int64_t c = first_column + PairTile::column(j, e);
          float& value = of.value[i][j][2 * half + e];
          value = squared_distance(of_row, of_column[j][e], value);
          if (r == c) value = of_row - of_row;  // exactly 0, unless the row holds a NaN
          if (r >= arguments.m || c >= arguments.m) value = 0;
        }
      }
    }
  }
  if (!arguments.euclidean) return;
#pragma unroll
  for (int i = 0; i < PairTile::kRowSteps; ++i) {
#pragma unroll
    for (int j = 0; j < PairTile::kColumnSteps; ++j) {
#pragma unroll
      for (int e = 0; e < 4; ++e)
        shared[PairTile::row(i, e) * kSquarePitch + PairTile::column(j, e)] = of.value[i][j][e];
    }
  }
  __syncthreads();
  take_roots(shared, arguments, side, first_row, first_column);
  __syncthreads();
#pragma unroll
  for (int i = 0; i < PairTile::kRowSteps; ++i) {
#pragma unroll
    for (int j = 0; j < PairTile::kColumnSteps; ++j) {
#pragma unroll
      for (int e = 0; e < 4; ++e)
        of.value[i][j][e] = shared[PairTile::row(i, e) * kSquarePitch + PairTile::column(j, e)];
    }
  }
  __syncthreads();
}

// A tile of distances, and mirrored the tile on the other side of the diagonal.
__device__ inline void store_distances(const Sums<PairTile>& from, float* to, std::int64_t pitch, std::int64_t m,
                                       std::int64_t first_row, std::int64_t first_column) {
#pragma unroll
  for (int i = 0; i < PairTile::kRowSteps; ++i) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const std::int64_t r = first_row + PairTile::row(i, 2 * half);
#pragma unroll
      for (int j = 0; j < PairTile::kColumnSteps; ++j) {
        const std::int64_t c = first_column + PairTile::column(j, 0);
        const float first = from.value[i][j][2 * half];
        const float second = from.value[i][j][2 * half + 1];
        if (r >= m || c >= m) continue;
        // c is even and rows begin on 16 bytes; a row's last pair may reach into its padding.
        *reinterpret_cast<float2*>(to + r * pitch + c) = make_float2(first, second);
        if (first_row == first_column) continue;
        to[c * pitch + r] = first;
        if (c + 1 < m) to[(c + 1) * pitch + r] = second;
      }
    }
  }
}

// Sums are in double: 1 - cos of two rows is a small difference of these sums.
__device__ inline void add_squares(double (&sums)[kSums], float teacher, float student) {
  const auto dt = static_cast<double>(teacher);
  const auto ds = static_cast<double>(student);
  sums[kDtDt] += dt * dt;
  sums[kDsDs] += ds * ds;
  sums[kDtDs] += dt * ds;
}

// The last step of either sum below: over the warps side by side, shared[which][warp][line of the tile], to
// to[which][first + line] up to line `end`.
template <int kCount, int kWarps>
__device__ void add_warps(const double* shared, double* to, std::int64_t stride, std::int64_t first, std::int64_t end) {
  __syncthreads();
  for (int i = static_cast<int>(threadIdx.x); i < kCount * PairTile::kRows; i += PairTile::kThreads) {
    const int which = i / PairTile::kRows;
    const int line = i % PairTile::kRows;
    if (first + line >= end) continue;
    double total = 0;
#pragma unroll
    for (int w = 0; w < kWarps; ++w) total += shared[(which * kWarps + w) * PairTile::kRows + line];
    to[which * stride + first + line] = total;
  }
  __syncthreads();
}

// Sums of rows over a tile's columns: over the four lanes that share a row, then over the warps.
template <int kCount>
__device__ inline void store_row_sums(double (&sums)[kRowsOfThread][kCount], double* shared, double* to,
                                      std::int64_t stride, std::int64_t first_row, std::int64_t end) {
#pragma unroll
  for (int line = 0; line < kRowsOfThread; ++line) {
#pragma unroll
    for (int which = 0; which < kCount; ++which) {
      double& sum = sums[line][which];
      sum += __shfl_xor_sync(kAllLanes, sum, 1);
      sum += __shfl_xor_sync(kAllLanes, sum, 2);
    }
  }
  const int warp = static_cast<int>(threadIdx.x) / kWarp;
  if (PairTile::lane() % 4 == 0) {
#pragma unroll
    for (int line = 0; line < kRowsOfThread; ++line) {
#pragma unroll
      for (int which = 0; which < kCount; ++which) {
        shared[(which * PairTile::kColumnWarps + warp % PairTile::kColumnWarps) * PairTile::kRows +
               PairTile::row(line / 2, line % 2 * 2)] = sums[line][which];
      }
    }
  }
  add_warps<kCount, PairTile::kColumnWarps>(shared, to, stride, first_row, end);
}

// Sums of columns, which are the rows of the mirrored tile.
__device__ inline void store_column_sums(const Sums<PairTile>& teacher, const Sums<PairTile>& student, double* shared,
                                         double* to, std::int64_t stride, std::int64_t first_column, std::int64_t end) {
  const int warp = static_cast<int>(threadIdx.x) / kWarp;
#pragma unroll
  for (int line = 0; line < kColumnsOfThread; ++line) {
    double sums[kSums] = {};
#pragma unroll
    for (int i = 0; i < kRowsOfThread; ++i) {
      add_squares(sums, teacher.value[i / 2][line / 2][i % 2 * 2 + line % 2],
                  student.value[i / 2][line / 2][i % 2 * 2 + line % 2]);
    }
#pragma unroll
    for (int which = 0; which < kSums; ++which) {
      double sum = sums[which];
      sum += __shfl_xor_sync(kAllLanes, sum, 4);
      sum += __shfl_xor_sync(kAllLanes, sum, 8);
      sum += __shfl_xor_sync(kAllLanes, sum, 16);
      if (PairTile::lane() < 4) {
        shared[(which * PairTile::kRowWarps + warp / PairTile::kColumnWarps) * PairTile::kColumns +
               PairTile::column(line / 2, line % 2)] = sum;
      }
    }
  }
  add_warps<kSums, PairTile::kRowWarps>(shared, to, stride, first_column, end);
}

// An element of A as the last product reads it: its two indices' slopes and the distances.
__device__ inline float weight_of(bool euclidean, std::int32_t precision, float teacher_slope_r, float teacher_slope_c,
                                  float teacher_distance, float student_slope_r, float student_slope_c,
                                  float student_distance) {
  const float weight = pair_weight(teacher_slope_r, teacher_slope_c, teacher_distance, student_slope_r, student_slope_c,
                                   student_distance);
  return round_input(precision, euclidean ? euclidean_weight(weight, student_distance) : weight);
}

// A of one tile, stored; its rows' sums are added to `sums`.
__device__ inline void store_weights(const Sums<PairTile>& teacher, const Sums<PairTile>& student,
                                     const PairArguments& arguments, std::int64_t first_row, std::int64_t first_column,
                                     double (&sums)[kRowsOfThread][1]) {
#pragma unroll
  for (int line = 0; line < kRowsOfThread; ++line) {
    const std::int64_t r = first_row + PairTile::row(line / 2, line % 2 * 2);
    if (r >= arguments.first + arguments.count) continue;
    const float a = arguments.slopes[kTeacher][r];
    const float b = arguments.slopes[kStudent][r];
    float* const to = arguments.weights + (r - arguments.first) * arguments.pitch;
#pragma unroll
    for (int j = 0; j < kColumnsOfThread; ++j) {
      const std::int64_t c = first_column + PairTile::column(j / 2, j % 2);
      if (c >= arguments.m) continue;
      const float dt = teacher.value[line / 2][j / 2][line % 2 * 2 + j % 2];
      const float ds = student.value[line / 2][j / 2][line % 2 * 2 + j % 2];
      const float weight = weight_of(arguments.euclidean, arguments.precision, a, arguments.slopes[kTeacher][c], dt, b,
                                     arguments.slopes[kStudent][c], ds);
      to[c] = weight;
      sums[line][0] += static_cast<double>(weight);
    }
  }
}

}  // namespace gld::cuda

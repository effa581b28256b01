#include "centred.h"

#include <cmath>

#include "intrinsics.cuh"
#include "reduce.cuh"

namespace gld::cuda {
namespace {

constexpr int kFitColumns = 32, kFitRows = 8;  // threads of a block
constexpr std::int64_t kLeastRows = 64;        // of one block of sums
constexpr std::int64_t kMostBlocks = 128;      // bounds the memory of the partial sums
constexpr int kMeanColumns = 256;
constexpr int kLoadRows = 8;  // warps of a block

struct BothSides {
  Matrix rows[kSides];
};

// Sums of the differences to the first row, and their largest sizes: see centred_logit().
__global__ void __launch_bounds__(kFitColumns* kFitRows)
    sum_differences(const std::int32_t* stop, const __grid_constant__ BothSides sides, std::int64_t m,
                    std::int64_t columns, std::int64_t block_rows, double* partial) {
  if (block_stopped(stop)) return;
  const int side = static_cast<int>(blockIdx.z);
  const std::int64_t column = static_cast<std::int64_t>(blockIdx.x) * kFitColumns + threadIdx.x;
  const std::int64_t begin = blockIdx.y * block_rows;
  const std::int64_t end = begin + block_rows < m ? begin + block_rows : m;
  double total = 0;
  double largest = 0;
  if (column < columns) {
    const Matrix rows = sides.rows[side];
    const float* at = rows.data + column;
    const auto origin = static_cast<double>(*at);
    for (std::int64_t r = begin + threadIdx.y; r < end; r += kFitRows) {
      const double difference = static_cast<double>(at[r * rows.pitch]) - origin;
      total += difference;
      if (std::fabs(difference) > largest) largest = std::fabs(difference);
    }
  }
  GLD_SHARED(double, totals, [kFitRows][kFitColumns]);
  GLD_SHARED(double, maxima, [kFitRows][kFitColumns]);
  totals[threadIdx.y][threadIdx.x] = total;
  maxima[threadIdx.y][threadIdx.x] = largest;
  __syncthreads();
  if (threadIdx.y != 0 || column >= columns) return;
  for (int i = 1; i < kFitRows; ++i) {
    total += totals[i][threadIdx.x];
    if (maxima[i][threadIdx.x] > largest) largest = maxima[i][threadIdx.x];
  }
  double* const to = partial + (static_cast<std::int64_t>(side) * gridDim.y + blockIdx.y) * 2 * columns;
  to[column] = total;
  to[columns + column] = largest;
}

__global__ void __launch_bounds__(kMeanColumns)
    find_means(const std::int32_t* stop, const double* partial, std::int64_t m, std::int64_t columns,
               std::int64_t blocks, double* mean, double* largest) {
  if (block_stopped(stop)) return;
  const std::int64_t side = blockIdx.y;
  const std::int64_t column = static_cast<std::int64_t>(blockIdx.x) * kMeanColumns + threadIdx.x;
  double total = 0;
  double most[1] = {0};
  if (column < columns) {
    const double* from = partial + side * blocks * 2 * columns + column;
    for (std::int64_t block = 0; block < blocks; ++block, from += 2 * columns) {
      total += from[0];
      if (from[columns] > most[0]) most[0] = from[columns];
    }
    mean[side * columns + column] = total / static_cast<double>(m);
  }
  reduce_block<kMeanColumns>(most, Larger());
  if (threadIdx.x == 0) largest[side * gridDim.x + blockIdx.x] = most[0];
}

struct CentredRows {
  Matrix rows[kSides];
  double* squares[kSides];
};

// A warp per row.
__global__ void __launch_bounds__(kLoadRows* kWarp)
    centre_rows(const std::int32_t* stop, std::int32_t precision, const __grid_constant__ BothSides sides,
                const double* mean, const double* largest, std::int64_t maxima, std::int64_t first, std::int64_t count,
                std::int64_t columns, const __grid_constant__ CentredRows to, double* scales) {
  if (block_stopped(stop)) return;
  const int side = static_cast<int>(blockIdx.y);
  const std::int64_t lane = threadIdx.x % kWarp;
  double most = 0;
  for (std::int64_t i = lane; i < maxima; i += kWarp) most = Larger()(most, largest[side * maxima + i]);
  const double scale = centring_scale(reduce_warp(most, Larger()));
  if (blockIdx.x == 0 && threadIdx.x == 0) scales[side] = scale;
  const float* const origin = sides.rows[side].data;
  const double* const centre = mean + side * columns;
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * kLoadRows;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kLoadRows + threadIdx.x / kWarp; i < count; i += step) {
    const float* const from = sides.rows[side][first + i];
    float* const out = to.rows[side][i];
    double square = 0;
    for (std::int64_t k = lane; k < columns; k += kWarp) {
      const float value =
          round_input(precision, centred_logit(from[k], static_cast<double>(origin[k]), centre[k], scale));
      out[k] = value;
      square += static_cast<double>(value) * static_cast<double>(value);
    }
    square = reduce_warp(square, Add());
    if (lane == 0) to.squares[side][i] = square;
  }
}

std::int64_t maxima_of(std::int64_t classes) { return ceil_div(classes, kMeanColumns); }

}  // namespace

GradientUnit Centred::gradient_unit(double slope) const {
  const std::int64_t maxima = maxima_of(classes_);
  return {slope, largest_ + kStudent * maxima, maxima};
}

Centred::Centred(std::int64_t m, std::int64_t classes, Matrix teacher, Matrix student, Arena& arena)
    : m_(m),
      classes_(classes),
      block_rows_(block_size(m, kLeastRows, kMostBlocks)),
      blocks_(ceil_div(m, block_rows_)),
      rows_{teacher, student},
      partial_(arena.take<double>(kSides * blocks_ * 2 * classes)),
      mean_(arena.take<double>(kSides * classes)),
      largest_(arena.take<double>(kSides * maxima_of(classes))),
      scales_(arena.take<double>(kSides)) {}

void Centred::fit(const Launch& to) const {
  const BothSides sides{{rows_[kTeacher], rows_[kStudent]}};
  const auto column_blocks = static_cast<unsigned>(ceil_div(classes_, kFitColumns));
  launch(to, &sum_differences, dim3(column_blocks, static_cast<unsigned>(blocks_), kSides), dim3(kFitColumns, kFitRows),
         0, to.stop, sides, m_, classes_, block_rows_, partial_);
  const auto mean_blocks = static_cast<unsigned>(maxima_of(classes_));
  launch(to, &find_means, dim3(mean_blocks, kSides), dim3(kMeanColumns), 0, to.stop, partial_, m_, classes_, blocks_,
         mean_, largest_);
}

void Centred::load(const Launch& to, std::int32_t precision, std::int64_t first, std::int64_t count,
                   const Matrix (&rows)[kSides], double* const (&squares)[kSides]) const {
  const BothSides sides{{rows_[kTeacher], rows_[kStudent]}};
  const CentredRows centred{{rows[kTeacher], rows[kStudent]}, {squares[kTeacher], squares[kStudent]}};
  dim3 grid = grid_of(ceil_div(count, kLoadRows));
  grid.y = kSides;
  launch(to, &centre_rows, grid, dim3(kLoadRows * kWarp), 0, to.stop, precision, sides, mean_, largest_,
         maxima_of(classes_), first, count, classes_, centred, scales_);
}

}  // namespace gld::cuda

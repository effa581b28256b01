#include "relation_moments.h"

#include "reduce.cuh"

namespace gld::cuda {
namespace {

constexpr std::int64_t kChunkElements = 4 << 20;
constexpr int kRowWarps = 8;                   // rows of a block of the kernels with a warp per row
constexpr int kSumColumns = 32, kSumRows = 8;  // threads of a block of add_rows
constexpr std::int64_t kLeastRows = 64;        // of one block of it
constexpr std::int64_t kMostBlocks = 128;
constexpr int kVectorThreads = 128;
constexpr int kSquare = 32, kSquareRows = 8;  // tile of combine_kernel

constexpr int kVectors = kPlainVectors;  // of either kind
constexpr int kScalars = kPlainScalars;  // room for either kind's
static_assert(static_cast<int>(kWeightedVectors) == kVectors && static_cast<int>(kWeightedScalars) <= kScalars);

using ChunkRows = RelationMoments::ChunkRows;

// Vectors and scalars of a block of rows.
template <bool kWeighted>
__global__ void __launch_bounds__(kSumColumns* kSumRows)
    add_rows(const std::int32_t* stop, ChunkRows rows, std::int64_t block_rows, double* partial) {
  if (block_stopped(stop)) return;
  const std::int64_t column = static_cast<std::int64_t>(blockIdx.x) * kSumColumns + threadIdx.x;
  const bool inside = column < rows.classes;
  const std::int64_t begin = blockIdx.y * block_rows;
  const std::int64_t end = begin + block_rows < rows.count ? begin + block_rows : rows.count;
  double sums[kVectors + kScalars] = {};
  for (std::int64_t r = begin + threadIdx.y; r < end; r += kSumRows) {
    const double x = inside ? static_cast<double>(rows.x.data[r * rows.x.pitch + column]) : 0.0;
    const double y = inside ? static_cast<double>(rows.y.data[r * rows.y.pitch + column]) : 0.0;
    const double t = rows.t[r];
    const double s = rows.s[r];
    double* const scalars = sums + kVectors;
    if constexpr (kWeighted) {
      const double a = rows.a[r];
      const double b = rows.b[r];
      const double both = a * t + b * s;
      sums[kYAtBs] += both * y;
      sums[kYA] += a * y;
      sums[kYB] += b * y;
      sums[kXA] += a * x;
      scalars[kAtBs] += both;
      scalars[kA] += a;
      scalars[kB] += b;
    } else {
      sums[kXT] += t * x;
      sums[kXS] += s * x;
      sums[kYT] += t * y;
      sums[kYS] += s * y;
      scalars[kT] += t;
      scalars[kS] += s;
      scalars[kTT] += t * t;
      scalars[kTS] += t * s;
      scalars[kSS] += s * s;
    }
  }
  GLD_SHARED(double, totals, [kSumRows][kVectors + kScalars][kSumColumns]);
#pragma unroll
  for (int i = 0; i < kVectors + kScalars; ++i) totals[threadIdx.y][i][threadIdx.x] = sums[i];
  __syncthreads();
  double* const to = partial + blockIdx.y * (kVectors * rows.classes + kScalars);
  for (int i = static_cast<int>(threadIdx.y); i < kVectors + kScalars; i += kSumRows) {
    double total = 0;
    for (int row = 0; row < kSumRows; ++row) total += totals[row][i][threadIdx.x];
    if (i < kVectors) {
      if (inside) to[i * rows.classes + column] = total;
    } else if (column == 0) {
      to[kVectors * rows.classes + i - kVectors] = total;
    }
  }
}

// sums = (sums of earlier chunks) + the blocks' in their order.
__global__ void __launch_bounds__(kVectorThreads)
    add_blocks(const std::int32_t* stop, const double* partial, std::int64_t blocks, std::int64_t count, bool first,
               double* sums) {
  if (stopped(stop)) return;
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kVectorThreads + threadIdx.x;
  if (i >= count) return;
  double total = first ? 0.0 : sums[i];
  for (std::int64_t block = 0; block < blocks; ++block) total += partial[block * count + i];
  sums[i] = total;
}

struct CombineArguments {
  Product::Parts parts;
  std::int64_t classes;
  Matrix to[kPlainMatrices];
  double* wide[kPlainMatrices];
  unsigned symmetric;  // a bit per matrix
  bool first;
};

// Totals of the parts, with those of earlier chunks; of a symmetric matrix from the tiles on and above the diagonal.
__global__ void __launch_bounds__(kSquare* kSquareRows)
    combine_kernel(const std::int32_t* stop, const __grid_constant__ CombineArguments arguments) {
  if (block_stopped(stop)) return;
  const int which = static_cast<int>(blockIdx.z);
  const bool symmetric = (arguments.symmetric >> which & 1u) != 0;
  if (symmetric && blockIdx.y > blockIdx.x) return;
  const std::int64_t classes = arguments.classes;
  const std::int64_t first_row = static_cast<std::int64_t>(blockIdx.y) * kSquare;
  const std::int64_t first_column = static_cast<std::int64_t>(blockIdx.x) * kSquare;
  const float* const from = arguments.parts.data + which * arguments.parts.job;
  const Matrix to = arguments.to[which];
  double* const wide = arguments.wide[which];
  GLD_SHARED(float, tile, [kSquare][kSquare + 1]);
  for (int i = static_cast<int>(threadIdx.y); i < kSquare; i += kSquareRows) {
    const std::int64_t row = first_row + i;
    const std::int64_t column = first_column + threadIdx.x;
    if (row >= classes || column >= classes) continue;
    double total = arguments.first ? 0.0 : wide[row * classes + column];
    for (int part = 0; part < arguments.parts.count; ++part) {
      total += static_cast<double>(from[part * arguments.parts.part + row * arguments.parts.pitch + column]);
    }
    if (wide != nullptr) wide[row * classes + column] = total;
    const auto value = static_cast<float>(total);
    to.data[row * to.pitch + column] = value;
    tile[i][threadIdx.x] = value;
  }
  if (!symmetric || blockIdx.y == blockIdx.x) return;
  __syncthreads();
  for (int i = static_cast<int>(threadIdx.y); i < kSquare; i += kSquareRows) {
    const std::int64_t row = first_column + i;
    const std::int64_t column = first_row + threadIdx.x;
    if (row < classes && column < classes) to.data[row * to.pitch + column] = tile[threadIdx.x][i];
  }
}

struct RowArguments {
  ChunkRows rows;
  Matrix xx, xy, yy;      // through the moments of that name
  const double* vectors;  // plain ones, then the scalars
  double m, slope;
  const double* scale;
  Matrix grad;  // of the chunk's first row
  double* values;
  float *factor_a, *factor_b;
};

// Norms, cosine and slopes of each row from the moments, and the half of its gradient in which the row's own slopes
// count: Σ_c g_rc (y_r - y_c). A warp per row.
__global__ void __launch_bounds__(kRowWarps* kWarp)
    rows_kernel(const std::int32_t* stop, const __grid_constant__ RowArguments arguments) {
  if (block_stopped(stop)) return;
  const ChunkRows& rows = arguments.rows;
  const std::int64_t classes = rows.classes;
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kRowWarps + threadIdx.x / kWarp;
  const std::int64_t lane = threadIdx.x % kWarp;
  double value = 0;
  if (i < rows.count) {
    const float* const x = rows.x.data + i * rows.x.pitch;
    const float* const y = rows.y.data + i * rows.y.pitch;
    const float* const through_xx = arguments.xx.data + i * arguments.xx.pitch;
    const float* const through_xy = arguments.xy.data + i * arguments.xy.pitch;
    const float* const through_yy = arguments.yy.data + i * arguments.yy.pitch;
    const double* const xt = arguments.vectors + kXT * classes;
    const double* const xs = arguments.vectors + kXS * classes;
    const double* const yt = arguments.vectors + kYT * classes;
    const double* const ys = arguments.vectors + kYS * classes;
    const PlainSums sum = PlainSums::of(arguments.vectors + kVectors * classes);
    RowMoments dot{0, 0, 0, 0, 0, 0, 0};
    for (std::int64_t k = lane; k < classes; k += kWarp) {
      const auto of_x = static_cast<double>(x[k]);
      const auto of_y = static_cast<double>(y[k]);
      dot.x_xt += of_x * xt[k];
      dot.x_xs += of_x * xs[k];
      dot.y_yt += of_y * yt[k];
      dot.y_ys += of_y * ys[k];
      dot.xx += of_x * static_cast<double>(through_xx[k]);
      dot.xy += of_y * static_cast<double>(through_xy[k]);
      dot.yy += of_y * static_cast<double>(through_yy[k]);
    }
    for (double* const part : {&dot.x_xt, &dot.x_xs, &dot.y_yt, &dot.y_ys, &dot.xx, &dot.xy, &dot.yy}) {
      *part = reduce_warp(*part, Add());
    }
    const double t = rows.t[i];
    const double s = rows.s[i];
    const RelationRow row = relation_row_of_moments(arguments.m, t, s, sum, dot);
    value = row.value;
    if (arguments.grad.data != nullptr) {
      const double a = row.teacher_slope;
      const double b = row.student_slope;
      if (lane == 0) {
        rows.a[i] = a;
        rows.b[i] = b;
        arguments.factor_a[i] = static_cast<float>(a);
        arguments.factor_b[i] = static_cast<float>(b);
      }
      const double own = own_slopes_sum(arguments.m, t, s, a, b, sum);
      double slope = arguments.slope * *arguments.scale;
      slope *= gradient_unit<float>(slope);
      float* const to = arguments.grad.data + i * arguments.grad.pitch;
      for (std::int64_t k = lane; k < classes; k += kWarp) {
        to[k] +=
            relation_gradient(slope, own, y[k], own_slopes_others(a, b, yt[k], ys[k], through_xy[k], through_yy[k]));
      }
    }
  }
  GLD_SHARED(double, values, [kRowWarps]);
  if (lane == 0) values[threadIdx.x / kWarp] = value;
  __syncthreads();
  if (threadIdx.x != 0) return;
  double total = 0;
  for (int w = 0; w < kRowWarps; ++w) total += values[w];
  arguments.values[blockIdx.x] = total;
}

// The other half of the gradient, in which the slopes of the other rows count: Σ_c g_cr (y_r - y_c). It leaves its
// unit. A warp per row.
__global__ void __launch_bounds__(kRowWarps* kWarp)
    finish_kernel(const std::int32_t* stop, ChunkRows rows, Matrix through, const double* vectors, double slope,
                  const double* scale, Matrix grad) {
  if (block_stopped(stop)) return;
  const std::int64_t classes = rows.classes;
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kRowWarps + threadIdx.x / kWarp;
  const std::int64_t lane = threadIdx.x % kWarp;
  if (i >= rows.count) return;
  const float* const x = rows.x.data + i * rows.x.pitch;
  const float* const y = rows.y.data + i * rows.y.pitch;
  const float* const others_through = through.data + i * through.pitch;
  const double* const y_both = vectors + kYAtBs * classes;
  const double* const ya = vectors + kYA * classes;
  const double* const yb = vectors + kYB * classes;
  const double* const xa = vectors + kXA * classes;
  double x_xa = 0;
  double y_yb = 0;
  for (std::int64_t k = lane; k < classes; k += kWarp) {
    x_xa += static_cast<double>(x[k]) * xa[k];
    y_yb += static_cast<double>(y[k]) * yb[k];
  }
  x_xa = reduce_warp(x_xa, Add());
  y_yb = reduce_warp(y_yb, Add());
  const double t = rows.t[i];
  const double s = rows.s[i];
  const double own = their_slopes_sum(t, s, WeightedSums::of(vectors + kVectors * classes), x_xa, y_yb);
  const double unit = gradient_unit<float>(slope * *scale);
  float* const to = grad.data + i * grad.pitch;
  for (std::int64_t k = lane; k < classes; k += kWarp) {
    const double others = their_slopes_others(t, s, y_both[k], ya[k], yb[k], others_through[k]);
    to[k] = put_back(to[k] + relation_gradient(slope * *scale * unit, own, y[k], others), unit);
  }
}

Operand operand(Matrix matrix, std::int64_t lines) { return {matrix.data, matrix.pitch, lines}; }

}  // namespace

std::int64_t RelationMoments::chunk_rows(std::int64_t m, std::int64_t classes) {
  return gld::chunk_rows(m, classes, kChunkElements, kChunkElements);
}

RelationMoments::RelationMoments(std::int64_t m, std::int64_t classes, bool gradients, std::int64_t chunk, Arena& arena)
    : m_(m),
      classes_(classes),
      chunk_(chunk),
      block_rows_(block_size(chunk, kLeastRows, kMostBlocks)),
      blocks_(ceil_div(chunk, block_rows_)) {
  for (int side = 0; side < kSides; ++side) {
    rows_[side] = arena.matrix<float>(chunk, classes);
    squares_[side] = arena.take<double>(chunk);
    slopes_[side] = gradients ? arena.take<double>(chunk) : nullptr;
    factors_[side] = gradients ? arena.take<float>(chunk) : nullptr;
  }
  for (Matrix& through : through_) through = arena.matrix<float>(chunk, classes);
  values_ = arena.take<double>(ceil_div(m, chunk) * ceil_div(chunk, kRowWarps));
  partial_ = arena.take<double>(blocks_ * (kVectors * classes + kScalars));
  plain_ = plan(kPlainMatrices, arena);
  moments_.emplace(classes, classes, chunk, kPlainMatrices, arena, true, kFloatRows);
  through_moments_.emplace(chunk, classes, classes, kPlainMatrices, arena);
  if (!gradients) return;
  weighted_ = plan(kWeightedMatrices, arena);
  through_weighted_.emplace(chunk, classes, classes, 1, arena);
}

RelationMoments::Sums RelationMoments::plan(int matrices, Arena& arena) const {
  Sums sums;
  sums.matrices = matrices;
  for (int i = 0; i < matrices; ++i) {
    sums.matrix[i] = arena.matrix<float>(classes_, classes_);
    if (chunk_ < m_) sums.wide[i] = arena.take<double>(classes_ * classes_);
  }
  sums.vectors = arena.take<double>(kVectors * classes_ + kScalars);
  return sums;
}

void RelationMoments::run(const Launch& to, const Centred& centred, double factor, double weight, Matrix grad,
                          double* loss) const {
  const bool reload = chunk_ < m_;
  const double slope = weight * factor;
  const double* scale = centred.student_scale();
  for_each_chunk(m_, chunk_, [&](Chunk chunk) {
    load(to, centred, chunk);
    accumulate(to, chunk);
  });
  for_each_chunk(m_, chunk_, [&](Chunk chunk) {
    if (reload) load(to, centred, chunk);
    rows(to, chunk, slope, scale, grad);
    if (grad) accumulate_weighted(to, chunk);
  });
  const std::int64_t warps = ceil_div(chunk_, kRowWarps);
  const std::int64_t rest = m_ - (ceil_div(m_, chunk_) - 1) * chunk_;
  queue_sum(to, values_, (ceil_div(m_, chunk_) - 1) * warps + ceil_div(rest, kRowWarps), factor, loss);
  if (!grad) return;
  for_each_chunk(m_, chunk_, [&](Chunk chunk) {
    if (reload) load(to, centred, chunk);
    finish(to, chunk, slope, scale, grad);
  });
}

void RelationMoments::load(const Launch& to, const Centred& centred, Chunk chunk) const {
  centred.load(to, precision_on(to, to.precision), chunk.first, chunk.count, rows_, squares_);
}

RelationMoments::ChunkRows RelationMoments::rows_of(Chunk chunk) const {
  return {rows_[kTeacher],   rows_[kStudent],   squares_[kTeacher], squares_[kStudent],
          slopes_[kTeacher], slopes_[kStudent], chunk.count,        classes_};
}

void RelationMoments::combine(const Launch& to, const Sums& sums, const Product::Parts& parts, unsigned symmetric,
                              Chunk chunk) const {
  CombineArguments arguments{parts, classes_, {}, {}, symmetric, chunk.first == 0};
  for (int i = 0; i < sums.matrices; ++i) {
    arguments.to[i] = sums.matrix[i];
    arguments.wide[i] = sums.wide[i];
  }
  const auto squares = static_cast<unsigned>(ceil_div(classes_, kSquare));
  launch(to, &combine_kernel, dim3(squares, squares, static_cast<unsigned>(sums.matrices)), dim3(kSquare, kSquareRows),
         0, to.stop, arguments);
}

void RelationMoments::add_vectors(const Launch& to, const Sums& sums, bool weighted, Chunk chunk) const {
  const ChunkRows rows = rows_of(chunk);
  const std::int64_t blocks = ceil_div(chunk.count, block_rows_);
  const std::int64_t count = kVectors * classes_ + kScalars;
  const dim3 grid(static_cast<unsigned>(ceil_div(classes_, kSumColumns)), static_cast<unsigned>(blocks));
  launch(to, weighted ? &add_rows<true> : &add_rows<false>, grid, dim3(kSumColumns, kSumRows), 0, to.stop, rows,
         block_rows_, partial_);
  launch(to, &add_blocks, grid_of(ceil_div(count, kVectorThreads)), dim3(kVectorThreads), 0, to.stop, partial_, blocks,
         count, chunk.first == 0, sums.vectors);
}

void RelationMoments::accumulate(const Launch& to, Chunk chunk) const {
  const Operand x = operand(rows_[kTeacher], classes_);
  const Operand y = operand(rows_[kStudent], classes_);
  ProductCall call{to.precision, OperandLayout::kAlongLines, OperandLayout::kAlongLines, 1, classes_, chunk.count, {}};
  call.jobs[kXX].left[0] = call.jobs[kXX].right[0] = call.jobs[kXY].left[0] = x;
  call.jobs[kXY].right[0] = call.jobs[kYY].left[0] = call.jobs[kYY].right[0] = y;
  call.jobs[kXX].upper = call.jobs[kYY].upper = true;
  combine(to, plain_, moments_->run_parts(to, call), 1u << kXX | 1u << kYY, chunk);
  add_vectors(to, plain_, false, chunk);
}

void RelationMoments::rows(const Launch& to, Chunk chunk, double slope, const double* scale, Matrix grad) const {
  constexpr OperandLayout along_depth = OperandLayout::kAlongDepth;
  ProductCall call{GLD_PRECISION_FLOAT32, along_depth, OperandLayout::kAlongLines, 1, chunk.count, classes_, {}};
  for (int i = 0; i < kPlainMatrices; ++i) {
    call.jobs[i].left[0] = operand(rows_[i == kYY ? kStudent : kTeacher], chunk.count);
    call.jobs[i].right[0] = operand(plain_.matrix[i], classes_);
    call.jobs[i].to = through_[i];
  }
  through_moments_->run(to, call);
  RowArguments arguments{};
  arguments.rows = rows_of(chunk);
  arguments.xx = through_[kXX];
  arguments.xy = through_[kXY];
  arguments.yy = through_[kYY];
  arguments.vectors = plain_.vectors;
  arguments.m = static_cast<double>(m_);
  arguments.slope = slope;
  arguments.scale = scale;
  if (grad) arguments.grad = {grad.data + chunk.first * grad.pitch, grad.pitch};
  arguments.values = values_ + chunk.first / chunk_ * ceil_div(chunk_, kRowWarps);
  arguments.factor_a = factors_[kTeacher];
  arguments.factor_b = factors_[kStudent];
  launch(to, &rows_kernel, grid_of(ceil_div(chunk.count, kRowWarps)), dim3(kRowWarps * kWarp), 0, to.stop, arguments);
}

void RelationMoments::accumulate_weighted(const Launch& to, Chunk chunk) const {
  const Operand y = operand(rows_[kStudent], classes_);
  ProductCall call{to.precision, OperandLayout::kAlongLines, OperandLayout::kAlongLines, 1, classes_, chunk.count, {}};
  call.jobs[kAXY].left[0] = operand(rows_[kTeacher], classes_);
  call.jobs[kBYY].left[0] = call.jobs[kAXY].right[0] = call.jobs[kBYY].right[0] = y;
  call.jobs[kAXY].factors = factors_[kTeacher];
  call.jobs[kBYY].factors = factors_[kStudent];
  call.jobs[kBYY].upper = true;
  call.count = kWeightedMatrices;
  combine(to, weighted_, moments_->run_parts(to, call), 1u << kBYY, chunk);
  add_vectors(to, weighted_, true, chunk);
}

void RelationMoments::finish(const Launch& to, Chunk chunk, double slope, const double* scale, Matrix grad) const {
  const Matrix through = through_[0];
  constexpr OperandLayout along_depth = OperandLayout::kAlongDepth;
  ProductCall call{GLD_PRECISION_FLOAT32, along_depth, OperandLayout::kAlongLines, 2, chunk.count, classes_, {}};
  for (int term = 0; term < 2; ++term) {
    call.jobs[0].left[term] = operand(rows_[term == 0 ? kTeacher : kStudent], chunk.count);
    call.jobs[0].right[term] = operand(weighted_.matrix[term == 0 ? kAXY : kBYY], classes_);
  }
  call.jobs[0].to = through;
  through_weighted_->run(to, call);
  const ChunkRows rows = rows_of(chunk);
  launch(to, &finish_kernel, grid_of(ceil_div(chunk.count, kRowWarps)), dim3(kRowWarps * kWarp), 0, to.stop, rows,
         through, weighted_.vectors, slope, scale, Matrix{grad.data + chunk.first * grad.pitch, grad.pitch});
}

}  // namespace gld::cuda

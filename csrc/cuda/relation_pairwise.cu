#include "relation_pairwise.h"

#include <algorithm>

#include "../shared/relation_method.h"
#include "relation_tile.cuh"

namespace gld::cuda {
namespace {

constexpr double kKeptBytes = 512 << 20;           // limit of the distances kept between the passes
constexpr std::int64_t kPanelElements = 16 << 20;  // of A
constexpr std::int64_t kWantedBlocks = 512;
constexpr std::int64_t kFewTiles = 100;     // too few for a device; products are then made apart, if there are
constexpr std::int64_t kManyClasses = 256;  // so many classes that their sum can be split (an estimate)
constexpr int kRowThreads = 128;
constexpr int kWeightThreads = 128;
constexpr int kFinishRows = 8;  // warps of a block

// kApart: with products that were made apart, in whatever precision.
template <int kPrecision, bool kApart>
__global__ void __launch_bounds__(PairTile::kThreads, PairTile::kBlocks)
    distances_kernel(const __grid_constant__ PairArguments arguments) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 800
  if constexpr (kPrecision == GLD_PRECISION_FLOAT32) {  // precision_on() asks for no other
#else
  {
#endif
    if (block_stopped(arguments.stop)) return;
    GLD_DYNAMIC_SHARED(float, shared);
    const std::int64_t tiles = (arguments.m + PairTile::kColumns - 1) / PairTile::kColumns;
    std::int64_t row_tile = blockIdx.x / arguments.slots;
    std::int64_t slot = blockIdx.x % arguments.slots;
    std::int64_t begin = slot * arguments.slot_tiles;
    std::int64_t end = begin + arguments.slot_tiles < tiles ? begin + arguments.slot_tiles : tiles;
    if (arguments.symmetric) {
      // Blocks count the tiles on and above the diagonal column by column.
      slot = static_cast<std::int64_t>((sqrt(8.0 * static_cast<double>(blockIdx.x) + 1.0) - 1.0) / 2.0);
      while (slot * (slot + 1) / 2 > blockIdx.x) --slot;
      while ((slot + 1) * (slot + 2) / 2 <= blockIdx.x) ++slot;
      row_tile = blockIdx.x - slot * (slot + 1) / 2;
      begin = slot;
      end = slot + 1;
    }
    const std::int64_t first_row = arguments.first + row_tile * PairTile::kRows;
    double square_sums[kRowsOfThread][kSums] = {};
    double weight_sums[kRowsOfThread][1] = {};
    Sums<PairTile> teacher, student;
    student.clear();
#pragma unroll 1
    for (std::int64_t tile = begin; tile < end; ++tile) {
      const std::int64_t first_column = tile * PairTile::kColumns;
#pragma unroll 1
      for (int side = kTeacher; side <= kStudent; ++side) {
        teacher = student;
        student.clear();
        if constexpr (kApart) {
          load_products(student, arguments, side, first_row, first_column);
        } else {
          using RowSlab = Slab<OperandLayout::kAlongDepth, PairTile::kRows>;
          const OperandLines left =
              OperandLines::of<OperandLayout::kAlongDepth, PairTile::kRows>(arguments.rows[side], first_row);
          const OperandLines right =
              OperandLines::of<OperandLayout::kAlongDepth, PairTile::kRows>(arguments.rows[side], first_column);
          multiply_tile<kPrecision, PairTile, RowSlab, RowSlab>(
              student, 0, arguments.classes, shared,
              [&](float* left_slab, float* right_slab, std::int64_t depth, int count) {
                copy_slab<OperandLayout::kAlongDepth, PairTile::kRows, PairTile::kThreads>(left_slab, left, depth,
                                                                                           count);
                copy_slab<OperandLayout::kAlongDepth, PairTile::kRows, PairTile::kThreads>(right_slab, right, depth,
                                                                                           count);
              },
              [](float*, std::int64_t, int) {});
        }
        to_distances(student, arguments, side, first_row, first_column, shared);
        if (arguments.kept[side] != nullptr) {
          store_distances(student, arguments.kept[side], arguments.pitch, arguments.m, first_row, first_column);
        }
      }
      if (arguments.weights != nullptr) {
        store_weights(teacher, student, arguments, first_row, first_column, weight_sums);
        continue;
      }
#pragma unroll
      for (int line = 0; line < kRowsOfThread; ++line) {
#pragma unroll
        for (int j = 0; j < kColumnsOfThread; ++j) {
          add_squares(square_sums[line], teacher.value[line / 2][j / 2][line % 2 * 2 + j % 2],
                      student.value[line / 2][j / 2][line % 2 * 2 + j % 2]);
        }
      }
    }
    auto* const wide = reinterpret_cast<double*>(shared);
    if (arguments.weights != nullptr) {
      store_row_sums(weight_sums, wide, arguments.sums + slot * arguments.count - arguments.first, 0, first_row,
                     arguments.first + arguments.count);
      return;
    }
    store_row_sums(square_sums, wide, arguments.sums + slot * kSums * arguments.m, arguments.m, first_row, arguments.m);
    if (arguments.symmetric && row_tile != slot) {
      store_column_sums(teacher, student, wide, arguments.sums + row_tile * kSums * arguments.m, arguments.m,
                        slot * PairTile::kColumns, arguments.m);
    }
  }
}

// Each row's value and slopes from the norms and the scalar product of its distances.
__global__ void __launch_bounds__(kRowThreads)
    rows_kernel(const std::int32_t* stop, const double* sums, std::int64_t slots, std::int64_t m, double* values,
                float* teacher_slopes, float* student_slopes) {
  if (stopped(stop)) return;
  const std::int64_t r = static_cast<std::int64_t>(blockIdx.x) * kRowThreads + threadIdx.x;
  if (r >= m) return;
  double total[kSums] = {};
  for (std::int64_t slot = 0; slot < slots; ++slot) {
    for (int which = 0; which < kSums; ++which) total[which] += sums[(slot * kSums + which) * m + r];
  }
  const RelationRow row = relation_row(total[kDtDt], total[kDsDs], total[kDtDs]);
  values[r] = row.value;
  teacher_slopes[r] = static_cast<float>(row.teacher_slope);
  student_slopes[r] = static_cast<float>(row.student_slope);
}

// A in place of the teacher's distances, a block per row.
__global__ void __launch_bounds__(kWeightThreads)
    weights_kernel(const std::int32_t* stop, std::int32_t precision, bool euclidean, Matrix teacher, Matrix student,
                   std::int64_t m, const float* teacher_slopes, const float* student_slopes, double* weight_sums) {
  if (block_stopped(stop)) return;
  for (std::int64_t r = blockIdx.x; r < m; r += gridDim.x) {
    float* const dt = teacher.data + r * teacher.pitch;
    const float* const ds = student.data + r * student.pitch;
    const float a = teacher_slopes[r];
    const float b = student_slopes[r];
    double sum[1] = {0};
    const auto take = [&](float t, float s, float teacher_slope, float student_slope) {
      const float weight = weight_of(euclidean, precision, a, teacher_slope, t, b, student_slope, s);
      sum[0] += static_cast<double>(weight);
      return weight;
    };
    // Four at a time, then the last ones.
    const std::int64_t whole = m / 4;
    for (std::int64_t i = threadIdx.x; i < whole; i += kWeightThreads) {
      Four weights = reinterpret_cast<const Four*>(dt)[i];
      const Four distances = reinterpret_cast<const Four*>(ds)[i];
      const Four of_teacher = reinterpret_cast<const Four*>(teacher_slopes)[i];
      const Four of_student = reinterpret_cast<const Four*>(student_slopes)[i];
#pragma unroll
      for (int k = 0; k < 4; ++k) {
        weights.x[k] = take(weights.x[k], distances.x[k], of_teacher.x[k], of_student.x[k]);
      }
      reinterpret_cast<Four*>(dt)[i] = weights;
    }
    const std::int64_t c = 4 * whole + threadIdx.x;
    if (c < m) dt[c] = take(dt[c], ds[c], teacher_slopes[c], student_slopes[c]);
    reduce_block<kWeightThreads>(sum, Add());
    if (threadIdx.x == 0) weight_sums[r] = sum[0];
  }
}

// grad += 2 slope scale (rowsum(A) x - A X) for `count` rows, a warp each; and it leaves its unit.
__global__ void __launch_bounds__(kFinishRows* kWarp, 4)
    finish_kernel(const std::int32_t* stop, Product::Parts pulled, const double* weight_sums, std::int64_t slots,
                  Matrix rows, std::int64_t count, std::int64_t classes, double slope, const double* scale,
                  Matrix grad) {
  if (block_stopped(stop)) return;
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kFinishRows + threadIdx.x / kWarp;
  const std::int64_t lane = threadIdx.x % kWarp;
  if (i >= count) return;
  double sum = 0;
  for (std::int64_t slot = lane; slot < slots; slot += kWarp) sum += weight_sums[slot * count + i];
  sum = reduce_warp(sum, Add());
  const double unit = gradient_unit<float>(slope * *scale);
  const double factor = 2 * (slope * *scale * unit);
  const float* const x = rows.data + i * rows.pitch;
  const float* const from = pulled.data + i * pulled.pitch;
  float* const to = grad.data + i * grad.pitch;
  for (std::int64_t k = lane; k < classes; k += kWarp) {
    double others = 0;
    for (int part = 0; part < pulled.count; ++part) others += static_cast<double>(from[part * pulled.part + k]);
    const float total = to[k] + static_cast<float>(factor * (sum * static_cast<double>(x[k]) - others));
    to[k] = put_back(total, unit);
  }
}

void queue_distances(const Launch& to, std::int64_t blocks, const PairArguments& arguments) {
  auto* kernel = &distances_kernel<GLD_PRECISION_FLOAT32, false>;
  if (arguments.precision == GLD_PRECISION_TF32) kernel = &distances_kernel<GLD_PRECISION_TF32, false>;
  if (arguments.precision == GLD_PRECISION_BF16) kernel = &distances_kernel<GLD_PRECISION_BF16, false>;
  if (arguments.products.data != nullptr) kernel = &distances_kernel<GLD_PRECISION_FLOAT32, true>;
  launch(to, kernel, grid_of(blocks), dim3(PairTile::kThreads), PairTile::kSharedBytes, arguments);
}

std::int64_t tiles_of(std::int64_t rows) { return ceil_div(rows, PairTile::kRows); }

// Tiles of columns that one block takes where all tiles are computed for their sums.
std::int64_t slot_tiles(std::int64_t m) {
  const std::int64_t slots = std::min(ceil_div(kWantedBlocks, tiles_of(m)), tiles_of(m));
  return ceil_div(tiles_of(m), slots);
}

}  // namespace

bool RelationPairwise::keeps(std::int64_t m) { return keeps_distances<float>(m, m, kKeptBytes); }

RelationPairwise::RelationPairwise(std::int64_t m, std::int64_t classes, bool euclidean, bool gradients, bool keep,
                                   Arena& arena)
    : m_(m),
      classes_(classes),
      slots_(keep ? tiles_of(m) : ceil_div(tiles_of(m), slot_tiles(m))),
      euclidean_(euclidean),
      keeps_(keep) {
  for (int side = 0; side < kSides; ++side) {
    rows_[side] = arena.matrix<float>(m, classes);
    squares_[side] = arena.take<double>(m);
    slopes_[side] = arena.take<float>(m);
    if (keep && gradients) kept_[side] = arena.matrix<float>(m, m);
  }
  if (keep && tiles_of(m) * (tiles_of(m) + 1) / 2 < kFewTiles && classes >= kManyClasses) {
    products_.emplace(m, m, classes, static_cast<int>(kSides), arena, true);
  }
  sums_ = arena.take<double>(slots_ * kSums * m);
  values_ = arena.take<double>(m);
  if (!gradients) return;
  if (keep) {
    panel_ = m;
    weights_ = kept_[kTeacher];
    weight_sums_ = arena.take<double>(m);
  } else {
    panel_ = std::min(m, std::max<std::int64_t>(kPanelElements / m / PairTile::kRows, 1) * PairTile::kRows);
    weights_ = arena.matrix<float>(panel_, m);
    weight_sums_ = arena.take<double>(tiles_of(m) * panel_);
  }
  pulled_.emplace(panel_, classes, m, 1, arena, true);
}

void RelationPairwise::run(const Launch& to, const Centred& rows, double factor, double weight, Matrix grad,
                           double* loss) const {
  const std::int32_t precision = precision_on(to, to.precision);
  rows.load(to, precision, 0, m_, rows_, squares_);
  PairArguments arguments{};
  for (int side = 0; side < kSides; ++side) {
    arguments.rows[side] = {rows_[side].data, rows_[side].pitch, m_};
    arguments.squares[side] = squares_[side];
    arguments.slopes[side] = slopes_[side];
    arguments.kept[side] = grad ? kept_[side].data : nullptr;
  }
  arguments.m = m_;
  arguments.classes = classes_;
  arguments.count = m_;
  arguments.slots = slots_;
  arguments.slot_tiles = keeps_ ? 1 : slot_tiles(m_);
  arguments.symmetric = keeps_;
  arguments.euclidean = euclidean_;
  arguments.pitch = kept_[kTeacher].pitch;
  arguments.precision = precision;
  arguments.sums = sums_;
  arguments.stop = to.stop;
  const std::int64_t tiles = tiles_of(m_);
  if (products_) {
    ProductCall call{to.precision, OperandLayout::kAlongDepth, OperandLayout::kAlongDepth, 1, m_, classes_, {}};
    for (int side = 0; side < kSides; ++side) {
      call.jobs[side].left[0] = call.jobs[side].right[0] = arguments.rows[side];
      call.jobs[side].upper = true;
    }
    arguments.products = products_->run_parts(to, call);
  }
  queue_distances(to, keeps_ ? tiles * (tiles + 1) / 2 : tiles * slots_, arguments);
  launch(to, &rows_kernel, grid_of(ceil_div(m_, kRowThreads)), dim3(kRowThreads), 0, to.stop, sums_, slots_, m_,
         values_, slopes_[kTeacher], slopes_[kStudent]);
  queue_sum(to, values_, m_, factor, loss);
  if (!grad) return;

  const double slope = weight * factor;
  if (keeps_) {
    launch(to, &weights_kernel, grid_of(m_), dim3(kWeightThreads), 0, to.stop, precision, euclidean_, kept_[kTeacher],
           kept_[kStudent], m_, slopes_[kTeacher], slopes_[kStudent], weight_sums_);
    return finish(to, rows, 0, m_, 1, slope, grad);
  }
  arguments.slots = tiles;
  arguments.slot_tiles = 1;
  arguments.weights = weights_.data;
  arguments.pitch = weights_.pitch;
  arguments.sums = weight_sums_;
  for (std::int64_t first = 0; first < m_; first += panel_) {
    arguments.first = first;
    arguments.count = std::min(panel_, m_ - first);
    queue_distances(to, tiles_of(arguments.count) * tiles, arguments);
    finish(to, rows, first, arguments.count, tiles, slope, grad);
  }
}

void RelationPairwise::finish(const Launch& to, const Centred& rows, std::int64_t first, std::int64_t count,
                              std::int64_t slots, double slope, Matrix grad) const {
  const Matrix& x = rows_[kStudent];
  ProductCall call{to.precision, OperandLayout::kAlongDepth, OperandLayout::kAlongLines, 1, count, m_, {}};
  call.jobs[0].left[0] = {weights_.data, weights_.pitch, count};
  call.jobs[0].right[0] = {x.data, x.pitch, classes_};
  const Product::Parts pulled = pulled_->run_parts(to, call);
  launch(to, &finish_kernel, grid_of(ceil_div(count, kFinishRows)), dim3(kFinishRows * kWarp), 0, to.stop, pulled,
         weight_sums_, slots, Matrix{x.data + first * x.pitch, x.pitch}, count, classes_, slope, rows.student_scale(),
         Matrix{grad.data + first * grad.pitch, grad.pitch});
}

}  // namespace gld::cuda

#include "relation_pairwise.h"

#include <algorithm>
#include <cmath>

#include "../formulas/relation.h"
#include "lanes.h"

namespace gld {
namespace {

constexpr std::int64_t kColumns = 256;                       // columns of a tile
constexpr std::int64_t kMaxRows = 128;                       // rows of a tile; fewer when there are few rows to share out
constexpr std::int64_t kMinRows = 16;
constexpr std::int64_t kRowBlocks = 16;                      // tasks to aim at with few rows
constexpr double kKeptBytes = 32 << 20;                       // limit of the tiles kept between the passes

// Below this share of t_r + t_c, t_r + t_c - 2 x_r·x_c has lost too many digits for a root and its slope.
template <class T>
constexpr double kCloseRows = sizeof(T) == 4 ? 1e-2 : 1e-6;

}  // namespace

template <class T>
RelationPairwise<T>::RelationPairwise(std::int64_t m, std::int64_t classes, bool euclidean, Arena& arena, int threads)
    : m_(m),
      classes_(classes),
      pitch_(padded<T>(classes)),
      row_block_(std::clamp(block_count(m, kRowBlocks), kMinRows, kMaxRows)),
      euclidean_(euclidean),
      keeps_(2.0 * sizeof(T) * static_cast<double>(m) * static_cast<double>(padded<T>(m)) <= kKeptBytes),
      teacher_(plan(arena)),
      student_(plan(arena)),
      values_(arena.take<double>(m)),
      teacher_slope_(arena.take<T>(m)),
      student_slope_(arena.take<T>(m)),
      scratch_size_(row_block_ * (2 * kColumns + pitch_)) {
  scratch_ = arena.take<T>(scratch_size_ * threads);
}

template <class T>
typename RelationPairwise<T>::Side RelationPairwise<T>::plan(Arena& arena) {
  const Rows<T> rows = take_rows<T>(arena, m_, classes_);
  double* squares = arena.take<double>(m_);
  T* rounded = arena.take<T>(m_);
  return {rows, squares, rounded, keeps_ ? take_rows<T>(arena, m_, m_) : Rows<T>{}};
}

template <class T>
void RelationPairwise<T>::load(const Parallel& parallel, const Centred<T>& from, Side& side) const {
  parallel.blocks(m_, kMaxRows, [&](std::int64_t first, std::int64_t count, std::int64_t, int) {
    from.load(first, count, side.rows[first], pitch_, side.squares + first);
    for (std::int64_t r = first; r < first + count; ++r) side.rounded[r] = static_cast<T>(side.squares[r]);
  });
}

template <class T>
template <class F>
void RelationPairwise<T>::tiles(const Parallel& parallel, std::int64_t first, std::int64_t rows, F&& run) const {
  for (std::int64_t left = 0; left < m_ && !parallel.stopped(); left += kColumns) {
    run(Tile{first, rows, left, std::min(kColumns, m_ - left)});
  }
}

// Where a tile's distances lie: at their place in the kept matrix, or in the slot's scratch.
template <class T>
Rows<T> RelationPairwise<T>::at(const Side& side, const Tile& tile, T* scratch) const {
  if (!keeps_) return {scratch, kColumns};
  return {side.kept[tile.first] + tile.left, side.kept.pitch};
}

template <class T>
void RelationPairwise<T>::distances(const Side& side, const Tile& tile, Rows<T> to) const {
  matrix<T>(to.data, tile.rows, tile.columns, to.pitch).noalias() =
      matrix<T>(static_cast<const T*>(side.rows[tile.first]), tile.rows, classes_, pitch_) *
      matrix<T>(static_cast<const T*>(side.rows[tile.left]), tile.columns, classes_, pitch_).transpose();
  const T* of_column = side.rounded + tile.left;
  for (std::int64_t i = 0; i < tile.rows; ++i) {
    const std::int64_t r = tile.first + i;
    T* row = to[i];
    const T of_row = side.rounded[r];
    for (std::int64_t j = 0; j < tile.columns; ++j) {
      const T distance = of_row + of_column[j] - 2 * row[j];
      row[j] = distance < 0 ? T(0) : distance;  // a sum of squares; only rounding takes it below zero
    }
    if (euclidean_) {
      for (std::int64_t j = 0; j < tile.columns; ++j) {
        const bool close = row[j] <= kCloseRows<T> * (of_row + of_column[j]);
        row[j] = close ? static_cast<T>(std::sqrt(square_distance(side.rows[r], side.rows[tile.left + j], classes_)))
                       : std::sqrt(row[j]);
      }
    }
    // A row is at distance exactly 0 from itself, unless it holds a NaN.
    if (r >= tile.left && r < tile.left + tile.columns) row[r - tile.left] = of_row - of_row;
  }
}

template <class T>
double RelationPairwise<T>::run(const Parallel& parallel, const Centred<T>& teacher, const Centred<T>& student,
                                double slope, Rows<T> grad) {
  load(parallel, teacher, teacher_);
  load(parallel, student, student_);
  row_norms(parallel);
  if (grad) gradient(parallel, slope, grad);
  return sum(values_, m_);
}

// Pass 1: norms and scalar product of either side's distance rows, and from them each row's value and slopes.
template <class T>
void RelationPairwise<T>::row_norms(const Parallel& parallel) {
  parallel.blocks(m_, row_block_, [&](std::int64_t first, std::int64_t rows, std::int64_t, int slot) {
    T* scratch = scratch_ + slot * scratch_size_;
    double teacher_square[kMaxRows] = {};
    double student_square[kMaxRows] = {};
    double product[kMaxRows] = {};
    tiles(parallel, first, rows, [&](const Tile& tile) {
      const Rows<T> dt = at(teacher_, tile, scratch);
      const Rows<T> ds = at(student_, tile, scratch + row_block_ * kColumns);
      distances(teacher_, tile, dt);
      distances(student_, tile, ds);
      for (std::int64_t i = 0; i < rows; ++i) {
        teacher_square[i] += dot(dt[i], dt[i], tile.columns);
        student_square[i] += dot(ds[i], ds[i], tile.columns);
        product[i] += dot(dt[i], ds[i], tile.columns);
      }
    });
    for (std::int64_t i = 0; i < rows; ++i) {
      const RelationRow row = relation_row(teacher_square[i], student_square[i], product[i]);
      values_[first + i] = row.value;
      teacher_slope_[first + i] = static_cast<T>(row.teacher_slope);
      student_slope_[first + i] = static_cast<T>(row.student_slope);
    }
  });
}

// Pass 2: A = g + gᵀ tile by tile, formed at once from the slopes of its row and of its column because distances are
// symmetric; gradient = 2 (rowsum(A) x - A X). For plain distances d(d)/dx = (x_r - x_c) / d takes the place of 2 (x_r - x_c).
template <class T>
void RelationPairwise<T>::gradient(const Parallel& parallel, double slope, Rows<T> grad) const {
  parallel.blocks(m_, row_block_, [&](std::int64_t first, std::int64_t rows, std::int64_t, int slot) {
    T* scratch = scratch_ + slot * scratch_size_;
    T* panel = scratch + 2 * row_block_ * kColumns;
    double row_sum[kMaxRows] = {};
    std::fill_n(panel, rows * pitch_, T(0));
    tiles(parallel, first, rows, [&](const Tile& tile) {
      const Rows<T> dt = at(teacher_, tile, scratch);
      const Rows<T> ds = at(student_, tile, scratch + row_block_ * kColumns);
      if (!keeps_) {
        distances(teacher_, tile, dt);
        distances(student_, tile, ds);
      }
      for (std::int64_t i = 0; i < rows; ++i) {
        const T a = teacher_slope_[first + i];
        const T b = student_slope_[first + i];
        const T* of_teacher = teacher_slope_ + tile.left;
        const T* of_student = student_slope_ + tile.left;
        T* weight = dt[i];
        const T* distance = ds[i];
        for (std::int64_t j = 0; j < tile.columns; ++j) {
          weight[j] = (a + of_teacher[j]) * weight[j] + (b + of_student[j]) * distance[j];
        }
        if (euclidean_) {
          for (std::int64_t j = 0; j < tile.columns; ++j) {
            weight[j] = distance[j] == 0 ? T(0) : weight[j] / (2 * distance[j]);
          }
        }
        row_sum[i] += sum(weight, tile.columns);
      }
      matrix<T>(panel, rows, classes_, pitch_).noalias() +=
          matrix<T>(static_cast<const T*>(dt.data), rows, tile.columns, dt.pitch) *
          matrix<T>(static_cast<const T*>(student_.rows[tile.left]), tile.columns, classes_, pitch_);
    });
    for (std::int64_t i = 0; i < rows; ++i) {
      const T* x = student_.rows[first + i];
      const T* pulled = panel + i * pitch_;
      T* to = grad[first + i];
      for (std::int64_t k = 0; k < classes_; ++k) {
        to[k] += static_cast<T>(2 * slope * (row_sum[i] * static_cast<double>(x[k]) - static_cast<double>(pulled[k])));
      }
    }
  });
}

template class RelationPairwise<float>;
template class RelationPairwise<double>;

}  // namespace gld

#include "relation_pairwise.h"

#include <algorithm>
#include <cmath>

#include "../formulas/relation_pairwise.h"
#include "lanes.h"
#include "packets.h"

namespace gld {
namespace {

constexpr std::int64_t kLoadRows = 64;
constexpr std::int64_t kHalfRows = 48;     // rows of one task where half of the distances are computed: whole panels everywhere
constexpr double kKeptBytes = 64 << 20;    // limit of the distances kept between the passes
template <class T>
constexpr std::int64_t kTile = 3 * Packed<T>::kDepth;  // columns of a tile: whole panels, and whole blocks of depth

}  // namespace

template <class T>
bool RelationPairwise<T>::keeps(std::int64_t m) {
  return 2.0 * sizeof(T) * static_cast<double>(m) * static_cast<double>(padded<T>(m)) <= kKeptBytes;
}

template <class T>
RelationPairwise<T>::RelationPairwise(std::int64_t m, std::int64_t classes, bool euclidean, Arena& arena, int threads)
    : m_(m),
      classes_(classes),
      pitch_(padded<T>(classes)),
      euclidean_(euclidean),
      keeps_(keeps(m)),
      teacher_(plan(arena)),
      student_(plan(arena)),
      student_rows_(m, classes, arena),
      values_(arena.take<double>(m)),
      teacher_slope_(arena.take<T>(m)),
      student_slope_(arena.take<T>(m)),
      tile_size_(kProductRows * std::min(kTile<T>, padded<T>(m))),
      panel_size_(kProductRows * pitch_),
      scratch_size_(2 * tile_size_ + panel_size_ + Packed<T>::scratch(kHalfRows)) {
  scratch_ = arena.take<T>(scratch_size_, threads);
}

template <class T>
typename RelationPairwise<T>::Side RelationPairwise<T>::plan(Arena& arena) const {
  const Rows<T> rows = take_rows<T>(arena, m_, classes_);
  double* squares = arena.take<double>(m_);
  T* rounded = arena.take<T>(m_);
  const Packed<T> columns(classes_, m_, arena);
  return {rows, squares, rounded, columns, keeps_ ? take_rows<T>(arena, m_, m_) : Rows<T>{}};
}

template <class T>
void RelationPairwise<T>::load(const Parallel& parallel, const Centred<T>& from, Side& side) const {
  parallel.blocks(m_, kLoadRows, [&](std::int64_t first, std::int64_t count, std::int64_t, int) {
    from.load(first, count, side.rows[first], pitch_, side.squares + first);
    for (std::int64_t r = first; r < first + count; ++r) side.rounded[r] = static_cast<T>(side.squares[r]);
  });
  side.columns.pack(parallel, transposed(side.rows), classes_);
}

template <class T>
template <class F>
void RelationPairwise<T>::tiles(const Parallel& parallel, F&& run) const {
  parallel.blocks(m_, kProductRows, [&](std::int64_t first, std::int64_t rows, std::int64_t, int slot) {
    run(first, rows, scratch_ + slot * scratch_size_, [&](auto&& visit) {
      for (std::int64_t left = 0; left < m_ && !parallel.stopped(); left += kTile<T>) {
        visit(Tile{first, rows, left, std::min(kTile<T>, m_ - left)});
      }
    });
  });
}

template <class T>
void RelationPairwise<T>::distances(const Side& side, const Tile& tile, Rows<T> to, T* packing) const {
  for (std::int64_t i = 0; i < tile.rows; ++i) std::fill_n(to[i], tile.columns, T(0));
  side.columns.multiply({side.rows[tile.first], pitch_}, tile.rows, {tile.left, tile.columns}, {0, classes_}, to.data,
                        to.pitch, packing);
  const T* of_column = side.rounded + tile.left;
  for (std::int64_t i = 0; i < tile.rows; ++i) {
    const std::int64_t r = tile.first + i;
    T* row = to[i];
    const T of_row = side.rounded[r];
    for (std::int64_t j = 0; j < tile.columns; ++j) row[j] = squared_distance(of_row, of_column[j], row[j]);
    if (euclidean_) {
      for (std::int64_t j = 0; j < tile.columns; ++j) {
        const bool close = close_rows(row[j], of_row, of_column[j]);
        row[j] = close ? static_cast<T>(std::sqrt(square_distance(side.rows[r], side.rows[tile.left + j], classes_)))
                       : std::sqrt(row[j]);
      }
    }
    // A row is at distance exactly 0 from itself, unless it holds a NaN.
    if (r >= tile.left && r < tile.left + tile.columns) row[r - tile.left] = of_row - of_row;
  }
}

// Distances from the diagonal on, and their mirror images.
template <class T>
void RelationPairwise<T>::keep(const Parallel& parallel) const {
  const std::int64_t panels = block_count(m_, kHalfRows);
  parallel(2 * panels, [&](std::int64_t task, int slot) {
    const Side& side = task % 2 == 0 ? teacher_ : student_;
    const std::int64_t first = task / 2 * kHalfRows;
    const std::int64_t rows = std::min(kHalfRows, m_ - first);
    const Rows<T> to{side.kept[first] + first, side.kept.pitch};
    distances(side, {first, rows, first, m_ - first}, to, scratch_ + slot * scratch_size_);
    transpose(static_cast<const T*>(to.data + rows), to.pitch, rows, m_ - first - rows, side.kept[first + rows] + first,
              to.pitch);
  });
}

// Where a tile's distances lie: at their place in the kept matrix, or now in the slot's scratch.
template <class T>
Rows<T> RelationPairwise<T>::at(const Side& side, const Tile& tile, T* scratch, T* packing) const {
  if (keeps_) return {side.kept[tile.first] + tile.left, side.kept.pitch};
  const Rows<T> to{scratch, tile_size_ / kProductRows};
  distances(side, tile, to, packing);
  return to;
}

template <class T>
double RelationPairwise<T>::run(const Parallel& parallel, const Centred<T>& teacher, const Centred<T>& student,
                                double slope, const SampleRows<T>& grad) {
  load(parallel, teacher, teacher_);
  load(parallel, student, student_);
  if (keeps_) keep(parallel);
  row_norms(parallel);
  if (grad) {
    student_rows_.pack(parallel, factor(student_.rows), m_);
    gradient(parallel, slope, grad);
  }
  return sum(values_, m_);
}

// Pass 1: norms and scalar product of either side's distance rows, and from them each row's value and slopes.
template <class T>
void RelationPairwise<T>::row_norms(const Parallel& parallel) const {
  tiles(parallel, [&](std::int64_t first, std::int64_t rows, T* scratch, auto&& each_tile) {
    T* const packing = scratch + 2 * tile_size_ + panel_size_;
    Products total[kProductRows];
    each_tile([&](const Tile& tile) {
      const Rows<T> dt = at(teacher_, tile, scratch, packing);
      const Rows<T> ds = at(student_, tile, scratch + tile_size_, packing);
      for (std::int64_t i = 0; i < rows; ++i) total[i] += products(dt[i], ds[i], tile.columns);
    });
    for (std::int64_t i = 0; i < rows; ++i) {
      const RelationRow row = relation_row(total[i].xx, total[i].yy, total[i].xy);
      values_[first + i] = row.value;
      teacher_slope_[first + i] = static_cast<T>(row.teacher_slope);
      student_slope_[first + i] = static_cast<T>(row.student_slope);
    }
  });
}

// Pass 2: A = g + gᵀ tile by tile, formed at once from the slopes of its row and of its column; gradient = 2 (rowsum(A) x -
// A X).
template <class T>
void RelationPairwise<T>::gradient(const Parallel& parallel, double slope, const SampleRows<T>& grad) const {
  tiles(parallel, [&](std::int64_t first, std::int64_t rows, T* scratch, auto&& each_tile) {
    T* const panel = scratch + 2 * tile_size_;
    T* const packing = panel + panel_size_;
    double row_sum[kProductRows] = {};
    std::fill_n(panel, rows * pitch_, T(0));
    each_tile([&](const Tile& tile) {
      const Rows<T> dt = at(teacher_, tile, scratch, packing);
      const Rows<T> ds = at(student_, tile, scratch + tile_size_, packing);
      const T* of_teacher = teacher_slope_ + tile.left;
      const T* of_student = student_slope_ + tile.left;
      for (std::int64_t i = 0; i < rows; ++i) {
        const T a = teacher_slope_[first + i];
        const T b = student_slope_[first + i];
        T* weight = dt[i];
        const T* distance = ds[i];
        for (std::int64_t j = 0; j < tile.columns; ++j) {
          weight[j] = pair_weight(a, of_teacher[j], weight[j], b, of_student[j], distance[j]);
        }
        if (euclidean_) {
          for (std::int64_t j = 0; j < tile.columns; ++j) weight[j] = euclidean_weight(weight[j], distance[j]);
        }
        row_sum[i] += sum(weight, tile.columns);
      }
      student_rows_.multiply({dt.data, dt.pitch}, rows, {0, classes_}, {tile.left, tile.columns}, panel, pitch_, packing);
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

#include "relation_pairwise.h"

#include <algorithm>
#include <cmath>

#include "../shared/relation_method.h"
#include "../shared/relation_pairwise.h"
#include "lanes.h"
#include "packets.h"

namespace gld {
namespace {

constexpr std::int64_t kLoadRows = 64;
constexpr std::int64_t kDerivedRows = 16;  // of one task where distances are means: a cache line of columns
constexpr double kKeptBytes = 64 << 20;    // limit of the distances kept between the passes
template <class T>
constexpr std::int64_t kTile = 3 * Packed<T>::kDepth;  // columns of a tile: whole panels, and whole blocks of depth

}  // namespace

template <class T>
bool RelationPairwise<T>::keeps(std::int64_t m) {
  return keeps_distances<T>(m, padded(m), kKeptBytes);
}

template <class T>
std::int64_t RelationPairwise<T>::own_rows(const gld_call& call, const LogitRows<T>& lines, const RowWeights& weights) {
  const std::int64_t m = call.n * call.rows;
  const bool derived = lines.means() && weights.of_samples() && call.metric == GLD_METRIC_SQEUCLIDEAN && keeps(m);
  return derived ? m - call.n : m;
}

template <class T>
RelationPairwise<T>::RelationPairwise(const gld_call& call, const LogitRows<T>& teacher, const LogitRows<T>& student,
                                      const RowWeights& weights, Arena& arena, int threads)
    : samples_(call.n),
      cells_(call.rows - 1),
      m_(call.n * call.rows),
      classes_(call.classes),
      pitch_(padded(classes_)),
      share_(T(1) / static_cast<T>(std::max(cells_, std::int64_t{1}))),
      euclidean_(call.metric == GLD_METRIC_EUCLIDEAN),
      keeps_(keeps(m_)),
      row_weights_(weights),
      weights_(weights.absent() ? nullptr : arena.take<T>(m_)),
      teacher_(plan(call, teacher, arena)),
      student_(plan(call, student, arena)),
      student_rows_(student_.own, classes_, arena),
      values_(arena.take<double>(m_)),
      shared_sums_(arena.take<double>(samples_)),
      teacher_slope_(arena.take<T>(m_)),
      student_slope_(arena.take<T>(m_)),
      tile_size_(kProductRows * std::min(kTile<T>, padded(m_))),
      panel_size_(kProductRows * pitch_),
      scratch_size_(2 * tile_size_ + panel_size_ + Packed<T>::scratch(kProductRows)) {
  scratch_ = arena.take<T>(scratch_size_, threads);
}

template <class T>
typename RelationPairwise<T>::SideRows RelationPairwise<T>::plan(const gld_call& call, const LogitRows<T>& lines,
                                                                 Arena& arena) const {
  const std::int64_t own = own_rows(call, lines, row_weights_);
  const Matrix<T> rows = arena.matrix<T>(m_, classes_);
  double* squares = arena.take<double>(m_);
  T* rounded = arena.take<T>(m_);
  const Packed<T> columns(classes_, own, arena);
  const Matrix<T> kept = keeps_ ? arena.matrix<T>(m_, m_) : Matrix<T>{};
  return {own, rows, squares, rounded, columns, kept, own < m_ ? arena.take<T>(samples_) : nullptr};
}

template <class T>
void RelationPairwise<T>::load(const Parallel& parallel, const Centred<T>& from, SideRows& side) const {
  parallel.blocks(m_, kLoadRows, [&](std::int64_t first, std::int64_t count, std::int64_t, int) {
    for (std::int64_t r = first; r < first + count; ++r) {
      from.load(line_of(r), 1, side.rows[r], pitch_, side.squares + r);
      side.rounded[r] = static_cast<T>(side.squares[r]);
    }
  });
  side.columns.pack(parallel, transposed(side.rows), classes_);
}

// Panels of the first `own` rows: run(first, rows, scratch, each_tile) may have each_tile(columns, visit) call
// visit(tile) for every tile of the first columns.
template <class T>
template <class F>
void RelationPairwise<T>::panels(const Parallel& parallel, std::int64_t own, F&& run) const {
  parallel.blocks(own, kProductRows, [&](std::int64_t first, std::int64_t rows, std::int64_t, int slot) {
    run(first, rows, scratch_ + slot * scratch_size_, [&](std::int64_t columns, auto&& visit) {
      for (std::int64_t left = 0; left < columns && !parallel.stopped(); left += kTile<T>) {
        visit(Tile{first, rows, left, std::min(kTile<T>, columns - left)});
      }
    });
  });
}

template <class T>
void RelationPairwise<T>::distances(const SideRows& side, const Tile& tile, Matrix<T> to, T* packing) const {
  side.columns.multiply({side.rows[tile.first], pitch_}, tile.rows, to, packing, false,
                        {{tile.left, tile.columns}, {0, classes_}});
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
  const std::int64_t of_teacher = ceil_div(teacher_.own, kProductRows);
  parallel(of_teacher + ceil_div(student_.own, kProductRows), [&](std::int64_t task, int slot) {
    const SideRows& side = task < of_teacher ? teacher_ : student_;
    const std::int64_t first = (task < of_teacher ? task : task - of_teacher) * kProductRows;
    const std::int64_t rows = std::min(kProductRows, side.own - first);
    const Matrix<T> to{side.kept[first] + first, side.kept.pitch};
    distances(side, {first, rows, first, side.own - first}, to, scratch_ + slot * scratch_size_);
    transpose(static_cast<const T*>(to.data + rows), to.pitch, rows, side.own - first - rows,
              side.kept[first + rows] + first, to.pitch);
  });
  derive(parallel);
}

// The distances from and to global rows that are means, from those of the cells.
template <class T>
void RelationPairwise<T>::derive(const Parallel& parallel) const {
  const std::int64_t blocks = ceil_div(samples_, kDerivedRows);
  for (const SideRows* side : {&teacher_, &student_}) {
    if (side->own == m_) continue;
    for (std::int64_t sample = 0; sample < samples_; ++sample) {
      double total = 0;
      for (std::int64_t cell = sample; cell < side->own; cell += samples_) total += side->squares[cell];
      side->spread[sample] = static_cast<T>(total / static_cast<double>(cells_) - side->squares[side->own + sample]);
    }
    parallel(blocks, [&](std::int64_t task, int) {
      const std::int64_t begin = task * kDerivedRows;
      derive(*side, begin, std::min(samples_, begin + kDerivedRows));
    });
  }
}

template <class T>
void RelationPairwise<T>::derive(const SideRows& side, std::int64_t begin, std::int64_t end) const {
  // A sum of squares; only rounding takes it below zero.
  const auto less = [](T mean, T spread) { return mean < spread ? T(0) : mean - spread; };
  for (std::int64_t sample = begin; sample < end; ++sample) {
    T* row = side.kept[side.own + sample];
    T* globals = row + side.own;
    std::fill_n(row, m_, T(0));
    for (std::int64_t cell = sample; cell < side.own; cell += samples_) add(row, side.kept[cell], side.own);
    const T spread = side.spread[sample];
    for (std::int64_t j = 0; j < side.own; ++j) row[j] = less(row[j] * share_, spread);
    for (std::int64_t cell = 0; cell < side.own; cell += samples_) add(globals, row + cell, samples_);
    for (std::int64_t j = 0; j < samples_; ++j) globals[j] = less(globals[j] * share_, side.spread[j]);
    const T square = side.rounded[side.own + sample];
    globals[sample] = square - square;  // as in distances()
  }
  transpose(static_cast<const T*>(side.kept[side.own + begin]), side.kept.pitch, end - begin, side.own,
            side.kept[0] + side.own + begin, side.kept.pitch);
}

// Where a tile's distances lie: at their place in the kept matrix, or now in the slot's scratch.
template <class T>
Matrix<T> RelationPairwise<T>::at(const SideRows& side, const Tile& tile, T* scratch, T* packing) const {
  if (keeps_) return {side.kept[tile.first] + tile.left, side.kept.pitch};
  const Matrix<T> to{scratch, tile_size_ / kProductRows};
  distances(side, tile, to, packing);
  return to;
}

template <class T>
double RelationPairwise<T>::run(const Parallel& parallel, const Centred<T>& teacher, const Centred<T>& student,
                                double slope, const SampleRows<T>& grad) {
  for (std::int64_t r = 0; weights_ != nullptr && r < m_; ++r) weights_[r] = static_cast<T>(row_weights_[line_of(r)]);
  load(parallel, teacher, teacher_);
  load(parallel, student, student_);
  if (keeps_) keep(parallel);
  row_norms(parallel);
  if (grad) {
    student_rows_.pack(parallel, factor(student_.rows), student_.own);
    gradient(parallel, slope, grad);
  }
  return sum(values_, m_);
}

// Pass 1: norms and scalar product of either side's distance rows, and from them each row's value and slopes.
template <class T>
void RelationPairwise<T>::row_norms(const Parallel& parallel) const {
  panels(parallel, m_, [&](std::int64_t first, std::int64_t rows, T* scratch, auto&& each_tile) {
    T* const packing = scratch + 2 * tile_size_ + panel_size_;
    Products total[kProductRows];
    each_tile(m_, [&](const Tile& tile) {
      const Matrix<T> dt = at(teacher_, tile, scratch, packing);
      const Matrix<T> ds = at(student_, tile, scratch + tile_size_, packing);
      for (std::int64_t i = 0; i < rows; ++i) {
        total[i] += weights_ == nullptr ? products(dt[i], ds[i], tile.columns)
                                        : products(dt[i], ds[i], tile.columns, weights_ + tile.left);
      }
    });
    for (std::int64_t i = 0; i < rows; ++i) {
      const RelationRow row = relation_row(total[i].xx, total[i].yy, total[i].xy);
      values_[first + i] = row_weights_[line_of(first + i)] * row.value;
      teacher_slope_[first + i] = static_cast<T>(row.teacher_slope);
      student_slope_[first + i] = static_cast<T>(row.student_slope);
    }
  });
}

// A = w (g + gᵀ) w, from the distances of a tile's row in place of the teacher's: formed at once from the slopes of its
// row and of its column. Returns the sum.
template <class T>
double RelationPairwise<T>::weigh(const Tile& tile, std::int64_t row, T* weight, const T* distance) const {
  const T a = teacher_slope_[row];
  const T b = student_slope_[row];
  const T* of_teacher = teacher_slope_ + tile.left;
  const T* of_student = student_slope_ + tile.left;
  for (std::int64_t j = 0; j < tile.columns; ++j) {
    weight[j] = pair_weight(a, of_teacher[j], weight[j], b, of_student[j], distance[j]);
  }
  if (weights_ != nullptr) {
    const T own = weights_[row];
    for (std::int64_t j = 0; j < tile.columns; ++j) weight[j] *= own * weights_[tile.left + j];
  }
  if (euclidean_) {
    for (std::int64_t j = 0; j < tile.columns; ++j) weight[j] = euclidean_weight(weight[j], distance[j]);
  }
  return sum(weight, tile.columns);
}

// Adds the shares of the globals' columns to those of their cells.
template <class T>
void RelationPairwise<T>::share_out(const T* of_globals, const Tile& tile, T* weight) const {
  for (std::int64_t j = 0; j < tile.columns;) {
    const std::int64_t sample = (tile.left + j) % samples_;
    const std::int64_t count = std::min(samples_ - sample, tile.columns - j);
    for (std::int64_t i = 0; i < count; ++i) weight[j + i] += share_ * of_globals[sample + i];
    j += count;
  }
}

// The rows of A of globals that are means: a cell's share of them, over the columns of cells, and of their sums.
template <class T>
void RelationPairwise<T>::share_rows(const Parallel& parallel) const {
  const std::int64_t own = student_.own;
  parallel.blocks(samples_, kDerivedRows, [&](std::int64_t first, std::int64_t count, std::int64_t, int) {
    for (std::int64_t sample = first; sample < first + count; ++sample) {
      T* weight = teacher_.kept[own + sample];
      shared_sums_[sample] = weigh({own + sample, 1, 0, m_}, own + sample, weight, student_.kept[own + sample]) /
                             static_cast<double>(cells_);
      share_out(weight + own, {own + sample, 1, 0, own}, weight);
      for (std::int64_t j = 0; j < own; ++j) weight[j] *= share_;
    }
  });
}

// Pass 2: gradient = 2 (rowsum(A) x - A X).
template <class T>
void RelationPairwise<T>::gradient(const Parallel& parallel, double slope, const SampleRows<T>& grad) const {
  const std::int64_t own = student_.own;
  const bool shared = own < m_;
  if (shared) share_rows(parallel);
  panels(parallel, own, [&](std::int64_t first, std::int64_t rows, T* scratch, auto&& each_tile) {
    T* const panel = scratch + 2 * tile_size_;
    T* const packing = panel + panel_size_;
    double row_sum[kProductRows] = {};
    const auto weigh_tile = [&](const Tile& tile) {
      const Matrix<T> dt = at(teacher_, tile, scratch, packing);
      const Matrix<T> ds = at(student_, tile, scratch + tile_size_, packing);
      for (std::int64_t i = 0; i < rows; ++i) row_sum[i] += weigh(tile, first + i, dt[i], ds[i]);
      return dt;
    };
    const Matrix<T> of_globals = shared ? weigh_tile({first, rows, own, samples_}) : Matrix<T>{};
    each_tile(own, [&](const Tile& tile) {
      const Matrix<T> weights = weigh_tile(tile);
      for (std::int64_t i = 0; shared && i < rows; ++i) {
        share_out(of_globals[i], tile, weights[i]);
        add(weights[i], teacher_.kept[own + (first + i) % samples_] + tile.left, tile.columns);
      }
      student_rows_.multiply({weights.data, weights.pitch}, rows, {panel, pitch_}, packing, tile.left > 0,
                             {{0, classes_}, {tile.left, tile.columns}});
    });
    for (std::int64_t i = 0; i < rows; ++i) {
      const std::int64_t r = first + i;
      const T* x = student_.rows[r];
      const T* pulled = panel + i * pitch_;
      T* to = grad[line_of(r)];
      for (std::int64_t k = 0; k < classes_; ++k) {
        to[k] += static_cast<T>(2 * slope * (row_sum[i] * static_cast<double>(x[k]) - static_cast<double>(pulled[k])));
      }
      if (!shared) continue;
      const double sum = 2 * slope * shared_sums_[r % samples_];
      const T* global = student_.rows[own + r % samples_];
      for (std::int64_t k = 0; k < classes_; ++k) to[k] += static_cast<T>(sum * static_cast<double>(global[k]));
    }
  });
}

template class RelationPairwise<float>;
template class RelationPairwise<double>;

}  // namespace gld

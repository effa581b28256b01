// Stage relation_pairwise: the relation loss from tiles of the m×m distances, O(m²K) time. Distances of all pairs are
// kept between the passes while they fit a fixed limit, and then computed for half of the pairs, the others being the
// same. Beyond the limit the matrix as a whole never exists: tiles are computed in either pass. docs/mathematics.md
//
// Where global rows are the means of their samples' cells and squared distances are kept, only those of the cells take
// a product. With v the spread, the mean of the cells' ‖x‖² less the global's, ‖g - z‖² = mean ‖x - z‖² - v for any z;
// and on the way back the pull of and on a global row is the cells' in equal shares, so that again the product is one
// of cells alone. Rows that do not count are seen as 0, so this holds only where weights are those of whole samples.
#pragma once

#include "centred.h"
#include "parallel.h"
#include "product.h"
#include "row_weights.h"
#include "views.h"

namespace gld {

template <class T>
class RelationPairwise {
 public:
  // Whether the distances of m rows are kept between the passes.
  static bool keeps(std::int64_t m);
  // How many rows of one side take a product for their distances: all, or the cells alone.
  static std::int64_t own_rows(const gld_call& call, const LogitRows<T>& lines, const RowWeights& weights);

  RelationPairwise(const gld_call& call, const LogitRows<T>& teacher, const LogitRows<T>& student,
                   const RowWeights& weights, Arena& arena, int threads);

  // Σ_r w_r ‖u_r - v_r‖². grad, if there, gains slope * d Σ / d centred student row; where the student's globals are
  // means, cells gain their shares of what the globals would.
  double run(const Parallel& parallel, const Centred<T>& teacher, const Centred<T>& student, double slope,
             const SampleRows<T>& grad);

 private:
  struct SideRows {
    std::int64_t own;   // rows with products of their own; the others are the globals
    Matrix<T> rows;     // centred
    double* squares;    // ‖row‖²
    T* rounded;         // the same in T, for the tiles
    Packed<T> columns;  // the own rows, as the columns of their products with them
    Matrix<T> kept;     // [m, m] distances, if they are kept
    T* spread;          // per sample, where globals are means: the mean of its cells' ‖x‖² less its global's
  };
  struct Tile {                  // of the distances
    std::int64_t first, rows;    // of the matrix' rows
    std::int64_t left, columns;  // of its columns
  };

  SideRows plan(const gld_call& call, const LogitRows<T>& lines, Arena& arena) const;
  // Cell by cell and then the globals, so that the own rows come first and what is a cell's of all samples lies
  // together.
  std::int64_t line_of(std::int64_t r) const { return r % samples_ * (cells_ + 1) + (r / samples_ + 1) % (cells_ + 1); }
  void load(const Parallel& parallel, const Centred<T>& from, SideRows& side) const;
  void keep(const Parallel& parallel) const;
  void derive(const Parallel& parallel) const;
  void derive(const SideRows& side, std::int64_t begin, std::int64_t end) const;
  Matrix<T> at(const SideRows& side, const Tile& tile, T* scratch, T* packing) const;
  void distances(const SideRows& side, const Tile& tile, Matrix<T> to, T* packing) const;
  void row_norms(const Parallel& parallel) const;
  void gradient(const Parallel& parallel, double slope, const SampleRows<T>& grad) const;
  double weigh(const Tile& tile, std::int64_t row, T* weight, const T* distance) const;
  void share_out(const T* of_globals, const Tile& tile, T* weight) const;
  void share_rows(const Parallel& parallel) const;
  template <class F>
  void panels(const Parallel& parallel, std::int64_t own, F&& run) const;

  std::int64_t samples_, cells_, m_, classes_, pitch_;
  T share_;         // a cell's of its sample's global row
  bool euclidean_;  // plain instead of squared distances
  bool keeps_;      // distances of both sides fit the limit
  const RowWeights& row_weights_;
  T* weights_;  // the same in T, for the tiles; null if absent
  SideRows teacher_, student_;
  Packed<T> student_rows_;
  double* values_;       // per row: w ‖u - v‖²
  double* shared_sums_;  // per sample: a cell's share of rowsum(A) of the global
  T* teacher_slope_;     // per row, shared/relation.h
  T* student_slope_;
  T* scratch_;  // per slot: a tile of either side, a panel of the gradient, room to pack a left factor
  std::int64_t tile_size_, panel_size_, scratch_size_;
};

}  // namespace gld

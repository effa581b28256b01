// Stage relation_pairwise: the relation loss from tiles of the m×m distances, O(m²K) time. Distances of all pairs are kept
// between the passes while they fit a fixed limit, and then computed for half of the pairs, the others being the same. Beyond
// the limit the matrix as a whole never exists: tiles are computed in either pass. DESIGN §3.
#pragma once

#include "arena.h"
#include "centred.h"
#include "parallel.h"
#include "product.h"
#include "views.h"

namespace gld {

template <class T>
class RelationPairwise {
 public:
  // Whether the distances of m rows are kept between the passes.
  static bool keeps(std::int64_t m);
  // euclidean: plain instead of squared distances.
  RelationPairwise(std::int64_t m, std::int64_t classes, bool euclidean, Arena& arena, int threads);

  // Σ_r ‖u_r - v_r‖². grad, if there, gains slope * d Σ / d centred student row.
  double run(const Parallel& parallel, const Centred<T>& teacher, const Centred<T>& student, double slope,
             const SampleRows<T>& grad);

 private:
  struct Side {
    Rows<T> rows;       // centred
    double* squares;    // ‖row‖²
    T* rounded;         // the same in T, for the tiles
    Packed<T> columns;  // the rows, as the columns of their products with all rows
    Rows<T> kept;       // [m, m] distances, if they are kept
  };
  struct Tile {
    std::int64_t first, rows;    // of the matrix' rows
    std::int64_t left, columns;  // of its columns
  };

  Side plan(Arena& arena) const;
  void load(const Parallel& parallel, const Centred<T>& from, Side& side) const;
  void keep(const Parallel& parallel) const;
  Rows<T> at(const Side& side, const Tile& tile, T* scratch, T* packing) const;
  void distances(const Side& side, const Tile& tile, Rows<T> to, T* packing) const;
  void row_norms(const Parallel& parallel) const;
  void gradient(const Parallel& parallel, double slope, const SampleRows<T>& grad) const;
  template <class F>
  void tiles(const Parallel& parallel, F&& run) const;

  std::int64_t m_, classes_, pitch_;
  bool euclidean_;
  bool keeps_;  // distances of both sides fit the limit
  Side teacher_, student_;
  Packed<T> student_rows_;
  double* values_;    // per row: ‖u - v‖²
  T* teacher_slope_;  // per row, formulas/relation.h
  T* student_slope_;
  T* scratch_;        // per slot: a tile of either side, a panel of the gradient, room to pack a left factor
  std::int64_t tile_size_, panel_size_, scratch_size_;
};

}  // namespace gld

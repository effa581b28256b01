// Stage relation_pairwise: the relation loss from tiles of the m×m distances, O(m²K) time. The matrix as a whole never exists:
// tiles are kept between the two passes while they fit a fixed limit and are computed again beyond it. DESIGN §3.
#pragma once

#include "arena.h"
#include "centred.h"
#include "parallel.h"
#include "views.h"

namespace gld {

template <class T>
class RelationPairwise {
 public:
  // euclidean: plain instead of squared distances.
  RelationPairwise(std::int64_t m, std::int64_t classes, bool euclidean, Arena& arena, int threads);

  // Σ_r ‖u_r - v_r‖². grad, if there, gains slope * d Σ / d centred student row.
  double run(const Parallel& parallel, const Centred<T>& teacher, const Centred<T>& student, double slope, Rows<T> grad);

 private:
  struct Side {
    Rows<T> rows;     // centred
    double* squares;  // ‖row‖²
    T* rounded;       // the same in T, for the tiles
    Rows<T> kept;     // [m, m] distances, if they are kept
  };
  struct Tile {
    std::int64_t first, rows;      // of the matrix' rows
    std::int64_t left, columns;    // of its columns
  };

  Side plan(Arena& arena);
  void load(const Parallel& parallel, const Centred<T>& from, Side& side) const;
  Rows<T> at(const Side& side, const Tile& tile, T* scratch) const;
  void distances(const Side& side, const Tile& tile, Rows<T> to) const;
  void row_norms(const Parallel& parallel);
  void gradient(const Parallel& parallel, double slope, Rows<T> grad) const;
  template <class F>
  void tiles(const Parallel& parallel, std::int64_t first, std::int64_t rows, F&& run) const;

  std::int64_t m_, classes_, pitch_, row_block_;
  bool euclidean_;
  bool keeps_;  // tiles of both sides fit the limit
  Side teacher_, student_;
  double* values_;           // per row: ‖u - v‖²
  T* teacher_slope_;         // per row, formulas/relation.h
  T* student_slope_;
  T* scratch_;               // per slot: a tile of either side, then a panel of the gradient
  std::int64_t scratch_size_;
};

}  // namespace gld

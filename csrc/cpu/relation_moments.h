// Stage relation_moments: the relation loss from K×K moments of the rows, O(mK²) time, O(K²) memory, exact. DESIGN §3.
//
// accumulate: moments of all rows; rows: each row's value and slopes; accumulate_weighted: moments weighted with the
// slopes; finish: the gradient. Rows are read a block at a time in every step.
#pragma once

#include "arena.h"
#include "centred.h"
#include "moment_sums.h"
#include "parallel.h"
#include "views.h"

namespace gld {

template <class T>
class RelationMoments {
 public:
  RelationMoments(std::int64_t m, std::int64_t classes, Arena& arena, int threads);

  // Σ_r ‖u_r - v_r‖². grad, if there, gains slope * d Σ / d centred student row.
  double run(const Parallel& parallel, const Centred<T>& teacher, const Centred<T>& student, double slope, Rows<T> grad);

 private:
  struct Range {
    std::int64_t first, count;
  };
  // Both sides' rows of a block in a slot's scratch: x teacher rows with t = ‖x‖², y student rows with s = ‖y‖².
  struct Block {
    Range range;
    Rows<T> x, y;
    double* t;
    double* s;
    T* spare;  // the rest of the slot's scratch
  };
  struct Sides {
    const Centred<T>& teacher;
    const Centred<T>& student;
  };

  void accumulate(const Parallel& parallel, const Sides& sides) const;
  void rows(const Parallel& parallel, const Sides& sides, Range chunk, double slope, Rows<T> grad) const;
  void accumulate_weighted(const Parallel& parallel, const Sides& sides, Range chunk) const;
  void finish(const Parallel& parallel, const Sides& sides, double slope, Rows<T> grad) const;

  Block load(const Sides& sides, Range range, int slot) const;
  // run(block, strand, panel) for every block of the range, once for every panel of columns.
  template <class F>
  void strands(const Parallel& parallel, const Sides& sides, Range range, F&& run) const;
  // total[:, panel] += leftᵀ right[:, panel]
  void add_product(const Block& block, Rows<T> left, Rows<T> right, std::int64_t panel, double* total) const;
  // spare row i = rows row i times factor[i]
  Rows<T> weighted(const Block& block, Rows<T> rows, const double* factor, int place) const;
  // spare place = rows · moment
  Rows<T> product(const Block& block, Rows<T> rows, Rows<T> moment, int place) const;

  std::int64_t m_, classes_, pitch_, strands_, panels_, chunk_;
  MomentSums<T> plain_, weighted_;
  double* values_;         // per block of a chunk: Σ ‖u - v‖²
  double* teacher_slope_;  // per row of a chunk, formulas/relation.h
  double* student_slope_;
  T* scratch_;
  double* squares_;
  std::int64_t scratch_size_;
};

}  // namespace gld

// Stage relation_moments: the relation loss from K×K moments of the rows, O(mK²) time, O(K²) memory, exact.
// docs/mathematics.md; its steps are in shared/relation_moments.h.
#pragma once

#include "../shared/relation_moments.h"
#include "centred.h"
#include "moment_sums.h"
#include "parallel.h"
#include "product.h"
#include "row_weights.h"
#include "views.h"

namespace gld {

template <class T>
class RelationMoments {
 public:
  RelationMoments(std::int64_t m, std::int64_t classes, const RowWeights& weights, Arena& arena, int threads);

  // Σ_r w_r ‖u_r - v_r‖². grad, if there, gains slope * d Σ / d centred student row.
  double run(const Parallel& parallel, const Centred<T>& teacher, const Centred<T>& student, double slope,
             const SampleRows<T>& grad);

 private:
  // sums.matrix(which) += leftᵀ right
  struct Moment {
    int which;
    MomentForm shape;
    Matrix<T> left;
    const Packed<T>* right;
  };

  void load(const Parallel& parallel, const Centred<T>& teacher, const Centred<T>& student, Chunk chunk);
  void accumulate(const Parallel& parallel, Chunk chunk);
  void rows(const Parallel& parallel, Chunk chunk, double slope, const SampleRows<T>& grad);
  void accumulate_weighted(const Parallel& parallel, Chunk chunk);
  void finish(const Parallel& parallel, Chunk chunk, double slope, const SampleRows<T>& grad);

  void pack(const Parallel& parallel, Matrix<T> first, Matrix<T> second, std::int64_t count);
  template <std::size_t N, class F>
  void add_moments(const Parallel& parallel, Chunk chunk, const MomentSums<T>& sums, const Moment (&moments)[N],
                   F&& add_row) const;
  template <std::size_t N>
  void combine(const Parallel& parallel, const MomentSums<T>& sums, const MomentForm (&shapes)[N]);

  std::int64_t m_, classes_, pitch_, chunk_, strands_;
  MomentSums<T> plain_, weighted_;
  const RowWeights& weights_;
  // A chunk's rows: x the teacher's with t = ‖x‖², y the student's with s = ‖y‖²; a and b their slopes
  // (shared/relation.h) times their weights.
  Matrix<T> x_, y_, ay_, by_;
  double* t_;
  double* s_;
  double* a_;
  double* b_;
  double* values_;        // per task of rows(): Σ w ‖u - v‖²
  Packed<T> right_[2];    // of a chunk
  Packed<T> moments_[3];  // all rows' moments
  T* scratch_;            // per slot
  std::int64_t scratch_size_;
};

}  // namespace gld

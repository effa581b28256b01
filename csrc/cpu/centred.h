// Logit rows as the relation sees them: centred on their weighted mean and scaled to about 1. The loss depends on
// neither, and both keep float32 accurate: no common offset to cancel, no square that overflows. Rows that do not count
// are seen as 0, whatever they hold.
#pragma once

#include "parallel.h"
#include "row_weights.h"
#include "views.h"

namespace gld {

template <class T>
class Centred {
 public:
  Centred(const LogitRows<T>& lines, std::int64_t m, const RowWeights& weights, Arena& arena, int threads);

  // At least one row counts.
  void fit(const Parallel& parallel);

  // Rows [first, first + count), `pitch` apart and zero beyond the columns; squares[i] = ‖row i‖².
  void load(std::int64_t first, std::int64_t count, T* to, std::int64_t pitch, double* squares) const;

  double scale() const { return scale_; }  // d centred / d logit

 private:
  LogitRows<T> lines_;
  const RowWeights& weights_;
  std::int64_t m_, block_;
  double scale_ = 1;
  double* origin_;   // the first row that counts
  double* mean_;     // of the differences to it
  double* partial_;  // per block: sums of the differences, then their largest absolute values
  T* staging_;       // per slot: one row
};

}  // namespace gld

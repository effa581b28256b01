// Stage relation: (1/m²) Σ_rc (D_t[r,c] - D_s[r,c])² over all m logit rows, D the row-normalised matrix of (squared)
// distances, by one of two methods that agree to rounding. docs/mathematics.md; paper section 3.3. Where rows have
// weights w, sums over rows are weighted, that of a norm included, and m is Σ w.
#pragma once

#include <optional>

#include "centred.h"
#include "parallel.h"
#include "relation_moments.h"
#include "relation_pairwise.h"
#include "row_weights.h"
#include "views.h"

namespace gld {

template <class T>
class Relation {
 public:
  // lines: the m rows of either side, read a block at a time.
  Relation(const gld_call& call, const LogitRows<T>& teacher, const LogitRows<T>& student, const RowWeights& weights,
           Arena& arena, int threads);

  // Looks at the rows, before the rest.
  void fit(const Parallel& parallel);
  // The unit in which to add up the gradient of a loss that has this one with the weight: see shared/relation.h.
  double gradient_unit(double weight) const;
  // The loss, 0 if no row counts. grad, if there, gains weight * d loss / d student logits.
  double run(const Parallel& parallel, double weight, const SampleRows<T>& grad);

  gld_method method() const { return moments_ ? GLD_METHOD_MOMENTS : GLD_METHOD_PAIRWISE; }

 private:
  // What the sum over the rows' values is multiplied with.
  double reduction() const;

  const RowWeights& weights_;
  double relation_rows_;  // of the call
  Centred<T> teacher_, student_;
  std::optional<RelationPairwise<T>> pairwise_;
  std::optional<RelationMoments<T>> moments_;
};

}  // namespace gld

// Stage relation: (1/m²) Σ_rc (D_t[r,c] - D_s[r,c])² over all m logit rows, D the row-normalised matrix of (squared)
// distances, by one of two methods that agree to rounding. docs/mathematics.md; paper section 3.3.
#pragma once

#include <cstdint>
#include <optional>

#include "../engine.h"
#include "centred.h"
#include "relation_moments.h"
#include "relation_pairwise.h"

namespace gld::cuda {

class Relation {
 public:
  // The m rows of either side, [m, classes], in any order that is the same for both. Of the call: classes, method,
  // metric, relation_rows and which outputs are there.
  Relation(const gld_call& call, std::int64_t m, Matrix teacher, Matrix student, Arena& arena);

  // Looks at the rows, before the rest.
  void fit(const Launch& launch) const { centred_.fit(launch); }
  // The unit in which to add up the gradient of a loss that has this one with the weight.
  GradientUnit gradient_unit(double weight) const;
  // *loss (device memory) = the loss. grad [m, classes], if there, gains weight * d loss / d student logits; it is in
  // gradient_unit(weight) before, and no longer after.
  void run(const Launch& launch, double weight, Matrix grad, double* loss) const;

  gld_method method() const { return moments_ ? GLD_METHOD_MOMENTS : GLD_METHOD_PAIRWISE; }

 private:
  double reduction_;  // what the sum over all entries is multiplied with
  Centred centred_;
  std::optional<RelationPairwise> pairwise_;
  std::optional<RelationMoments> moments_;
};

}  // namespace gld::cuda

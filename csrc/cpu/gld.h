// Stage gld: the whole loss, features -> pooled -> logits -> row losses and relation -> logit gradient -> gradients.
// The stages cross_entropy, normalized_kd and relation are the same thing with the other terms left out.
// docs/mathematics.md
#pragma once

#include <optional>

#include "../shared/terms.h"
#include "cross_entropy.h"
#include "network.h"
#include "normalized_kd.h"
#include "parallel.h"
#include "relation.h"
#include "row_weights.h"
#include "views.h"

namespace gld {

template <class T>
class Gld {
 public:
  Gld(const gld_call& call, gld_stage stage, Arena& arena, int threads);
  void run(const Parallel& parallel, gld_result& result);

 private:
  // unit: of the gradient, as in shared/relation.h.
  void sweep_rows(const Parallel& parallel, double unit, gld_result& result) const;
  void put_back(double unit) const;

  const gld_call& call_;
  Terms terms_;
  std::int64_t m_, row_block_;
  Network<T> teacher_, student_;
  CrossEntropy<T> cross_entropy_;
  NormalizedKd<T> normalized_kd_;
  RowWeights weights_;
  std::optional<Relation<T>> relation_;
  double* partial_;  // per block of rows: task, global, local
  T* scratch_;       // per slot
  std::int64_t scratch_size_;
};

}  // namespace gld

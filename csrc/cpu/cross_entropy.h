// Stage cross_entropy: the task loss of one row of logits against a label or a distribution over the classes, and its
// gradient. docs/mathematics.md
#pragma once

#include "../shared/cross_entropy.h"
#include "row_weights.h"
#include "views.h"

namespace gld {

template <class T>
class CrossEntropy {
 public:
  explicit CrossEntropy(const gld_call& call) : targets_(Targets::of(call)) {}

  // Whether a sample has a label, and what those weigh together that have one.
  bool labelled(std::int64_t sample) const { return targets_.has(sample); }
  double labelled_sum(const RowWeights& weights, std::int64_t samples, std::int64_t rows) const;

  // Elements of scratch that row() needs.
  static std::int64_t scratch(std::int64_t classes);

  // Loss of one sample's global logits. grad, if there, gains weight * d loss / d logits.
  double row(std::int64_t sample, const T* logits, double weight, T* grad, T* scratch) const;

 private:
  Targets targets_;
};

}  // namespace gld

// Stage cross_entropy: the task loss of one row of logits against a label or a distribution over the classes, and its
// gradient. docs/mathematics.md
#pragma once

#include "../shared/arena.h"
#include "../shared/cross_entropy.h"
#include "row_weights.h"
#include "views.h"

namespace gld {

template <class T>
class CrossEntropy {
 public:
  CrossEntropy(const gld_call& call, Arena& arena)
      : targets_(Targets::of(call)),
        class_view_(call.class_weights),
        class_weights_(class_view_.data == nullptr ? nullptr : arena.take<T>(call.classes)) {}

  // Reads the weights of classes, before anything else.
  void read();

  // Whether a sample has a label.
  bool labelled(std::int64_t sample) const { return targets_.has(sample); }
  // What the weighted sum of the rows' losses is divided by: the weights of the samples that have a label, each times
  // that of its class if that is one class.
  double divisor(const RowWeights& weights, std::int64_t samples, std::int64_t rows) const;

  // Elements of scratch that row() needs.
  static std::int64_t scratch(std::int64_t classes);

  // Loss of one sample's global logits, in the unit of divisor(). grad, if there, gains weight * d loss / d logits.
  double row(std::int64_t sample, const T* logits, double weight, T* grad, T* scratch) const;

 private:
  Targets targets_;
  gld_view class_view_;
  // Of each class, times a power of two that takes the largest to about 1; null if all are 1.
  T* class_weights_;
  double class_scale_ = 1;  // that power
};

}  // namespace gld

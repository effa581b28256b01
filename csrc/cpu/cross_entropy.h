// Stage cross_entropy: the task loss of one row of logits against a label or a distribution over the classes, and its
// gradient. docs/mathematics.md
#pragma once

#include "../engine.h"
#include "arena.h"
#include "row_weights.h"
#include "views.h"

namespace gld {

template <class T>
class CrossEntropy {
 public:
  CrossEntropy(const gld_call& call, Arena& arena)
      : classes_(call.classes),
        unlabelled_(call.unlabelled != 0 && call.labels.data != nullptr),
        smoothing_(call.label_smoothing),
        labels_(call.labels),
        soft_(call.soft_labels),
        class_view_(call.class_weights),
        class_weights_(class_view_.data == nullptr ? nullptr : arena.take<T>(classes_)) {}

  // Reads the weights of classes, before anything else.
  void read();

  // Whether a sample has a label.
  bool labelled(std::int64_t sample) const { return !unlabelled_ || label(sample) != GLD_NO_LABEL; }
  // What the weighted sum of the rows' losses is divided by: the weights of the samples that have a label, each times
  // that of its class if that is one class.
  double divisor(const RowWeights& weights, std::int64_t samples, std::int64_t rows) const;

  // Elements of scratch that row() needs.
  static std::int64_t scratch(std::int64_t classes);

  // Loss of one sample's global logits, in the unit of divisor(). grad, if there, gains weight * d loss / d logits.
  double row(std::int64_t sample, const T* logits, double weight, T* grad, T* scratch) const;

 private:
  std::int32_t label(std::int64_t sample) const {
    return static_cast<const std::int32_t*>(labels_.data)[sample * labels_.stride[0]];
  }
  // The same, if it is a class.
  std::int64_t class_of(std::int64_t sample) const;

  std::int64_t classes_;
  bool unlabelled_;  // some samples may be
  double smoothing_;
  gld_view labels_;
  gld_view soft_;
  gld_view class_view_;
  // Of each class, times a power of two that takes the largest to about 1; null if all are 1.
  T* class_weights_;
  double class_scale_ = 1;  // that power
};

}  // namespace gld

// Stage cross_entropy: the task loss of one row of logits against a label or a distribution over the classes, and its
// gradient. docs/mathematics.md
#pragma once

#include "../engine.h"
#include "row_weights.h"
#include "views.h"

namespace gld {

template <class T>
class CrossEntropy {
 public:
  explicit CrossEntropy(const gld_call& call)
      : classes_(call.classes),
        unlabelled_(call.unlabelled != 0 && call.labels.data != nullptr),
        smoothing_(call.label_smoothing),
        labels_(call.labels),
        soft_(call.soft_labels) {}

  // Whether a sample has a label, and what those weigh together that have one.
  bool labelled(std::int64_t sample) const { return !unlabelled_ || label(sample) != GLD_NO_LABEL; }
  double labelled_sum(const RowWeights& weights, std::int64_t samples, std::int64_t rows) const;

  // Elements of scratch that row() needs.
  static std::int64_t scratch(std::int64_t classes);

  // Loss of one sample's global logits. grad, if there, gains weight * d loss / d logits.
  double row(std::int64_t sample, const T* logits, double weight, T* grad, T* scratch) const;

 private:
  std::int32_t label(std::int64_t sample) const {
    return static_cast<const std::int32_t*>(labels_.data)[sample * labels_.stride[0]];
  }

  std::int64_t classes_;
  bool unlabelled_;  // some samples may be
  double smoothing_;
  gld_view labels_;
  gld_view soft_;
};

}  // namespace gld

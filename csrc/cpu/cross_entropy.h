// Stage cross_entropy: the task loss of one row of logits against a label or a distribution over the classes, and its
// gradient. DESIGN §2.3.
#pragma once

#include "../engine.h"
#include "views.h"

namespace gld {

template <class T>
class CrossEntropy {
 public:
  explicit CrossEntropy(const gld_call& call) : classes_(call.classes), labels_(call.labels), soft_(call.soft_labels) {}

  // Elements of scratch that row() needs.
  static std::int64_t scratch(std::int64_t classes);

  // Loss of one sample's global logits. grad, if there, gains weight * d loss / d logits.
  double row(std::int64_t sample, const T* logits, double weight, T* grad, T* scratch) const;

 private:
  std::int64_t classes_;
  gld_view labels_;
  gld_view soft_;
};

}  // namespace gld

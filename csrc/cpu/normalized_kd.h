// Stage normalized_kd: KL( softmax(zt / s(zt)) || softmax(zs / s(zs)) ) of one row and its gradient with respect to zs.
// s is the row's standard deviation over the classes (paper equation for L_ND; docs/mathematics.md), a temperature τ
// with the factor τ² of Hinton et al., or the product of both.
#pragma once

#include "../engine.h"
#include "../shared/normalized_kd.h"
#include "views.h"

namespace gld {

template <class T>
class NormalizedKd {
 public:
  explicit NormalizedKd(const gld_call& call);

  // Elements of scratch that row() needs.
  static std::int64_t scratch(std::int64_t classes);

  // Loss of one row. grad, if there, gains weight * d loss / d student.
  double row(const T* teacher, const T* student, double weight, T* grad, T* scratch) const;

 private:
  NormalizedRow normalize(const T* logits, T* normalized, T* exponential) const;

  std::int64_t classes_, width_;
  Normalization by_;
};

}  // namespace gld

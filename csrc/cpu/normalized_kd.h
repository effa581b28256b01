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
  struct Line;
  // What makes a gradient with respect to z of the exponentials q and p and of y: as NormalizedGradient, the slope
  // being ratio q - p.
  struct Gradient {
    double ratio, scale, mean, along;
  };
  void add_gradient(const T* es, const T* et, const T* ys, const Gradient& by, T* grad) const;
  Line by_temperature(const T* logits) const;
  // scaled: room for a copy of the logits.
  Line by_deviation(const T* logits, T* scaled) const;

  std::int64_t classes_, width_;
  double share_;  // of a class in a mean
  Normalization by_;
};

}  // namespace gld

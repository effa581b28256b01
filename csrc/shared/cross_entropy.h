// Cross-entropy of one row of logits z against a target distribution, Σ_k target_k (log Σ_j exp z_j - z_k), and its
// gradient. docs/mathematics.md A label is the target that has all its weight on one class.
#pragma once

#include "softmax.h"

namespace gld {

// Label smoothing takes a share of a target and spreads it evenly over the classes; their mass stays.
template <class T>
GLD_HOST_DEVICE inline T smoothed_target(T target, double smoothing, double mass, double classes) {
  return static_cast<T>((1 - smoothing) * static_cast<double>(target) + smoothing * mass / classes);
}

struct CrossEntropyRow {
  double total;  // Σ exp(z_k - top), NaN if the row has a NaN or Inf
  double mass;   // Σ target_k, 1 for a distribution

  // target_dot = Σ target_k (z_k - top)
  GLD_HOST_DEVICE double value(double target_dot) const { return mass * std::log(total) - target_dot; }

  // Factor of the exponentials in the gradient.
  GLD_HOST_DEVICE double share() const { return mass / total; }
};

// weight * d value / d z_k. In double: for a sample that is nearly certain, the probability of its class and the target
// all but cancel.
template <class T>
GLD_HOST_DEVICE inline T cross_entropy_gradient(double weight, double share, T exponential, T target) {
  return static_cast<T>(weight * (share * static_cast<double>(exponential) - static_cast<double>(target)));
}

}  // namespace gld

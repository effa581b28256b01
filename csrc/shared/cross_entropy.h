// Cross-entropy of one row of logits z against a target distribution, Σ_k target_k (log Σ_j exp z_j - z_k), and its
// gradient. docs/mathematics.md
#pragma once

#include <cstdint>

#include "../engine.h"
#include "softmax.h"
#include "status.h"

namespace gld {

// What the samples of a call are compared with: a label each, which is the distribution that has all its weight on one
// class, or a distribution (soft labels). Label smoothing takes a share of it and spreads that evenly over the classes.
struct Targets {
  gld_view labels, soft;  // [n], or [n, classes]
  std::int64_t classes;
  double smoothing;
  bool unlabelled;  // some samples may be

  static Targets of(const gld_call& call) {
    return {call.labels, call.soft_labels, call.classes, call.label_smoothing,
            call.unlabelled != 0 && call.labels.data != nullptr};
  }

  GLD_HOST_DEVICE bool are_soft() const { return soft.data != nullptr; }
  GLD_HOST_DEVICE bool are_smoothed() const { return smoothing != 0; }

  GLD_HOST_DEVICE std::int32_t label(std::int64_t sample) const {
    return static_cast<const std::int32_t*>(labels.data)[sample * labels.stride[0]];
  }
  GLD_HOST_DEVICE bool is_class(std::int32_t label) const { return label >= 0 && label < classes; }
  // Whether a sample has a target.
  bool has(std::int64_t sample) const { return !unlabelled || label(sample) != GLD_NO_LABEL; }
  // The class that a sample's label names, or an exception.
  std::int32_t class_of(std::int64_t sample) const {
    const std::int32_t named = label(sample);
    if (!is_class(named)) throw LabelOutOfRange{sample, named};
    return named;
  }

  // Class k of a label's distribution.
  template <class T>
  GLD_HOST_DEVICE static T of_label(std::int32_t label, std::int64_t k) {
    return k == label ? T(1) : T(0);
  }
  // A class's target with smoothing. mass: of the sample's targets, which stays.
  template <class T>
  GLD_HOST_DEVICE T smoothed(T target, double mass) const {
    if (!are_smoothed()) return target;
    return static_cast<T>((1 - smoothing) * static_cast<double>(target) +
                          smoothing * mass / static_cast<double>(classes));
  }
};

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

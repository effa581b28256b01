// Stage cross_entropy: the task loss of one row of logits against a label or a distribution over the classes, and its
// gradient, by the threads that hold the row. docs/mathematics.md
#pragma once

#include "../shared/cross_entropy.h"
#include "line.cuh"
#include "work.h"

namespace gld::cuda {

// Labels [n], or soft labels [n, classes] in any of the element types; and how much of a target is spread over all
// classes.
struct Targets {
  const std::int32_t* labels = nullptr;
  const void* soft = nullptr;
  std::int32_t dtype = GLD_F32;
  std::int64_t of_sample = 0, of_class = 0;  // strides
  double smoothing = 0;

  __device__ float soft_at(std::int64_t sample, int k) const {
    const std::int64_t at = sample * of_sample + k * of_class;
    if (dtype == GLD_F16) return to_float(static_cast<const Half*>(soft)[at]);
    if (dtype == GLD_BF16) return to_float(static_cast<const Bfloat16*>(soft)[at]);
    return static_cast<const float*>(soft)[at];
  }
};

// The loss of a sample's global row; every thread gets it. grad gains weight * *unit * its gradient unless weight is 0.
template <int kThreads, int kPacks>
__device__ double cross_entropy(const Line<kThreads, kPacks>& logits, const Targets& targets, std::int64_t sample,
                                double weight, const double* unit, GradientLine<kThreads, kPacks>& grad,
                                Report* report) {
  using Row = Line<kThreads, kPacks>;
  const int classes = logits.classes;
  int label = -1;
  if (targets.soft == nullptr) {
    label = targets.labels[sample * targets.of_sample];
    if (label < 0 || label >= classes) {
      // The first of them is told; a later one's loss does not matter.
      if (Row::lane() == 0) atomicMin(&report->wrong_sample, static_cast<long long>(sample));
      return 0;
    }
  }
  const auto given = [&](int k) {
    return targets.soft == nullptr ? (k == label ? 1.0f : 0.0f) : targets.soft_at(sample, k);
  };
  double mass[1] = {1};
  if (targets.smoothing != 0 && targets.soft != nullptr) {
    mass[0] = 0;
    Row::each(classes, [&](int, int k) { mass[0] += static_cast<double>(given(k)); });
    reduce_block<kThreads>(mass, Add{});
  }
  const auto target = [&](int k) {
    return targets.smoothing == 0 ? given(k) : smoothed_target(given(k), targets.smoothing, mass[0], classes);
  };

  float top[1] = {-INFINITY};  // which it stays if there is no class left: then everything is NaN
  Row::each(classes, [&](int slot, int k) { top[0] = Larger{}(top[0], logits.at(slot, k)); });
  reduce_block<kThreads>(top, Larger{});

  // Sums are in double: a target's distance to the top is neither rounded nor overflows.
  double sum[3] = {};  // exponentials, targets, targets times distance
  Row::each(classes, [&](int slot, int k) {
    const float z = logits.at(slot, k);
    const double weight_of_class = target(k);
    sum[0] += static_cast<double>(expf(z - top[0]) + poison_but_of_excluded(z));
    sum[1] += weight_of_class;
    // An excluded class that is no target has no part in it; one that is makes it infinite.
    if (weight_of_class != 0) sum[2] += weight_of_class * (static_cast<double>(z) - static_cast<double>(top[0]));
  });
  reduce_block<kThreads>(sum, Add{});
  const CrossEntropyRow row{sum[0], sum[1]};
  if (grad.row != nullptr && weight != 0) {
    const double share = row.share();
    const double factor = weight * *unit;
    Row::each(classes, [&](int slot, int k) {
      grad.add(slot, k, cross_entropy_gradient(factor, share, expf(logits.at(slot, k) - top[0]), target(k)));
    });
  }
  return row.value(sum[2]);
}

}  // namespace gld::cuda

// Stage cross_entropy: the task loss of one row of logits against a label or a distribution over the classes, and its
// gradient, by the threads that hold the row. docs/mathematics.md
#pragma once

#include "../shared/cross_entropy.h"
#include "line.cuh"
#include "work.h"

namespace gld::cuda {

// Soft labels [n, classes] of any of the element types.
__device__ inline float soft_at(const gld_view& soft, std::int64_t sample, int k) {
  const std::int64_t at = sample * soft.stride[0] + k * soft.stride[1];
  if (soft.dtype == GLD_F16) return to_float(static_cast<const Half*>(soft.data)[at]);
  if (soft.dtype == GLD_BF16) return to_float(static_cast<const Bfloat16*>(soft.data)[at]);
  return static_cast<const float*>(soft.data)[at];
}

// The loss of a sample's global row; every thread gets it. grad gains weight * *unit * its gradient unless weight is 0.
template <int kThreads, int kPacks>
__device__ double cross_entropy(const Line<kThreads, kPacks>& logits, const Targets& targets, std::int64_t sample,
                                double weight, const double* unit, GradientLine<kThreads, kPacks>& grad,
                                Report* report) {
  using Row = Line<kThreads, kPacks>;
  const int classes = logits.classes;
  std::int32_t label = GLD_NO_LABEL;
  if (!targets.are_soft()) {
    label = targets.label(sample);
    if (!targets.is_class(label)) {
      // The first of them is told; a later one's loss does not matter.
      if (Row::lane() == 0) atomicMin(&report->wrong_sample, static_cast<long long>(sample));
      return 0;
    }
  }
  const auto given = [&](int k) {
    return targets.are_soft() ? soft_at(targets.soft, sample, k) : Targets::of_label<float>(label, k);
  };
  double mass[1] = {1};
  if (targets.are_smoothed() && targets.are_soft()) {
    mass[0] = 0;
    Row::each(classes, [&](int, int k) { mass[0] += static_cast<double>(given(k)); });
    reduce_block<kThreads>(mass, Add{});
  }
  const auto target = [&](int k) { return targets.smoothed(given(k), mass[0]); };

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

// Stage pool: features [n, C, D, H, W] -> pooled rows [n, R, C], row 0 of a sample the mean over the whole map, the
// others the means over the cells of each level's grid (adaptive average pooling), and the way back. With a mask, means
// are over the positions that count, and a row without any is 0. docs/mathematics.md; paper section 3.1.
#pragma once

#include "pool_mask.h"
#include "pool_plan.h"
#include "views.h"

namespace gld {

template <class T>
class Pool {
 public:
  Pool(const gld_call& call, const gld_side& side, Arena& arena, int threads);

  // Without a place for the global rows, only the cells' are computed, or taken to have a gradient.
  void forward(const Parallel& parallel, const SampleRows<T>& pooled) const;
  // Gradient of the features from the gradient of the pooled rows.
  void backward(const Parallel& parallel, const SampleRows<T>& grad_pooled, const gld_view& grad_features) const;

  // Whether a row is the mean of no position at all. After forward().
  bool empty(std::int64_t sample, std::int64_t row) const { return mask_.empty(sample, row); }

 private:
  // Elements of scratch that either way needs per slot.
  std::int64_t forward_scratch() const;
  std::int64_t backward_scratch() const;
  // Lines of positions that the way back needs per slot.
  std::int64_t backward_lines() const;

  PoolPlan plan_;
  PoolMask mask_;
  gld_view features_;
  std::int64_t scratch_size_;
  T* scratch_;       // per slot
  const T** lines_;  // per slot
};

}  // namespace gld

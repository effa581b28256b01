// Stage pool: features [n, C, H, W] -> pooled rows, the global one of a sample the mean over its whole map, the others
// the means over the cells of the grid (adaptive average pooling), and the way back. docs/mathematics.md; paper
// section 3.1.
//
// One kernel each way, by the way the map lies in memory:
//   planes    dense NCHW: a block takes some planes, which lie side by side, through shared memory
//   lines     channels side by side (NHWC): threads take channels, warps take regions of the map
//   elements  any strides, and maps or grids whose regions do not fit shared memory
// The first two read each position once and write each gradient once, 16 bytes at a time. The last reads a position
// once per window that holds it.
#pragma once

#include "../shared/pool.h"
#include "launch.cuh"
#include "views.h"

namespace gld::cuda {

struct PoolShape {
  std::int64_t samples, channels;
  Windows<std::int64_t> vertical, horizontal;
};

class Pool {
 public:
  Pool(const gld_call& call, const gld_side& side);

  // Without a place for the global rows, only the cells' are computed, or taken to have a gradient. Rows begin on 16
  // bytes.
  void forward(const Launch& to, const SampleRows& pooled) const;
  // Gradient of the features, dense NCHW or NHWC, from the gradient of the pooled rows.
  void backward(const Launch& to, const SampleRows& grad_pooled, const gld_view& grad_features) const;

 private:
  PoolShape shape_;
  gld_view features_;
};

}  // namespace gld::cuda

// Stage pool: features [n, C, H, W] -> pooled rows [n, R, C], row 0 of a sample the mean over the whole map, the others the
// means over the cells of the grid (adaptive average pooling), and the way back. DESIGN §2.1; paper section 3.1.
#pragma once

#include "arena.h"
#include "parallel.h"
#include "views.h"

namespace gld {

// Adaptive windows of `cells` cells over one axis of `length` positions; they overlap where cells does not divide length.
struct Axis {
  std::int64_t length;
  std::int64_t cells;

  std::int64_t begin(std::int64_t cell) const { return cell * length / cells; }
  std::int64_t end(std::int64_t cell) const { return ((cell + 1) * length + cells - 1) / cells; }
  // The cells whose window holds this position.
  std::int64_t first_cell(std::int64_t position) const { return position * cells / length; }
  std::int64_t last_cell(std::int64_t position) const { return ((position + 1) * cells - 1) / length; }
  bool even() const { return length % cells == 0; }
};

template <class T>
class Pool {
 public:
  Pool(const gld_call& call, const gld_side& side, Arena& arena, int threads);

  void forward(const Parallel& parallel, Rows<T> pooled) const;
  // gradient of the features from the gradient of the pooled rows
  void backward(const Parallel& parallel, Rows<T> grad_pooled, const gld_view& grad_features) const;

 private:
  std::int64_t samples_, rows_, channels_;
  Axis vertical_, horizontal_;
  gld_view features_;
  T* scratch_;  // per slot: one sample's map, its scaled rows, and one line of sums
  std::int64_t scratch_pitch_;
};

}  // namespace gld

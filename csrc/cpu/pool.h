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
  std::int64_t window(std::int64_t cell) const { return end(cell) - begin(cell); }
  // The cells whose window holds this position.
  std::int64_t first_cell(std::int64_t position) const { return position * cells / length; }
  std::int64_t last_cell(std::int64_t position) const { return ((position + 1) * cells - 1) / length; }
  bool even() const { return length % cells == 0; }
};

// Whether the cells of the grid are equal and disjoint: then the global mean is the mean of the cells' means.
inline bool even_grid(const gld_call& call, const gld_side& side) {
  return Axis{side.height, call.grid[0][1]}.even() && Axis{side.width, call.grid[0][2]}.even();
}

template <class T>
class Pool {
 public:
  Pool(const gld_call& call, const gld_side& side, Arena& arena, int threads);

  // Without a place for the global rows, only the cells' are computed, or taken to have a gradient.
  void forward(const Parallel& parallel, const SampleRows<T>& pooled) const;
  // gradient of the features from the gradient of the pooled rows
  void backward(const Parallel& parallel, const SampleRows<T>& grad_pooled, const gld_view& grad_features) const;

 private:
  // Consecutive positions of an axis that lie in the same cells. Runs of both axes cross in regions, and every window is
  // a union of regions: each position is read once, however many windows hold it.
  struct Run {
    std::int64_t begin, end, first_cell, last_cell;
  };
  // Runs [begin, end) of an axis, and how many positions they cover.
  struct Span {
    std::int64_t begin, end, length;
  };
  struct Runs {
    Run* data;
    std::int64_t count;
    Span* windows;  // of the cells

    Run* begin() const { return data; }
    Run* end() const { return data + count; }
    Span all() const { return {0, count, data[count - 1].end}; }
  };
  // Vertical runs of no more positions in all than are worked on at a time, and the rows of the map that they cover.
  struct Band {
    std::int64_t begin, end, top, rows;
  };
  // Channels [first, first + count) of one sample.
  struct Block {
    std::int64_t sample, first, count;
  };

  static std::int64_t limit(const Axis& axis, std::int64_t longest);
  static Runs find_runs(const Axis& axis, std::int64_t longest, Arena& arena);
  template <class F>
  void blocks(const Parallel& parallel, F&& run) const;
  template <class F>
  void bands(F&& run) const;
  template <class S>
  void sum_lines(const Block& block, const S* from, T* regions, T* spare) const;
  template <class S>
  void sum_planes(const Block& block, const S* from, T* regions, std::int64_t pitch, T* spare) const;
  void mean(const T* regions, std::int64_t pitch, const Span& vertical, const Span& horizontal, std::int64_t count,
            T* to) const;
  void spread_lines(const Band& band, const Block& block, const SampleRows<T>& grad_pooled, T* values,
                    const T** lines) const;

  std::int64_t samples_, channels_, positions_;
  Axis vertical_, horizontal_;
  std::int64_t band_rows_;
  gld_view features_;
  Runs vertical_runs_, horizontal_runs_;
  T* scratch_;       // per slot
  const T** lines_;  // per slot: where the line of each position's gradient lies
  std::int64_t region_limit_, scratch_size_;
};

}  // namespace gld

// Stage pool: features [n, C, D, H, W] -> pooled rows [n, R, C], row 0 of a sample the mean over the whole map, the
// others the means over the cells of each level's grid (adaptive average pooling), and the way back. With a mask, means
// are over the positions that count, and a row without any is 0. docs/mathematics.md; paper section 3.1.
#pragma once

#include "arena.h"
#include "parallel.h"
#include "views.h"

namespace gld {

// Adaptive windows of `cells` cells over one axis of `length` positions; they overlap where cells does not divide
// length.
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

// Whether the cells are equal and disjoint: then the global mean is the mean of the cells' means.
inline bool even_grid(const gld_call& call, const gld_side& side) {
  const auto& cells = call.grid[0];
  return call.levels == 1 && side.mask.data == nullptr && Axis{side.depth, cells[0]}.even() &&
         Axis{side.height, cells[1]}.even() && Axis{side.width, cells[2]}.even();
}

template <class T>
class Pool {
 public:
  Pool(const gld_call& call, const gld_side& side, Arena& arena, int threads);

  // Without a place for the global rows, only the cells' are computed, or taken to have a gradient.
  void forward(const Parallel& parallel, const SampleRows<T>& pooled) const;
  // gradient of the features from the gradient of the pooled rows
  void backward(const Parallel& parallel, const SampleRows<T>& grad_pooled, const gld_view& grad_features) const;

  // Whether a row is the mean of no position at all. After forward().
  bool empty(std::int64_t sample, std::int64_t row) const { return masked() && counts_[sample * rows_ + row] == 0; }

 private:
  // Consecutive positions of an axis that lie in the same cells of every level. Runs of all axes cross in regions, and
  // every window is a union of regions: each position is read once, however many windows hold it.
  struct Run {
    std::int64_t begin, end;
  };
  // Runs [begin, end) of an axis, and how many positions they cover.
  struct Span {
    std::int64_t begin, end, length;
  };
  // Those of a level that hold a run.
  struct Cells {
    std::int64_t first, last;
  };
  struct Runs {
    std::int64_t length, limit;  // positions; runs that there may be
    std::int64_t levels;
    Axis grid[GLD_MAX_LEVELS];
    Span* windows[GLD_MAX_LEVELS];  // of the cells of a level
    Cells* cells[GLD_MAX_LEVELS];   // of the runs
    Run* data;
    std::int64_t count;

    Run* begin() const { return data; }
    Run* end() const { return data + count; }
    Span all() const { return {0, count, length}; }
  };
  struct Window {
    Span depth, vertical, horizontal;
  };
  // Vertical runs of no more positions in all than are worked on at a time, and the rows of a slice that they cover.
  struct Band {
    std::int64_t begin, end, top, rows;
  };
  // Channels [first, first + count) of one sample.
  struct Block {
    std::int64_t sample, first, count;
  };

  // A slice of the map, the first of the regions that it is summed into, and whether it is their first slice.
  struct Slice {
    std::int64_t z, region;
    bool opens;
  };

  static const T* find_end(const gld_view& view, const std::int64_t (&shape)[5]);
  static Runs find_runs(const gld_call& call, int axis, std::int64_t length, std::int64_t longest, Arena& arena);
  bool masked() const { return mask_.data != nullptr; }
  // Of a row of the map: not 0 where position x counts, at x * mask_.stride[3].
  const std::uint8_t* mask_row(std::int64_t sample, std::int64_t z, std::int64_t y) const {
    const auto* const mask = static_cast<const std::uint8_t*>(mask_.data);
    return mask + sample * mask_.stride[0] + z * mask_.stride[1] + y * mask_.stride[2];
  }
  void count(const Parallel& parallel) const;
  void clear(std::int64_t sample, std::int64_t z, std::int64_t y, T* row) const;
  std::int64_t area(std::int64_t sample, std::int64_t row, std::int64_t positions) const;
  template <class F>
  void windows(F&& use) const;
  template <class F>
  void blocks(const Parallel& parallel, F&& run) const;
  template <class F>
  void slices(F&& use) const;
  template <class F>
  void bands(F&& run) const;
  template <class S>
  void sum_lines(const Block& block, const Slice& slice, const S* from, T* regions, T* spare) const;
  template <class S>
  void stage_rows(std::int64_t sample, std::int64_t z, const Run& rows, const S* from, T* to, T* spare) const;
  template <class S>
  void sum_planes(const Block& block, const Slice& slice, const S* from, T* regions, std::int64_t pitch,
                  T* spare) const;
  void mean(const T* regions, std::int64_t pitch, const Window& window, std::int64_t area, std::int64_t count,
            T* to) const;
  void spread_lines(std::int64_t slices, const Band& band, const Block& block, const SampleRows<T>& grad_pooled,
                    T* values, const T** lines) const;
  void leave_out(std::int64_t sample, std::int64_t z, const Band& band, const T* zeros, const T* const* of_regions,
                 const T** lines) const;

  std::int64_t samples_, channels_, rows_, positions_;
  std::int64_t band_rows_;
  gld_view features_, mask_;
  Runs depth_, vertical_, horizontal_;
  // If there is a mask: positions that count, per sample and row, and per slot of the regions of a sample.
  std::int64_t* counts_;
  std::int64_t* region_counts_;
  T* scratch_;       // per slot
  const T** lines_;  // per slot: where the line of each position's gradient lies; with a mask, then that of its region
  std::int64_t regions_;
  const T* end_;  // how far packets may read, see find_end()
  std::int64_t region_limit_, planes_size_, lines_size_, scratch_size_;
};

}  // namespace gld

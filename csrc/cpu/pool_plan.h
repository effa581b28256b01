// What both ways of the stage pool share: how the windows of a pyramid of grids cut a map into runs and regions
// (shared/pool.h), and in which pieces the map is worked on.
#pragma once

#include "../shared/pool.h"
#include "parallel.h"
#include "views.h"

namespace gld {

constexpr std::int64_t kPoolChannels = 512;    // channels of one task
constexpr std::int64_t kBandPositions = 4096;  // positions of a map that are worked on at a time, if a row has no more

// Consecutive positions of an axis that lie in the same cells of every level.
struct Run {
  std::int64_t begin, end;
};
// Runs [begin, end) of an axis, and how many positions they cover.
struct RunRange {
  std::int64_t begin, end, length;
};
// Cells of a level that hold a run.
struct CellRange {
  std::int64_t first, last;
};

// One axis of a map in runs, none of them longer than a limit.
struct PoolAxis {
  std::int64_t length, limit;  // positions; runs that there may be
  std::int64_t levels;
  Windows<std::int64_t> grid[GLD_MAX_LEVELS]{};
  RunRange* windows[GLD_MAX_LEVELS]{};  // of the cells of a level
  CellRange* cells[GLD_MAX_LEVELS]{};   // of the runs
  Run* data = nullptr;
  std::int64_t count = 0;

  PoolAxis(const gld_call& call, int axis, std::int64_t length, std::int64_t longest, Arena& arena);
  const Run& operator[](std::int64_t run) const { return data[run]; }
  Run* begin() const { return data; }
  Run* end() const { return data + count; }
  RunRange all() const { return {0, count, length}; }
};

// What a pooled row is the mean of.
struct PoolWindow {
  RunRange depth, vertical, horizontal;

  std::int64_t positions() const { return depth.length * vertical.length * horizontal.length; }
};
// Channels [first, first + count) of one sample.
struct PoolChannels {
  std::int64_t sample, first, count;
};
// A slice of the map, the first of the regions that it is summed into, and whether it is their first slice.
struct PoolSlice {
  std::int64_t z, region;
  bool opens;
};
// Vertical runs of no more positions in all than are worked on at a time, and the rows of a slice that they cover.
struct PoolBand {
  std::int64_t begin, end, top, rows;
};

struct PoolPlan {
  std::int64_t samples, channels, rows;
  std::int64_t band_rows;
  PoolAxis depth, vertical, horizontal;
  std::int64_t regions;  // that there may be

  PoolPlan(const gld_call& call, const gld_side& side, Arena& arena);

  std::int64_t positions() const { return depth.length * vertical.length * horizontal.length; }

  // use(row, window) for every row of a sample.
  template <class F>
  void each_window(F&& use) const {
    use(0, PoolWindow{depth.all(), vertical.all(), horizontal.all()});
    std::int64_t row = 1;
    for (std::int64_t level = 0; level < depth.levels; ++level) {
      for (std::int64_t h = 0; h < depth.grid[level].cells; ++h) {
        for (std::int64_t i = 0; i < vertical.grid[level].cells; ++i) {
          for (std::int64_t j = 0; j < horizontal.grid[level].cells; ++j) {
            use(row++, PoolWindow{depth.windows[level][h], vertical.windows[level][i], horizontal.windows[level][j]});
          }
        }
      }
    }
  }

  // run(channels, slot) for all channels of all samples, as tasks.
  template <class F>
  void each_channels(const Parallel& parallel, F&& run) const {
    const std::int64_t across = ceil_div(channels, kPoolChannels);
    parallel(samples * across, [&](std::int64_t task, int slot) {
      const std::int64_t first = task % across * kPoolChannels;
      run(PoolChannels{task / across, first, std::min(kPoolChannels, channels - first)}, slot);
    });
  }

  // Slices in the order in which they lie, with the regions that their sums go to.
  template <class F>
  void each_slice(F&& use) const {
    for (std::int64_t d = 0; d < depth.count; ++d) {
      for (std::int64_t z = depth[d].begin; z < depth[d].end; ++z) {
        use(PoolSlice{z, d * vertical.count * horizontal.count, z == depth[d].begin});
      }
    }
  }

  template <class F>
  void each_band(F&& use) const {
    for (std::int64_t begin = 0, end = 0; begin < vertical.count; begin = end) {
      const std::int64_t top = vertical[begin].begin;
      for (end = begin + 1; end < vertical.count && vertical[end].end - top <= band_rows;) ++end;
      use(PoolBand{begin, end, top, vertical[end - 1].end - top});
    }
  }
};

}  // namespace gld

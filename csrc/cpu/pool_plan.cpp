#include "pool_plan.h"

#include <algorithm>

namespace gld {

PoolAxis::PoolAxis(const gld_call& call, int axis, std::int64_t length, std::int64_t longest, Arena& arena)
    : length(length), limit(length / longest), levels(call.levels) {
  // Own and shared positions of the cells take turns, and each of them may be cut.
  for (std::int64_t level = 0; level < levels; ++level) {
    const std::int64_t of_level = call.grid[level][axis];
    grid[level] = make_windows<std::int64_t>(length, of_level);
    windows[level] = arena.take<RunRange>(of_level);
    limit = std::min(length, limit + 2 * of_level);
  }
  for (std::int64_t level = 0; level < levels; ++level) cells[level] = arena.take<CellRange>(limit);
  data = arena.take<Run>(limit);
  if (data == nullptr) return;
  for (std::int64_t begin = 0, end = 0; begin < length; begin = end) {
    end = std::min(begin + longest, length);
    for (std::int64_t level = 0; level < levels; ++level) {
      const Windows<std::int64_t>& of_level = grid[level];
      const CellRange held{of_level.first_cell(begin), of_level.last_cell(begin)};
      cells[level][count] = held;
      end = std::min(end, of_level.end(held.first));
      if (held.last + 1 < of_level.cells) end = std::min(end, of_level.begin(held.last + 1));
      for (std::int64_t cell = held.first; cell <= held.last; ++cell) {
        RunRange& window = windows[level][cell];
        if (of_level.begin(cell) == begin) window = {count, 0, of_level.window(cell)};
        window.end = count + 1;
      }
    }
    data[count++] = {begin, end};
  }
}

PoolPlan::PoolPlan(const gld_call& call, const gld_side& side, Arena& arena)
    : samples(call.n),
      channels(side.channels),
      rows(call.rows),
      band_rows(std::clamp(kBandPositions / side.width, std::int64_t{1}, side.height)),
      depth(call, 0, side.depth, side.depth, arena),
      vertical(call, 1, side.height, band_rows, arena),
      horizontal(call, 2, side.width, std::min(side.width, kBandPositions), arena),
      regions(depth.limit * vertical.limit * horizontal.limit) {}

}  // namespace gld

// Adaptive windows over one axis, as csrc/cpu/pool.h has them: `cells` cells over `length` positions, cells <= length;
// they overlap where cells does not divide length.
//
// Consecutive positions that lie in the same cells form a run. Runs of both axes cross in regions, and every window is
// a union of regions, so that each position is read, and each region's gradient formed, once. Windows begin at floor(i
// length / cells) and end at ceil(i length / cells): the run of a position is how many beginnings and ends lie at or
// before it, those that coincide counted once. (Two neighbours' may coincide too; the run between them is empty then.)
#pragma once

#include "simt.cuh"

namespace gld::cuda {

template <class Int>
struct Axis {
  Int length, cells;
  Int period;  // positions from one coinciding beginning and end to the next: length / gcd(length, cells)

  __host__ __device__ Int begin(Int cell) const { return cell * length / cells; }
  __host__ __device__ Int end(Int cell) const { return ((cell + 1) * length + cells - 1) / cells; }
  __host__ __device__ Int window(Int cell) const { return end(cell) - begin(cell); }
  // The cells whose window holds this position.
  __host__ __device__ Int first_cell(Int position) const { return position * cells / length; }
  __host__ __device__ Int last_cell(Int position) const { return ((position + 1) * cells - 1) / length; }

  __host__ __device__ Int run(Int position) const {
    return first_cell(position) + last_cell(position) - position / period;
  }
  __host__ __device__ Int runs() const { return run(length - 1) + 1; }
  // A cell's runs are [first_run, end_run).
  __host__ __device__ Int first_run(Int cell) const { return run(begin(cell)); }
  __host__ __device__ Int end_run(Int cell) const { return run(end(cell) - 1) + 1; }
};

template <class Int>
Axis<Int> make_axis(std::int64_t length, std::int64_t cells) {
  std::int64_t a = length;
  for (std::int64_t b = cells; b != 0;) {
    const std::int64_t rest = a % b;
    a = b;
    b = rest;
  }
  return {static_cast<Int>(length), static_cast<Int>(cells), static_cast<Int>(length / a)};
}

// begins[r] = first position of run r, begins[runs] = length; by the threads [first, count) of a block.
template <class Int, class Index>
__device__ void find_runs(const Axis<Int>& axis, Index* begins, Int first, Int count) {
  for (Int p = first; p <= axis.length; p += count) {
    const Int to = p == axis.length ? axis.runs() : axis.run(p);
    const Int from = p == 0 ? -1 : axis.run(p - 1);
    for (Int r = from + 1; r <= to; ++r) begins[r] = static_cast<Index>(p);
  }
}

}  // namespace gld::cuda

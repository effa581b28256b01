// Windows of the stage pool over one axis of a map: adaptive ones, `cells` cells over `length` positions, cells <=
// length; they overlap where cells does not divide length. docs/mathematics.md; paper section 3.1.
//
// Consecutive positions that lie in the same cells form a run. Runs of all axes cross in regions, and every window is
// a union of regions, so that each position is read, and each region's gradient formed, once. Windows begin at floor(i
// length / cells) and end at ceil(i length / cells): the run of a position is how many beginnings and ends lie at or
// before it, those that coincide counted once. (Two neighbours' may coincide too; the run between them is empty then.)
#pragma once

#include <cstdint>

#include "host_device.h"

namespace gld {

template <class Int>
struct Windows {
  Int length, cells;
  Int period;  // positions from one coinciding beginning and end to the next: length / gcd(length, cells)

  GLD_HOST_DEVICE Int begin(Int cell) const { return cell * length / cells; }
  GLD_HOST_DEVICE Int end(Int cell) const { return ((cell + 1) * length + cells - 1) / cells; }
  GLD_HOST_DEVICE Int window(Int cell) const { return end(cell) - begin(cell); }
  // The cells whose window holds this position.
  GLD_HOST_DEVICE Int first_cell(Int position) const { return position * cells / length; }
  GLD_HOST_DEVICE Int last_cell(Int position) const { return ((position + 1) * cells - 1) / length; }

  GLD_HOST_DEVICE Int run(Int position) const { return first_cell(position) + last_cell(position) - position / period; }
  GLD_HOST_DEVICE Int runs() const { return run(length - 1) + 1; }
  // A cell's runs are [first_run, end_run).
  GLD_HOST_DEVICE Int first_run(Int cell) const { return run(begin(cell)); }
  GLD_HOST_DEVICE Int end_run(Int cell) const { return run(end(cell) - 1) + 1; }
};

template <class Int>
Windows<Int> make_windows(std::int64_t length, std::int64_t cells) {
  std::int64_t divisor = length;
  for (std::int64_t rest = cells; rest != 0;) {
    const std::int64_t next = divisor % rest;
    divisor = rest;
    rest = next;
  }
  return {static_cast<Int>(length), static_cast<Int>(cells), static_cast<Int>(length / divisor)};
}

}  // namespace gld

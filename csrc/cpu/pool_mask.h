// Which positions of a map count, if there is a mask: the others are left out of the means, and their gradient is 0.
#pragma once

#include "pool_plan.h"

namespace gld {

class PoolMask {
 public:
  PoolMask(const gld_view& mask, const PoolPlan& plan, Arena& arena, int threads);

  explicit operator bool() const { return view_.data != nullptr; }

  // Counts the positions of every window, before anything below.
  void count(const Parallel& parallel, const PoolPlan& plan) const;
  // Whether a row is the mean of no position at all.
  bool empty(std::int64_t sample, std::int64_t row) const { return *this && counts_[sample * rows_ + row] == 0; }
  // What the sum over a window of so many positions is divided by: those that count; 1 where none does and the sum is
  // 0.
  std::int64_t area(std::int64_t sample, std::int64_t row, std::int64_t positions) const {
    return *this ? std::max(counts_[sample * rows_ + row], std::int64_t{1}) : positions;
  }

  // What counts of a row of the map: not 0 at x * step() for a position x that does.
  const std::uint8_t* row(std::int64_t sample, std::int64_t z, std::int64_t y) const {
    const auto* const mask = static_cast<const std::uint8_t*>(view_.data);
    return mask + sample * view_.stride[0] + z * view_.stride[1] + y * view_.stride[2];
  }
  std::int64_t step() const { return view_.stride[3]; }

  // Positions of a row of the map that do not count become 0, whatever they held.
  template <class T>
  void zero_left_out(std::int64_t sample, std::int64_t z, std::int64_t y, std::int64_t width, T* row) const;

 private:
  gld_view view_;
  std::int64_t rows_, regions_;
  std::int64_t* counts_;         // per sample and row
  std::int64_t* region_counts_;  // per slot: of the regions of a sample
};

}  // namespace gld

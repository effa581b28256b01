#include "pool_mask.h"

#include <algorithm>

namespace gld {

PoolMask::PoolMask(const gld_view& mask, const PoolPlan& plan, Arena& arena, int threads)
    : view_(mask),
      rows_(plan.rows),
      regions_(plan.regions),
      counts_(*this ? arena.take<std::int64_t>(plan.samples * rows_) : nullptr),
      region_counts_(*this ? arena.take<std::int64_t>(regions_, threads) : nullptr) {}

void PoolMask::count(const Parallel& parallel, const PoolPlan& plan) const {
  if (!*this) return;
  parallel(plan.samples, [&](std::int64_t sample, int slot) {
    std::int64_t* const regions = region_counts_ + slot * regions_;
    std::int64_t* region = regions;
    for (const Run& d : plan.depth) {
      for (const Run& v : plan.vertical) {
        std::fill_n(region, plan.horizontal.count, 0);
        for (std::int64_t z = d.begin; z < d.end; ++z) {
          for (std::int64_t y = v.begin; y < v.end; ++y) {
            const std::uint8_t* const counts = row(sample, z, y);
            for (std::int64_t h = 0; h < plan.horizontal.count; ++h) {
              const Run& run = plan.horizontal[h];
              for (std::int64_t x = run.begin; x < run.end; ++x) region[h] += counts[x * step()] != 0 ? 1 : 0;
            }
          }
        }
        region += plan.horizontal.count;
      }
    }
    plan.each_window([&](std::int64_t row, const PoolWindow& window) {
      std::int64_t total = 0;
      for (std::int64_t d = window.depth.begin; d < window.depth.end; ++d) {
        for (std::int64_t v = window.vertical.begin; v < window.vertical.end; ++v) {
          const std::int64_t* const line = regions + (d * plan.vertical.count + v) * plan.horizontal.count;
          for (std::int64_t h = window.horizontal.begin; h < window.horizontal.end; ++h) total += line[h];
        }
      }
      counts_[sample * rows_ + row] = total;
    });
  });
}

template <class T>
void PoolMask::zero_left_out(std::int64_t sample, std::int64_t z, std::int64_t y, std::int64_t width, T* row) const {
  if (!*this) return;
  const std::uint8_t* const counts = this->row(sample, z, y);
  if (step() == 1) {  // apart, for the compiler to vectorise
    for (std::int64_t x = 0; x < width; ++x) row[x] = counts[x] != 0 ? row[x] : T(0);
  } else {
    for (std::int64_t x = 0; x < width; ++x) row[x] = counts[x * step()] != 0 ? row[x] : T(0);
  }
}

template void PoolMask::zero_left_out(std::int64_t, std::int64_t, std::int64_t, std::int64_t, float*) const;
template void PoolMask::zero_left_out(std::int64_t, std::int64_t, std::int64_t, std::int64_t, double*) const;

}  // namespace gld

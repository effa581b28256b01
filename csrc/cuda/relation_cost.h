// The cost model by which method 'auto' of the relation loss chooses on a GPU. An estimate that no measurement has
// confirmed yet: it counts what each method's kernels do, at rates of a large GPU of compute capability 8.0 or 9.0
// (3xTF32 products at 60 Tflop/s, 1.5 TB/s, 3 µs for a kernel that has nothing to do). Only ratios count. Microseconds.
#pragma once

namespace gld::cuda {

constexpr double kKernelCost = 3;
constexpr double kFlopsPerMicrosecond = 60e6;
constexpr double kBytesPerMicrosecond = 1.5e6;

// Products of all flops, which fill the device only if there are enough of them: a kernel takes at least so long.
inline double product_cost(double flops) { return kKernelCost + flops / kFlopsPerMicrosecond; }
inline double sweep_cost(double bytes) { return kKernelCost + bytes / kBytesPerMicrosecond; }

// kept: half of the distances are computed and all of them stored; else all are computed, and once more for gradients.
inline double pairwise_cost(double m, double classes, bool gradients, bool kept) {
  const double distances = 2 * 2 * m * m * classes;  // both sides
  double cost = product_cost(kept ? distances / 2 : distances) + 2 * kKernelCost;
  if (!gradients) return cost;
  cost += kept ? sweep_cost(2 * 4 * m * m) + sweep_cost(3 * 4 * m * m)
               : product_cost(distances) + sweep_cost(2 * 4 * m * m);
  return cost + product_cost(2 * m * m * classes) + sweep_cost(4 * 4 * m * classes);
}

inline double moments_cost(double m, double classes, bool gradients) {
  const double product = 2 * m * classes * classes;
  // Two of the moments by half; three products of the rows with them; one sweep to combine, one of the rows each.
  double cost = product_cost(2 * product) + sweep_cost(3 * 8 * classes * classes) + sweep_cost(2 * 4 * m * classes) +
                kKernelCost + product_cost(3 * product) + sweep_cost(5 * 4 * m * classes) + kKernelCost;
  if (!gradients) return cost;
  return cost + product_cost(1.5 * product) + sweep_cost(2 * 8 * classes * classes) + sweep_cost(2 * 4 * m * classes) +
         kKernelCost + product_cost(2 * product) + sweep_cost(5 * 4 * m * classes);
}

}  // namespace gld::cuda

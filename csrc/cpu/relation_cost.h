// The cost model by which method 'auto' of the relation loss chooses: what each method takes for m rows of K classes.
// Printed by `npm run bench:fit`, which measures both methods over a grid of m and K and fits the constants. They are
// nanoseconds on one thread of the machine it ran on; only their ratios count.
#pragma once

namespace gld {

// Factors of 1, m, mK, m² and m²K: without gradients, then with them.
constexpr double kPairwiseCost[2][5] = {
    {5140, 123, 1.59, 0.666, 0.049},
    {12800, 0, 1.06, 1.39, 0.0855},
};

// Factors of 1, m, mK, K² and mK²: without gradients, then with them.
constexpr double kMomentsCost[2][5] = {
    {6000, 194, 2.81, 0.573, 0.155},
    {6270, 337, 5.92, 0.788, 0.266},
};

inline double pairwise_cost(double m, double classes, bool gradients) {
  const double* cost = kPairwiseCost[gradients ? 1 : 0];
  return cost[0] + cost[1] * m + cost[2] * m * classes + cost[3] * m * m + cost[4] * m * m * classes;
}

inline double moments_cost(double m, double classes, bool gradients) {
  const double* cost = kMomentsCost[gradients ? 1 : 0];
  return cost[0] + cost[1] * m + cost[2] * m * classes + cost[3] * classes * classes + cost[4] * m * classes * classes;
}

}  // namespace gld

// The cost model by which method 'auto' of the relation loss chooses: what each method takes for m rows of K classes.
// Printed by `npm run bench:fit`, which measures both methods over a grid of m and K and fits the constants. They are
// nanoseconds on one thread of the machine it ran on; only their ratios count.
#pragma once

namespace gld {

// Factors of 1, m, mK, m², m²K, and m²K again where distances are not kept: without gradients, then with them.
constexpr double kPairwiseCost[2][6] = {
    {6670, 80.2, 2.06, 0.558, 0.0145, 0.00403},
    {14600, 2.47, 3.01, 1.17, 0.0259, 0.0225},
};

// Factors of 1, m, mK, K² and mK²: without gradients, then with them.
constexpr double kMomentsCost[2][5] = {
    {4710, 142, 2.65, 7, 0.0622},
    {5820, 205, 7.57, 10.8, 0.11},
};

// products: rows that take part in the products; the distances of the others are means (relation_pairwise.h).
inline double pairwise_cost(double m, double products, double classes, bool gradients, bool kept) {
  const double* cost = kPairwiseCost[gradients ? 1 : 0];
  const double of_product = kept ? cost[4] : cost[4] + cost[5];
  return cost[0] + cost[1] * m + cost[2] * m * classes + cost[3] * m * m + of_product * products * products * classes;
}

inline double moments_cost(double m, double classes, bool gradients) {
  const double* cost = kMomentsCost[gradients ? 1 : 0];
  return cost[0] + cost[1] * m + cost[2] * m * classes + cost[3] * classes * classes + cost[4] * m * classes * classes;
}

}  // namespace gld

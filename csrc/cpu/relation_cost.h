// The cost model by which method 'auto' of the relation loss chooses: what each method takes for m rows of K classes.
// Printed by `npm run bench:fit`, which measures both methods over a grid of m and K and fits the constants. They are
// nanoseconds on one thread of the machine it ran on; only their ratios count.
#pragma once

namespace gld {

// Factors of 1, m, mK, m², m²K, and m²K again where distances are not kept: without gradients, then with them.
constexpr double kPairwiseCost[2][6] = {
    {7670, 28.1, 2.1, 0.626, 0.0213, 0.0138},
    {10100, 0, 2.66, 1.22, 0.0399, 0.0546},
};

// Factors of 1, m, mK, K² and mK²: without gradients, then with them.
constexpr double kMomentsCost[2][5] = {
    {4080, 123, 5.79, 6.16, 0.0852},
    {4500, 159, 11.6, 10.2, 0.151},
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

// Which of the two methods of the relation loss computes a call, and what either of them depends on.
#pragma once

#include <algorithm>
#include <cstdint>

#include "../engine.h"

namespace gld {

// Whether two m×m matrices of distances, rows `pitch` apart, take no more than so many bytes: then they are kept
// between the passes of the pairwise method.
template <class T>
bool keeps_distances(std::int64_t m, std::int64_t pitch, double limit) {
  return 2.0 * sizeof(T) * static_cast<double>(m) * static_cast<double>(pitch) <= limit;
}

// Method 'auto' is the one that an engine's cost model expects to be faster.
inline gld_method choose_method(const gld_call& call, double pairwise_cost, double moments_cost) {
  if (call.method != GLD_METHOD_AUTO) return static_cast<gld_method>(call.method);
  if (call.metric == GLD_METRIC_EUCLIDEAN) return GLD_METHOD_PAIRWISE;
  return pairwise_cost <= moments_cost ? GLD_METHOD_PAIRWISE : GLD_METHOD_MOMENTS;
}

}  // namespace gld

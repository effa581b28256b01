#include "relation_total.h"

#include "reduce.cuh"

namespace gld::cuda {
namespace {

constexpr int kThreads = 512;

__global__ void __launch_bounds__(kThreads)
    total_kernel(const std::int32_t* stop, const double* values, std::int64_t count, double factor, double* loss) {
  if (block_stopped(stop)) return;
  double total[1] = {0};
  for (std::int64_t i = threadIdx.x; i < count; i += kThreads) total[0] += values[i];
  reduce_block<kThreads>(total, Add());
  if (threadIdx.x == 0) *loss = factor * total[0];
}

}  // namespace

void relation_total(const Launch& to, const double* values, std::int64_t count, double factor, double* loss) {
  launch(to, &total_kernel, dim3(1), dim3(kThreads), 0, to.stop, values, count, factor, loss);
}

}  // namespace gld::cuda

#include "pool.h"

namespace gld::cuda {

Pool::Pool(const gld_call& call, const gld_side& side)
    : shape_{call.n, side.channels, make_axis<std::int64_t>(side.height, call.grid[0][1]),
             make_axis<std::int64_t>(side.width, call.grid[0][2])},
      features_(side.features) {}

void Pool::forward(const Launch& to, const SampleRows& pooled) const { pool_forward(to, shape_, features_, pooled); }

void Pool::backward(const Launch& to, const SampleRows& grad_pooled, const gld_view& grad_features) const {
  pool_backward(to, shape_, grad_pooled, grad_features);
}

}  // namespace gld::cuda

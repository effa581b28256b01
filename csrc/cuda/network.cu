#include "network.h"

#include "../shared/terms.h"
#include "convert.cuh"

namespace gld::cuda {
namespace {

constexpr int kThreads = 256;

// Classes k to k + 3 of a row, 0 beyond the last: nothing has written what lies there.
__device__ Pack<float, 4> load_pack(const float* row, std::int64_t k, std::int64_t classes) {
  if (k + 4 <= classes) return *reinterpret_cast<const Pack<float, 4>*>(row + k);
  Pack<float, 4> pack = {};
#pragma unroll
  for (int j = 0; j < 3; ++j) {
    if (k + j < classes) pack.at[j] = row[k + j];
  }
  return pack;
}

// Four classes of one sample each: the global logits from those of its cells.
__global__ void __launch_bounds__(kThreads)
    mean_of_cells_kernel(const std::int32_t* stop, Matrix rows, std::int64_t samples, std::int64_t cells,
                         std::int64_t classes) {
  if (stopped(stop)) return;
  const std::int64_t packs = (classes + 3) / 4;
  const float share = 1.0f / static_cast<float>(cells);
  for (std::int64_t u = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x; u < samples * packs;
       u += static_cast<std::int64_t>(gridDim.x) * kThreads) {
    const std::int64_t sample = u / packs;
    const std::int64_t k = 4 * (u - sample * packs);
    const float* from = rows.data + sample * cells * rows.pitch;
    Pack<float, 4> total = {};
    for (std::int64_t l = 0; l < cells; ++l, from += rows.pitch) {
      const Pack<float, 4> pack = load_pack(from, k, classes);
#pragma unroll
      for (int j = 0; j < 4; ++j) total.at[j] += pack.at[j];
    }
#pragma unroll
    for (int j = 0; j < 4; ++j) total.at[j] *= share;
    *reinterpret_cast<Pack<float, 4>*>(rows.data + (samples * cells + sample) * rows.pitch + k) = total;
  }
}

// Four classes of one cell each: it gains its share of the gradient of its sample's global row.
__global__ void __launch_bounds__(kThreads)
    share_global_kernel(const std::int32_t* stop, Matrix grad, std::int64_t samples, std::int64_t cells,
                        std::int64_t classes) {
  if (stopped(stop)) return;
  const std::int64_t packs = (classes + 3) / 4;
  const float share = 1.0f / static_cast<float>(cells);
  for (std::int64_t u = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x; u < samples * cells * packs;
       u += static_cast<std::int64_t>(gridDim.x) * kThreads) {
    const std::int64_t cell = u / packs;
    const std::int64_t k = 4 * (u - cell * packs);
    float* const to = grad.data + cell * grad.pitch;
    const Pack<float, 4> global = load_pack(grad.data + (samples * cells + cell / cells) * grad.pitch, k, classes);
    Pack<float, 4> pack = load_pack(to, k, classes);
#pragma unroll
    for (int j = 0; j < 4; ++j) pack.at[j] += global.at[j] * share;
    *reinterpret_cast<Pack<float, 4>*>(to + k) = pack;
  }
}

}  // namespace

Network::Network(const gld_call& call, const gld_side& side, Arena& arena)
    : call_(call), side_(side), layout_(call, side), logits_(arena.matrix<float>(layout_.all(), call.classes)) {
  if (side.features.data == nullptr) return;
  pool_.emplace(call, side);
  classifier_.emplace(layout_.pooled(), side.channels, call.classes, side.weight, side.bias, arena);
  pooled_ = arena.matrix<float>(layout_.pooled(), side.channels);
}

void Network::forward(const Launch& to) const {
  if (!pool_) return read_rows(to, side_.logits, call_.n, call_.classes, layout_.of_logits(logits_));
  pool_->forward(to, layout_.of_pooled(pooled_));
  classifier_->load(to);
  classifier_->forward(to, pooled_, logits_);
  if (!layout_.even) return;
  const std::int64_t packs = ceil_div(call_.classes, 4);
  launch(to, mean_of_cells_kernel, grid_of(ceil_div(call_.n * packs, kThreads)), dim3(kThreads), 0, to.stop, logits_,
         call_.n, layout_.cells, call_.classes);
}

void Network::plan_gradients(Arena& arena) {
  if (!has_gradients(call_)) return;
  grad_logits_ = arena.matrix<float>(layout_.all(), call_.classes);
  if (!pool_) return;
  if (call_.out_weight.data != nullptr) classifier_->plan_backward_weight(call_.out_weight, arena);
  if (call_.out_bias.data != nullptr) classifier_->plan_backward_bias(arena);
  if (call_.out_features.data == nullptr) return;
  grad_pooled_ = arena.matrix<float>(layout_.pooled(), side_.channels);
  classifier_->plan_backward_pooled(arena);
}

void Network::backward(const Launch& to) const {
  if (!pool_) return write_rows(to, layout_.of_logits(grad_logits_), call_.n, call_.classes, call_.out_logits);
  if (layout_.even) {
    const std::int64_t packs = ceil_div(call_.classes, 4);
    launch(to, share_global_kernel, grid_of(ceil_div(call_.n * layout_.cells * packs, kThreads)), dim3(kThreads), 0,
           to.stop, grad_logits_, call_.n, layout_.cells, call_.classes);
  }
  if (call_.out_weight.data != nullptr) classifier_->backward_weight(to, pooled_, grad_logits_, call_.out_weight);
  if (call_.out_bias.data != nullptr) classifier_->backward_bias(to, grad_logits_, call_.out_bias);
  if (call_.out_features.data != nullptr) {
    classifier_->backward_pooled(to, grad_logits_, grad_pooled_);
    pool_->backward(to, layout_.of_pooled(grad_pooled_), call_.out_features);
  }
}

}  // namespace gld::cuda

#include "network.h"

#include "../shared/terms.h"

namespace gld {
namespace {

// Rows of one task's products: whole samples, so that what follows from a sample's cells can be computed along with
// them.
std::int64_t panel_rows(std::int64_t cells) { return std::max(kProductRows / cells, std::int64_t{1}) * cells; }

}  // namespace

template <class T>
Network<T>::Network(const gld_call& call, const gld_side& side, Arena& arena, int threads)
    : call_(call), side_(side), layout_(call, side) {
  if (side.features.data == nullptr) return;
  const bool classifies = side.weight.data != nullptr;
  pool_.emplace(call, side, arena, threads);
  logits_ = arena.matrix<T>(layout_.all(), call.classes);
  pooled_ = classifies ? arena.matrix<T>(layout_.pooled(), side.channels) : logits_;
  if (!classifies) return;
  classifier_.emplace(layout_.pooled(), side.channels, call.classes,
                      layout_.even ? panel_rows(layout_.cells) : kProductRows, side.weight, side.bias, arena, threads);
}

template <class T>
void Network<T>::forward(const Parallel& parallel) {
  if (!pool_) return;
  pool_->forward(parallel, layout_.of_pooled(pooled_));
  if (!classifier_) return;
  classifier_->forward(parallel, pooled_, logits_, [&](std::int64_t first, std::int64_t count) {
    if (!layout_.even) return;
    const std::int64_t cells = layout_.cells;
    const T share = T(1) / static_cast<T>(cells);
    const SampleRows<T> logits = layout_.of_logits(logits_);
    for (std::int64_t sample = first / cells; sample < (first + count) / cells; ++sample) {
      T* global = logits.at(sample, 0);
      std::copy_n(logits.at(sample, 1), call_.classes, global);
      for (std::int64_t l = 2; l <= cells; ++l) add(global, logits.at(sample, l), call_.classes);
      for (std::int64_t k = 0; k < call_.classes; ++k) global[k] *= share;
    }
  });
}

template <class T>
LogitRows<T> Network<T>::logits() const {
  if (!pool_) return {side_.logits, call_.rows, call_.classes};
  return {layout_.of_logits(logits_), call_.classes, layout_.even};
}

template <class T>
void Network<T>::plan_gradients(Arena& arena, int threads) {
  if (!has_gradients(call_)) return;
  if (!pool_) {
    // Summed up in the caller's own buffer, element by element, where that is a matrix of T already.
    const bool direct = call_.out_logits.dtype == dtype_of<T>();
    grad_logits_ = direct ? Matrix<T>{static_cast<T*>(call_.out_logits.data), call_.classes}
                          : arena.matrix<T>(layout_.all(), call_.classes);
    grad_rows_ = SampleRows<T>::in_order(grad_logits_, call_.rows);
    return;
  }
  grad_logits_ = arena.matrix<T>(layout_.all(), call_.classes);
  grad_rows_ = layout_.of_logits(grad_logits_);
  if (call_.out_weight.data != nullptr) classifier_->plan_backward_weight(call_.out_weight, arena, threads);
  if (call_.out_features.data == nullptr || !classifier_) return;
  grad_pooled_ = arena.matrix<T>(layout_.pooled(), side_.channels);
  classifier_->plan_backward_pooled(arena, threads);
}

template <class T>
void Network<T>::share_global_gradient(const Parallel& parallel) const {
  const T share = T(1) / static_cast<T>(layout_.cells);
  parallel(call_.n, [&](std::int64_t sample, int) {
    T* global = grad_rows_.at(sample, 0);
    for (std::int64_t k = 0; k < call_.classes; ++k) global[k] *= share;
    for (std::int64_t l = 1; l <= layout_.cells; ++l) add(grad_rows_.at(sample, l), global, call_.classes);
  });
}

// Pooled rows that have no gradient, neither their own nor as a part of the global row: a NaN times 0 would be one.
template <class T>
void Network<T>::zero_unweighted(const RowWeights& weights) const {
  const SampleRows<T> pooled = layout_.of_pooled(pooled_);
  for (std::int64_t r = 0; !weights.absent() && r < layout_.all(); ++r) {
    const std::int64_t global = r - r % call_.rows;
    if (weights[r] != 0 || (layout_.even && (r == global || weights[global] != 0))) continue;
    std::fill_n(pooled[r], side_.channels, T(0));
  }
}

template <class T>
void Network<T>::backward(const Parallel& parallel, const RowWeights& weights) {
  if (!pool_) return deliver(grad_logits_, layout_.all(), call_.classes, call_.out_logits);
  if (!classifier_) return pool_->backward(parallel, grad_rows_, call_.out_features);
  if (layout_.even) share_global_gradient(parallel);
  zero_unweighted(weights);
  if (call_.out_weight.data != nullptr) classifier_->backward_weight(parallel, pooled_, grad_logits_, call_.out_weight);
  if (call_.out_bias.data != nullptr) classifier_->backward_bias(parallel, grad_logits_, call_.out_bias);
  if (call_.out_features.data != nullptr) {
    classifier_->backward_pooled(parallel, grad_logits_, grad_pooled_);
    pool_->backward(parallel, layout_.of_pooled(grad_pooled_), call_.out_features);
  }
}

template class Network<float>;
template class Network<double>;

}  // namespace gld

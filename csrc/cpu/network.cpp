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
    : call_(call), side_(side), cells_(call.rows - 1) {
  if (side.features.data == nullptr) return;
  const bool classifies = side.weight.data != nullptr;
  even_ = classifies && even_grid(call, side);
  rows_ = call.n * (even_ ? cells_ : call.rows);
  pool_.emplace(call, side, arena, threads);
  logits_ = arena.matrix<T>(call.n * call.rows, call.classes);
  pooled_ = classifies ? arena.matrix<T>(rows_, side.channels) : logits_;
  if (!classifies) return;
  classifier_.emplace(rows_, side.channels, call.classes, even_ ? panel_rows(cells_) : kProductRows, side.weight,
                      side.bias, arena, threads);
}

template <class T>
void Network<T>::forward(const Parallel& parallel) {
  if (!pool_) return;
  pool_->forward(parallel, pooled_rows(pooled_));
  if (!classifier_) return;
  classifier_->forward(parallel, pooled_, logits_, [&](std::int64_t first, std::int64_t count) {
    if (!even_) return;
    const T share = T(1) / static_cast<T>(cells_);
    for (std::int64_t sample = first / cells_; sample < (first + count) / cells_; ++sample) {
      T* global = logits_[rows_ + sample];
      std::copy_n(logits_[sample * cells_], call_.classes, global);
      for (std::int64_t l = 1; l < cells_; ++l) add(global, logits_[sample * cells_ + l], call_.classes);
      for (std::int64_t k = 0; k < call_.classes; ++k) global[k] *= share;
    }
  });
}

template <class T>
LogitRows<T> Network<T>::logits() const {
  if (!pool_) return {side_.logits, call_.rows, call_.classes};
  return {SampleRows<T>::cells_first(logits_, call_.n, call_.rows), call_.classes, even_};
}

template <class T>
SampleRows<T> Network<T>::pooled_rows(Matrix<T> rows) const {
  return even_ ? SampleRows<T>::cells_only(rows, call_.n, call_.rows)
               : SampleRows<T>::cells_first(rows, call_.n, call_.rows);
}

template <class T>
void Network<T>::plan_gradients(Arena& arena, int threads) {
  if (!has_gradients(call_)) return;
  const std::int64_t m = call_.n * call_.rows;
  if (!pool_) {
    // Summed up in the caller's own buffer, element by element, where that is a matrix of T already.
    const bool direct = call_.out_logits.dtype == dtype_of<T>();
    grad_logits_ =
        direct ? Matrix<T>{static_cast<T*>(call_.out_logits.data), call_.classes} : arena.matrix<T>(m, call_.classes);
    grad_rows_ = SampleRows<T>::in_order(grad_logits_, call_.rows);
    return;
  }
  grad_logits_ = arena.matrix<T>(m, call_.classes);
  grad_rows_ = SampleRows<T>::cells_first(grad_logits_, call_.n, call_.rows);
  if (call_.out_weight.data != nullptr) classifier_->plan_backward_weight(call_.out_weight, arena, threads);
  if (call_.out_features.data == nullptr || !classifier_) return;
  grad_pooled_ = arena.matrix<T>(rows_, side_.channels);
  classifier_->plan_backward_pooled(arena, threads);
}

template <class T>
void Network<T>::share_global_gradient(const Parallel& parallel) const {
  const T share = T(1) / static_cast<T>(cells_);
  parallel(call_.n, [&](std::int64_t sample, int) {
    T* global = grad_rows_.at(sample, 0);
    for (std::int64_t k = 0; k < call_.classes; ++k) global[k] *= share;
    for (std::int64_t l = 1; l <= cells_; ++l) add(grad_rows_.at(sample, l), global, call_.classes);
  });
}

// Pooled rows that have no gradient, neither their own nor as a part of the global row: a NaN times 0 would be one.
template <class T>
void Network<T>::zero_unweighted(const RowWeights& weights) const {
  const SampleRows<T> pooled = pooled_rows(pooled_);
  for (std::int64_t r = 0; !weights.absent() && r < call_.n * call_.rows; ++r) {
    const std::int64_t global = r - r % call_.rows;
    if (weights[r] != 0 || (even_ && (r == global || weights[global] != 0))) continue;
    std::fill_n(pooled[r], side_.channels, T(0));
  }
}

template <class T>
void Network<T>::backward(const Parallel& parallel, const RowWeights& weights) {
  if (!pool_) return deliver(grad_logits_, call_.n * call_.rows, call_.classes, call_.out_logits);
  if (!classifier_) return pool_->backward(parallel, grad_rows_, call_.out_features);
  if (even_) share_global_gradient(parallel);
  zero_unweighted(weights);
  if (call_.out_weight.data != nullptr) classifier_->backward_weight(parallel, pooled_, grad_logits_, call_.out_weight);
  if (call_.out_bias.data != nullptr) classifier_->backward_bias(parallel, grad_logits_, call_.out_bias);
  if (call_.out_features.data != nullptr) {
    classifier_->backward_pooled(parallel, grad_logits_, grad_pooled_);
    pool_->backward(parallel, pooled_rows(grad_pooled_), call_.out_features);
  }
}

template class Network<float>;
template class Network<double>;

}  // namespace gld

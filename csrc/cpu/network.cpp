#include "network.h"

namespace gld {

template <class T>
Network<T>::Network(const gld_call& call, const gld_side& side, Arena& arena, int threads)
    : call_(call), side_(side), m_(call.n * call.rows) {
  if (side.features.data == nullptr) return;
  pool_.emplace(call, side, arena, threads);
  classifier_.emplace(m_, side.channels, call.classes, side.weight, side.bias, arena);
  pooled_ = take_rows<T>(arena, m_, side.channels);
  logits_ = take_rows<T>(arena, m_, call.classes);
}

template <class T>
void Network<T>::forward(const Parallel& parallel) const {
  if (!pool_) return;
  pool_->forward(parallel, pooled_);
  classifier_->forward(parallel, pooled_, logits_);
}

template <class T>
Lines<T> Network<T>::logits() const {
  return {pool_ ? logits_.view(call_.rows) : side_.logits, call_.rows, call_.classes};
}

template <class T>
void Network<T>::plan_gradients(Arena& arena) {
  const bool wanted = pool_ ? call_.out_features.data != nullptr || call_.out_weight.data != nullptr ||
                                  call_.out_bias.data != nullptr
                            : call_.out_logits.data != nullptr;
  if (!wanted) return;
  if (!pool_) {
    // Summed up in the caller's own buffer, element by element, where that is a matrix of T already.
    const bool direct = call_.out_logits.dtype == dtype_of<T>();
    grad_logits_ = direct ? Rows<T>{static_cast<T*>(call_.out_logits.data), call_.classes}
                          : take_rows<T>(arena, m_, call_.classes);
    return;
  }
  grad_logits_ = take_rows<T>(arena, m_, call_.classes);
  if (call_.out_features.data != nullptr) grad_pooled_ = take_rows<T>(arena, m_, side_.channels);
  if (call_.out_weight.data != nullptr) classifier_->plan_weight_gradient(arena);
}

template <class T>
void Network<T>::backward(const Parallel& parallel) const {
  if (!pool_) return deliver(grad_logits_, m_, call_.classes, call_.out_logits);
  if (call_.out_weight.data != nullptr) classifier_->backward_weight(parallel, pooled_, grad_logits_, call_.out_weight);
  if (call_.out_bias.data != nullptr) classifier_->backward_bias(parallel, grad_logits_, call_.out_bias);
  if (call_.out_features.data != nullptr) {
    classifier_->backward_pooled(parallel, grad_logits_, grad_pooled_);
    pool_->backward(parallel, grad_pooled_, call_.out_features);
  }
}

template class Network<float>;
template class Network<double>;

}  // namespace gld

#include "network.h"

namespace gld {

template <class T>
Network<T>::Network(const gld_call& call, const gld_side& side, Arena& arena, int threads)
    : call_(call), side_(side), m_(call.n * call.rows) {
  if (side.features.data == nullptr) return;
  pool_.emplace(call, side, arena, threads);
  classifier_.emplace(m_, side.channels, call.classes, side.weight, side.bias, arena);
  pooled_ = {arena.take<T>(m_ * padded<T>(side.channels)), padded<T>(side.channels)};
  logits_ = {arena.take<T>(m_ * padded<T>(call.classes)), padded<T>(call.classes)};
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
  const bool wanted = pool_ ? call_.grad_features.data != nullptr || call_.grad_weight.data != nullptr ||
                                  call_.grad_bias.data != nullptr
                            : call_.grad_logits.data != nullptr;
  if (!wanted) return;
  grad_logits_ = plan_rows<T>(m_, call_.classes, pool_ ? gld_view{} : call_.grad_logits, arena);
  if (call_.grad_features.data != nullptr) {
    grad_pooled_ = {arena.take<T>(m_ * padded<T>(side_.channels)), padded<T>(side_.channels)};
  }
}

template <class T>
void Network<T>::backward(const Parallel& parallel) const {
  if (!pool_) return deliver(grad_logits_, m_, call_.classes, call_.grad_logits);
  if (call_.grad_weight.data != nullptr) classifier_->backward_weight(parallel, pooled_, grad_logits_, call_.grad_weight);
  if (call_.grad_bias.data != nullptr) classifier_->backward_bias(parallel, grad_logits_, call_.grad_bias);
  if (call_.grad_features.data != nullptr) {
    classifier_->backward_pooled(parallel, grad_logits_, grad_pooled_);
    pool_->backward(parallel, grad_pooled_, call_.grad_features);
  }
}

template class Network<float>;
template class Network<double>;

}  // namespace gld

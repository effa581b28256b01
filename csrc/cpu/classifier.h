// Stage classifier: one linear layer for global and local rows, logits = pooled Wᵀ + b, and the way back.
// DESIGN §2.2; the paper applies the network's own last layer to every pooled row (section 3.1).
#pragma once

#include "arena.h"
#include "parallel.h"
#include "views.h"

namespace gld {

template <class T>
class Classifier {
 public:
  // m: pooled rows.
  Classifier(std::int64_t m, std::int64_t channels, std::int64_t classes, const gld_view& weight, const gld_view& bias,
             Arena& arena);
  void plan_weight_gradient(Arena& arena);  // before any run, if backward_weight() is to be called

  void forward(const Parallel& parallel, Rows<T> pooled, Rows<T> logits) const;

  void backward_pooled(const Parallel& parallel, Rows<T> grad_logits, Rows<T> grad_pooled) const;
  void backward_weight(const Parallel& parallel, Rows<T> pooled, Rows<T> grad_logits, const gld_view& grad_weight) const;
  void backward_bias(const Parallel& parallel, Rows<T> grad_logits, const gld_view& grad_bias) const;

 private:
  void load(const Parallel& parallel) const;

  std::int64_t m_, channels_, classes_;
  gld_view weight_view_, bias_view_;
  Rows<T> weight_;       // [classes, channels], read once per call whatever its layout and dtype
  Rows<T> grad_weight_;  // the same shape, before it is written in the caller's layout
  T* bias_;
};

}  // namespace gld

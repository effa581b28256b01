// Stage classifier: one linear layer for global and local rows, logits = pooled Wᵀ + b, and the way back.
// docs/mathematics.md; the paper applies the network's own last layer to every pooled row (section 3.1).
#pragma once

#include <optional>

#include "packets.h"
#include "parallel.h"
#include "product.h"
#include "views.h"

namespace gld {

template <class T>
class Classifier {
 public:
  // m: pooled rows, of which a task takes `panel` at a time.
  Classifier(std::int64_t m, std::int64_t channels, std::int64_t classes, std::int64_t panel, const gld_view& weight,
             const gld_view& bias, Arena& arena, int threads);
  // Before any run, if backward_weight() or backward_pooled() is to be called.
  void plan_backward_weight(const gld_view& grad_weight, Arena& arena, int threads);
  void plan_backward_pooled(Arena& arena, int threads);

  // done(first, count) is called for rows that are complete, while they are in the cache.
  template <class F>
  void forward(const Parallel& parallel, Matrix<T> pooled, Matrix<T> logits, F&& done) {
    load(parallel);
    logits_->run(parallel, factor(pooled), m_, {weight_.data, weight_.pitch, !weight_.transposed}, logits,
                 [&](std::int64_t first, std::int64_t count) {
                   for (std::int64_t r = first; r < first + count; ++r) add(logits[r], bias_, classes_);
                   done(first, count);
                 });
  }

  void backward_pooled(const Parallel& parallel, Matrix<T> grad_logits, Matrix<T> grad_pooled);
  void backward_weight(const Parallel& parallel, Matrix<T> pooled, Matrix<T> grad_logits, const gld_view& grad_weight);
  void backward_bias(const Parallel& parallel, Matrix<T> grad_logits, const gld_view& grad_bias) const;

  // Reads weight and bias; forward() does so itself.
  void load(const Parallel& parallel) const;

 private:
  std::int64_t m_, channels_, classes_, panel_;
  gld_view weight_view_, bias_view_;
  Factor<T> weight_;       // [classes, channels], where it lies if that is a matrix of T
  Matrix<T> weight_copy_;  // else read once per call
  Matrix<T> grad_weight_;  // in the caller's buffer, or to be converted
  T* bias_;
  std::optional<Product<T>> logits_, grad_weight_product_, grad_pooled_product_;
};

}  // namespace gld

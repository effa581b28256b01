// Stage classifier: one linear layer for global and local rows, logits = pooled Wᵀ + b, and the way back.
// docs/mathematics.md; the paper applies the network's own last layer to every pooled row (section 3.1).
#pragma once

#include <cstdint>
#include <optional>

#include "product.h"

namespace gld::cuda {

class Classifier {
 public:
  // weight: view [classes, channels], bias: view [classes] or absent; any strides, GLD_F32, GLD_F16 or GLD_BF16, in
  // device memory. rows: pooled rows.
  Classifier(std::int64_t rows, std::int64_t channels, std::int64_t classes, const gld_view& weight,
             const gld_view& bias, Arena& arena);
  // Before any run, if backward_weight(), backward_pooled() or backward_bias() is to be called.
  void plan_backward_weight(const gld_view& out, Arena& arena);
  void plan_backward_pooled(Arena& arena);
  void plan_backward_bias(Arena& arena);

  // Reads weight and bias where they cannot be used as they lie. Once per call, before what follows.
  void load(const Launch& launch) const;

  void forward(const Launch& launch, Matrix pooled, Matrix logits) const;
  // out: view [classes, channels], in device memory, of any dtype above and any strides.
  void backward_weight(const Launch& launch, Matrix pooled, Matrix grad_logits, const gld_view& out) const;
  void backward_pooled(const Launch& launch, Matrix grad_logits, Matrix grad_pooled) const;
  // out: view [classes].
  void backward_bias(const Launch& launch, Matrix grad_logits, const gld_view& out) const;

 private:
  std::int64_t rows_, channels_, classes_;
  gld_view weight_view_, bias_view_;
  bool classes_last_;  // [channels, classes] in memory
  Matrix weight_;      // where it lies, or weight_copy_
  Matrix weight_copy_, bias_copy_;
  const float* bias_ = nullptr;
  double* bias_parts_ = nullptr;
  std::int64_t bias_blocks_ = 0;
  std::optional<Product> logits_, grad_weight_, grad_pooled_;
};

}  // namespace gld::cuda

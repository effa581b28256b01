// What turns one side's inputs into logit rows: pool and classifier for features, a copy in the engine's order for
// logits; and the way back from the gradient of the logits to the gradients of whatever was given.
#pragma once

#include <optional>

#include "../shared/row_layout.h"
#include "classifier.h"
#include "pool.h"
#include "views.h"

namespace gld::cuda {

class Network {
 public:
  Network(const gld_call& call, const gld_side& side, Arena& arena);

  void forward(const Launch& to) const;
  Matrix logits() const { return logits_; }  // [m, classes]: all cells, then the globals

  // Plans the gradients that the call has buffers for; of the student, once, before any run.
  void plan_gradients(Arena& arena);
  Matrix grad_logits() const { return grad_logits_; }  // to be filled before backward(); null if no gradient is wanted
  void backward(const Launch& to) const;

 private:
  const gld_call& call_;
  const gld_side& side_;
  RowLayout layout_;
  std::optional<Pool> pool_;
  std::optional<Classifier> classifier_;
  Matrix pooled_, logits_, grad_logits_, grad_pooled_;
};

}  // namespace gld::cuda

// What turns one side's inputs into logit rows: pool and classifier for features, a copy in the engine's order for
// logits; and the way back from the gradient of the logits to the gradients of whatever was given.
//
// Where the grid divides the map, the mean over the whole map is the mean of the cells' means, and so are the global
// logits, the classifier being affine: only the cells are pooled and classified. On the way back each cell gets its
// share of the gradient of the global row. docs/mathematics.md
#pragma once

#include <optional>

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
  SampleRows pooled_rows(Matrix rows) const;
  SampleRows logit_rows(Matrix rows) const { return SampleRows::cells_first(rows, call_.n, call_.rows); }

  const gld_call& call_;
  const gld_side& side_;
  std::int64_t cells_;
  bool even_ = false;      // the grid divides the map
  std::int64_t rows_ = 0;  // that are pooled and classified: all cells, then the globals unless even
  std::optional<Pool> pool_;
  std::optional<Classifier> classifier_;
  Matrix pooled_;       // [rows_, channels]
  Matrix logits_;       // [m, classes]
  Matrix grad_logits_;  // [m, classes]
  Matrix grad_pooled_;  // [rows_, channels]
};

}  // namespace gld::cuda

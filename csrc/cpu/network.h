// What turns one side's inputs into logit rows: pool and classifier for features, the pool for a map of logits, nothing
// for logits; and the way back from the gradient of the logits to the gradients of whatever was given.
#pragma once

#include <optional>

#include "../shared/row_layout.h"
#include "classifier.h"
#include "parallel.h"
#include "pool.h"
#include "row_weights.h"
#include "views.h"

namespace gld {

template <class T>
class Network {
 public:
  Network(const gld_call& call, const gld_side& side, Arena& arena, int threads);

  void forward(const Parallel& parallel);
  LogitRows<T> logits() const;
  // Whether a row is the mean of no position at all. After forward().
  bool empty(std::int64_t sample, std::int64_t row) const { return pool_ && pool_->empty(sample, row); }

  // Plans the gradients that the call has buffers for; of the student, once, before any run.
  void plan_gradients(Arena& arena, int threads);
  SampleRows<T> grad_logits() const {
    return grad_rows_;
  }  // to be filled before backward(); null if no gradient is wanted
  // Rows without weight, whose gradient is 0, may hold anything.
  void backward(const Parallel& parallel, const RowWeights& weights);

 private:
  void share_global_gradient(const Parallel& parallel) const;
  void zero_unweighted(const RowWeights& weights) const;

  const gld_call& call_;
  const gld_side& side_;
  RowLayout layout_;
  std::optional<Pool<T>> pool_;
  std::optional<Classifier<T>> classifier_;
  Matrix<T> pooled_;  // or the logits where nothing classifies
  Matrix<T> logits_;
  Matrix<T> grad_logits_;  // as the logits, or as the caller's buffer has it
  Matrix<T> grad_pooled_;
  SampleRows<T> grad_rows_;
};

// Writes rows to a dense output [n, rows, columns] unless they lie there already.
template <class T>
void deliver(Matrix<T> rows, std::int64_t m, std::int64_t columns, const gld_view& output) {
  if (output.data == nullptr || output.data == static_cast<void*>(rows.data)) return;
  gld_view flat = output;
  flat.stride[0] = output.stride[1];
  flat.stride[1] = output.stride[2];
  write_matrix(flat, m, columns, static_cast<const T*>(rows.data), rows.pitch);
}

}  // namespace gld

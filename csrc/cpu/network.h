// What turns one side's inputs into logit rows: pool and classifier for features, nothing for logits; and the way back
// from the gradient of the logits to the gradients of whatever was given.
#pragma once

#include <optional>

#include "arena.h"
#include "classifier.h"
#include "parallel.h"
#include "pool.h"
#include "views.h"

namespace gld {

template <class T>
class Network {
 public:
  Network(const gld_call& call, const gld_side& side, Arena& arena, int threads);

  void forward(const Parallel& parallel) const;
  Lines<T> logits() const;

  // Plans the gradients that the call has buffers for; of the student, once, before any run.
  void plan_gradients(Arena& arena);
  Rows<T> grad_logits() const { return grad_logits_; }  // to be filled before backward(); null if no gradient is wanted
  void backward(const Parallel& parallel) const;

 private:
  const gld_call& call_;
  const gld_side& side_;
  std::int64_t m_;
  std::optional<Pool<T>> pool_;
  std::optional<Classifier<T>> classifier_;
  Rows<T> pooled_;       // [m, channels]
  Rows<T> logits_;       // [m, classes]
  Rows<T> grad_logits_;  // [m, classes]
  Rows<T> grad_pooled_;  // [m, channels]
};

// Writes rows to a dense output [n, rows, columns] unless they lie there already.
template <class T>
void deliver(Rows<T> rows, std::int64_t m, std::int64_t columns, const gld_view& output) {
  if (output.data == nullptr || output.data == static_cast<void*>(rows.data)) return;
  gld_view flat = output;
  flat.stride[0] = output.stride[1];
  flat.stride[1] = output.stride[2];
  write_matrix(flat, m, columns, static_cast<const T*>(rows.data), rows.pitch);
}

}  // namespace gld

// The stages pool and classifier on their own, forward and, where the call has an upstream gradient, backward.
#pragma once

#include "classifier.h"
#include "network.h"
#include "parallel.h"
#include "pool.h"
#include "views.h"

namespace gld {

template <class T>
class PoolStage {
 public:
  PoolStage(const gld_call& call, Arena& arena, int threads);
  void run(const Parallel& parallel, gld_result& result) const;

 private:
  const gld_call& call_;
  std::int64_t m_, channels_;
  Pool<T> pool_;
  Matrix<T> pooled_, upstream_;
};

template <class T>
class ClassifierStage {
 public:
  ClassifierStage(const gld_call& call, Arena& arena, int threads);
  void run(const Parallel& parallel, gld_result& result);

 private:
  const gld_call& call_;
  std::int64_t m_, channels_;
  Classifier<T> classifier_;
  Matrix<T> pooled_, upstream_, logits_, grad_pooled_;
};

}  // namespace gld

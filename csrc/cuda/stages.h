// The stages pool and classifier on their own, forward and, where the call has an upstream gradient, backward.
#pragma once

#include "classifier.h"
#include "pool.h"
#include "work.h"

namespace gld::cuda {

class PoolStage : public Work {
 public:
  PoolStage(const gld_call& call, Arena& arena);
  void queue(const Launch& to) override;

 private:
  const gld_call& call_;
  Pool pool_;
  Matrix pooled_, upstream_;
};

class ClassifierStage : public Work {
 public:
  ClassifierStage(const gld_call& call, Arena& arena);
  void queue(const Launch& to) override;

 private:
  const gld_call& call_;
  std::int64_t m_;
  Classifier classifier_;
  Matrix pooled_, upstream_, logits_, grad_pooled_;
};

}  // namespace gld::cuda

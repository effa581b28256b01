// The stages pool and classifier on their own, forward and, where the call has an upstream gradient, backward.
#pragma once

#include <optional>

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

}  // namespace gld::cuda

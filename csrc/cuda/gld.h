// Stage gld: the whole loss, features -> pooled -> logits -> row losses and relation -> logit gradient -> gradients.
// The stages cross_entropy, normalized_kd and relation are the same thing with the other terms left out.
// docs/mathematics.md
#pragma once

#include <optional>

#include "../shared/terms.h"
#include "network.h"
#include "relation.h"
#include "work.h"

namespace gld::cuda {

// Everything of the loss that needs one row of either side at a time, in one kernel: row statistics, both softmaxes,
// the KL divergence, the cross-entropy of global rows, and their gradients. Starts the logit gradient, so it runs even
// without such terms.
class RowSweep {
 public:
  RowSweep(const gld_call& call, const Terms& terms, Arena& arena, Report* report);

  // All cells first, then the globals. grad is overwritten, in the unit; null if no gradient is wanted.
  void run(const Launch& to, Matrix teacher, Matrix student, Matrix grad, const GradientUnit& unit) const;

 private:
  const gld_call& call_;
  Terms terms_;
  Report* report_;
  std::int64_t parts_;  // groups of threads, each with its own sums
  double* partial_;     // per part: task, global, local
};

class Gld : public Work {
 public:
  Gld(const gld_call& call, gld_stage stage, Arena& arena, Report* report);

  void queue_teacher(const Launch& to) override;
  void queue(const Launch& to) override;
  gld_method method() const override { return relation_ ? relation_->method() : GLD_METHOD_AUTO; }

 private:
  Terms terms_;
  Report* report_;
  std::optional<Network> teacher_;  // unless the stage has none
  Network student_;
  std::optional<RowSweep> sweep_;
  std::optional<Relation> relation_;
};

}  // namespace gld::cuda

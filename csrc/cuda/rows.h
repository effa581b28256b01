// Everything of the loss that needs one row of either side at a time, in one kernel: row statistics, both softmaxes,
// the KL divergence, the cross-entropy of global rows, and their gradients. Starts the logit gradient, so it runs even
// without such terms.
#pragma once

#include "../shared/terms.h"
#include "begin.h"
#include "views.h"

namespace gld::cuda {

struct GradientUnit;

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

}  // namespace gld::cuda

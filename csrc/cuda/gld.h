// Stage gld: the whole loss, features -> pooled -> logits -> row losses and relation -> logit gradient -> gradients.
// The stages cross_entropy, normalized_kd and relation are the same thing with the other terms left out.
// docs/mathematics.md
#pragma once

#include <optional>

#include "../shared/terms.h"
#include "network.h"
#include "relation.h"
#include "rows.h"
#include "work.h"

namespace gld::cuda {

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

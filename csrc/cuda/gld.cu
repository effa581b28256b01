#include "gld.h"

#include "gradient_unit.cuh"

namespace gld::cuda {

Gld::Gld(const gld_call& call, gld_stage stage, Arena& arena, Report* report)
    : terms_(call, stage), report_(report), student_(call, call.student, arena) {
  if (terms_.divergence || terms_.relation) teacher_.emplace(call, call.teacher, arena);
  student_.plan_gradients(arena);
  sweep_.emplace(call, terms_, arena, report);
  if (!terms_.relation) return;
  relation_.emplace(call, call.n * call.rows, teacher_->logits(), student_.logits(), arena);
}

void Gld::queue_teacher(const Launch& to) {
  if (teacher_) teacher_->forward(to);
}

void Gld::queue(const Launch& to) {
  student_.forward(to);
  const Matrix grad = student_.grad_logits();
  if (relation_) relation_->fit(to);
  const double weight = terms_.relation_weight;
  const bool related = relation_ && grad && weight != 0;
  sweep_->run(to, teacher_ ? teacher_->logits() : Matrix{}, student_.logits(), grad,
              related ? relation_->gradient_unit(weight) : GradientUnit{});
  if (relation_) relation_->run(to, weight, related ? grad : Matrix{}, &report_->relation);
  if (grad) student_.backward(to);
}

}  // namespace gld::cuda

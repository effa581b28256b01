#include "gld.h"

namespace gld::cuda {

Gld::Gld(const gld_call& call, gld_stage stage, Arena& arena, Report* report)
    : terms_(call, stage), report_(report), student_(call, call.student, arena) {
  if (terms_.divergence || terms_.relation) teacher_.emplace(call, call.teacher, arena);
  student_.plan_gradients(arena);
  // The sweep over rows and the relation follow one another and share their workspace.
  const std::size_t phase = arena.mark();
  sweep_.emplace(call, terms_, arena, report);
  if (!terms_.relation) return;
  arena.rewind(phase);
  relation_.emplace(call, call.n * call.rows, teacher_->logits(), student_.logits(), arena);
}

void Gld::queue_teacher(const Launch& to) {
  if (teacher_) teacher_->forward(to);
}

void Gld::queue(const Launch& to) {
  student_.forward(to);
  const Matrix grad = student_.grad_logits();
  sweep_->run(to, teacher_ ? teacher_->logits() : Matrix{}, student_.logits(), grad);
  if (relation_) {
    relation_->run(to, terms_.relation_weight, terms_.relation_weight == 0 ? Matrix{} : grad, &report_->relation);
  }
  if (grad) student_.backward(to);
}

}  // namespace gld::cuda

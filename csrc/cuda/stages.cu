#include "stages.h"

#include "gld.h"

namespace gld::cuda {
namespace {

// Workspace for the rows of a view; nothing for a view that is not there.
Matrix place(const gld_view& view, std::int64_t m, std::int64_t columns, Arena& arena) {
  return view.data == nullptr ? Matrix{} : arena.matrix<float>(m, columns);
}

bool has_upstream(const gld_call& call) { return call.upstream.data != nullptr; }

}  // namespace

PoolStage::PoolStage(const gld_call& call, Arena& arena)
    : call_(call),
      pool_(call, call.student),
      pooled_(place(call.out_pooled, call.n * call.rows, call.student.channels, arena)),
      upstream_(place(call.upstream, call.n * call.rows, call.student.channels, arena)) {}

void PoolStage::queue(const Launch& to) {
  const std::int64_t channels = call_.student.channels;
  if (call_.out_pooled.data != nullptr) {
    const SampleRows rows = SampleRows::in_order(pooled_, call_.rows);
    pool_.forward(to, rows);
    write_rows(to, rows, call_.n, channels, call_.out_pooled);
  }
  if (call_.out_features.data != nullptr) {
    const SampleRows rows = SampleRows::in_order(upstream_, call_.rows);
    read_rows(to, call_.upstream, call_.n, channels, rows);
    pool_.backward(to, rows, call_.out_features);
  }
}

ClassifierStage::ClassifierStage(const gld_call& call, Arena& arena)
    : call_(call),
      m_(call.n * call.rows),
      classifier_(m_, call.student.channels, call.classes, call.student.weight, call.student.bias, arena),
      pooled_(arena.matrix<float>(m_, call.student.channels)),
      upstream_(place(call.upstream, m_, call.classes, arena)),
      logits_(place(call.out_logits, m_, call.classes, arena)) {
  if (!has_upstream(call)) return;
  if (call.out_weight.data != nullptr) classifier_.plan_backward_weight(call.out_weight, arena);
  if (call.out_bias.data != nullptr) classifier_.plan_backward_bias(arena);
  if (call.out_pooled.data == nullptr) return;
  grad_pooled_ = arena.matrix<float>(m_, call.student.channels);
  classifier_.plan_backward_pooled(arena);
}

void ClassifierStage::queue(const Launch& to) {
  const auto rows = [&](Matrix matrix) { return SampleRows::in_order(matrix, call_.rows); };
  const std::int64_t channels = call_.student.channels;
  read_rows(to, call_.in_pooled, call_.n, channels, rows(pooled_));
  classifier_.load(to);
  if (call_.out_logits.data != nullptr) {
    classifier_.forward(to, pooled_, logits_);
    write_rows(to, rows(logits_), call_.n, call_.classes, call_.out_logits);
  }
  if (!has_upstream(call_)) return;
  read_rows(to, call_.upstream, call_.n, call_.classes, rows(upstream_));
  if (call_.out_weight.data != nullptr) classifier_.backward_weight(to, pooled_, upstream_, call_.out_weight);
  if (call_.out_bias.data != nullptr) classifier_.backward_bias(to, upstream_, call_.out_bias);
  if (call_.out_pooled.data != nullptr) {
    classifier_.backward_pooled(to, upstream_, grad_pooled_);
    write_rows(to, rows(grad_pooled_), call_.n, channels, call_.out_pooled);
  }
}

std::unique_ptr<Work> make_work(const gld_call& call, gld_stage stage, Arena& arena, Report* report) {
  if (stage == GLD_STAGE_POOL) return std::make_unique<PoolStage>(call, arena);
  if (stage == GLD_STAGE_CLASSIFIER) return std::make_unique<ClassifierStage>(call, arena);
  return std::make_unique<Gld>(call, stage, arena, report);
}

}  // namespace gld::cuda

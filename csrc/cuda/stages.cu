#include "stages.h"

namespace gld::cuda {
namespace {

// Workspace for the rows of a view; nothing for a view that is not there.
Matrix place(const gld_view& view, std::int64_t m, std::int64_t columns, Arena& arena) {
  return view.data == nullptr ? Matrix{} : arena.matrix(m, columns);
}

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

}  // namespace gld::cuda

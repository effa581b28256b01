#include "stages.h"

namespace gld {
namespace {

constexpr std::int64_t kReadBlock = 128;

// Rows of a view [n, rows, columns] where they lie, if that is a matrix of T.
template <class T>
Matrix<T> rows_of(const gld_view& view, std::int64_t rows, std::int64_t columns) {
  const bool dense = view.dtype == dtype_of<T>() && view.stride[2] == 1 && view.stride[1] >= columns &&
                     view.stride[0] == rows * view.stride[1];
  return dense ? Matrix<T>{static_cast<T*>(view.data), view.stride[1]} : Matrix<T>{};
}

template <class T>
void read_rows(const Parallel& parallel, const gld_view& view, std::int64_t rows, std::int64_t m, std::int64_t columns,
               Matrix<T> to) {
  if (to.data == view.data) return;
  const LogitRows<T> lines(view, rows, columns);
  parallel.blocks(m, kReadBlock, [&](std::int64_t first, std::int64_t count, std::int64_t, int) {
    lines.load(first, count, to[first], to.pitch);
  });
}

// Where the rows of a view are, or workspace for them; nothing for a view that is not there.
template <class T>
Matrix<T> place(const gld_view& view, std::int64_t rows, std::int64_t m, std::int64_t columns, Arena& arena) {
  if (view.data == nullptr) return {};
  const Matrix<T> there = rows_of<T>(view, rows, columns);
  return there ? there : arena.matrix<T>(m, columns);
}

}  // namespace

template <class T>
PoolStage<T>::PoolStage(const gld_call& call, Arena& arena, int threads)
    : call_(call),
      m_(call.n * call.rows),
      channels_(call.student.channels),
      pool_(call, call.student, arena, threads),
      pooled_(place<T>(call.out_pooled, call.rows, m_, channels_, arena)),
      upstream_(place<T>(call.upstream, call.rows, m_, channels_, arena)) {}

template <class T>
void PoolStage<T>::run(const Parallel& parallel, gld_result&) const {
  if (pooled_) {
    pool_.forward(parallel, SampleRows<T>::in_order(pooled_, call_.rows));
    deliver(pooled_, m_, channels_, call_.out_pooled);
  }
  if (call_.out_features.data != nullptr) {
    read_rows(parallel, call_.upstream, call_.rows, m_, channels_, upstream_);
    pool_.backward(parallel, SampleRows<T>::in_order(upstream_, call_.rows), call_.out_features);
  }
}

template <class T>
ClassifierStage<T>::ClassifierStage(const gld_call& call, Arena& arena, int threads)
    : call_(call),
      m_(call.n * call.rows),
      channels_(call.student.channels),
      classifier_(m_, channels_, call.classes, kProductRows, call.student.weight, call.student.bias, arena, threads),
      pooled_(place<T>(call.in_pooled, call.rows, m_, channels_, arena)),
      upstream_(place<T>(call.upstream, call.rows, m_, call.classes, arena)),
      logits_(place<T>(call.out_logits, call.rows, m_, call.classes, arena)) {
  if (call.upstream.data == nullptr) return;
  if (call.out_weight.data != nullptr) classifier_.plan_backward_weight(call.out_weight, arena, threads);
  if (call.out_pooled.data == nullptr) return;
  grad_pooled_ = place<T>(call.out_pooled, call.rows, m_, channels_, arena);
  classifier_.plan_backward_pooled(arena, threads);
}

template <class T>
void ClassifierStage<T>::run(const Parallel& parallel, gld_result&) {
  read_rows(parallel, call_.in_pooled, call_.rows, m_, channels_, pooled_);
  if (logits_) {
    classifier_.forward(parallel, pooled_, logits_, [](std::int64_t, std::int64_t) {});
    deliver(logits_, m_, call_.classes, call_.out_logits);
  } else {
    classifier_.load(parallel);  // for the way back
  }
  if (!upstream_) return;
  read_rows(parallel, call_.upstream, call_.rows, m_, call_.classes, upstream_);
  if (call_.out_weight.data != nullptr) classifier_.backward_weight(parallel, pooled_, upstream_, call_.out_weight);
  if (call_.out_bias.data != nullptr) classifier_.backward_bias(parallel, upstream_, call_.out_bias);
  if (grad_pooled_) {
    classifier_.backward_pooled(parallel, upstream_, grad_pooled_);
    deliver(grad_pooled_, m_, channels_, call_.out_pooled);
  }
}

template class PoolStage<float>;
template class PoolStage<double>;
template class ClassifierStage<float>;
template class ClassifierStage<double>;

}  // namespace gld

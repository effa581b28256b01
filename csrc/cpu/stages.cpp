#include "stages.h"

namespace gld {
namespace {

constexpr std::int64_t kReadBlock = 128;

template <class T>
void read_rows(const Parallel& parallel, const gld_view& view, std::int64_t rows, std::int64_t m, std::int64_t columns,
               Rows<T> to) {
  const Lines<T> lines(view, rows, columns);
  parallel.blocks(m, kReadBlock, [&](std::int64_t first, std::int64_t count, std::int64_t, int) {
    lines.load(first, count, to[first], to.pitch);
  });
}

}  // namespace

template <class T>
PoolStage<T>::PoolStage(const gld_call& call, Arena& arena, int threads)
    : call_(call),
      m_(call.n * call.rows),
      channels_(call.student.channels),
      pool_(call, call.student, arena, threads),
      pooled_(take_rows<T>(arena, m_, channels_)) {
  if (call.out_features.data != nullptr) upstream_ = take_rows<T>(arena, m_, channels_);
}

template <class T>
void PoolStage<T>::run(const Parallel& parallel, gld_result&) const {
  if (call_.out_pooled.data != nullptr) {
    pool_.forward(parallel, pooled_);
    deliver(pooled_, m_, channels_, call_.out_pooled);
  }
  if (call_.out_features.data != nullptr) {
    read_rows(parallel, call_.upstream, call_.rows, m_, channels_, upstream_);
    pool_.backward(parallel, upstream_, call_.out_features);
  }
}

template <class T>
ClassifierStage<T>::ClassifierStage(const gld_call& call, Arena& arena)
    : call_(call),
      m_(call.n * call.rows),
      channels_(call.student.channels),
      classifier_(m_, channels_, call.classes, call.student.weight, call.student.bias, arena),
      // Products are always formed in the workspace: there, alignment does not depend on the caller's buffers.
      pooled_(take_rows<T>(arena, m_, channels_)),
      logits_(take_rows<T>(arena, m_, call.classes)) {
  if (call.upstream.data == nullptr) return;
  upstream_ = take_rows<T>(arena, m_, call.classes);
  if (call.out_weight.data != nullptr) classifier_.plan_weight_gradient(arena);
  if (call.out_pooled.data != nullptr) grad_pooled_ = take_rows<T>(arena, m_, channels_);
}

template <class T>
void ClassifierStage<T>::run(const Parallel& parallel, gld_result&) const {
  read_rows(parallel, call_.in_pooled, call_.rows, m_, channels_, pooled_);
  classifier_.forward(parallel, pooled_, logits_);
  deliver(logits_, m_, call_.classes, call_.out_logits);
  if (call_.upstream.data == nullptr) return;
  read_rows(parallel, call_.upstream, call_.rows, m_, call_.classes, upstream_);
  if (call_.out_weight.data != nullptr) classifier_.backward_weight(parallel, pooled_, upstream_, call_.out_weight);
  if (call_.out_bias.data != nullptr) classifier_.backward_bias(parallel, upstream_, call_.out_bias);
  if (call_.out_pooled.data != nullptr) {
    classifier_.backward_pooled(parallel, upstream_, grad_pooled_);
    deliver(grad_pooled_, m_, channels_, call_.out_pooled);
  }
}

template class PoolStage<float>;
template class PoolStage<double>;
template class ClassifierStage<float>;
template class ClassifierStage<double>;

}  // namespace gld

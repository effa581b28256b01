#include "gld.h"

#include <algorithm>
#include <utility>

#include "../shared/relation.h"

namespace gld {
namespace {

constexpr std::int64_t kRowBlock = 16;     // least rows of one task of the sweep
constexpr std::int64_t kMaxBlocks = 4096;  // bounds the memory of the partial sums

// A mean over rows; over none it is 0.
double share(double of, double count) { return count == 0 ? 0 : of / count; }

}  // namespace

template <class T>
Gld<T>::Gld(const gld_call& call, gld_stage stage, Arena& arena, int threads)
    : call_(call),
      terms_(call, stage),
      m_(call.n * call.rows),
      row_block_(block_size(m_, kRowBlock, kMaxBlocks)),
      teacher_(call, call.teacher, arena, threads),
      student_(call, call.student, arena, threads),
      cross_entropy_(call, arena),
      normalized_kd_(call),
      weights_(call, arena) {
  student_.plan_gradients(arena, threads);
  if (terms_.relation) relation_.emplace(call, teacher_.logits(), student_.logits(), weights_, arena, threads);
  partial_ = arena.take<double>(ceil_div(m_, row_block_) * kRowTerms);
  scratch_size_ = 2 * padded(call.classes) +
                  std::max(CrossEntropy<T>::scratch(call.classes), NormalizedKd<T>::scratch(call.classes));
  scratch_ = arena.take<T>(scratch_size_, threads);
}

template <class T>
void Gld<T>::run(const Parallel& parallel, gld_result& result) {
  teacher_.forward(parallel);
  student_.forward(parallel);
  weights_.read([&](std::int64_t sample, std::int64_t row) {
    return !teacher_.empty(sample, row) && !student_.empty(sample, row);
  });
  if (terms_.task) cross_entropy_.read();
  if (relation_) relation_->fit(parallel);
  const bool related = relation_ && student_.grad_logits() && terms_.relation_weight != 0;
  const double unit = related ? relation_->gradient_unit(terms_.relation_weight) : 1;
  sweep_rows(parallel, unit, result);
  if (relation_) {
    const SampleRows<T> grad = related ? student_.grad_logits() : SampleRows<T>{};
    result.relation = relation_->run(parallel, terms_.relation_weight * unit, grad);
    result.method = relation_->method();
  }
  if (student_.grad_logits()) student_.backward(parallel, weights_);
  if (unit != 1) put_back(unit);

  result.loss = terms_.total(result);
}

// Everything that needs one row of either side at a time. Starts the logit gradient, so it runs even without such
// terms.
template <class T>
void Gld<T>::sweep_rows(const Parallel& parallel, double unit, gld_result& result) const {
  const std::int64_t width = padded(call_.classes);
  const double n = weights_.global_sum();
  const double labelled = terms_.task ? cross_entropy_.divisor(weights_, call_.n, call_.rows) : 0;
  const LogitRows<T> teacher_lines = teacher_.logits();
  const LogitRows<T> student_lines = student_.logits();
  const SampleRows<T> grad = student_.grad_logits();
  parallel.blocks(m_, row_block_, [&](std::int64_t first, std::int64_t count, std::int64_t task, int slot) {
    double* total = partial_ + task * kRowTerms;
    std::fill_n(total, kRowTerms, 0.0);
    T* teacher_buffer = scratch_ + slot * scratch_size_;
    T* student_buffer = teacher_buffer + width;
    T* scratch = student_buffer + width;
    for (std::int64_t r = first; r < first + count; ++r) {
      const bool global = r % call_.rows == 0;
      T* to = grad ? grad[r] : nullptr;
      if (to != nullptr) std::fill_n(to, call_.classes, T(0));
      const auto gradient = [&](double weight) { return weight == 0 ? nullptr : to; };
      const double count = weights_[r];
      const std::int64_t sample = r / call_.rows;
      const bool task = terms_.task && global && cross_entropy_.labelled(sample);
      if (count == 0 || !(terms_.divergence || task)) continue;
      const T* student = student_lines.line(r, student_buffer);
      if (task) {
        const double weight = share(count * terms_.task_weight * unit, labelled);
        total[kTask] += count * cross_entropy_.row(sample, student, weight, gradient(weight), scratch);
      }
      if (terms_.divergence) {
        const double weight = share(count * (global ? terms_.global_weight : terms_.local_weight) * unit, n);
        const T* teacher = teacher_lines.line(r, teacher_buffer);
        total[global ? kGlobal : kLocal] +=
            count * normalized_kd_.row(teacher, student, weight, gradient(weight), scratch);
      }
    }
  });
  double total[kRowTerms] = {};
  for (std::int64_t task = 0; task < ceil_div(m_, row_block_); ++task) {
    for (int term = 0; term < kRowTerms; ++term) total[term] += partial_[task * kRowTerms + term];
  }
  result.task = share(total[kTask], labelled);
  result.global = share(total[kGlobal], n);
  result.local = share(total[kLocal], n);
}

// Gradients in a unit, which are dense, as they are without.
template <class T>
void Gld<T>::put_back(double unit) const {
  const gld_side& student = call_.student;
  const std::int64_t positions = student.depth * student.height * student.width;
  const std::pair<const gld_view*, std::int64_t> outputs[] = {
      {&call_.out_features, call_.n * student.channels * positions},
      {&call_.out_weight, call_.classes * student.channels},
      {&call_.out_bias, call_.classes},
      {&call_.out_logits, m_ * call_.classes}};
  for (const auto& [view, count] : outputs) {
    if (view->data == nullptr) continue;
    visit(*view, [&, size = count](auto* to) {
      for (std::int64_t i = 0; i < size; ++i) to[i] = gld::put_back(to[i], unit);
    });
  }
}

template class Gld<float>;
template class Gld<double>;

}  // namespace gld

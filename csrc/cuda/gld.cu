#include "gld.h"

#include "cross_entropy.cuh"
#include "normalized_kd.cuh"

namespace gld::cuda {
namespace {

constexpr std::int64_t kMaxParts = 8192;
constexpr int kWarpsOfBlock = 4;
constexpr int kSumThreads = 512;

struct Sweep {
  Matrix teacher, student, grad;
  std::int64_t m, cells;  // rows; those of cells come first
  std::int64_t parts, rows_of_part;
  int classes;
  bool task, divergence;
  double task_weight, global_weight, local_weight;  // of the sums over rows
  GradientUnit unit;                                // of the gradient
  Normalization by;
  Targets targets;
  Report* report;
  double* partial;
};

// Groups of kThreads threads in a block: a group is a warp of it, or all of it.
template <int kThreads>
constexpr int kGroups = kThreads == kWarp ? kWarpsOfBlock : 1;
template <int kThreads>
constexpr int kBlock = kThreads* kGroups<kThreads>;

// Each group takes some rows, in order. 16 warps of a multiprocessor at least, each of up to 128 registers.
template <int kThreads, int kPacks>
__global__ void __launch_bounds__(kBlock<kThreads>, 512 / kBlock<kThreads>)
    row_sweep_kernel(const std::int32_t* stop, const Sweep sweep) {
  if (block_stopped(stop)) return;
  GLD_SHARED(double, unit, [1]);  // read where it is used: the kernel has no registers to spare
  if (threadIdx.x == 0) unit[0] = sweep.unit();
  __syncthreads();
  const std::int64_t part = static_cast<std::int64_t>(blockIdx.x) * kGroups<kThreads> + threadIdx.x / kThreads;
  if (part >= sweep.parts) return;  // whole groups
  const std::int64_t first = part * sweep.rows_of_part;
  const std::int64_t end = first + sweep.rows_of_part < sweep.m ? first + sweep.rows_of_part : sweep.m;
  double task = 0;
  double all_globals = 0;
  double all_cells = 0;
  for (std::int64_t r = first; r < end; ++r) {
    const bool global = r >= sweep.cells;
    float* const to = sweep.grad.data != nullptr ? sweep.grad.data + r * sweep.grad.pitch : nullptr;
    GradientLine<kThreads, kPacks> grad(to, sweep.classes);
    if (sweep.divergence || (sweep.task && global)) {
      const Line<kThreads, kPacks> student(sweep.student.data + r * sweep.student.pitch, sweep.classes);
      if (sweep.task && global) {
        task += cross_entropy(student, sweep.targets, r - sweep.cells, sweep.task_weight, unit, grad, sweep.report);
      }
      if (sweep.divergence) {
        const Line<kThreads, kPacks> teacher(sweep.teacher.data + r * sweep.teacher.pitch, sweep.classes);
        const double weight = global ? sweep.global_weight : sweep.local_weight;
        const double loss = normalized_kd(teacher, student, sweep.by, weight, unit, grad);
        all_globals += global ? loss : 0;
        all_cells += global ? 0 : loss;
      }
    }
    grad.write(sweep.classes);
  }
  if (Line<kThreads, kPacks>::lane() == 0) {
    double* const sums = sweep.partial + part * kRowTerms;
    sums[kTask] = task;
    sums[kGlobal] = all_globals;
    sums[kLocal] = all_cells;
  }
}

// Sums of the parts, and the label that is told if one is wrong.
__global__ void __launch_bounds__(kSumThreads)
    row_terms_kernel(const std::int32_t* stop, const double* partial, std::int64_t parts, double n, Targets targets,
                     Report* report) {
  if (block_stopped(stop)) return;
  double total[kRowTerms] = {};
  for (std::int64_t part = threadIdx.x; part < parts; part += kSumThreads) {
#pragma unroll
    for (int i = 0; i < kRowTerms; ++i) total[i] += partial[part * kRowTerms + i];
  }
  reduce_block<kSumThreads>(total, Add{});
  if (threadIdx.x != 0) return;
  report->task = total[kTask] / n;
  report->global = total[kGlobal] / n;
  report->local = total[kLocal] / n;
  if (report->wrong_sample != kNoSample) report->wrong_label = targets.label(report->wrong_sample);
}

template <int kThreads, int kPacks>
void sweep_rows(const Launch& to, const Sweep& sweep) {
  launch(to, row_sweep_kernel<kThreads, kPacks>, grid_of(ceil_div(sweep.parts, kGroups<kThreads>)),
         dim3(kBlock<kThreads>), 0, to.stop, sweep);
}

}  // namespace

RowSweep::RowSweep(const gld_call& call, const Terms& terms, Arena& arena, Report* report)
    : call_(call), terms_(terms), report_(report) {
  const std::int64_t m = call.n * call.rows;
  // Which part sums which rows depends on m alone, so that results do not depend on the device.
  parts_ = ceil_div(m, ceil_div(m, kMaxParts));
  partial_ = arena.take<double>(parts_ * kRowTerms);
}

void RowSweep::run(const Launch& to, Matrix teacher, Matrix student, Matrix grad, const GradientUnit& unit) const {
  const double n = static_cast<double>(call_.n);
  const std::int64_t m = call_.n * call_.rows;
  const Targets targets = Targets::of(call_);
  const Sweep sweep{teacher,
                    student,
                    grad,
                    m,
                    call_.n * (call_.rows - 1),
                    parts_,
                    ceil_div(m, parts_),
                    static_cast<int>(call_.classes),
                    terms_.task,
                    terms_.divergence,
                    terms_.task_weight / n,
                    terms_.global_weight / n,
                    terms_.local_weight / n,
                    unit,
                    Normalization::of(call_),
                    targets,
                    report_,
                    partial_};
  const std::int64_t classes = call_.classes;
  if (classes <= 128) {
    sweep_rows<kWarp, 1>(to, sweep);
  } else if (classes <= 256) {
    sweep_rows<kWarp, 2>(to, sweep);
  } else if (classes <= 512) {
    sweep_rows<128, 1>(to, sweep);
  } else if (classes <= 1024) {
    sweep_rows<256, 1>(to, sweep);
  } else if (classes <= 4096) {
    sweep_rows<512, 2>(to, sweep);
  } else {
    sweep_rows<512, 0>(to, sweep);
  }
  launch(to, row_terms_kernel, dim3(1), dim3(kSumThreads), 0, to.stop, partial_, parts_, n, targets, report_);
}

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

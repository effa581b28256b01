#include "classifier.h"

#include <type_traits>

#include "convert.cuh"
#include "views.h"

namespace gld::cuda {
namespace {

constexpr int kBiasColumns = 32, kBiasRows = 8;  // threads of a block
constexpr std::int64_t kLeastRows = 64;
constexpr std::int64_t kMostBlocks = 64;
constexpr int kAddThreads = 128;

// Whether products can read it where it lies.
bool usable(const gld_view& view, std::int64_t pitch, std::int64_t step) {
  return view.dtype == GLD_F32 && step == 1 && pitch > 0 && pitch % 4 == 0 &&
         reinterpret_cast<std::uintptr_t>(view.data) % sizeof(Four) == 0;
}

__global__ void __launch_bounds__(kBiasColumns* kBiasRows)
    sum_columns(const std::int32_t* stop, Matrix matrix, std::int64_t rows, std::int64_t columns,
                std::int64_t block_rows, double* partial) {
  if (block_stopped(stop)) return;
  const std::int64_t column = static_cast<std::int64_t>(blockIdx.x) * kBiasColumns + threadIdx.x;
  const std::int64_t begin = blockIdx.y * block_rows;
  const std::int64_t end = begin + block_rows < rows ? begin + block_rows : rows;
  double total = 0;
  if (column < columns) {
    for (std::int64_t r = begin + threadIdx.y; r < end; r += kBiasRows) {
      total += static_cast<double>(matrix.data[r * matrix.pitch + column]);
    }
  }
  GLD_SHARED(double, totals, [kBiasRows][kBiasColumns]);
  totals[threadIdx.y][threadIdx.x] = total;
  __syncthreads();
  if (threadIdx.y != 0 || column >= columns) return;
  for (int i = 1; i < kBiasRows; ++i) total += totals[i][threadIdx.x];
  partial[blockIdx.y * columns + column] = total;
}

template <class T>
__global__ void __launch_bounds__(kAddThreads)
    add_column_sums(const std::int32_t* stop, const double* partial, std::int64_t blocks, std::int64_t columns, T* to,
                    std::int64_t stride) {
  if (stopped(stop)) return;
  const std::int64_t column = static_cast<std::int64_t>(blockIdx.x) * kAddThreads + threadIdx.x;
  if (column >= columns) return;
  double total = 0;
  for (std::int64_t block = 0; block < blocks; ++block) total += partial[block * columns + column];
  to[column * stride] = from_float<T>(static_cast<float>(total));
}

}  // namespace

Classifier::Classifier(std::int64_t rows, std::int64_t channels, std::int64_t classes, const gld_view& weight,
                       const gld_view& bias, Arena& arena)
    : rows_(rows),
      channels_(channels),
      classes_(classes),
      weight_view_(weight),
      bias_view_(bias),
      classes_last_(classes_last(weight)) {
  const std::int64_t pitch = weight.stride[classes_last_ ? 1 : 0];
  const std::int64_t step = weight.stride[classes_last_ ? 0 : 1];
  if (usable(weight, pitch, step)) {
    weight_ = {static_cast<float*>(weight.data), pitch};
  } else {
    classes_last_ = false;
    weight_copy_ = arena.matrix<float>(classes, channels);
    weight_ = weight_copy_;
  }
  if (bias.data != nullptr) {
    const bool direct = bias.dtype == GLD_F32 && bias.stride[0] == 1;
    if (!direct) bias_copy_ = arena.matrix<float>(1, classes);
    bias_ = direct ? static_cast<const float*>(bias.data) : bias_copy_.data;
  }
  logits_.emplace(rows, classes, channels, 1, arena);
}

void Classifier::plan_backward_weight(const gld_view& out, Arena& arena) {
  const bool last = classes_last(out);
  grad_weight_.emplace(last ? channels_ : classes_, last ? classes_ : channels_, rows_, 1, arena,
                       !Product::direct(last ? swapped(out) : out));
}

void Classifier::plan_backward_pooled(Arena& arena) { grad_pooled_.emplace(rows_, channels_, classes_, 1, arena); }

void Classifier::plan_backward_bias(Arena& arena) {
  bias_blocks_ = ceil_div(rows_, block_size(rows_, kLeastRows, kMostBlocks));
  bias_parts_ = arena.take<double>(bias_blocks_ * classes_);
}

void Classifier::load(const Launch& to) const {
  if (weight_copy_) read_matrix(to, weight_view_, classes_, channels_, weight_copy_);
  if (bias_copy_) {
    gld_view bias = bias_view_;
    bias.stride[1] = bias.stride[0];
    read_matrix(to, bias, 1, classes_, bias_copy_);
  }
}

void Classifier::forward(const Launch& to, Matrix pooled, Matrix logits) const {
  ProductCall call{to.precision,
                   OperandLayout::kAlongDepth,
                   classes_last_ ? OperandLayout::kAlongLines : OperandLayout::kAlongDepth,
                   1,
                   rows_,
                   channels_,
                   {}};
  call.jobs[0].left[0] = {pooled.data, pooled.pitch, rows_};
  call.jobs[0].right[0] = {weight_.data, weight_.pitch, classes_};
  call.jobs[0].bias = bias_;
  call.jobs[0].to = logits;
  logits_->run(to, call);
}

void Classifier::backward_weight(const Launch& to, Matrix pooled, Matrix grad_logits, const gld_view& out) const {
  const Operand of_classes{grad_logits.data, grad_logits.pitch, classes_};
  const Operand of_channels{pooled.data, pooled.pitch, channels_};
  const bool last = classes_last(out);
  const std::int64_t lines = last ? channels_ : classes_;
  ProductCall call{to.precision, OperandLayout::kAlongLines, OperandLayout::kAlongLines, 1, lines, rows_, {}};
  call.jobs[0].left[0] = last ? of_channels : of_classes;
  call.jobs[0].right[0] = last ? of_classes : of_channels;
  grad_weight_->run(to, call, last ? swapped(out) : out);
}

void Classifier::backward_pooled(const Launch& to, Matrix grad_logits, Matrix grad_pooled) const {
  ProductCall call{to.precision,
                   OperandLayout::kAlongDepth,
                   classes_last_ ? OperandLayout::kAlongDepth : OperandLayout::kAlongLines,
                   1,
                   rows_,
                   classes_,
                   {}};
  call.jobs[0].left[0] = {grad_logits.data, grad_logits.pitch, rows_};
  call.jobs[0].right[0] = {weight_.data, weight_.pitch, channels_};
  call.jobs[0].to = grad_pooled;
  grad_pooled_->run(to, call);
}

void Classifier::backward_bias(const Launch& to, Matrix grad_logits, const gld_view& out) const {
  const dim3 grid(static_cast<unsigned>(ceil_div(classes_, kBiasColumns)), static_cast<unsigned>(bias_blocks_));
  launch(to, &sum_columns, grid, dim3(kBiasColumns, kBiasRows), 0, to.stop, grad_logits, rows_, classes_,
         ceil_div(rows_, bias_blocks_), bias_parts_);
  visit(out, [&](auto* data) {
    using T = std::remove_pointer_t<decltype(data)>;
    launch(to, &add_column_sums<T>, grid_of(ceil_div(classes_, kAddThreads)), dim3(kAddThreads), 0, to.stop,
           bias_parts_, bias_blocks_, classes_, data, out.stride[0]);
  });
}

}  // namespace gld::cuda

#include "classifier.h"

#include <algorithm>

namespace gld {
namespace {

constexpr std::int64_t kReadRows = 64;   // classes of the weight that one task reads
constexpr std::int64_t kBiasPanel = 64;  // classes of one task's part of the bias gradient

}  // namespace

template <class T>
Classifier<T>::Classifier(std::int64_t m, std::int64_t channels, std::int64_t classes, std::int64_t panel,
                          const gld_view& weight, const gld_view& bias, Arena& arena, int threads)
    : m_(m),
      channels_(channels),
      classes_(classes),
      panel_(panel),
      weight_view_(weight),
      bias_view_(bias),
      bias_(arena.take<T>(classes)) {
  const bool last = classes_last(weight);
  const std::int64_t pitch = weight.stride[last ? 1 : 0];
  if (weight.dtype == dtype_of<T>() && (last || weight.stride[1] == 1) && pitch > 0) {
    weight_ = {static_cast<const T*>(weight.data), pitch, last};
  } else {
    weight_copy_ = arena.matrix<T>(classes, channels);
    weight_ = factor(weight_copy_);
  }
  logits_.emplace(channels, classes, panel, arena, threads);
}

template <class T>
void Classifier<T>::plan_backward_weight(const gld_view& grad_weight, Arena& arena, int threads) {
  const bool last = classes_last(grad_weight);
  grad_weight_ = grad_weight.dtype == dtype_of<T>()
                     ? Matrix<T>{static_cast<T*>(grad_weight.data), grad_weight.stride[last ? 1 : 0]}
                     : arena.matrix<T>(last ? channels_ : classes_, last ? classes_ : channels_);
  grad_weight_product_.emplace(m_, last ? classes_ : channels_, kProductRows, arena, threads);
}

template <class T>
void Classifier<T>::plan_backward_pooled(Arena& arena, int threads) {
  grad_pooled_product_.emplace(classes_, channels_, panel_, arena, threads);
}

template <class T>
void Classifier<T>::load(const Parallel& parallel) const {
  if (weight_copy_) {
    parallel.blocks(classes_, kReadRows, [&](std::int64_t first, std::int64_t count, std::int64_t, int) {
      visit(weight_view_, [&](const auto* from) {
        for (std::int64_t k = first; k < first + count; ++k) {
          read_line(weight_copy_[k], from + k * weight_view_.stride[0], channels_, weight_view_.stride[1]);
        }
      });
    });
  }
  std::fill_n(bias_, classes_, T(0));
  if (bias_view_.data != nullptr) {
    visit(bias_view_, [&](const auto* from) { read_line(bias_, from, classes_, bias_view_.stride[0]); });
  }
}

template <class T>
void Classifier<T>::backward_pooled(const Parallel& parallel, Matrix<T> grad_logits, Matrix<T> grad_pooled) {
  grad_pooled_product_->run(parallel, factor(grad_logits), m_, weight_, grad_pooled);
}

template <class T>
void Classifier<T>::backward_weight(const Parallel& parallel, Matrix<T> pooled, Matrix<T> grad_logits,
                                    const gld_view& grad_weight) {
  const bool last = classes_last(grad_weight);
  const Matrix<T> left = last ? pooled : grad_logits;
  const Matrix<T> right = last ? grad_logits : pooled;
  const std::int64_t rows = last ? channels_ : classes_;
  grad_weight_product_->run(parallel, transposed(left), rows, factor(right), grad_weight_);
  if (grad_weight_.data == grad_weight.data) return;
  write_matrix(last ? swapped(grad_weight) : grad_weight, rows, last ? classes_ : channels_,
               static_cast<const T*>(grad_weight_.data), grad_weight_.pitch);
}

template <class T>
void Classifier<T>::backward_bias(const Parallel& parallel, Matrix<T> grad_logits, const gld_view& grad_bias) const {
  parallel.blocks(classes_, kBiasPanel, [&](std::int64_t first, std::int64_t count, std::int64_t, int) {
    double total[kBiasPanel] = {};
    for (std::int64_t r = 0; r < m_; ++r) {
      const T* row = grad_logits[r] + first;
      for (std::int64_t k = 0; k < count; ++k) total[k] += static_cast<double>(row[k]);
    }
    gld_view part = moved(grad_bias, first * grad_bias.stride[0]);
    part.stride[1] = grad_bias.stride[0];
    write_matrix(part, 1, count, static_cast<const double*>(total), kBiasPanel);
  });
}

template class Classifier<float>;
template class Classifier<double>;

}  // namespace gld

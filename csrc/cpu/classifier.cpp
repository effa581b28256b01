#include "classifier.h"

#include <algorithm>

namespace gld {
namespace {

constexpr std::int64_t kRowPanel = 128;      // rows of a product that one task computes
constexpr std::int64_t kWeightPanel = 128;   // classes and channels of one task's block of the weight gradient
constexpr std::int64_t kBiasPanel = 64;      // classes of one task's part of the bias gradient

}  // namespace

template <class T>
Classifier<T>::Classifier(std::int64_t m, std::int64_t channels, std::int64_t classes, const gld_view& weight,
                          const gld_view& bias, Arena& arena)
    : m_(m),
      channels_(channels),
      classes_(classes),
      weight_view_(weight),
      bias_view_(bias),
      weight_(take_rows<T>(arena, classes, channels)),
      bias_(arena.take<T>(classes)) {}

template <class T>
void Classifier<T>::plan_weight_gradient(Arena& arena) {
  grad_weight_ = take_rows<T>(arena, classes_, channels_);
}

template <class T>
void Classifier<T>::load(const Parallel& parallel) const {
  parallel.blocks(classes_, kWeightPanel, [&](std::int64_t first, std::int64_t count, std::int64_t, int) {
    visit(weight_view_, [&](const auto* from) {
      for (std::int64_t k = first; k < first + count; ++k) {
        read_line(weight_[k], from + k * weight_view_.stride[0], channels_, weight_view_.stride[1]);
      }
    });
  });
  std::fill_n(bias_, classes_, T(0));
  if (bias_view_.data != nullptr) {
    visit(bias_view_, [&](const auto* from) { read_line(bias_, from, classes_, bias_view_.stride[0]); });
  }
}

template <class T>
void Classifier<T>::forward(const Parallel& parallel, Rows<T> pooled, Rows<T> logits) const {
  load(parallel);
  const auto weight = matrix<T>(static_cast<const T*>(weight_.data), classes_, channels_, weight_.pitch);
  const Eigen::Map<const Eigen::Matrix<T, 1, Eigen::Dynamic>> bias(bias_, classes_);
  parallel.blocks(m_, kRowPanel, [&](std::int64_t first, std::int64_t count, std::int64_t, int) {
    auto to = matrix<T>(logits[first], count, classes_, logits.pitch);
    to.noalias() = matrix<T>(static_cast<const T*>(pooled[first]), count, channels_, pooled.pitch) * weight.transpose();
    to.rowwise() += bias;
  });
}

template <class T>
void Classifier<T>::backward_pooled(const Parallel& parallel, Rows<T> grad_logits, Rows<T> grad_pooled) const {
  const auto weight = matrix<T>(static_cast<const T*>(weight_.data), classes_, channels_, weight_.pitch);
  parallel.blocks(m_, kRowPanel, [&](std::int64_t first, std::int64_t count, std::int64_t, int) {
    matrix<T>(grad_pooled[first], count, channels_, grad_pooled.pitch).noalias() =
        matrix<T>(static_cast<const T*>(grad_logits[first]), count, classes_, grad_logits.pitch) * weight;
  });
}

template <class T>
void Classifier<T>::backward_weight(const Parallel& parallel, Rows<T> pooled, Rows<T> grad_logits,
                                    const gld_view& grad_weight) const {
  const auto rows = matrix<T>(static_cast<const T*>(pooled.data), m_, channels_, pooled.pitch);
  const auto grad = matrix<T>(static_cast<const T*>(grad_logits.data), m_, classes_, grad_logits.pitch);
  const std::int64_t across = block_count(channels_, kWeightPanel);
  parallel(block_count(classes_, kWeightPanel) * across, [&](std::int64_t task, int) {
    const std::int64_t k = task / across * kWeightPanel;
    const std::int64_t c = task % across * kWeightPanel;
    const std::int64_t classes = std::min(kWeightPanel, classes_ - k);
    const std::int64_t channels = std::min(kWeightPanel, channels_ - c);
    matrix<T>(grad_weight_[k] + c, classes, channels, grad_weight_.pitch).noalias() =
        grad.middleCols(k, classes).transpose() * rows.middleCols(c, channels);
  });
  write_matrix(grad_weight, classes_, channels_, static_cast<const T*>(grad_weight_.data), grad_weight_.pitch);
}

template <class T>
void Classifier<T>::backward_bias(const Parallel& parallel, Rows<T> grad_logits, const gld_view& grad_bias) const {
  parallel.blocks(classes_, kBiasPanel, [&](std::int64_t first, std::int64_t count, std::int64_t, int) {
    Eigen::Array<double, kBiasPanel, 1> total = Eigen::Array<double, kBiasPanel, 1>::Zero();
    for (std::int64_t r = 0; r < m_; ++r) {
      const T* row = grad_logits[r] + first;
      for (std::int64_t k = 0; k < count; ++k) total[k] += static_cast<double>(row[k]);
    }
    gld_view part = moved(grad_bias, first * grad_bias.stride[0]);
    part.stride[1] = grad_bias.stride[0];
    write_matrix(part, 1, count, total.data(), kBiasPanel);
  });
}

template class Classifier<float>;
template class Classifier<double>;

}  // namespace gld

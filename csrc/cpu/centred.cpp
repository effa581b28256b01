#include "centred.h"

#include <algorithm>
#include <cmath>

#include "../shared/relation.h"
#include "lanes.h"

namespace gld {
namespace {

constexpr std::int64_t kMaxBlocks = 64;  // bounds the memory of the partial sums
constexpr std::int64_t kMinBlock = 256;

}  // namespace

template <class T>
Centred<T>::Centred(const LogitRows<T>& lines, std::int64_t m, const RowWeights& weights, Arena& arena, int threads)
    : lines_(lines), weights_(weights), m_(m), block_(block_size(m, kMinBlock, kMaxBlocks)) {
  const std::int64_t width = padded(lines.columns());
  origin_ = arena.take<double>(width);
  mean_ = arena.take<double>(width);
  partial_ = arena.take<double>(ceil_div(m, block_) * 2 * width);
  staging_ = arena.take<T>(padded(lines.columns()), threads);
}

template <class T>
void Centred<T>::fit(const Parallel& parallel) {
  const std::int64_t columns = lines_.columns();
  const std::int64_t width = padded(columns);
  const std::int64_t pitch = padded(columns);

  lines_.load(weights_.first(), 1, staging_, pitch);
  for (std::int64_t k = 0; k < columns; ++k) origin_[k] = static_cast<double>(staging_[k]);

  parallel.blocks(m_, block_, [&](std::int64_t first, std::int64_t count, std::int64_t task, int slot) {
    double* total = partial_ + task * 2 * width;
    double* largest = total + width;
    T* row = staging_ + slot * pitch;
    std::fill_n(total, 2 * width, 0.0);
    for (std::int64_t r = first; r < first + count; ++r) {
      const double weight = weights_[r];
      if (weight == 0) continue;
      lines_.load(r, 1, row, pitch);
      for (std::int64_t k = 0; k < columns; ++k) {
        const double difference = static_cast<double>(row[k]) - origin_[k];
        total[k] += weight * difference;
        largest[k] = std::max(largest[k], std::abs(difference));
      }
    }
  });

  double largest = 0;
  std::fill_n(mean_, width, 0.0);
  for (std::int64_t task = 0; task < ceil_div(m_, block_); ++task) {
    const double* total = partial_ + task * 2 * width;
    for (std::int64_t k = 0; k < columns; ++k) {
      mean_[k] += total[k];
      largest = std::max(largest, total[width + k]);
    }
  }
  for (std::int64_t k = 0; k < columns; ++k) mean_[k] /= weights_.sum();

  scale_ = centring_scale(largest);
}

template <class T>
void Centred<T>::load(std::int64_t first, std::int64_t count, T* to, std::int64_t pitch, double* squares) const {
  const std::int64_t columns = lines_.columns();
  lines_.load(first, count, to, pitch);
  for (std::int64_t i = 0; i < count; ++i) {
    T* row = to + i * pitch;
    const std::int64_t counting = weights_[first + i] == 0 ? 0 : columns;
    for (std::int64_t k = 0; k < counting; ++k) row[k] = centred_logit(row[k], origin_[k], mean_[k], scale_);
    std::fill(row + counting, row + pitch, T(0));
    squares[i] = dot(row, row, pitch);
  }
}

template class Centred<float>;
template class Centred<double>;

}  // namespace gld

// Sums over rows that the moments method is made of: K×K products, K-vectors and scalars. They are kept per strand (a
// fixed share of the rows, so that tasks need no locks and the order of additions does not depend on threads), in
// double, and combined in the order of the strands. Sums from elsewhere could be added at the same place.
#pragma once

#include <algorithm>

#include "views.h"

namespace gld {

// What is stored of a matrix and how it is read: all of it; its upper half, the lower one being the same; or the upper
// half as the one triangle U with xᵀUx = xᵀGx.
enum class MomentForm { kFull, kSymmetric, kQuadratic };

template <class T>
class MomentSums {
 public:
  MomentSums(std::int64_t strands, std::int64_t classes, int matrices, int vectors, int scalars, Arena& arena)
      : strands_(strands),
        classes_(classes),
        matrices_(matrices),
        vectors_(vectors),
        scalars_(scalars),
        width_(padded(classes)),
        size_(matrices * classes * classes + vectors * width_ + scalars),
        sums_(arena.take<double>(strands * size_)) {}

  void clear() const { std::fill_n(sums_, strands_ * size_, 0.0); }

  double* matrix(std::int64_t strand, int which) const { return sums_ + strand * size_ + which * classes_ * classes_; }
  double* vector(std::int64_t strand, int which) const { return matrix(strand, matrices_) + which * width_; }
  double* scalars(std::int64_t strand) const { return vector(strand, vectors_); }

  // Adds the vectors and scalars of every strand to those of strand 0, which are then the totals.
  void combine() const {
    double* to = matrix(0, matrices_);
    for (std::int64_t strand = 1; strand < strands_; ++strand) {
      const double* from = matrix(strand, matrices_);
      for (std::int64_t i = 0; i < vectors_ * width_ + scalars_; ++i) to[i] += from[i];
    }
  }

  // A block of a matrix, all strands together, in T.
  void read(int which, MomentForm shape, std::int64_t row, std::int64_t rows, std::int64_t column, std::int64_t columns,
            T* to, std::int64_t pitch) const {
    const auto total = [&](std::int64_t k, std::int64_t j) {
      double value = 0;
      for (std::int64_t strand = 0; strand < strands_; ++strand) value += matrix(strand, which)[k * classes_ + j];
      return value;
    };
    for (std::int64_t k = row; k < row + rows; ++k) {
      T* line = to + (k - row) * pitch - column;
      const std::int64_t diagonal = shape == MomentForm::kFull ? column : std::clamp(k, column, column + columns);
      const double factor = shape == MomentForm::kQuadratic ? 2 : 1;
      for (std::int64_t j = column; j < diagonal; ++j)
        line[j] = shape == MomentForm::kSymmetric ? static_cast<T>(total(j, k)) : T(0);
      for (std::int64_t j = diagonal; j < column + columns; ++j)
        line[j] = static_cast<T>((j == k ? 1 : factor) * total(k, j));
    }
  }

 private:
  std::int64_t strands_, classes_;
  int matrices_, vectors_, scalars_;
  std::int64_t width_, size_;
  double* sums_;
};

}  // namespace gld

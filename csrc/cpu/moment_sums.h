// Sums over rows that the moments method is made of: K×K products, K-vectors and scalars. They are kept per strand (a
// fixed share of the rows, so that tasks need no locks and the order of additions does not depend on threads), in
// double, and combined in the order of the strands. Sums from elsewhere could be added at the same place.
#pragma once

#include <algorithm>

#include "arena.h"
#include "parallel.h"
#include "views.h"

namespace gld {

template <class T>
class MomentSums {
 public:
  MomentSums(std::int64_t strands, std::int64_t classes, int matrices, int vectors, int scalars, Arena& arena)
      : strands_(strands),
        classes_(classes),
        matrices_(matrices),
        vectors_(vectors),
        scalars_(scalars),
        width_(padded<double>(classes)),
        pitch_(padded<T>(classes)),
        size_(matrices * classes * classes + vectors * width_ + scalars),
        sums_(arena.take<double>(strands * size_)),
        combined_(arena.take<T>(matrices * classes * pitch_)) {}

  void clear() const { std::fill_n(sums_, strands_ * size_, 0.0); }

  double* matrix(std::int64_t strand, int which) const { return sums_ + strand * size_ + which * classes_ * classes_; }
  double* vector(std::int64_t strand, int which) const { return matrix(strand, matrices_) + which * width_; }
  double* scalars(std::int64_t strand) const { return vector(strand, vectors_); }

  // Adds every strand to strand 0, whose vectors and scalars are then the totals; total(which) are the matrices in T.
  void combine(const Parallel& parallel) const {
    constexpr std::int64_t kSlice = 1 << 14;
    parallel.blocks(size_, kSlice, [&](std::int64_t first, std::int64_t count, std::int64_t, int) {
      for (std::int64_t strand = 1; strand < strands_; ++strand) {
        const double* from = sums_ + strand * size_;
        for (std::int64_t i = first; i < first + count; ++i) sums_[i] += from[i];
      }
    });
    for (int which = 0; which < matrices_; ++which) {
      const double* from = matrix(0, which);
      for (std::int64_t k = 0; k < classes_; ++k) {
        for (std::int64_t j = 0; j < classes_; ++j) total(which)[k][j] = static_cast<T>(from[k * classes_ + j]);
      }
    }
  }

  Rows<T> total(int which) const { return {combined_ + which * classes_ * pitch_, pitch_}; }

 private:
  std::int64_t strands_, classes_;
  int matrices_, vectors_, scalars_;
  std::int64_t width_, pitch_, size_;
  double* sums_;
  T* combined_;
};

}  // namespace gld

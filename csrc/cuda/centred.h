// Logit rows of both sides as the relation sees them: centred on their mean and scaled to about 1, by a power of two.
// The loss depends on neither, and both keep float32 accurate: no common offset to cancel, no square that overflows.
#pragma once

#include <cstdint>

#include "../shared/relation.h"
#include "reduce.cuh"
#include "views.h"

namespace gld::cuda {

enum { kTeacher, kStudent, kSides };

// The unit in which kernels that run before the relation add up the gradient of the logits: gradient_unit() of
// shared/relation.h.
struct GradientUnit {
  double slope = 0;                 // d loss / d (sum of the rows' values); 0 if the relation adds no gradient
  const double* largest = nullptr;  // device memory: of the student's differences, in parts
  std::int64_t parts = 0;

  __device__ double operator()() const {
    double most = 0;
    for (std::int64_t i = 0; i < parts; ++i) most = Larger()(most, largest[i]);
    return gld::gradient_unit<float>(slope * centring_scale(most));
  }
};

class Centred {
 public:
  // The m rows [m, classes] of either side.
  Centred(std::int64_t m, std::int64_t classes, Matrix teacher, Matrix student, Arena& arena);

  void fit(const Launch& launch) const;

  // After fit(): rows [first, first + count) of both sides, and squares[side][i] = ‖row i‖² of what is in `to`. Values
  // are rounded to the inputs of products in `precision` (gld_precision), so that distances are those of the very rows
  // that products see.
  void load(const Launch& launch, std::int32_t precision, std::int64_t first, std::int64_t count,
            const Matrix (&to)[kSides], double* const (&squares)[kSides]) const;

  // After fit(), for kernels: with d loss / d (sum of the rows' values).
  GradientUnit gradient_unit(double slope) const;

  // Device memory, after load(): d centred / d logit of the student.
  const double* student_scale() const { return scales_ + kStudent; }

 private:
  std::int64_t m_, classes_, block_rows_, blocks_;
  Matrix rows_[kSides];
  double* partial_;  // per side and block of rows: sums of the differences to row 0, then their largest absolute values
  double* mean_;     // per side: of the differences
  double* largest_;  // per side and block of columns
  double* scales_;
};

}  // namespace gld::cuda

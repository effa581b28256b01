// Logit rows of both sides as the relation sees them: centred on their mean and scaled to about 1, by a power of two.
// The loss depends on neither, and both keep float32 accurate: no common offset to cancel, no square that overflows.
#pragma once

#include <cstdint>

#include "arena.h"
#include "launch.cuh"

namespace gld::cuda {

struct GradientUnit;

enum Side { kTeacher, kStudent, kSides };

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

// The relation loss of one row, shared by every engine and both methods. docs/mathematics.md; paper equation for
// L_relation. u and v are the teacher's and the student's distance rows divided by their L2 norms.
#pragma once

#include <cstdint>
#include <cstring>

#include "arithmetic.h"

namespace gld {

// What the sum over the rows' values is multiplied with, for rows that count `rows` times `unit` together.
// relation_rows is the call's.
inline double relation_reduction(double rows, double unit, double relation_rows) {
  return 1 / rows / (relation_rows == 0 ? rows * unit : relation_rows);
}

// A logit centred on the mean of all rows. The mean is that of differences to an origin, one of the rows: equal rows
// give exact zeros, and a large common offset costs nothing.
template <class T>
GLD_HOST_DEVICE inline T centred_logit(T logit, double origin, double mean, double scale) {
  return static_cast<T>(((static_cast<double>(logit) - origin) - mean) * scale);
}

// d centred / d logit from the largest difference to the first row: a power of two that takes it to about 1, so that
// scaling changes no bit of the result.
GLD_HOST_DEVICE inline double centring_scale(double largest) {
  return largest > 0 && largest <= kLargest<double> ? inverse_power(largest) : 1.0;
}

// The unit, a power of two, in which all terms add up the gradients of the logits where that of the relation may
// overflow: infinities of two terms would have no sum, and what overflows in the end has the sign of the sum. Else 1.
// slope: d loss / d (sum of the rows' values) * d centred / d logit, which is large only where all logits are next to
// the smallest numbers, or the weight next to the largest.
template <class T>
GLD_HOST_DEVICE inline double gradient_unit(double slope) {
  constexpr int kExponent = sizeof(T) == 4 ? 100 : 900;  // of what slopes become: far from either end of T
  if (!(slope > (sizeof(T) == 4 ? 0x1p100 : 0x1p900) && slope <= kLargest<double>)) return 1;
  std::uint64_t bits = 0;
  std::memcpy(&bits, &slope, sizeof bits);
  const std::uint64_t unit = (std::uint64_t{2 * 1023 + kExponent} - (bits >> 52)) << 52;
  double result = 0;
  std::memcpy(&result, &unit, sizeof result);
  return result;
}

// A gradient in a unit as it is without.
template <class T>
GLD_HOST_DEVICE inline T put_back(T gradient, double unit) {
  return unit == 1 ? gradient : static_cast<T>(static_cast<double>(gradient) / unit);
}

struct RelationRow {
  double value;  // ‖u - v‖²
  // d value / d (student distance row) = teacher_slope * (teacher row) + student_slope * (student row)
  double teacher_slope;
  double student_slope;
};

// From ‖teacher row‖², ‖student row‖² and their scalar product. A zero row stays zero and has gradient 0.
GLD_HOST_DEVICE inline RelationRow relation_row(double teacher_square, double student_square, double product) {
  if (teacher_square == 0 || student_square == 0) {
    // ‖u‖² + ‖v‖² with what is left of them: 1 for a row that is not zero (NaN for a NaN).
    const double u = teacher_square == 0 ? 0.0 : teacher_square / teacher_square;
    const double v = student_square == 0 ? 0.0 : student_square / student_square;
    return {u + v, 0.0, 0.0};
  }
  const double norms = std::sqrt(teacher_square) * std::sqrt(student_square);
  const double cosine = product / norms;
  // ‖u - v‖² = 2 (1 - cos) is never negative; rounding may put cos above 1. A NaN passes.
  double value = 2 * (1 - cosine);
  if (value < 0) value = 0;
  return {value, -2 / norms, 2 * cosine / student_square};
}

// Σ_c (t_r + t_c - 2 x_r·x_c)(s_r + s_c - 2 y_r·y_c) for one of `rows` centred rows, given Σt, Σs, Σts, x·(Xᵀs),
// y·(Yᵀt) and xᵀ(XᵀY)y. Only centred rows lose the terms in Σx and Σy.
GLD_HOST_DEVICE inline double relation_product(double rows, double t, double s, double sum_t, double sum_s,
                                               double sum_ts, double x_dot_xs, double y_dot_yt, double quadratic) {
  return rows * t * s + t * sum_s + s * sum_t + sum_ts - 2 * (x_dot_xs + y_dot_yt) + 4 * quadratic;
}

// Rounding may leave a squared norm below zero, where the root would be NaN; a true NaN passes.
GLD_HOST_DEVICE inline double relation_square(double square) { return square < 0 ? 0 : square; }

}  // namespace gld

// One pair of rows of the relation loss by distances. docs/mathematics.md
#pragma once

#include "relation.h"

namespace gld {

// ‖x_r - x_c‖² from the squared norms and the scalar product. A sum of squares; only rounding takes it below zero.
template <class T>
GLD_HOST_DEVICE inline T squared_distance(T of_row, T of_column, T product) {
  const T distance = of_row + of_column - 2 * product;
  return distance < 0 ? T(0) : distance;
}

// Below this share of t_r + t_c, t_r + t_c - 2 x_r·x_c has lost too many digits for a root and its slope: such a
// distance is to be summed from the differences.
template <class T>
constexpr double kCloseRows = sizeof(T) == 4 ? 1e-2 : 1e-6;

template <class T>
GLD_HOST_DEVICE inline bool close_rows(T squared, T of_row, T of_column) {
  return squared <= kCloseRows<T> * (of_row + of_column);
}

// A = g + gᵀ at (r, c) from the slopes of row r and of row c, because distances are symmetric. The gradient of row r is
// 2 (Σ_c A_rc x_r - Σ_c A_rc x_c).
template <class T>
GLD_HOST_DEVICE inline T pair_weight(T teacher_slope_r, T teacher_slope_c, T teacher_distance, T student_slope_r,
                                     T student_slope_c, T student_distance) {
  return (teacher_slope_r + teacher_slope_c) * teacher_distance +
         (student_slope_r + student_slope_c) * student_distance;
}

// For plain distances d(d)/dx = (x_r - x_c) / d takes the place of 2 (x_r - x_c). The root has no slope at 0; 0 is
// taken.
template <class T>
GLD_HOST_DEVICE inline T euclidean_weight(T weight, T distance) {
  return distance == 0 ? T(0) : weight / (2 * distance);
}

}  // namespace gld

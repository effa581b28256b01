// One row of the relation loss from the moments of all rows, without their distances. docs/mathematics.md Rows are
// centred: x of the teacher with t = ‖x‖², y of the student with s = ‖y‖²; X and Y are all of them, m each. Where rows
// have weights, every sum over them takes those, m is theirs, and a row's slopes a and b are multiplied by its own.
//
// accumulate: moments of all rows; rows: each row's value and slopes; accumulate_weighted: moments weighted with the
// slopes; finish: the gradient. Every step takes a chunk of rows at a time; where one chunk holds all, it is loaded
// once.
#pragma once

#include <algorithm>

#include "relation.h"

namespace gld {

constexpr std::int64_t kFloatRows = 1024;  // rows whose products are summed in T; beyond, sums go on in double

// The plain moments, in which a row counts by its weight...
enum PlainMatrix { kXX, kXY, kYY, kPlainMatrices };         // Σ x xᵀ, Σ x yᵀ, Σ y yᵀ
enum PlainVector { kXT, kXS, kYT, kYS, kPlainVectors };     // Σ x t, Σ x s, Σ y t, Σ y s
enum PlainScalar { kT, kS, kTT, kTS, kSS, kPlainScalars };  // Σ t, Σ s, Σ t², Σ t s, Σ s²
// ... and those weighted with the slopes a (teacher) and b (student) of the rows.
enum WeightedMatrix { kAXY, kBYY, kWeightedMatrices };            // Σ a x yᵀ, Σ b y yᵀ
enum WeightedVector { kYAtBs, kYA, kYB, kXA, kWeightedVectors };  // Σ y (a t + b s), Σ y a, Σ y b, Σ x a
enum WeightedScalar { kAtBs, kA, kB, kWeightedScalars };          // Σ a t + b s, Σ a, Σ b

// Rows that are worked on at a time.
struct Chunk {
  std::int64_t first, count;
};
// Rows of a chunk of about so many elements, whole times kFloatRows. They depend on the shape alone, so that the order
// of additions does too.
inline std::int64_t chunk_rows(std::int64_t m, std::int64_t classes, std::int64_t elements, std::int64_t most) {
  return std::min(m, std::clamp(elements / classes / kFloatRows * kFloatRows, kFloatRows, most));
}
template <class F>
void for_each_chunk(std::int64_t m, std::int64_t rows, F&& use) {
  for (std::int64_t first = 0; first < m; first += rows) use(Chunk{first, std::min(rows, m - first)});
}

struct PlainSums {
  double t, s, tt, ts, ss;

  GLD_HOST_DEVICE static PlainSums of(const double* scalars) {
    return {scalars[kT], scalars[kS], scalars[kTT], scalars[kTS], scalars[kSS]};
  }
};

// Scalar products of one row with the moments.
struct RowMoments {
  double x_xt, x_xs;  // x·(Xᵀt), x·(Xᵀs)
  double y_yt, y_ys;  // y·(Yᵀt), y·(Yᵀs)
  double xx, xy, yy;  // xᵀ(XᵀX)x, xᵀ(XᵀY)y, yᵀ(YᵀY)y
};

// Norms of the row's distances on either side, their scalar product, and what follows from them.
GLD_HOST_DEVICE inline RelationRow relation_row_of_moments(double m, double t, double s, const PlainSums& sum,
                                                           const RowMoments& row) {
  return relation_row(relation_square(relation_product(m, t, t, sum.t, sum.t, sum.tt, row.x_xt, row.x_xt, row.xx)),
                      relation_square(relation_product(m, s, s, sum.s, sum.s, sum.ss, row.y_ys, row.y_ys, row.yy)),
                      relation_product(m, t, s, sum.t, sum.s, sum.ts, row.x_xs, row.y_yt, row.xy));
}

// The gradient of row r, 2 Σ_c (g_rc + g_cr) (y_r - y_c), in two halves of the form 2 (own * y_r - others); g_rc is
// a_r (teacher's distance) + b_r (student's).

// First half, in which the row's own slopes a and b count: Σ_c g_rc (y_r - y_c).
GLD_HOST_DEVICE inline double own_slopes_sum(double m, double t, double s, double a, double b, const PlainSums& sum) {
  return a * (m * t + sum.t) + b * (m * s + sum.s);
}
// through_x = xᵀ(XᵀY), through_y = yᵀ(YᵀY), at class k as the rest.
template <class T>
GLD_HOST_DEVICE inline double own_slopes_others(double a, double b, double yt, double ys, T through_x, T through_y) {
  return a * (yt - 2 * static_cast<double>(through_x)) + b * (ys - 2 * static_cast<double>(through_y));
}

struct WeightedSums {
  double at_bs, a, b;

  GLD_HOST_DEVICE static WeightedSums of(const double* scalars) { return {scalars[kAtBs], scalars[kA], scalars[kB]}; }
};

// Second half, in which the slopes of the other rows count: Σ_c g_cr (y_r - y_c).
// x_xa = x·(Xᵀa), y_yb = y·(Yᵀb).
GLD_HOST_DEVICE inline double their_slopes_sum(double t, double s, const WeightedSums& sum, double x_xa, double y_yb) {
  return sum.at_bs + t * sum.a + s * sum.b - 2 * (x_xa + y_yb);
}
// y_both = Yᵀ(a∘t + b∘s), ya = Yᵀa, yb = Yᵀb, through = xᵀ(Σ a x yᵀ) + yᵀ(Σ b y yᵀ).
template <class T>
GLD_HOST_DEVICE inline double their_slopes_others(double t, double s, double y_both, double ya, double yb, T through) {
  return y_both + t * ya + s * yb - 2 * static_cast<double>(through);
}

// What either half adds to the gradient; slope is d loss / d (sum of the rows' values).
template <class T>
GLD_HOST_DEVICE inline T relation_gradient(double slope, double own, T y, double others) {
  return static_cast<T>(2 * slope * (own * static_cast<double>(y) - others));
}

}  // namespace gld

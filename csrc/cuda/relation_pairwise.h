// Stage relation_pairwise: the relation loss from tiles of the m×m distances, O(m²K) time. docs/mathematics.md
//
// Distances of all pairs are kept between the passes while they fit a fixed limit, and then computed for half of the
// tiles, the others being the same. Beyond the limit the matrix as a whole never exists: tiles are computed in either
// pass, and the second pass takes a panel of rows at a time.
//
//   distances        both sides' products of rows, made distances in registers, and each distance row's sums of squares
//   rows             from those, each row's value and slopes
//   weights          A = g + gᵀ, in place of the teacher's distances or, for a panel, with the distances at once
//   product, finish  gradient = 2 (rowsum(A) x - A X)
// A is written once instead of being formed anew inside the last product: that one reads its left operand as many times
// as there are tiles of classes, and would read two matrices each time.
#pragma once

#include <cstdint>
#include <optional>

#include "centred.h"
#include "product.h"

namespace gld::cuda {

class RelationPairwise {
 public:
  // Whether the distances of m rows are kept between the passes.
  static bool keeps(std::int64_t m);
  // euclidean: plain instead of squared distances. gradients: whether run() will be asked for them. keep: keeps(m), or
  // another choice for tests.
  RelationPairwise(std::int64_t m, std::int64_t classes, bool euclidean, bool gradients, bool keep, Arena& arena);

  // *loss = factor * Σ_r ‖u_r - v_r‖². grad, if there, gains weight * d loss / d student logits.
  void run(const Launch& launch, const Centred& rows, double factor, double weight, Matrix grad, double* loss) const;

 private:
  // The gradient of `count` rows from the rows of A in weights_.
  void finish(const Launch& launch, const Centred& rows, std::int64_t first, std::int64_t count, std::int64_t slots,
              double slope, Matrix grad) const;

  std::int64_t m_, classes_, slots_, panel_ = 0;
  bool euclidean_, keeps_;
  Matrix rows_[kSides];              // centred
  double* squares_[kSides];          // ‖row‖²
  Matrix kept_[kSides];              // [m, m] distances, if they are kept
  double* sums_;                     // per slot (a share of the columns): Σ dt², Σ ds², Σ dt ds of every row
  double* values_;                   // per row: ‖u - v‖²
  float* slopes_[kSides];            // per row, shared/relation.h
  Matrix weights_;                   // A, or a panel of it
  double* weight_sums_ = nullptr;    // per slot: sums of the rows of A
  std::optional<Product> products_;  // of rows with rows, where tiles alone would not fill a device
  std::optional<Product> pulled_;
};

}  // namespace gld::cuda

// The rows of one side of a call: how many are pooled and classified, and where the rows of samples lie in the matrices
// of pooled rows and of logits.
//
// Where the grid divides the map, the mean over the whole map is the mean of the cells' means, and so are the global
// logits, the classifier being affine: only the cells are pooled and classified. On the way back each cell gets its
// share of the gradient of the global row. docs/mathematics.md
#pragma once

#include <cstdint>

#include "../engine.h"
#include "matrix.h"

namespace gld {

// Whether the cells of a map's grid are equal and disjoint.
inline bool even_grid(const gld_call& call, const gld_side& side) {
  const auto& cells = call.grid[0];
  return call.levels == 1 && side.mask.data == nullptr && side.depth % cells[0] == 0 && side.height % cells[1] == 0 &&
         side.width % cells[2] == 0;
}

struct RowLayout {
  std::int64_t samples, cells;  // cells of a sample
  bool even;                    // the global logits are the means of the cells'

  RowLayout(const gld_call& call, const gld_side& side)
      : samples(call.n),
        cells(call.rows - 1),
        even(side.features.data != nullptr && side.weight.data != nullptr && even_grid(call, side)) {}

  std::int64_t all() const { return samples * (cells + 1); }
  // That are pooled, and classified if the side has a classifier.
  std::int64_t pooled() const { return even ? samples * cells : all(); }

  // In a matrix [all(), classes]: all cells, then the globals.
  template <class T>
  SampleRows<T> of_logits(Matrix<T> matrix) const {
    return SampleRows<T>::cells_first(matrix, samples, cells + 1);
  }
  // In a matrix [pooled(), channels]: the same, without the globals where they are means.
  template <class T>
  SampleRows<T> of_pooled(Matrix<T> matrix) const {
    SampleRows<T> rows = of_logits(matrix);
    if (even) rows.global = nullptr;
    return rows;
  }
};

}  // namespace gld

// Stage relation_moments: the relation loss from K×K moments of the rows, O(mK²) time, O(K²) memory, exact.
// docs/mathematics.md; its steps are in shared/relation_moments.h.
//
// Products that sum over rows are made in the call's precision: centred rows are rounded to its inputs when they are
// loaded, so only the weighted moments lose by it. Products of rows with moments are float32 always, as the loss is a
// small difference of what comes out of them.
#pragma once

#include <cstdint>
#include <optional>

#include "../shared/relation_moments.h"
#include "centred.h"
#include "product.h"

namespace gld::cuda {

class RelationMoments {
 public:
  // Rows of a chunk.
  static std::int64_t chunk_rows(std::int64_t m, std::int64_t classes);
  // gradients: whether run() will be asked for them. chunk: chunk_rows(m, classes), or less for tests.
  RelationMoments(std::int64_t m, std::int64_t classes, bool gradients, std::int64_t chunk, Arena& arena);

  // *loss = factor * Σ_r ‖u_r - v_r‖². grad, if there, gains weight * d loss / d student logits.
  void run(const Launch& launch, const Centred& rows, double factor, double weight, Matrix grad, double* loss) const;

  // What kernels see of a chunk's rows: x and y, their squares t and s, their slopes a and b.
  struct ChunkRows {
    Matrix x, y;
    const double *t, *s;
    double *a, *b;
    std::int64_t count, classes;
  };

 private:
  // Sums over rows of one kind: K×K matrices, K-vectors and scalars, in double over all chunks.
  struct Sums {
    int matrices;
    Matrix matrix[3];      // in float32, once complete
    double* wide[3] = {};  // the same in double, if there are several chunks
    double* vectors;       // [4, classes], then the scalars
  };

  ChunkRows rows_of(Chunk chunk) const;
  Sums plan(int matrices, Arena& arena) const;
  void load(const Launch& launch, const Centred& rows, Chunk chunk) const;
  void accumulate(const Launch& launch, Chunk chunk) const;
  void rows(const Launch& launch, Chunk chunk, double slope, const double* scale, Matrix grad) const;
  void accumulate_weighted(const Launch& launch, Chunk chunk) const;
  void finish(const Launch& launch, Chunk chunk, double slope, const double* scale, Matrix grad) const;
  void combine(const Launch& launch, const Sums& sums, const Product::Parts& parts, unsigned symmetric,
               Chunk chunk) const;
  void add_vectors(const Launch& launch, const Sums& sums, bool weighted, Chunk chunk) const;

  std::int64_t m_, classes_, chunk_, block_rows_, blocks_;
  // A chunk's rows: x the teacher's with t = ‖x‖², y the student's with s = ‖y‖²; their slopes (shared/relation.h).
  Matrix rows_[kSides];
  double* squares_[kSides];
  double* slopes_[kSides];
  float* factors_[kSides];  // the slopes in float32
  Matrix through_[3];       // rows times moments
  double* values_;          // per warp's worth of rows: Σ ‖u - v‖²
  double* partial_;         // vectors and scalars of blocks of rows
  Sums plain_, weighted_;
  std::optional<Product> moments_;  // of a chunk, in parts
  std::optional<Product> through_moments_, through_weighted_;
};

}  // namespace gld::cuda

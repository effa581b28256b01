// Products of float32 matrices in device memory, by the tiles of product_tile.cuh: up to kMaxJobs of the same sizes in
// one launch, each left [rows, depth] times right [depth, columns], or a sum of two such products.
//
// Where a result has too few tiles to fill a device, or sums over depth are to be kept short, depth is split: every
// part is written to workspace and then added to the others in double, in their order. How it is split depends on the
// sizes alone, so that results do not depend on the device.
//
// Layouts: all but left along lines with right along depth, which nothing needs.
#pragma once

#include <cstdint>

#include "../engine.h"
#include "launch.cuh"
#include "views.h"

namespace gld::cuda {

struct alignas(16) Four {
  float x[4];
};

// A "line" is a row of a left operand or a column of a right one.
enum class OperandLayout {
  kAlongDepth,  // the depths of a line are neighbours: data[line * pitch + depth]
  kAlongLines   // the lines of a depth are: data[depth * pitch + line]
};

// data is 16-byte aligned and pitch a multiple of 4; what lies between a row's end and the next row is never read.
struct Operand {
  const float* data;
  std::int64_t pitch;
  std::int64_t lines;
};

constexpr int kMaxJobs = 3;
struct ProductJob {
  Operand left[2], right[2];       // the result is left[0] right[0], plus left[1] right[1] if there are two terms
  const float* factors = nullptr;  // [depth]: the depths of left[0] are multiplied with these first, if there
  const float* bias = nullptr;     // [columns]: added to every row, if there
  bool upper = false;              // elements below the diagonal are not wanted (some are computed all the same)
  Matrix to;                       // the result
};

struct ProductCall {
  std::int32_t precision;  // gld_precision
  OperandLayout left, right;
  int terms = 1;
  std::int64_t rows, depth;  // at most what was planned for
  ProductJob jobs[kMaxJobs];
  int count = 0;  // jobs, if less than planned for
};

class Product {
 public:
  static constexpr std::int64_t kWhole = std::int64_t{1} << 40;

  // in_parts: whether run_parts() is called, or run() with a view that direct() denies. longest: most depths that are
  // summed up in float32, a multiple of 16.
  Product(std::int64_t rows, std::int64_t columns, std::int64_t depth, int jobs, Arena& arena, bool in_parts = false,
          std::int64_t longest = kWhole);

  // Whether tiles can be written to this view as they are.
  static bool direct(const gld_view& to) { return to.dtype == GLD_F32 && to.stride[1] == 1; }

  // Results that are still in parts, [job][part][row][column].
  struct Parts {
    const float* data;
    std::int64_t pitch, part, job;  // elements from row to row, from part to part, from job to job
    int count;
  };

  // Results to job.to.
  void run(const Launch& launch, const ProductCall& call) const;
  // One job; the result in the view's dtype, at to.stride[0] * row + to.stride[1] * column.
  void run(const Launch& launch, const ProductCall& call, const gld_view& to) const;
  // All results in parts, without the bias.
  Parts run_parts(const Launch& launch, const ProductCall& call) const;

 private:
  int count(const ProductCall& call) const { return call.count == 0 ? jobs_ : call.count; }
  bool split(const ProductCall& call) const { return call.depth > part_depth_; }
  Parts parts(const ProductCall& call) const;
  void queue(const Launch& launch, const ProductCall& call, const Parts& to) const;

  std::int64_t columns_, part_depth_;
  int jobs_;
  bool large_;
  Matrix partial_;
};

// The precision that a device has: float32 products are all that there is before compute capability 8.0.
inline std::int32_t precision_on(const Launch& launch, std::int32_t precision) {
  return launch.arch < 80 ? static_cast<std::int32_t>(GLD_PRECISION_FLOAT32) : precision;
}

}  // namespace gld::cuda

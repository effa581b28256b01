// Rows of the caller's strided views on the device, copied to and from float32 rows in the engine's order.
#pragma once

#include "arena.h"
#include "launch.cuh"

namespace gld::cuda {

// The rows of n samples, the global one and those of the cells. The engine keeps all cells first and then the globals,
// so that a product takes all cells as one matrix; stages on their own may have them as the caller does, sample by
// sample.
struct SampleRows {
  std::int64_t rows = 1;  // of a sample
  float* global = nullptr;
  float* cells = nullptr;
  std::int64_t global_stride = 0;  // from sample to sample
  std::int64_t cells_stride = 0;
  std::int64_t pitch = 0;  // from cell to cell

  static SampleRows in_order(Matrix all, std::int64_t rows) {
    return {rows, all.data, all.data + all.pitch, rows * all.pitch, rows * all.pitch, all.pitch};
  }
  static SampleRows cells_first(Matrix all, std::int64_t samples, std::int64_t rows) {
    const std::int64_t cells = (rows - 1) * all.pitch;
    return {rows, all.data + samples * cells, all.data, all.pitch, cells, all.pitch};
  }

  __host__ __device__ float* at(std::int64_t sample, std::int64_t row) const {
    return row == 0 ? global + sample * global_stride : cells + sample * cells_stride + (row - 1) * pitch;
  }
};

// view [n, rows, columns] -> rows, or back, in the view's element type.
void read_rows(const Launch& to, const gld_view& view, std::int64_t n, std::int64_t columns, const SampleRows& rows);
void write_rows(const Launch& to, const SampleRows& rows, std::int64_t n, std::int64_t columns, const gld_view& view);

// view [rows, columns] -> matrix.
void read_matrix(const Launch& to, const gld_view& view, std::int64_t rows, std::int64_t columns, Matrix matrix);

}  // namespace gld::cuda

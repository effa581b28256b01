// Matrices of rows, and where the rows of samples lie in them.
#pragma once

#include <cstdint>

#include "host_device.h"

namespace gld {

// A row-major matrix in the compute type, rows `pitch` apart: in the workspace, or the caller's own buffer.
template <class T>
struct Matrix {
  T* data = nullptr;
  std::int64_t pitch = 0;

  GLD_HOST_DEVICE T* operator[](std::int64_t row) const { return data + row * pitch; }
  explicit operator bool() const { return data != nullptr; }
};

// The rows of samples, the global one and those of the cells, in the order of samples; row r of all is row r % rows of
// sample r / rows. They lie in that order too, or with all cells first and then all globals, so that a product can
// take all cells as one matrix.
template <class T>
struct SampleRows {
  std::int64_t rows = 1;  // of a sample
  T* global = nullptr;
  T* cells = nullptr;
  std::int64_t global_stride = 0;  // from sample to sample
  std::int64_t cells_stride = 0;
  std::int64_t pitch = 0;  // from cell to cell

  static SampleRows in_order(Matrix<T> all, std::int64_t rows) {
    return {rows, all.data, all[1], rows * all.pitch, rows * all.pitch, all.pitch};
  }
  static SampleRows cells_first(Matrix<T> all, std::int64_t samples, std::int64_t rows) {
    const std::int64_t cells = (rows - 1) * all.pitch;
    return {rows, all.data + samples * cells, all.data, all.pitch, cells, all.pitch};
  }

  explicit operator bool() const { return global != nullptr; }
  GLD_HOST_DEVICE T* at(std::int64_t sample, std::int64_t row) const {
    return row == 0 ? global + sample * global_stride : cells + sample * cells_stride + (row - 1) * pitch;
  }
  T* operator[](std::int64_t r) const { return at(r / rows, r % rows); }
};

}  // namespace gld

// Rows of float32 in the workspace on the device, and the caller's strided views there, copied to and from them.
#pragma once

#include "../shared/arena.h"
#include "launch.cuh"

namespace gld::cuda {

// Pieces begin where cudaMalloc's do (and whole cache lines), rows of matrices on 16 bytes.
using Arena = AlignedArena<256, 4>;
using Matrix = gld::Matrix<float>;
using SampleRows = gld::SampleRows<float>;

// view [n, rows, columns] -> rows, or back, in the view's element type.
void read_rows(const Launch& to, const gld_view& view, std::int64_t n, std::int64_t columns, const SampleRows& rows);
void write_rows(const Launch& to, const SampleRows& rows, std::int64_t n, std::int64_t columns, const gld_view& view);

// view [rows, columns] -> matrix.
void read_matrix(const Launch& to, const gld_view& view, std::int64_t rows, std::int64_t columns, Matrix matrix);

}  // namespace gld::cuda

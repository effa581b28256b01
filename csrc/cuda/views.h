// Rows of the caller's strided views on the device, copied to and from float32 rows in the engine's order.
#pragma once

#include "arena.h"
#include "launch.cuh"

namespace gld::cuda {

// view [n, rows, columns] -> rows, or back, in the view's element type.
void read_rows(const Launch& to, const gld_view& view, std::int64_t n, std::int64_t columns, const SampleRows& rows);
void write_rows(const Launch& to, const SampleRows& rows, std::int64_t n, std::int64_t columns, const gld_view& view);

// view [rows, columns] -> matrix.
void read_matrix(const Launch& to, const gld_view& view, std::int64_t rows, std::int64_t columns, Matrix matrix);

}  // namespace gld::cuda

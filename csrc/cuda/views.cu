#include <algorithm>
#include <type_traits>

#include "convert.cuh"
#include "views.h"

namespace gld::cuda {
namespace {

constexpr int kColumns = 32;  // threads along a row
constexpr int kRows = 8;      // rows of a block
constexpr std::int64_t kMaxBlocks = std::int64_t{1} << 20;

template <class T>
struct Strided {
  T* data;
  std::int64_t sample, row, column;  // strides

  __device__ T* line(std::int64_t s, std::int64_t r) const { return data + s * sample + r * row; }
};

template <class T, bool kRead>
__global__ void copy_kernel(const std::int32_t* stop, Strided<T> view, SampleRows rows, std::int64_t lines,
                            std::int64_t columns) {
  if (stopped(stop)) return;
  for (std::int64_t line = static_cast<std::int64_t>(blockIdx.x) * kRows + threadIdx.y; line < lines;
       line += static_cast<std::int64_t>(gridDim.x) * kRows) {
    const std::int64_t sample = line / rows.rows;
    const std::int64_t row = line - sample * rows.rows;
    T* const outside = view.line(sample, row);
    float* const inside = rows.at(sample, row);
    for (std::int64_t k = threadIdx.x; k < columns; k += kColumns) {
      if constexpr (kRead) {
        inside[k] = to_float(outside[k * view.column]);
      } else {
        outside[k * view.column] = from_float<T>(inside[k]);
      }
    }
  }
}

template <bool kRead>
void copy(const Launch& to, const gld_view& view, const SampleRows& rows, std::int64_t lines, std::int64_t columns) {
  visit(view, [&](auto* data) {
    using T = std::remove_pointer_t<decltype(data)>;
    const Strided<T> strided{data, view.stride[0], view.stride[1], view.stride[2]};
    const dim3 grid = grid_of(std::min(ceil_div(lines, kRows), kMaxBlocks));
    launch(to, copy_kernel<T, kRead>, grid, dim3(kColumns, kRows), 0, to.stop, strided, rows, lines, columns);
  });
}

// A matrix as samples of one row each.
gld_view as_samples(gld_view view) {
  view.stride[2] = view.stride[1];
  view.stride[1] = 0;
  return view;
}

}  // namespace

void read_rows(const Launch& to, const gld_view& view, std::int64_t n, std::int64_t columns, const SampleRows& rows) {
  copy<true>(to, view, rows, n * rows.rows, columns);
}
void write_rows(const Launch& to, const SampleRows& rows, std::int64_t n, std::int64_t columns, const gld_view& view) {
  copy<false>(to, view, rows, n * rows.rows, columns);
}
void read_matrix(const Launch& to, const gld_view& view, std::int64_t rows, std::int64_t columns, Matrix matrix) {
  copy<true>(to, as_samples(view), SampleRows::in_order(matrix, 1), rows, columns);
}

}  // namespace gld::cuda

#include "product.h"

#include <algorithm>
#include <type_traits>

#include "convert.cuh"
#include "product_tile.cuh"

namespace gld::cuda {
namespace {

using LargeTile = Tile<128, 128, 2, 4, 3, 1>;
using SmallTile = Tile<64, 64, 2, 2, 4, 3>;

// What a device wants to be busy; estimates until they are measured.
constexpr std::int64_t kLargeTiles = 120;    // large tiles only if there are so many
constexpr std::int64_t kWantedBlocks = 256;  // of small tiles; depth is split to get there
constexpr std::int64_t kLeastDepth = 128;    // of one part
constexpr int kAddThreads = 256;

struct Arguments {
  ProductJob jobs[kMaxJobs];
  std::int64_t columns, rows, depth, part_depth;
  std::int64_t part, job;  // elements of the result from part to part and, if there are parts, from job to job
  int parts, terms;
  bool in_parts;
  const std::int32_t* stop;
};

template <class Tile>
__device__ void store_tile(const Sums<Tile>& sums, float* to, std::int64_t pitch, const float* bias,
                           std::int64_t first_row, std::int64_t first_column, std::int64_t rows, std::int64_t columns) {
  // A row of the caller's own buffer may begin anywhere.
  const bool pairs = pitch % 2 == 0 && reinterpret_cast<std::uintptr_t>(to) % sizeof(float2) == 0;
#pragma unroll
  for (int j = 0; j < Tile::kColumnSteps; ++j) {
    const std::int64_t column = first_column + Tile::column(j, 0);
    if (column >= columns) continue;
    const bool both = column + 1 < columns;
    const float first_bias = bias == nullptr ? 0.0f : bias[column];
    const float second_bias = bias == nullptr || !both ? 0.0f : bias[column + 1];
#pragma unroll
    for (int i = 0; i < Tile::kRowSteps; ++i) {
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const std::int64_t row = first_row + Tile::row(i, 2 * half);
        if (row >= rows) continue;
        float* const at = to + row * pitch + column;
        const float first = sums.value[i][j][2 * half] + first_bias;
        const float second = sums.value[i][j][2 * half + 1] + second_bias;
        if (both && pairs) {
          *reinterpret_cast<float2*>(at) = make_float2(first, second);
        } else {
          at[0] = first;
          if (both) at[1] = second;
        }
      }
    }
  }
}

template <int kPrecision, class Tile, OperandLayout kLeft, OperandLayout kRight>
__global__ void __launch_bounds__(Tile::kThreads, Tile::kBlocks)
    product_kernel(const __grid_constant__ Arguments arguments) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 800
  if constexpr (kPrecision == GLD_PRECISION_FLOAT32) {  // precision_on() asks for no other
#else
  {
#endif
    if (block_stopped(arguments.stop)) return;
    const std::int64_t column_tiles = (arguments.columns + Tile::kColumns - 1) / Tile::kColumns;
    const std::int64_t row_tiles = (arguments.rows + Tile::kRows - 1) / Tile::kRows;
    std::int64_t block = blockIdx.x;
    const std::int64_t first_column = block % column_tiles * Tile::kColumns;
    block /= column_tiles;
    const std::int64_t first_row = block % row_tiles * Tile::kRows;
    block /= row_tiles;
    const std::int64_t part = block % arguments.parts;
    const auto index = static_cast<int>(block / arguments.parts);
    const ProductJob& job = arguments.jobs[index];
    if (job.upper && first_row >= first_column + Tile::kColumns) return;

    GLD_DYNAMIC_SHARED(float, shared);
    const std::int64_t begin = part * arguments.part_depth;
    const std::int64_t end =
        begin + arguments.part_depth < arguments.depth ? begin + arguments.part_depth : arguments.depth;
    Sums<Tile> sums;
    sums.clear();
#pragma unroll 1
    for (int term = 0; term < arguments.terms; ++term) {
      const OperandLines left = OperandLines::of<kLeft, Tile::kRows>(job.left[term], first_row);
      const OperandLines right = OperandLines::of<kRight, Tile::kColumns>(job.right[term], first_column);
      const float* factors = term == 0 ? job.factors : nullptr;
      multiply_tile<kPrecision, Tile, Slab<kLeft, Tile::kRows>, Slab<kRight, Tile::kColumns>>(
          sums, begin, end, shared,
          [&](float* left_slab, float* right_slab, std::int64_t depth, int count) {
            copy_slab<kLeft, Tile::kRows, Tile::kThreads>(left_slab, left, depth, count);
            copy_slab<kRight, Tile::kColumns, Tile::kThreads>(right_slab, right, depth, count);
          },
          [&](float* left_slab, std::int64_t depth, int count) {
            if (factors != nullptr) scale_slab<kLeft, Tile::kRows, Tile::kThreads>(left_slab, factors + depth, count);
          });
    }
    float* const to = job.to.data + part * arguments.part;
    store_tile(sums, to, job.to.pitch, arguments.in_parts ? nullptr : job.bias, first_row, first_column, arguments.rows,
               arguments.columns);
  }
}

// to = sum of the parts + bias, in double, in the order of the parts.
template <class T>
__global__ void __launch_bounds__(kAddThreads)
    add_parts(const std::int32_t* stop, Product::Parts parts, std::int64_t rows, std::int64_t columns,
              const float* bias, T* to, std::int64_t row_stride, std::int64_t column_stride) {
  if (stopped(stop)) return;
  const std::int64_t count = rows * columns;
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * kAddThreads;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kAddThreads + threadIdx.x; i < count; i += step) {
    const std::int64_t row = i / columns;
    const std::int64_t column = i - row * columns;
    const float* from = parts.data + row * parts.pitch + column;
    double total = bias == nullptr ? 0.0 : static_cast<double>(bias[column]);
    for (int part = 0; part < parts.count; ++part) total += static_cast<double>(from[part * parts.part]);
    to[row * row_stride + column * column_stride] = from_float<T>(static_cast<float>(total));
  }
}

void queue_add(const Launch& launch, const Product::Parts& parts, std::int64_t rows, std::int64_t columns,
               const float* bias, const gld_view& to) {
  visit(to, [&](auto* data) {
    using T = std::remove_pointer_t<decltype(data)>;
    gld::cuda::launch(launch, &add_parts<T>, grid_of(ceil_div(rows * columns, kAddThreads)), dim3(kAddThreads), 0,
                      launch.stop, parts, rows, columns, bias, data, to.stride[0], to.stride[1]);
  });
}

template <int kPrecision, class Tile>
void launch_layouts(const Launch& launch, const ProductCall& call, std::int64_t blocks, const Arguments& arguments) {
  constexpr OperandLayout along_depth = OperandLayout::kAlongDepth;
  constexpr OperandLayout along_lines = OperandLayout::kAlongLines;
  auto* kernel = &product_kernel<kPrecision, Tile, along_depth, along_lines>;
  if (call.right == along_depth) kernel = &product_kernel<kPrecision, Tile, along_depth, along_depth>;
  if (call.left == along_lines) kernel = &product_kernel<kPrecision, Tile, along_lines, along_lines>;
  gld::cuda::launch(launch, kernel, grid_of(blocks), dim3(Tile::kThreads), Tile::kSharedBytes, arguments);
}

template <class Tile>
std::int64_t tile_count(std::int64_t rows, std::int64_t columns) {
  return ceil_div(rows, Tile::kRows) * ceil_div(columns, Tile::kColumns);
}

template <class Tile>
void launch_tiles(const Launch& launch, const ProductCall& call, std::int64_t jobs, const Arguments& arguments) {
  const std::int64_t blocks = tile_count<Tile>(arguments.rows, arguments.columns) * arguments.parts * jobs;
  switch (precision_on(launch, call.precision)) {
    case GLD_PRECISION_TF32: return launch_layouts<GLD_PRECISION_TF32, Tile>(launch, call, blocks, arguments);
    case GLD_PRECISION_BF16: return launch_layouts<GLD_PRECISION_BF16, Tile>(launch, call, blocks, arguments);
    default: return launch_layouts<GLD_PRECISION_FLOAT32, Tile>(launch, call, blocks, arguments);
  }
}

}  // namespace

Product::Product(std::int64_t rows, std::int64_t columns, std::int64_t depth, int jobs, Arena& arena, bool in_parts,
                 std::int64_t longest)
    : columns_(columns), jobs_(jobs), large_(tile_count<LargeTile>(rows, columns) * jobs >= kLargeTiles) {
  const std::int64_t blocks =
      (large_ ? tile_count<LargeTile>(rows, columns) : tile_count<SmallTile>(rows, columns)) * jobs;
  const std::int64_t wanted = large_ ? 1 : ceil_div(kWantedBlocks, blocks);
  const std::int64_t most = std::max<std::int64_t>(depth / kLeastDepth, 1);
  part_depth_ = ceil_div(ceil_div(depth, std::min(wanted, most)), kSlab) * kSlab;
  part_depth_ = std::min(part_depth_, longest);
  const std::int64_t count = ceil_div(depth, part_depth_);
  if (count > 1 || in_parts) partial_ = arena.matrix<float>(jobs * count * rows, columns);
}

Product::Parts Product::parts(const ProductCall& call) const {
  const std::int64_t count = ceil_div(call.depth, part_depth_);
  const std::int64_t part = call.rows * partial_.pitch;
  return {partial_.data, partial_.pitch, part, count * part, static_cast<int>(count)};
}

void Product::queue(const Launch& launch, const ProductCall& call, const Parts& to) const {
  Arguments arguments{};
  for (int i = 0; i < count(call); ++i) {
    arguments.jobs[i] = call.jobs[i];
    if (to.data != nullptr) arguments.jobs[i].to = {const_cast<float*>(to.data) + i * to.job, to.pitch};
  }
  arguments.rows = call.rows;
  arguments.columns = columns_;
  arguments.depth = call.depth;
  arguments.part_depth = part_depth_;
  arguments.part = to.part;
  arguments.job = to.job;
  arguments.parts = to.count;
  arguments.terms = call.terms;
  arguments.in_parts = to.data != nullptr;
  arguments.stop = launch.stop;
  if (large_) {
    launch_tiles<LargeTile>(launch, call, count(call), arguments);
  } else {
    launch_tiles<SmallTile>(launch, call, count(call), arguments);
  }
}

Product::Parts Product::run_parts(const Launch& launch, const ProductCall& call) const {
  const Parts to = parts(call);
  queue(launch, call, to);
  return to;
}

void Product::run(const Launch& launch, const ProductCall& call) const {
  if (!split(call)) return queue(launch, call, {nullptr, 0, 0, 0, 1});
  Parts parts = run_parts(launch, call);
  for (int i = 0; i < count(call); ++i, parts.data += parts.job) {
    const Matrix& to = call.jobs[i].to;
    queue_add(launch, parts, call.rows, columns_, call.jobs[i].bias,
              {to.data, GLD_F32, GLD_DEVICE, {to.pitch, 1, 0, 0}});
  }
}

void Product::run(const Launch& launch, const ProductCall& call, const gld_view& to) const {
  if (!split(call) && direct(to)) {
    ProductCall straight = call;
    straight.jobs[0].to = {static_cast<float*>(to.data), to.stride[0]};
    return queue(launch, straight, {nullptr, 0, 0, 0, 1});
  }
  queue_add(launch, run_parts(launch, call), call.rows, columns_, call.jobs[0].bias, to);
}

}  // namespace gld::cuda

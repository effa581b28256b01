#include <type_traits>

#include "pool_plan.cuh"
#include "reduce.cuh"

namespace gld::cuda {
namespace {

// What a pooled row is the mean of: the whole map for row 0, else its cell's window.
struct Window {
  int top, bottom;  // in runs or in positions
  int left, right;  // in runs
  int area;
};
template <bool kDownInRuns>
__device__ Window window_of(const Windows<int>& vertical, const Windows<int>& horizontal, int row) {
  if (row == 0) {
    return {0, kDownInRuns ? vertical.runs() : vertical.length, 0, horizontal.runs(),
            vertical.length * horizontal.length};
  }
  const int i = (row - 1) / horizontal.cells;
  const int j = row - 1 - i * horizontal.cells;
  return {kDownInRuns ? vertical.first_run(i) : vertical.begin(i), kDownInRuns ? vertical.end_run(i) : vertical.end(i),
          horizontal.first_run(j), horizontal.end_run(j), vertical.window(i) * horizontal.window(j)};
}

// --- planes

// Shared memory of a block, in this order: the planes, an odd number of elements apart so that threads which take the
// same position of 32 planes meet no bank twice; sums over the horizontal runs of every row; the runs.
struct PlaneTile {
  int planes;  // of a block, a power of two
  int pitch;
};

template <class T>
__global__ void __launch_bounds__(kPoolThreads)
    planes_kernel(const std::int32_t* stop, const T* features, std::int64_t planes, std::int64_t channels,
                  Windows<int> vertical, Windows<int> horizontal, PlaneTile tile, SampleRows pooled) {
  if (block_stopped(stop)) return;
  const int tid = static_cast<int>(threadIdx.x);
  const int width = horizontal.length;
  const int size = vertical.length * width;
  const int runs = horizontal.runs();
  GLD_DYNAMIC_SHARED(float, maps);
  float* const sums = maps + tile.planes * tile.pitch;
  int* const begins = reinterpret_cast<int*>(sums + vertical.length * runs * tile.planes);
  find_runs(horizontal, begins, tid, kPoolThreads);

  for (std::int64_t first = static_cast<std::int64_t>(blockIdx.x) * tile.planes; first < planes;
       first += static_cast<std::int64_t>(gridDim.x) * tile.planes) {
    const int count = static_cast<int>(planes - first < tile.planes ? planes - first : tile.planes);
    const T* const from = features + first * size;
    const int elements = count * size;
    const auto put = [&](int element, const T* values, int n) {
      int plane = element / size;
      int position = element - plane * size;
      for (int j = 0; j < n; ++j) {
        maps[plane * tile.pitch + position] = to_float(values[j]);
        if (++position == size) {
          position = 0;
          ++plane;
        }
      }
    };
    constexpr int wide = kWide<T>;
    const int head = unaligned_head(from, elements);
    const int packs = (elements - head) / wide;
    for (int i = tid; i < packs; i += kPoolThreads) {
      const auto pack = *reinterpret_cast<const Pack<T, wide>*>(from + head + i * wide);
      put(head + i * wide, pack.at, wide);
    }
    const int rest = elements - packs * wide;  // before and behind the packs
    for (int i = tid; i < rest; i += kPoolThreads) {
      const int element = i < head ? i : i + packs * wide;
      put(element, from + element, 1);
    }
    __syncthreads();

    // Sums go along rows first, so that no chain of additions is long.
    for (int u = tid; u < tile.planes * vertical.length * runs; u += kPoolThreads) {
      const int plane = u % tile.planes;
      if (plane >= count) continue;
      const int line = u / tile.planes;
      const int y = line / runs;
      const int run = line - y * runs;
      const float* const row = maps + plane * tile.pitch + y * width;
      float total = 0;
      for (int x = begins[run]; x < begins[run + 1]; ++x) total += row[x];
      sums[u] = total;
    }
    __syncthreads();

    const std::int64_t first_sample = first / channels;
    const std::int64_t first_channel = first - first_sample * channels;
    const int skipped = pooled.global == nullptr ? 1 : 0;
    const int outputs = 1 - skipped + vertical.cells * horizontal.cells;
    for (int u = tid; u < tile.planes * outputs; u += kPoolThreads) {
      const int plane = u % tile.planes;
      if (plane >= count) continue;
      const int row = u / tile.planes + skipped;
      const Window window = window_of<false>(vertical, horizontal, row);
      float total = 0;
      for (int y = window.top; y < window.bottom; ++y) {
        float line = 0;
        for (int r = window.left; r < window.right; ++r) line += sums[(y * runs + r) * tile.planes + plane];
        total += line;
      }
      const std::int64_t across = first_channel + plane;
      const std::int64_t sample = first_sample + across / channels;
      pooled.at(sample, row)[across % channels] = total / static_cast<float>(window.area);
    }
    __syncthreads();
  }
}

// --- lines

// A region is shared by `parts` units of a block, which take turns by rows.
struct LineTile {
  int parts;
  std::int64_t chunks;  // blocks along the channels
};

template <class T, int kChannels>
__global__ void __launch_bounds__(kPoolThreads, 4)
    lines_kernel(const std::int32_t* stop, const T* features, std::int64_t of_sample, std::int64_t of_row,
                 std::int64_t of_column, std::int64_t samples, std::int64_t channels, Windows<int> vertical,
                 Windows<int> horizontal, LineTile tile, SampleRows pooled) {
  if (block_stopped(stop)) return;
  const int lane = static_cast<int>(threadIdx.x);
  const int lanes = static_cast<int>(blockDim.x);
  const int first_unit = static_cast<int>(threadIdx.y);
  const int step = static_cast<int>(blockDim.y);
  const int across = horizontal.runs();
  const int down = vertical.runs();
  GLD_DYNAMIC_SHARED(float, partial);
  int* const rows = reinterpret_cast<int*>(partial + down * across * tile.parts * lanes * kChannels);
  int* const columns = rows + down + 1;
  find_runs(vertical, rows, first_unit * lanes + lane, kPoolThreads);
  find_runs(horizontal, columns, first_unit * lanes + lane, kPoolThreads);
  __syncthreads();

  for (std::int64_t block = blockIdx.x; block < samples * tile.chunks; block += gridDim.x) {
    const std::int64_t sample = block / tile.chunks;
    const std::int64_t channel = ((block - sample * tile.chunks) * lanes + lane) * kChannels;
    const bool active = channel < channels;
    const T* const from = features + sample * of_sample + channel;
    for (int u = first_unit; active && u < down * across * tile.parts; u += step) {
      const int region = u / tile.parts;
      const int v = region / across;
      const int h = region - v * across;
      float total[kChannels] = {};
      for (int y = rows[v] + u % tile.parts; y < rows[v + 1]; y += tile.parts) {
        float line[kChannels] = {};
#pragma unroll 4
        for (int x = columns[h]; x < columns[h + 1]; ++x) {
          const auto pack = *reinterpret_cast<const Pack<T, kChannels>*>(from + y * of_row + x * of_column);
#pragma unroll
          for (int k = 0; k < kChannels; ++k) line[k] += to_float(pack.at[k]);
        }
#pragma unroll
        for (int k = 0; k < kChannels; ++k) total[k] += line[k];
      }
#pragma unroll
      for (int k = 0; k < kChannels; ++k) partial[(u * kChannels + k) * lanes + lane] = total[k];
    }
    __syncthreads();

    const int skipped = pooled.global == nullptr ? 1 : 0;
    for (int row = first_unit + skipped; active && row <= vertical.cells * horizontal.cells; row += step) {
      const Window window = window_of<true>(vertical, horizontal, row);
      Pack<float, kChannels> total = {};
      for (int v = window.top; v < window.bottom; ++v) {
        float line[kChannels] = {};
        const int end = (v * across + window.right) * tile.parts;
        for (int u = (v * across + window.left) * tile.parts; u < end; ++u) {
#pragma unroll
          for (int k = 0; k < kChannels; ++k) line[k] += partial[(u * kChannels + k) * lanes + lane];
        }
#pragma unroll
        for (int k = 0; k < kChannels; ++k) total.at[k] += line[k];
      }
#pragma unroll
      for (int k = 0; k < kChannels; ++k) total.at[k] /= static_cast<float>(window.area);
      float* const to = pooled.at(sample, row) + channel;
      constexpr int kStore = kChannels < 4 ? kChannels : 4;
#pragma unroll
      for (int k = 0; k < kChannels; k += kStore) {
        *reinterpret_cast<Pack<float, kStore>*>(to + k) = *reinterpret_cast<const Pack<float, kStore>*>(total.at + k);
      }
    }
    __syncthreads();
  }
}

// --- elements

// A warp per mean, its lanes along the rows of the map; or a thread per mean where channels lie closer together than
// columns.
template <class T, bool kOnChannels>
__global__ void __launch_bounds__(kPoolThreads)
    elements_kernel(const std::int32_t* stop, const T* features, std::int64_t of_sample, std::int64_t of_channel,
                    std::int64_t of_row, std::int64_t of_column, PoolShape shape, SampleRows pooled) {
  if (block_stopped(stop)) return;
  constexpr int kLanes = kOnChannels ? 1 : kWarp;
  const Windows<std::int64_t>& vertical = shape.vertical;
  const Windows<std::int64_t>& horizontal = shape.horizontal;
  const int lane = static_cast<int>(threadIdx.x) % kLanes;
  const std::int64_t skipped = pooled.global == nullptr ? 1 : 0;
  const std::int64_t outputs = 1 - skipped + vertical.cells * horizontal.cells;
  const std::int64_t units = shape.samples * outputs * shape.channels;
  constexpr std::int64_t kUnits = kPoolThreads / kLanes;
  for (std::int64_t u = blockIdx.x * kUnits + threadIdx.x / kLanes; u < units; u += gridDim.x * kUnits) {
    const std::int64_t channel = u % shape.channels;
    const std::int64_t sample = u / shape.channels / outputs;
    const std::int64_t row = u / shape.channels % outputs + skipped;
    std::int64_t top = 0, bottom = vertical.length, left = 0, right = horizontal.length;
    if (row > 0) {
      const std::int64_t i = (row - 1) / horizontal.cells;
      const std::int64_t j = (row - 1) % horizontal.cells;
      top = vertical.begin(i);
      bottom = vertical.end(i);
      left = horizontal.begin(j);
      right = horizontal.end(j);
    }
    const T* const from = features + sample * of_sample + channel * of_channel;
    float total = 0;
    for (std::int64_t y = top; y < bottom; ++y) {
      float line = 0;
      for (std::int64_t x = left + lane; x < right; x += kLanes) {
        line += to_float(from[y * of_row + x * of_column]);
      }
      total += line;
    }
    if constexpr (kLanes > 1) total = reduce_warp(total, Add{});
    if (lane == 0) pooled.at(sample, row)[channel] = total / static_cast<float>((bottom - top) * (right - left));
  }
}

template <class T>
bool forward_planes(const Launch& to, const PoolShape& shape, const gld_view& view, const SampleRows& pooled) {
  if (!dense_planes(view, shape) || !small_map(shape)) return false;
  const Windows<int> vertical = narrow(shape.vertical);
  const Windows<int> horizontal = narrow(shape.horizontal);
  const int pitch = (vertical.length * horizontal.length) | 1;
  const std::int64_t bytes = 4 * (pitch + static_cast<std::int64_t>(vertical.length) * horizontal.runs());
  const std::int64_t fixed = 4 * (horizontal.runs() + 1);
  const auto planes = static_cast<int>(units_of_block(bytes, fixed, kPoolMaxPlanes));
  if (planes == 0) return false;
  const std::int64_t all = shape.samples * shape.channels;
  launch(to, planes_kernel<T>, grid_of(ceil_div(all, planes)), dim3(kPoolThreads),
         static_cast<std::size_t>(planes * bytes + fixed), to.stop, static_cast<const T*>(view.data), all,
         shape.channels, vertical, horizontal, PlaneTile{planes, pitch}, pooled);
  return true;
}

template <class T, int kChannels>
bool forward_lines(const Launch& to, const PoolShape& shape, const gld_view& view, const SampleRows& pooled) {
  if (!small_map(shape)) return false;
  const Windows<int> vertical = narrow(shape.vertical);
  const Windows<int> horizontal = narrow(shape.horizontal);
  const dim3 threads = line_threads(shape.channels, kChannels);
  const std::int64_t regions = static_cast<std::int64_t>(vertical.runs()) * horizontal.runs();
  // Two units or more for every row of threads, as regions differ in size; no more than a region has rows.
  const std::int64_t longest = ceil_div(vertical.length, vertical.cells);
  const std::int64_t parts = std::min(longest, std::max<std::int64_t>(2 * threads.y / regions, 1));
  const std::int64_t bytes = 4 * (regions * parts * threads.x * kChannels + vertical.runs() + horizontal.runs() + 2);
  if (bytes > kPoolMaxShared) return false;
  const std::int64_t chunks = ceil_div(shape.channels, static_cast<std::int64_t>(threads.x) * kChannels);
  launch(to, lines_kernel<T, kChannels>, grid_of(shape.samples * chunks), threads, static_cast<std::size_t>(bytes),
         to.stop, static_cast<const T*>(view.data), view.stride[0], view.stride[3], view.stride[4], shape.samples,
         shape.channels, vertical, horizontal, LineTile{static_cast<int>(parts), chunks}, pooled);
  return true;
}

template <class T, bool kOnChannels>
void forward_elements(const Launch& to, const PoolShape& shape, const gld_view& view, const SampleRows& pooled) {
  const std::int64_t outputs = shape.vertical.cells * shape.horizontal.cells + (pooled.global == nullptr ? 0 : 1);
  constexpr std::int64_t kUnits = kPoolThreads / (kOnChannels ? 1 : kWarp);
  launch(to, elements_kernel<T, kOnChannels>, grid_of(ceil_div(shape.samples * outputs * shape.channels, kUnits)),
         dim3(kPoolThreads), 0, to.stop, static_cast<const T*>(view.data), view.stride[0], view.stride[1],
         view.stride[3], view.stride[4], shape, pooled);
}

template <class T>
void pool_forward(const Launch& to, const PoolShape& shape, const gld_view& view, const SampleRows& pooled) {
  if (forward_planes<T>(to, shape, view, pooled)) return;
  if (view.stride[1] == 1 || shape.channels == 1) {
    if (wide_lines(view, shape) && forward_lines<T, kWide<T>>(to, shape, view, pooled)) return;
    if (forward_lines<T, 1>(to, shape, view, pooled)) return;
  }
  if (std::abs(view.stride[1]) < std::abs(view.stride[4])) return forward_elements<T, true>(to, shape, view, pooled);
  forward_elements<T, false>(to, shape, view, pooled);
}

}  // namespace

Pool::Pool(const gld_call& call, const gld_side& side)
    : shape_{call.n, side.channels, make_windows<std::int64_t>(side.height, call.grid[0][1]),
             make_windows<std::int64_t>(side.width, call.grid[0][2])},
      features_(side.features) {}

void Pool::forward(const Launch& to, const SampleRows& pooled) const {
  visit(features_,
        [&](auto* data) { pool_forward<std::remove_pointer_t<decltype(data)>>(to, shape_, features_, pooled); });
}

}  // namespace gld::cuda

#include "pool_plan.cuh"

namespace gld::cuda {
namespace {

using Region = unsigned short;

// The gradient at a position is the sum over the windows that hold it of the window's gradient / its area: the same for
// all positions of a region. at(row) is the gradient of a pooled row, for each of kChannels channels.
template <int kChannels, class Int, class At>
__device__ void region_gradient(const Windows<Int>& vertical, const Windows<Int>& horizontal, Int y, Int x, bool global,
                                At&& at, float (&total)[kChannels]) {
  const auto add = [&](Int row, Int area) {
    const auto values = at(row);
#pragma unroll
    for (int k = 0; k < kChannels; ++k) total[k] += values.at[k] / static_cast<float>(area);
  };
#pragma unroll
  for (int k = 0; k < kChannels; ++k) total[k] = 0;
  if (global) add(0, vertical.length * horizontal.length);
  for (Int i = vertical.first_cell(y); i <= vertical.last_cell(y); ++i) {
    for (Int j = horizontal.first_cell(x); j <= horizontal.last_cell(x); ++j) {
      add(1 + i * horizontal.cells + j, vertical.window(i) * horizontal.window(j));
    }
  }
}

// The region of every position, and where the runs begin; by the `count` threads of a block.
__device__ void find_regions(const Windows<int>& vertical, const Windows<int>& horizontal, int thread, int count,
                             int* rows, int* columns, Region* regions) {
  find_runs(vertical, rows, thread, count);
  find_runs(horizontal, columns, thread, count);
  const int across = horizontal.runs();
  for (int p = thread; p < vertical.length * horizontal.length; p += count) {
    const int y = p / horizontal.length;
    regions[p] = static_cast<Region>(vertical.run(y) * across + horizontal.run(p - y * horizontal.length));
  }
}

// --- planes

struct PlaneTile {
  int planes;  // of a block, a power of two
  int pitch;   // of the gradients of one plane's regions, odd
};

template <class T>
__global__ void __launch_bounds__(kPoolThreads)
    planes_kernel(const std::int32_t* stop, SampleRows grad_pooled, std::int64_t planes, std::int64_t channels,
                  Windows<int> vertical, Windows<int> horizontal, PlaneTile tile, T* features) {
  if (block_stopped(stop)) return;
  const int tid = static_cast<int>(threadIdx.x);
  const int size = vertical.length * horizontal.length;
  const int across = horizontal.runs();
  const int down = vertical.runs();
  GLD_DYNAMIC_SHARED(float, gradients);
  int* const rows = reinterpret_cast<int*>(gradients + tile.planes * tile.pitch);
  int* const columns = rows + down + 1;
  Region* const regions = reinterpret_cast<Region*>(columns + across + 1);
  find_regions(vertical, horizontal, tid, kPoolThreads, rows, columns, regions);
  __syncthreads();

  for (std::int64_t first = static_cast<std::int64_t>(blockIdx.x) * tile.planes; first < planes;
       first += static_cast<std::int64_t>(gridDim.x) * tile.planes) {
    const int count = static_cast<int>(planes - first < tile.planes ? planes - first : tile.planes);
    const std::int64_t first_sample = first / channels;
    const std::int64_t first_channel = first - first_sample * channels;
    for (int u = tid; u < tile.planes * down * across; u += kPoolThreads) {
      const int plane = u % tile.planes;
      if (plane >= count) continue;
      const int region = u / tile.planes;
      const int v = region / across;
      const std::int64_t over = first_channel + plane;
      const std::int64_t sample = first_sample + over / channels;
      const std::int64_t channel = over % channels;
      float total[1];
      region_gradient(
          vertical, horizontal, rows[v], columns[region - v * across], grad_pooled.global != nullptr,
          [&](int row) { return Pack<float, 1>{{grad_pooled.at(sample, row)[channel]}}; }, total);
      gradients[plane * tile.pitch + region] = total[0];
    }
    __syncthreads();

    T* const to = features + first * size;
    const int elements = count * size;
    const auto take = [&](int element, T* values, int n) {
      int plane = element / size;
      int position = element - plane * size;
      for (int j = 0; j < n; ++j) {
        values[j] = from_float<T>(gradients[plane * tile.pitch + regions[position]]);
        if (++position == size) {
          position = 0;
          ++plane;
        }
      }
    };
    constexpr int wide = kWide<T>;
    const int head = unaligned_head(to, elements);
    const int packs = (elements - head) / wide;
    for (int i = tid; i < packs; i += kPoolThreads) {
      Pack<T, wide> pack;
      take(head + i * wide, pack.at, wide);
      *reinterpret_cast<Pack<T, wide>*>(to + head + i * wide) = pack;
    }
    const int rest = elements - packs * wide;
    for (int i = tid; i < rest; i += kPoolThreads) {
      const int element = i < head ? i : i + packs * wide;
      T value[1];
      take(element, value, 1);
      to[element] = value[0];
    }
    __syncthreads();
  }
}

// --- lines

template <class T, int kChannels>
__global__ void __launch_bounds__(kPoolThreads)
    lines_kernel(const std::int32_t* stop, SampleRows grad_pooled, std::int64_t samples, std::int64_t channels,
                 std::int64_t chunks, Windows<int> vertical, Windows<int> horizontal, T* features) {
  if (block_stopped(stop)) return;
  const int lane = static_cast<int>(threadIdx.x);
  const int lanes = static_cast<int>(blockDim.x);
  const int first_unit = static_cast<int>(threadIdx.y);
  const int step = static_cast<int>(blockDim.y);
  const int size = vertical.length * horizontal.length;
  const int across = horizontal.runs();
  const int down = vertical.runs();
  GLD_DYNAMIC_SHARED(float, gradients);
  int* const rows = reinterpret_cast<int*>(gradients + down * across * lanes * kChannels);
  int* const columns = rows + down + 1;
  Region* const regions = reinterpret_cast<Region*>(columns + across + 1);
  find_regions(vertical, horizontal, first_unit * lanes + lane, kPoolThreads, rows, columns, regions);
  __syncthreads();

  for (std::int64_t block = blockIdx.x; block < samples * chunks; block += gridDim.x) {
    const std::int64_t sample = block / chunks;
    const std::int64_t channel = ((block - sample * chunks) * lanes + lane) * kChannels;
    const bool active = channel < channels;
    for (int u = first_unit; active && u < down * across; u += step) {
      const int v = u / across;
      float total[kChannels];
      region_gradient(
          vertical, horizontal, rows[v], columns[u - v * across], grad_pooled.global != nullptr,
          [&](int row) {
            Pack<float, kChannels> values;
            constexpr int kLoad = kChannels < 4 ? kChannels : 4;
            const float* const from = grad_pooled.at(sample, row) + channel;
#pragma unroll
            for (int k = 0; k < kChannels; k += kLoad) {
              const auto part = *reinterpret_cast<const Pack<float, kLoad>*>(from + k);
#pragma unroll
              for (int j = 0; j < kLoad; ++j) values.at[k + j] = part.at[j];
            }
            return values;
          },
          total);
#pragma unroll
      for (int k = 0; k < kChannels; ++k) gradients[(u * kChannels + k) * lanes + lane] = total[k];
    }
    __syncthreads();
    T* const to = features + sample * size * channels + channel;
    for (int p = first_unit; active && p < size; p += step) {
      const float* const from = gradients + regions[p] * kChannels * lanes + lane;
      Pack<T, kChannels> pack;
#pragma unroll
      for (int k = 0; k < kChannels; ++k) pack.at[k] = from_float<T>(from[k * lanes]);
      *reinterpret_cast<Pack<T, kChannels>*>(to + p * channels) = pack;
    }
    __syncthreads();
  }
}

// --- elements

template <class T, bool kChannelsLast>
__global__ void __launch_bounds__(kPoolThreads)
    elements_kernel(const std::int32_t* stop, SampleRows grad_pooled, PoolShape shape, T* features) {
  if (stopped(stop)) return;
  const std::int64_t width = shape.horizontal.length;
  const std::int64_t size = shape.vertical.length * width;
  const std::int64_t all = shape.samples * shape.channels * size;
  for (std::int64_t e = static_cast<std::int64_t>(blockIdx.x) * kPoolThreads + threadIdx.x; e < all;
       e += static_cast<std::int64_t>(gridDim.x) * kPoolThreads) {
    const std::int64_t sample = e / (shape.channels * size);
    const std::int64_t within = e - sample * shape.channels * size;
    const std::int64_t channel = kChannelsLast ? within % shape.channels : within / size;
    const std::int64_t position = kChannelsLast ? within / shape.channels : within % size;
    float total[1];
    region_gradient(
        shape.vertical, shape.horizontal, position / width, position % width, grad_pooled.global != nullptr,
        [&](std::int64_t row) { return Pack<float, 1>{{grad_pooled.at(sample, row)[channel]}}; }, total);
    features[e] = from_float<T>(total[0]);
  }
}

template <class T>
bool backward_planes(const Launch& to, const PoolShape& shape, const SampleRows& grad_pooled, T* features) {
  if (!small_map(shape)) return false;
  const Windows<int> vertical = narrow(shape.vertical);
  const Windows<int> horizontal = narrow(shape.horizontal);
  const std::int64_t regions = static_cast<std::int64_t>(vertical.runs()) * horizontal.runs();
  const std::int64_t pitch = regions | 1;
  const std::int64_t fixed = 4 * (vertical.runs() + horizontal.runs() + 2) +
                             static_cast<std::int64_t>(sizeof(Region)) * vertical.length * horizontal.length;
  const std::int64_t all = shape.samples * shape.channels;
  // Small batches: rather several blocks for every multiprocessor than full ones.
  const std::int64_t most = std::clamp<std::int64_t>(all / (4 * to.sm_count), 4, kPoolMaxPlanes);
  const auto planes = static_cast<int>(regions > 0xffff ? 0 : units_of_block(4 * pitch, fixed, most));
  if (planes == 0) return false;
  launch(to, planes_kernel<T>, grid_of(ceil_div(all, planes)), dim3(kPoolThreads),
         static_cast<std::size_t>(4 * pitch * planes + fixed), to.stop, grad_pooled, all, shape.channels, vertical,
         horizontal, PlaneTile{planes, static_cast<int>(pitch)}, features);
  return true;
}

template <class T, int kChannels>
bool backward_lines(const Launch& to, const PoolShape& shape, const SampleRows& grad_pooled, T* features) {
  if (!small_map(shape)) return false;
  const Windows<int> vertical = narrow(shape.vertical);
  const Windows<int> horizontal = narrow(shape.horizontal);
  const dim3 threads = line_threads(shape.channels, kChannels);
  const std::int64_t regions = static_cast<std::int64_t>(vertical.runs()) * horizontal.runs();
  const std::int64_t bytes = 4 * (regions * threads.x * kChannels + vertical.runs() + horizontal.runs() + 2) +
                             static_cast<std::int64_t>(sizeof(Region)) * vertical.length * horizontal.length;
  if (regions > 0xffff || bytes > kPoolMaxShared) return false;
  const std::int64_t chunks = ceil_div(shape.channels, static_cast<std::int64_t>(threads.x) * kChannels);
  launch(to, lines_kernel<T, kChannels>, grid_of(shape.samples * chunks), threads, static_cast<std::size_t>(bytes),
         to.stop, grad_pooled, shape.samples, shape.channels, chunks, vertical, horizontal, features);
  return true;
}

template <class T>
void pool_backward(const Launch& to, const PoolShape& shape, const SampleRows& grad_pooled, const gld_view& view,
                   T* features) {
  const std::int64_t all = shape.samples * shape.channels * shape.vertical.length * shape.horizontal.length;
  const dim3 grid = grid_of(ceil_div(all, kPoolThreads));
  if (dense_planes(view, shape)) {
    if (backward_planes<T>(to, shape, grad_pooled, features)) return;
    return launch(to, elements_kernel<T, false>, grid, dim3(kPoolThreads), 0, to.stop, grad_pooled, shape, features);
  }
  if (wide_lines(view, shape) && backward_lines<T, kWide<T>>(to, shape, grad_pooled, features)) return;
  if (backward_lines<T, 1>(to, shape, grad_pooled, features)) return;
  launch(to, elements_kernel<T, true>, grid, dim3(kPoolThreads), 0, to.stop, grad_pooled, shape, features);
}

}  // namespace

void Pool::backward(const Launch& to, const SampleRows& grad_pooled, const gld_view& grad_features) const {
  visit(grad_features, [&](auto* data) { pool_backward(to, shape_, grad_pooled, grad_features, data); });
}

}  // namespace gld::cuda

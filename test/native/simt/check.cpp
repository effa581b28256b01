// Checks the emulator itself: collectives, barriers in any order of threads, shared memory, streams, events and graphs.
// Prints "ok" or what is wrong; exit code 1 then.
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "cuda/work.h"

namespace {

using namespace gld::cuda;

#define EXPECT(condition)                                         \
  do {                                                            \
    if (!(condition)) {                                           \
      std::printf("line %d: not so: %s\n", __LINE__, #condition); \
      std::exit(1);                                               \
    }                                                             \
  } while (false)

__global__ void transpose(const float* from, float* to, int width) {
  GLD_SHARED(float, tile, [8][9]);
  const int x = static_cast<int>(threadIdx.x);
  const int y = static_cast<int>(threadIdx.y);
  const int column = static_cast<int>(blockIdx.x) * 8;
  const int row = static_cast<int>(blockIdx.y) * 8;
  tile[y][x] = from[(row + y) * width + column + x];
  __syncthreads();
  to[(column + y) * width + row + x] = tile[x][y];
}

__global__ void collectives(int* out) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  int sum = lane;
  for (int bits = 16; bits > 0; bits /= 2) sum += __shfl_xor_sync(kAllLanes, sum, bits);
  const int next = __shfl_down_sync(kAllLanes, lane, 1);
  const int third = __shfl_sync(kAllLanes, lane, 3, 8);
  const unsigned odd = __ballot_sync(kAllLanes, lane % 2);
  const int half = lane < 16 ? __shfl_xor_sync(0x0000ffffu, lane, 1) : __shfl_xor_sync(0xffff0000u, lane, 2);
  const bool right = sum == 496 && next == (lane == 31 ? 31 : lane + 1) && third == lane / 8 * 8 + 3 &&
                     odd == 0xaaaaaaaau && half == (lane ^ (lane < 16 ? 1 : 2));
  const int all = __syncthreads_count(right);
  if (threadIdx.x == 0) out[blockIdx.x] = all;
}

__global__ void poisoned(int* out) {
  GLD_DYNAMIC_SHARED(float, words);
  out[threadIdx.x] = std::isnan(words[threadIdx.x]) ? 1 : 0;
  words[threadIdx.x] = 0;
}

}  // namespace

int main() {
  OwnStream stream, other;
  const Launch to{stream.get(), nullptr, 4, 80, 0};
  std::vector<float> host(32 * 32);
  for (std::size_t i = 0; i < host.size(); ++i) host[i] = static_cast<float>(i);
  DeviceMemory from, result, words;
  from.grow(4096);
  result.grow(4096);
  words.grow(256);

  // Deferred in order; replayed from a graph with what the memory holds then; ordered across streams by an event.
  Graph graph;
  const auto queue = [&] {
    launch(to, transpose, dim3(4, 4), dim3(8, 8), 0, reinterpret_cast<float*>(from.data()),
           reinterpret_cast<float*>(result.data()), 32);
  };
  graph.capture(stream.get(), queue);
  copy_to_device(other.get(), from.data(), host.data(), 4096);
  Event copied;
  copied.record(other.get());
  copied.hold(stream.get());
  graph.launch(stream.get());
  std::vector<float> back(32 * 32);
  copy_to_host(stream.get(), back.data(), result.data(), 4096);
  GLD_CUDA_CHECK(cudaStreamSynchronize(stream.get()));
  for (int y = 0; y < 32; ++y) {
    for (int x = 0; x < 32; ++x) EXPECT(back[static_cast<std::size_t>(y * 32 + x)] == static_cast<float>(x * 32 + y));
  }

  int counts[64] = {};
  auto* out = reinterpret_cast<int*>(words.data());
  launch(to, collectives, dim3(3), dim3(96), 0, out);
  copy_to_host(stream.get(), counts, out, 12);
  GLD_CUDA_CHECK(cudaStreamSynchronize(stream.get()));
  for (int i = 0; i < 3; ++i) EXPECT(counts[i] == 96);
  launch(to, poisoned, dim3(2), dim3(64), 256, out);
  copy_to_host(stream.get(), counts, out, 256);
  GLD_CUDA_CHECK(cudaStreamSynchronize(stream.get()));
  for (int i = 0; i < 64; ++i) EXPECT(counts[i] == 1);

  // A failed call is reported once, with its name.
  try {
    copy_to_host(stream.get(), counts, host.data(), 4);
    EXPECT(false);
  } catch (const gld::Error& error) {
    EXPECT(std::string(error.what()) == "cudaErrorInvalidValue: invalid argument in cudaMemcpyAsync");
    EXPECT(error.status() == GLD_FAILED && cudaGetLastError() == cudaSuccess);
  }

  DeviceMemory block;
  block.grow(sizeof(Report) + 256);
  auto* report = reinterpret_cast<Report*>(block.data() + 256);
  PinnedMemory request;
  request.grow(sizeof(Report));
  *reinterpret_cast<std::int32_t*>(request.data()) = 7;
  begin_call(to, reinterpret_cast<std::int32_t*>(request.data()), reinterpret_cast<std::int32_t*>(block.data()),
             report);
  Report read{};
  std::int32_t stop = 0;
  copy_to_host(stream.get(), &read, report, sizeof read);
  copy_to_host(stream.get(), &stop, block.data(), sizeof stop);
  GLD_CUDA_CHECK(cudaStreamSynchronize(stream.get()));
  EXPECT(stop == 1 && read.wrong_sample == kNoSample && read.task == 0);
  std::printf("ok\n");
  return 0;
}

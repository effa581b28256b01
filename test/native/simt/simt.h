// Runs CUDA kernels on the CPU, for tests: every CUDA thread is a fiber, blocks run one after another. Threads change
// at barriers and warp collectives only, in an order that a seed shuffles from barrier to barrier (GLD_EMULATED_SEED),
// so a race that a missing barrier allows shows as a wrong result. Shared memory is poisoned before every block (all
// bits set: NaN as a float) and lies in an allocation of its own, so that AddressSanitizer sees what is out of bounds.
// A barrier that some threads never reach ends the process with a message.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

struct uint3 {
  unsigned x, y, z;
};
struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
};

namespace simt {

constexpr int kWarp = 32;
constexpr std::size_t kExchangeBytes = 512;  // most that a lane can show to its warp at once

struct Indices {
  uint3 thread, block;
  dim3 block_size, grid_size;
};

const Indices& indices();  // of the running CUDA thread

void run(dim3 grid, dim3 block, std::size_t shared_bytes, const std::function<void()>& kernel);

// The barrier of a block; gives the number of threads that passed a true predicate.
int block_barrier(bool predicate = false);

// Waits for the warp's lanes in `mask`, each of which shows `bytes` of its own; those of lane i are at result + i *
// kExchangeBytes, until the next exchange of the same lanes.
const unsigned char* exchange(unsigned mask, const void* mine, std::size_t bytes);
int lane();

// The block's piece of shared memory for one declaration, which `key` tells apart.
void* shared(const void* key, std::size_t bytes);
void* dynamic_shared();

// cp.async: what a thread copies is written when it waits for the group, never earlier.
void async_copy(void* to, const void* from, std::size_t bytes, std::size_t read_bytes);
void async_commit();
void async_wait(int pending_groups);

// What all lanes show, lane i's in all[i].
template <class T>
void gather(const T& mine, T (&all)[kWarp]) {
  static_assert(sizeof(T) <= kExchangeBytes);
  const unsigned char* shown = exchange(0xffffffffu, &mine, sizeof(T));
  for (int i = 0; i < kWarp; ++i) __builtin_memcpy(&all[i], shown + i * kExchangeBytes, sizeof(T));
}

template <class T>
T from_lane(unsigned mask, const T& mine, int source) {
  const unsigned char* shown = exchange(mask, &mine, sizeof(T));
  if (source < 0 || source >= kWarp || (mask >> source & 1) == 0) return mine;
  T value;
  __builtin_memcpy(&value, shown + source * kExchangeBytes, sizeof(T));
  return value;
}

}  // namespace simt

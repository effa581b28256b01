// A thin layer over the CUDA runtime API: errors become exceptions that name the call, and what is taken is owned.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <utility>

#include "../shared/status.h"

namespace gld::cuda {

using Stream = cudaStream_t;

// Throws "cudaErrorName: text in <call>" unless the call succeeded.
void check(cudaError_t error, const char* call);
#define GLD_CUDA_CHECK(call) ::gld::cuda::check(call, #call)

// Makes a device current, and the caller's own again at the end: the runtime keeps one per thread.
class OnDevice {
 public:
  explicit OnDevice(int device);
  ~OnDevice();
  OnDevice(const OnDevice&) = delete;
  OnDevice& operator=(const OnDevice&) = delete;

 private:
  int before_ = -1;
};

// Memory that grows to what is asked for and keeps nothing of what it held.
template <void* (*kAllocate)(std::size_t), void (*kRelease)(void*)>
class Memory {
 public:
  Memory() = default;
  ~Memory() { release(); }
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  void grow(std::size_t bytes) {
    if (bytes <= bytes_) return;
    release();  // first: the old and the new block need not fit side by side
    data_ = static_cast<char*>(kAllocate(bytes));
    bytes_ = bytes;
  }
  void release() {
    if (data_ != nullptr) kRelease(data_);
    data_ = nullptr;
    bytes_ = 0;
  }
  char* data() const { return data_; }
  std::size_t bytes() const { return bytes_; }

 private:
  char* data_ = nullptr;
  std::size_t bytes_ = 0;
};

void* allocate_device(std::size_t bytes);
void release_device(void* block);
void* allocate_pinned(std::size_t bytes);
void release_pinned(void* block);

using DeviceMemory = Memory<&allocate_device, &release_device>;
// Host memory that the device's copy engines read and write while the CPU goes on.
using PinnedMemory = Memory<&allocate_pinned, &release_pinned>;

class OwnStream {
 public:
  OwnStream();
  ~OwnStream();
  OwnStream(const OwnStream&) = delete;
  OwnStream& operator=(const OwnStream&) = delete;
  Stream get() const { return stream_; }

 private:
  Stream stream_ = nullptr;
};

class Event {
 public:
  Event();
  ~Event();
  Event(Event&& other) noexcept : event_(std::exchange(other.event_, nullptr)) {}
  Event& operator=(const Event&) = delete;

  void record(Stream stream);
  void hold(Stream stream) const;  // what is queued there later waits for the event
  void wait() const;               // the calling thread waits

 private:
  cudaEvent_t event_ = nullptr;
};

// Held while anything is captured, and by what waits for a whole device: that would end the capture, and fail.
std::mutex& capturing();

// Work that is queued on a stream between begin() and end(), to be queued again by one call. `run` may throw; nothing
// is left captured then.
class Graph {
 public:
  Graph() = default;
  ~Graph() { reset(); }
  Graph(Graph&& other) noexcept : graph_(std::exchange(other.graph_, nullptr)) {}
  Graph& operator=(Graph&& other) noexcept {
    std::swap(graph_, other.graph_);
    return *this;
  }

  template <class F>
  void capture(Stream stream, F&& run) {
    reset();
    const std::lock_guard<std::mutex> alone(capturing());
    begin(stream);
    try {
      run();
    } catch (...) {
      abandon(stream);
      throw;
    }
    end(stream);
  }
  void launch(Stream stream) const;
  explicit operator bool() const { return graph_ != nullptr; }
  void reset();

 private:
  static void begin(Stream stream);
  static void abandon(Stream stream);
  void end(Stream stream);

  cudaGraphExec_t graph_ = nullptr;
};

// The allocation on the device that holds an address.
struct Range {
  std::uintptr_t begin;
  std::size_t bytes;
};
Range allocation_of(const void* address);

// Calls back when all that was queued before is done, or has failed: cudaLaunchHostFunc() would keep silent about a
// failure, and whoever waits for the call would wait for ever.
void call_back(Stream stream, void (*function)(void*), void* closure);

void copy_to_device(Stream stream, void* to, const void* from, std::size_t bytes);
void copy_to_host(Stream stream, void* to, const void* from, std::size_t bytes);
void clear(Stream stream, void* to, std::size_t bytes);  // zeros

}  // namespace gld::cuda

#include "runtime.h"

#include <memory>
#include <string>

namespace gld::cuda {
namespace {

gld_status status_of(cudaError_t error) {
  switch (error) {
    case cudaErrorMemoryAllocation: return GLD_OUT_OF_MEMORY;
    case cudaErrorNoDevice:
    case cudaErrorInsufficientDriver:
    case cudaErrorNoKernelImageForDevice:
    case cudaErrorUnsupportedPtxVersion:
    case cudaErrorInvalidDevice: return GLD_UNAVAILABLE;
    default: return GLD_FAILED;
  }
}

// A function of the driver, which alone knows some things, as of a version of CUDA; null if it has none of that name.
// Asked for by name, because the library is loaded where there is no driver.
void* driver_function(const char* name, unsigned version) {
  void* function = nullptr;
  cudaDriverEntryPointQueryResult found = cudaDriverEntryPointSymbolNotFound;
  if (cudaGetDriverEntryPointByVersion(name, &function, version, cudaEnableDefault, &found) != cudaSuccess) {
    cudaGetLastError();
  }
  return found == cudaDriverEntryPointSuccess ? function : nullptr;
}

bool has_context(int device) {
  using Query = int (*)(int, unsigned*, int*);
  void* const query = driver_function("cuDevicePrimaryCtxGetState", 7000);
  unsigned flags = 0;
  int active = 0;
  return query == nullptr || reinterpret_cast<Query>(query)(device, &flags, &active) != 0 || active != 0;
}

}  // namespace

std::mutex& capturing() {
  static std::mutex mutex;
  return mutex;
}

void check(cudaError_t error, const char* call) {
  if (error == cudaSuccess) return;
  cudaGetLastError();  // reported here; the next call must not find it again
  // The call without its arguments, which are our variables' names.
  std::string name(call);
  name = name.substr(0, name.find('('));
  throw Error(status_of(error),
              std::string(cudaGetErrorName(error)) + ": " + cudaGetErrorString(error) + " in " + name);
}

OnDevice::OnDevice(int device) {
  GLD_CUDA_CHECK(cudaGetDevice(&before_));
  if (before_ == device) before_ = -1;
  GLD_CUDA_CHECK(cudaSetDevice(device));  // also of the same one: the thread's first call may find it without a context
}

OnDevice::~OnDevice() {
  // Where the thread's device was never used, going back to it would take memory there for a context.
  if (before_ >= 0 && has_context(before_) && cudaSetDevice(before_) != cudaSuccess) cudaGetLastError();
}

void* allocate_device(std::size_t bytes) {
  void* block = nullptr;
  GLD_CUDA_CHECK(cudaMalloc(&block, bytes));
  return block;
}
void release_device(void* block) { cudaFree(block); }

void* allocate_pinned(std::size_t bytes) {
  void* block = nullptr;
  GLD_CUDA_CHECK(cudaHostAlloc(&block, bytes, cudaHostAllocMapped | cudaHostAllocPortable));
  return block;
}
void release_pinned(void* block) { cudaFreeHost(block); }

OwnStream::OwnStream() { GLD_CUDA_CHECK(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking)); }
OwnStream::~OwnStream() {
  if (stream_ != nullptr) cudaStreamDestroy(stream_);
}

Event::Event() { GLD_CUDA_CHECK(cudaEventCreateWithFlags(&event_, cudaEventDisableTiming)); }
Event::~Event() {
  if (event_ != nullptr) cudaEventDestroy(event_);
}
void Event::record(Stream stream) { GLD_CUDA_CHECK(cudaEventRecord(event_, stream)); }
void Event::hold(Stream stream) const { GLD_CUDA_CHECK(cudaStreamWaitEvent(stream, event_, 0)); }
void Event::wait() const { GLD_CUDA_CHECK(cudaEventSynchronize(event_)); }

// Only this thread's calls are watched: other threads may use other streams meanwhile.
void Graph::begin(Stream stream) { GLD_CUDA_CHECK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal)); }

void Graph::abandon(Stream stream) {
  cudaGraph_t graph = nullptr;
  cudaStreamEndCapture(stream, &graph);
  if (graph != nullptr) cudaGraphDestroy(graph);
  cudaGetLastError();
}

void Graph::end(Stream stream) {
  cudaGraph_t graph = nullptr;
  GLD_CUDA_CHECK(cudaStreamEndCapture(stream, &graph));
  const cudaError_t error = cudaGraphInstantiate(&graph_, graph, 0);
  cudaGraphDestroy(graph);
  check(error, "cudaGraphInstantiate()");
}

void Graph::launch(Stream stream) const { GLD_CUDA_CHECK(cudaGraphLaunch(graph_, stream)); }

void Graph::reset() {
  if (graph_ != nullptr) cudaGraphExecDestroy(graph_);
  graph_ = nullptr;
}

Range allocation_of(const void* address) {
  using Query = int (*)(unsigned long long*, std::size_t*, unsigned long long);
  void* const query = driver_function("cuMemGetAddressRange", 3020);
  if (query == nullptr) throw Error(GLD_FAILED, "the driver has no cuMemGetAddressRange");
  unsigned long long begin = 0;
  std::size_t bytes = 0;
  const auto at = static_cast<unsigned long long>(reinterpret_cast<std::uintptr_t>(address));
  if (reinterpret_cast<Query>(query)(&begin, &bytes, at) != 0) throw Error(GLD_INVALID, "it is in no allocation");
  return {static_cast<std::uintptr_t>(begin), bytes};
}

namespace {
struct Callback {
  void (*function)(void*);
  void* closure;
};
}  // namespace

void call_back(Stream stream, void (*function)(void*), void* closure) {
  auto callback = std::make_unique<Callback>(Callback{function, closure});
  GLD_CUDA_CHECK(cudaStreamAddCallback(
      stream,
      [](cudaStream_t, cudaError_t, void* data) {
        const std::unique_ptr<Callback> own(static_cast<Callback*>(data));
        own->function(own->closure);
      },
      callback.get(), 0));
  static_cast<void>(callback.release());
}

void copy_to_device(Stream stream, void* to, const void* from, std::size_t bytes) {
  GLD_CUDA_CHECK(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, stream));
}
void copy_to_host(Stream stream, void* to, const void* from, std::size_t bytes) {
  GLD_CUDA_CHECK(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, stream));
}
void clear(Stream stream, void* to, std::size_t bytes) { GLD_CUDA_CHECK(cudaMemsetAsync(to, 0, bytes, stream)); }

}  // namespace gld::cuda

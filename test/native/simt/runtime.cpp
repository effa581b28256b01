// Devices, memory, streams, events and graphs of the emulated CUDA runtime.
#include <sys/mman.h>

#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "cuda_runtime.h"

#ifndef GLD_EMULATED_NAME
#define GLD_EMULATED_NAME "emulated GPU"
#endif

namespace {

using Work = std::function<void()>;

long setting(const char* name, long standard) {
  const char* text = std::getenv(name);
  return text == nullptr || *text == 0 ? standard : std::strtol(text, nullptr, 10);
}

thread_local int current_device = 0;
thread_local cudaError_t last_error = cudaSuccess;
thread_local SimtStream* capturing = nullptr;  // the stream that this thread captures
thread_local bool in_callback = false;

cudaError_t fail(cudaError_t error) {
  last_error = error;
  return error;
}

// Whether this call of a function is one that is to fail, and how: GLD_EMULATED_FAIL.
cudaError_t told(const char* function) {
  static std::mutex mutex;
  static std::string last;
  static int left = 0;
  const std::lock_guard<std::mutex> lock(mutex);
  const char* setting = std::getenv("GLD_EMULATED_FAIL");
  const std::string now = setting == nullptr ? "" : setting;
  char name[64] = "";
  int error = 0;
  int times = 0;
  std::sscanf(now.c_str(), "%63s %d %d", name, &error, &times);
  if (now != last) left = times;
  last = now;
  if (left == 0 || std::strcmp(name, function) != 0) return cudaSuccess;
  --left;
  return fail(static_cast<cudaError_t>(error));
}

struct Block {
  std::size_t bytes;
  cudaMemoryType type;
  int device;
  bool sparse;  // zeros that take no memory until they are written to
};

struct Memory {
  std::mutex mutex;
  std::map<const char*, Block> blocks;
  std::map<int, std::size_t> used;

  long on(int device) const {
    return std::count_if(blocks.begin(), blocks.end(), [&](const auto& one) {
      return one.second.type == cudaMemoryTypeDevice && one.second.device == device;
    });
  }
};

Memory& memory() {
  static Memory* all = new Memory;  // outlives what is freed while the process ends
  return *all;
}

// The block that holds this address.
const std::pair<const char* const, Block>* find(const void* address) {
  Memory& m = memory();
  auto next = m.blocks.upper_bound(static_cast<const char*>(address));
  if (next == m.blocks.begin()) return nullptr;
  --next;
  return static_cast<const char*>(address) < next->first + next->second.bytes ? &*next : nullptr;
}

std::size_t device_bytes() { return static_cast<std::size_t>(setting("GLD_EMULATED_MEMORY", 4l << 30)); }

// For tests of indices that pass 2^31: device blocks from this size on are sparse.
std::size_t sparse_bytes() {
  return static_cast<std::size_t>(setting("GLD_EMULATED_SPARSE", std::numeric_limits<long>::max()));
}

void* map_sparse(std::size_t bytes) {
  void* block = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return block == MAP_FAILED ? nullptr : block;
}

cudaError_t take(void** to, std::size_t bytes, cudaMemoryType type) {
  if (capturing != nullptr) return fail(cudaErrorStreamCaptureUnsupported);
  Memory& m = memory();
  const std::lock_guard<std::mutex> lock(m.mutex);
  std::size_t& used = m.used[current_device];
  if (type == cudaMemoryTypeDevice && (bytes > device_bytes() || used > device_bytes() - bytes)) {
    return fail(cudaErrorMemoryAllocation);
  }
  const bool sparse = type == cudaMemoryTypeDevice && bytes >= sparse_bytes();
  void* block = sparse ? map_sparse(bytes) : std::malloc(bytes == 0 ? 1 : bytes);
  if (block == nullptr) return fail(cudaErrorMemoryAllocation);
  if (!sparse) std::memset(block, 0xff, bytes);
  if (type == cudaMemoryTypeDevice) used += bytes;
  m.blocks[static_cast<char*>(block)] = {bytes == 0 ? 1 : bytes, type, current_device, sparse};
  *to = block;
  return cudaSuccess;
}

cudaError_t give_back(void* block) {
  if (block == nullptr) return cudaSuccess;
  Memory& m = memory();
  const std::lock_guard<std::mutex> lock(m.mutex);
  const auto found = m.blocks.find(static_cast<char*>(block));
  if (found == m.blocks.end()) return fail(cudaErrorInvalidValue);
  if (found->second.type == cudaMemoryTypeDevice) m.used[found->second.device] -= found->second.bytes;
  const Block gone = found->second;
  m.blocks.erase(found);
  if (gone.sparse)
    munmap(block, gone.bytes);
  else
    std::free(block);
  return cudaSuccess;
}

// As a real device sees it: each side of a copy must be where the kind says, and within one allocation.
bool copies(const void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
  const std::lock_guard<std::mutex> lock(memory().mutex);
  const auto fits = [&](const void* at, bool device) {
    const auto* block = find(at);
    if (device != (block != nullptr && block->second.type == cudaMemoryTypeDevice)) return false;
    return block == nullptr || static_cast<const char*>(at) + bytes <= block->first + block->second.bytes;
  };
  if (bytes == 0 || kind == cudaMemcpyDefault) return true;
  return fits(to, kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice) &&
         fits(from, kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice);
}

}  // namespace

struct SimtGraph {
  std::vector<Work> works;
};
struct SimtGraphExec {
  std::vector<Work> works;
};

struct SimtEvent {
  struct State {
    std::mutex mutex;
    std::condition_variable changed;
    std::uint64_t recorded = 0, reached = 0;
  };
  std::shared_ptr<State> state = std::make_shared<State>();  // also of the queued work that reaches the event
  SimtGraph* graph = nullptr;                                // the capture that it was last recorded in
};

struct SimtStream;

namespace {
struct Streams {
  std::mutex mutex;
  std::set<SimtStream*> all;
  std::map<int, long> works;  // that streams of each device were given
};
Streams& streams() {
  static Streams* all = new Streams;
  return *all;
}
}  // namespace

struct SimtStream {
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<Work> queue;
  bool busy = false, ends = false;
  int device = current_device;
  SimtGraph* graph = nullptr;  // being captured
  bool origin = false;
  std::thread worker{[this] { work(); }};

  void work() {
    current_device = device;
    std::unique_lock<std::mutex> lock(mutex);
    for (;;) {
      changed.wait(lock, [&] { return ends || !queue.empty(); });
      if (queue.empty()) return;
      Work next = std::move(queue.front());
      queue.pop_front();
      busy = true;
      lock.unlock();
      next();
      next = nullptr;
      lock.lock();
      busy = false;
      changed.notify_all();
    }
  }
};

namespace simt {

cudaError_t enqueue(cudaStream_t stream, std::function<void()> work) {
  if (stream == nullptr) return fail(cudaErrorInvalidResourceHandle);  // the engine uses no default stream
  if (stream->graph != nullptr) {
    stream->graph->works.push_back(std::move(work));
    return cudaSuccess;
  }
  {
    const std::lock_guard<std::mutex> lock(streams().mutex);
    ++streams().works[stream->device];
  }
  const std::lock_guard<std::mutex> lock(stream->mutex);
  stream->queue.push_back(std::move(work));
  stream->changed.notify_all();
  return cudaSuccess;
}

cudaError_t check_launch(dim3 grid, dim3 block, std::size_t shared_bytes) {
  const std::uint64_t threads = static_cast<std::uint64_t>(block.x) * block.y * block.z;
  const bool fits = grid.x >= 1 && grid.y >= 1 && grid.z >= 1 && threads >= 1 && threads <= 1024 && block.z <= 64 &&
                    grid.x <= 0x7fffffffu && grid.y <= 65535 && grid.z <= 65535 && shared_bytes <= kSharedBytes;
  return fits ? cudaSuccess : fail(cudaErrorInvalidValue);
}

}  // namespace simt

cudaError_t cudaGetDeviceCount(int* count) {
  const long devices = setting("GLD_EMULATED_DEVICES", 1);
  *count = devices < 0 ? 0 : static_cast<int>(devices);
  if (devices < 0) return fail(cudaErrorInsufficientDriver);
  return devices == 0 ? fail(cudaErrorNoDevice) : cudaSuccess;
}

namespace {
bool exists(int device) { return device >= 0 && device < setting("GLD_EMULATED_DEVICES", 1); }
int arch() { return static_cast<int>(setting("GLD_EMULATED_ARCH", 80)); }
}  // namespace

cudaError_t cudaSetDevice(int device) {
  if (in_callback) std::abort();  // where a driver may wait for ever
  if (!exists(device)) return fail(cudaErrorInvalidDevice);
  current_device = device;
  return cudaSuccess;
}
cudaError_t cudaGetDevice(int* device) {
  *device = current_device;
  return cudaSuccess;
}
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  if (!exists(device)) return fail(cudaErrorInvalidDevice);
  *properties = cudaDeviceProp{};
  {
    const std::lock_guard<std::mutex> lock(streams().mutex);
    const std::lock_guard<std::mutex> also(memory().mutex);
    const long open = std::count_if(streams().all.begin(), streams().all.end(),
                                    [&](const SimtStream* stream) { return stream->device == device; });
    std::snprintf(properties->name, sizeof properties->name,
                  GLD_EMULATED_NAME " (for tests): streams %ld, works %ld, blocks %ld", open, streams().works[device],
                  memory().on(device));
  }
  properties->totalGlobalMem = device_bytes();
  properties->major = arch() / 10;
  properties->minor = arch() % 10;
  properties->multiProcessorCount = 4;
  return cudaSuccess;
}
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device) {
  if (!exists(device)) return fail(cudaErrorInvalidDevice);
  switch (attribute) {
    case cudaDevAttrMultiProcessorCount: *value = 4; return cudaSuccess;
    case cudaDevAttrComputeCapabilityMajor: *value = arch() / 10; return cudaSuccess;
    case cudaDevAttrComputeCapabilityMinor: *value = arch() % 10; return cudaSuccess;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin: *value = static_cast<int>(simt::kSharedBytes); return cudaSuccess;
  }
  return fail(cudaErrorInvalidValue);
}
cudaError_t cudaDriverGetVersion(int* version) {
  const long devices = setting("GLD_EMULATED_DEVICES", 1);
  *version = devices < 0 ? 11040 : devices == 0 ? 0 : 13020;
  return cudaSuccess;
}
cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = 13000;
  return cudaSuccess;
}
cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total) {
  const std::lock_guard<std::mutex> lock(memory().mutex);
  *total = device_bytes();
  *free = *total - memory().used[current_device];
  return cudaSuccess;
}
cudaError_t cudaGetLastError() { return std::exchange(last_error, cudaSuccess); }
cudaError_t cudaPeekAtLastError() { return last_error; }

const char* cudaGetErrorName(cudaError_t error) {
  switch (error) {
#define GLD_SIMT_NAME(name) \
  case name: return #name
    GLD_SIMT_NAME(cudaSuccess);
    GLD_SIMT_NAME(cudaErrorInvalidValue);
    GLD_SIMT_NAME(cudaErrorMemoryAllocation);
    GLD_SIMT_NAME(cudaErrorInitializationError);
    GLD_SIMT_NAME(cudaErrorInsufficientDriver);
    GLD_SIMT_NAME(cudaErrorNoDevice);
    GLD_SIMT_NAME(cudaErrorInvalidDevice);
    GLD_SIMT_NAME(cudaErrorNoKernelImageForDevice);
    GLD_SIMT_NAME(cudaErrorUnsupportedPtxVersion);
    GLD_SIMT_NAME(cudaErrorInvalidResourceHandle);
    GLD_SIMT_NAME(cudaErrorNotReady);
    GLD_SIMT_NAME(cudaErrorIllegalAddress);
    GLD_SIMT_NAME(cudaErrorLaunchFailure);
    GLD_SIMT_NAME(cudaErrorNotSupported);
    GLD_SIMT_NAME(cudaErrorStreamCaptureUnsupported);
    GLD_SIMT_NAME(cudaErrorStreamCaptureInvalidated);
    GLD_SIMT_NAME(cudaErrorUnknown);
#undef GLD_SIMT_NAME
  }
  return "unrecognized error code";
}
const char* cudaGetErrorString(cudaError_t error) {
  switch (error) {
    case cudaSuccess: return "no error";
    case cudaErrorMemoryAllocation: return "out of memory";
    case cudaErrorInsufficientDriver: return "CUDA driver version is insufficient for CUDA runtime version";
    case cudaErrorNoDevice: return "no CUDA-capable device is detected";
    case cudaErrorInvalidDevice: return "invalid device ordinal";
    case cudaErrorInvalidValue: return "invalid argument";
    case cudaErrorIllegalAddress: return "an illegal memory access was encountered";
    default: return "an emulated error";
  }
}

cudaError_t cudaMalloc(void** to, std::size_t bytes) {
  if (!exists(current_device)) return fail(cudaErrorNoDevice);
  if (const cudaError_t error = told("cudaMalloc")) return error;
  return take(to, bytes, cudaMemoryTypeDevice);
}
cudaError_t cudaFree(void* block) { return give_back(block); }
cudaError_t cudaHostAlloc(void** to, std::size_t bytes, unsigned) { return take(to, bytes, cudaMemoryTypeHost); }
cudaError_t cudaFreeHost(void* block) { return give_back(block); }

cudaError_t cudaPointerGetAttributes(cudaPointerAttributes* attributes, const void* address) {
  const std::lock_guard<std::mutex> lock(memory().mutex);
  const auto* block = find(address);
  *attributes = cudaPointerAttributes{};
  if (block == nullptr) return cudaSuccess;  // cudaMemoryTypeUnregistered
  attributes->type = block->second.type;
  attributes->device = block->second.device;
  attributes->devicePointer = attributes->hostPointer = const_cast<void*>(address);
  return cudaSuccess;
}

cudaError_t cudaGetDriverEntryPointByVersion(const char* symbol, void** function, unsigned, unsigned long long,
                                             cudaDriverEntryPointQueryResult* result) {
  using Query = int (*)(unsigned long long*, std::size_t*, unsigned long long);
  const Query range = [](unsigned long long* begin, std::size_t* bytes, unsigned long long address) {
    const std::lock_guard<std::mutex> lock(memory().mutex);
    const auto* block = find(reinterpret_cast<const void*>(address));
    if (block == nullptr) return 1;
    *begin = reinterpret_cast<std::uintptr_t>(block->first);
    *bytes = block->second.bytes;
    return 0;
  };
  using State = int (*)(int, unsigned*, int*);
  const State context = [](int device, unsigned* flags, int* active) {
    *flags = 0;
    *active = 1;
    return exists(device) ? 0 : 1;
  };
  *function = std::strcmp(symbol, "cuMemGetAddressRange") == 0         ? reinterpret_cast<void*>(range)
              : std::strcmp(symbol, "cuDevicePrimaryCtxGetState") == 0 ? reinterpret_cast<void*>(context)
                                                                       : nullptr;
  *result = *function != nullptr ? cudaDriverEntryPointSuccess : cudaDriverEntryPointSymbolNotFound;
  return cudaSuccess;
}

cudaError_t cudaMemcpy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
  if (const cudaError_t error = told("cudaMemcpy")) return error;
  if (!copies(to, from, bytes, kind)) return fail(cudaErrorInvalidValue);
  if (bytes > 0) std::memmove(to, from, bytes);
  return cudaSuccess;
}
cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind, cudaStream_t stream) {
  if (!copies(to, from, bytes, kind)) return fail(cudaErrorInvalidValue);
  return simt::enqueue(stream, [=] {
    if (bytes > 0) std::memmove(to, from, bytes);
  });
}
cudaError_t cudaMemsetAsync(void* to, int value, std::size_t bytes, cudaStream_t stream) {
  if (const cudaError_t error = told("cudaMemsetAsync")) return error;
  return simt::enqueue(stream, [=] {
    if (bytes > 0) std::memset(to, value, bytes);
  });
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  if (!exists(current_device)) return fail(cudaErrorNoDevice);
  *stream = new SimtStream;
  const std::lock_guard<std::mutex> lock(streams().mutex);
  streams().all.insert(*stream);
  return cudaSuccess;
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  {
    const std::lock_guard<std::mutex> lock(streams().mutex);
    streams().all.erase(stream);
  }
  {
    const std::lock_guard<std::mutex> lock(stream->mutex);
    stream->ends = true;
    stream->changed.notify_all();
  }
  stream->worker.join();
  delete stream;
  return cudaSuccess;
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  if (stream->graph != nullptr) return fail(cudaErrorStreamCaptureUnsupported);
  std::unique_lock<std::mutex> lock(stream->mutex);
  stream->changed.wait(lock, [&] { return stream->queue.empty() && !stream->busy; });
  return cudaSuccess;
}
cudaError_t cudaDeviceSynchronize() {
  if (!exists(current_device)) return fail(cudaErrorNoDevice);
  const std::lock_guard<std::mutex> lock(streams().mutex);
  for (SimtStream* stream : streams().all) {
    if (stream->device == current_device && stream->graph == nullptr) cudaStreamSynchronize(stream);
  }
  return cudaSuccess;
}
cudaError_t cudaStreamAddCallback(cudaStream_t stream, cudaStreamCallback_t callback, void* data, unsigned) {
  return simt::enqueue(stream, [=] {
    in_callback = true;
    callback(stream, cudaSuccess, data);
    in_callback = false;
  });
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  *event = new SimtEvent;
  return cudaSuccess;
}
cudaError_t cudaEventDestroy(cudaEvent_t event) {
  delete event;
  return cudaSuccess;
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  event->graph = stream->graph;
  if (stream->graph != nullptr) return cudaSuccess;
  std::uint64_t ticket = 0;
  {
    const std::lock_guard<std::mutex> lock(event->state->mutex);
    ticket = ++event->state->recorded;
  }
  return simt::enqueue(stream, [ticket, state = event->state] {
    const std::lock_guard<std::mutex> lock(state->mutex);
    state->reached = ticket;
    state->changed.notify_all();
  });
}
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  if (event->graph != nullptr) {
    stream->graph = event->graph;  // joins the capture; its work is in order already
    return cudaSuccess;
  }
  std::uint64_t ticket = 0;
  {
    const std::lock_guard<std::mutex> lock(event->state->mutex);
    ticket = event->state->recorded;
  }
  return simt::enqueue(stream, [ticket, state = event->state] {
    std::unique_lock<std::mutex> lock(state->mutex);
    state->changed.wait(lock, [&] { return state->reached >= ticket; });
  });
}
cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  if (const cudaError_t error = told("cudaEventSynchronize")) return error;
  SimtEvent::State& state = *event->state;
  std::unique_lock<std::mutex> lock(state.mutex);
  const std::uint64_t ticket = state.recorded;
  state.changed.wait(lock, [&] { return state.reached >= ticket; });
  return cudaSuccess;
}
cudaError_t cudaEventQuery(cudaEvent_t event) {
  const std::lock_guard<std::mutex> lock(event->state->mutex);
  return event->state->reached >= event->state->recorded ? cudaSuccess : cudaErrorNotReady;
}

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
  if (stream->graph != nullptr) return fail(cudaErrorStreamCaptureUnsupported);
  stream->graph = new SimtGraph;
  stream->origin = true;
  capturing = stream;
  return cudaSuccess;
}
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  if (!stream->origin) return fail(cudaErrorStreamCaptureInvalidated);
  *graph = std::exchange(stream->graph, nullptr);
  stream->origin = false;
  capturing = nullptr;
  return cudaSuccess;
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* exec, cudaGraph_t graph, unsigned long long) {
  *exec = new SimtGraphExec{graph->works};
  return cudaSuccess;
}
cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream) {
  return simt::enqueue(stream, [works = exec->works] {
    for (const Work& work : works) work();
  });
}
cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  delete graph;
  return cudaSuccess;
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec) {
  delete exec;
  return cudaSuccess;
}

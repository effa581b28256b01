// The CUDA engine's side of engine.h.
#include "../engine.h"

#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string>
#include <utility>

#include "../shared/call_hash.h"
#include "../shared/status.h"
#include "stream.h"
#include "supports.h"

struct gld_stream : gld::cuda::CallStream {
  using CallStream::CallStream;
};

namespace gld::cuda {
namespace {

std::string version_text(int version) {
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

struct Versions {
  int driver = 0, runtime = 0;
  Versions() {
    cudaDriverGetVersion(&driver);
    cudaRuntimeGetVersion(&runtime);
    cudaGetLastError();
  }
};

// Why there is no device, for people.
Error unavailable(cudaError_t error) {
  const Versions versions;
  const std::string name = std::string(cudaGetErrorName(error)) + ": ";
  if (error == cudaErrorNoDevice) {
    const char* visible = std::getenv("CUDA_VISIBLE_DEVICES");
    if (visible != nullptr) {
      return {GLD_UNAVAILABLE, name + "no CUDA device is visible, CUDA_VISIBLE_DEVICES is '" + visible + "'"};
    }
    return {GLD_UNAVAILABLE, name + "the NVIDIA driver finds no CUDA device"};
  }
  if (error == cudaErrorInsufficientDriver) {
    if (versions.driver == 0) {
      return {GLD_UNAVAILABLE,
              name + "no NVIDIA driver is installed; CUDA " + version_text(versions.runtime) + " needs one"};
    }
    return {GLD_UNAVAILABLE, name + "the NVIDIA driver supports CUDA " + version_text(versions.driver) +
                                 ", this library is built with CUDA " + version_text(versions.runtime) +
                                 "; update the driver"};
  }
  return {GLD_UNAVAILABLE, name + cudaGetErrorString(error) + " in cudaGetDeviceCount"};
}

int device_count() {
  int devices = 0;
  const cudaError_t error = cudaGetDeviceCount(&devices);
  if (error != cudaSuccess) {
    cudaGetLastError();
    throw unavailable(error);
  }
  if (devices == 0) throw unavailable(cudaErrorNoDevice);
  return devices;
}

void require(int device) {
  const int devices = device_count();
  if (device < 0 || device >= devices) {
    throw Error(GLD_UNAVAILABLE, "there is no CUDA device " + std::to_string(device) + ", only " +
                                     std::to_string(devices) + (devices == 1 ? " device" : " devices"));
  }
}

gld_status count(std::int32_t* devices, char* message) {
  *devices = 0;
  return guarded(message, [&] { *devices = device_count(); });
}

gld_status describe(std::int32_t device, gld_device* out, char* message) {
  return guarded(message, [&] {
    require(device);
    const OnDevice on(device);
    cudaDeviceProp properties;
    GLD_CUDA_CHECK(cudaGetDeviceProperties(&properties, device));
    const Versions versions;
    *out = gld_device{};
    std::snprintf(out->name, sizeof out->name, "%.127s", properties.name);
    out->major = properties.major;
    out->minor = properties.minor;
    out->driver = versions.driver;
    out->runtime = versions.runtime;
    std::size_t free = 0;
    std::size_t total = 0;
    GLD_CUDA_CHECK(cudaMemGetInfo(&free, &total));
    out->memory_bytes = total;
    out->free_bytes = free;
  });
}

gld_status allocate(std::int32_t device, std::size_t bytes, void** memory, char* message) {
  *memory = nullptr;
  return guarded(message, [&] {
    require(device);
    const OnDevice on(device);
    GLD_CUDA_CHECK(cudaMalloc(memory, bytes == 0 ? 1 : bytes));
  });
}

gld_status release(std::int32_t device, void* memory, char* message) {
  return guarded(message, [&] {
    require(device);
    const OnDevice on(device);
    GLD_CUDA_CHECK(cudaFree(memory));
  });
}

gld_status copy(std::int32_t device, void* to, gld_memory to_memory, const void* from, gld_memory from_memory,
                std::size_t bytes, char* message) {
  return guarded(message, [&] {
    require(device);
    const OnDevice on(device);
    const cudaMemcpyKind kinds[2][2] = {{cudaMemcpyHostToHost, cudaMemcpyDeviceToHost},
                                        {cudaMemcpyHostToDevice, cudaMemcpyDeviceToDevice}};
    // Waits for this device, as the memory may have just been written by another library's kernels.
    const std::lock_guard<std::mutex> nothing_captured(capturing());
    GLD_CUDA_CHECK(cudaDeviceSynchronize());
    GLD_CUDA_CHECK(cudaMemcpy(to, from, bytes, kinds[to_memory == GLD_DEVICE][from_memory == GLD_DEVICE]));
    GLD_CUDA_CHECK(cudaDeviceSynchronize());
  });
}

gld_status check_memory(std::int32_t device, const void* memory, std::size_t bytes, char* message) {
  return guarded(message, [&] {
    require(device);
    const OnDevice on(device);
    cudaPointerAttributes first{};
    GLD_CUDA_CHECK(cudaPointerGetAttributes(&first, memory));
    if (first.type != cudaMemoryTypeDevice && first.type != cudaMemoryTypeManaged) {
      throw Error(GLD_INVALID, "it is not in device memory");
    }
    if (first.type == cudaMemoryTypeDevice && first.device != device) {
      throw Error(GLD_INVALID,
                  "it is on device " + std::to_string(first.device) + ", not on device " + std::to_string(device));
    }
    const Range range = allocation_of(memory);
    const auto at = reinterpret_cast<std::uintptr_t>(memory);
    const std::size_t behind = range.begin + range.bytes - at;
    if (bytes > behind) {
      throw Error(GLD_INVALID,
                  "it reaches " + std::to_string(bytes - behind) + " bytes past the end of its allocation");
    }
  });
}

gld_status open(std::int32_t device, gld_stream** stream, char* message) {
  *stream = nullptr;
  return guarded(message, [&] {
    require(device);
    const OnDevice on(device);
    *stream = new gld_stream(device);
  });
}

void close(gld_stream* stream) {
  char message[GLD_MESSAGE_BYTES];
  guarded(message, [&] {
    const OnDevice on(stream->device());
    delete std::exchange(stream, nullptr);
  });
  delete stream;  // if its device cannot be reached any more
}

std::size_t bytes(const gld_stream* stream) { return stream->bytes(); }

gld_status submit(gld_stream* stream, const gld_call* call, gld_stage stage, const gld_executor*, gld_done done,
                  void* closure, char* message) {
  return guarded(message, [&] {
    require_computable(*call, stage, stream->device(), supports);
    stream->submit(*call, stage, done, closure);
  });
}

gld_status finish(gld_stream* stream, gld_result* result, char* message) {
  *result = gld_result{};
  return guarded(message, [&] { stream->finish(result); });
}

void cancel(gld_stream* stream) {
  char message[GLD_MESSAGE_BYTES];
  guarded(message, [&] { stream->cancel(); });  // if it fails, finish() will say so
}

constexpr gld_engine kEngine{GLD_ENGINE_ABI, kCallHash,    "cuda",   "",   0,     count, describe, allocate, release,
                             copy,           check_memory, supports, open, close, bytes, submit,   finish,   cancel};

}  // namespace
}  // namespace gld::cuda

extern "C" __attribute__((visibility("default"))) const gld_engine* gld_engine_query(void) {
  return &gld::cuda::kEngine;
}

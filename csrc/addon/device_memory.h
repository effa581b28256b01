// What JavaScript sees of memory on a device: lib's CudaTensor has one.
#pragma once

#include <napi.h>

#include <memory>

#include "device.h"

namespace gld {

// new DeviceMemory(device, bytes), or new DeviceMemory(device, bytes, address, argument) for memory of somebody else
class DeviceMemory : public Napi::ObjectWrap<DeviceMemory> {
 public:
  static constexpr napi_type_tag kTag{0x4be1a90c5f3d42d7ULL, 0xa7c8e2190d6b4f31ULL};
  static Napi::Function define(Napi::Env env);
  // Throws, naming the argument, if the value is something else or was disposed. Runs no JavaScript.
  static std::shared_ptr<DeviceBlock> block_of(Napi::Value value, const char* argument);

  explicit DeviceMemory(const Napi::CallbackInfo& info);
  ~DeviceMemory() override { let_go(Env()); }

 private:
  Napi::Value pointer(const Napi::CallbackInfo& info);
  void write(const Napi::CallbackInfo& info);  // write(typed array, in memory of the same size)
  void read(const Napi::CallbackInfo& info);   // read(into a typed array)
  void dispose(const Napi::CallbackInfo& info);
  void let_go(Napi::Env env);

  std::shared_ptr<DeviceBlock> block_;
};

}  // namespace gld

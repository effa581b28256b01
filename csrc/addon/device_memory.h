// Memory on a device, and what JavaScript sees of it: lib's CudaTensor has one.
#pragma once

#include <napi.h>

#include <cstddef>
#include <cstdint>
#include <memory>

#include "../engine.h"

namespace gld {

// A block of a device's memory. Shared by the JavaScript object that stands for it and the calls that use it, so that
// it may be disposed while they run.
class DeviceBlock {
 public:
  // Null, and the engine's message, if there is not that much. bytes is at least 1.
  static std::shared_ptr<DeviceBlock> allocate(std::int32_t device, std::size_t bytes, gld_status* status,
                                               char* message);
  // Stands for memory that somebody else owns.
  static std::shared_ptr<DeviceBlock> borrow(std::int32_t device, std::size_t bytes, void* data);
  ~DeviceBlock();
  DeviceBlock(const DeviceBlock&) = delete;
  DeviceBlock& operator=(const DeviceBlock&) = delete;

  std::int32_t device() const { return device_; }
  std::size_t bytes() const { return bytes_; }
  char* data() const { return static_cast<char*>(data_); }
  bool owned() const { return owned_; }

 private:
  DeviceBlock(std::int32_t device, std::size_t bytes, void* data, bool owned)
      : device_(device), bytes_(bytes), data_(data), owned_(owned) {}

  const std::int32_t device_;
  const std::size_t bytes_;
  void* const data_;
  const bool owned_;
};

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

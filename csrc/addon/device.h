// What calls on a device use there: memory, and streams. All of it is owned by objects of these classes, and all of it
// goes back to the engine with them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

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

// The device engine, which is there: for what only exists because it is.
const gld_device_engine& opened_device_engine();

// A stream of the engine, or none.
class Stream {
 public:
  Stream() = default;
  Stream(Stream&& other) noexcept : device_(other.device_), handle_(std::exchange(other.handle_, nullptr)) {}
  Stream& operator=(Stream&& other) noexcept {
    std::swap(device_, other.device_);
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Stream() { close(); }

  gld_status open(std::int32_t device, char* message);
  void close();  // waits for what was submitted
  explicit operator bool() const { return handle_ != nullptr; }
  gld_stream* handle() const { return handle_; }
  std::int32_t device() const { return device_; }
  std::size_t bytes() const { return handle_ == nullptr ? 0 : opened_device_engine().bytes(handle_); }

 private:
  std::int32_t device_ = 0;
  gld_stream* handle_ = nullptr;
};

// Streams that wait for their next call. One environment's or one Workspace's: used on its JavaScript thread only.
class StreamPool {
 public:
  // most: bytes that idle streams of one device may hold together; those that would hold more are closed.
  explicit StreamPool(std::size_t most) : most_(most) {}

  Stream take(std::int32_t device);  // the last one that was put back, or none
  void put(Stream stream);
  bool drop(std::int32_t device);  // closes those of a device; false if there were none
  void clear() { idle_.clear(); }
  std::size_t bytes() const;

 private:
  const std::size_t most_;
  std::vector<Stream> idle_;
};

}  // namespace gld

// What an engine works in: memory on the host, streams on devices. Kept between calls by GldLoss, or taken for one
// call.
#pragma once

#include <napi.h>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>

#include "device.h"

namespace gld {

// Memory aligned to 64 bytes at least.
class Memory {
 public:
  // Grows to at least this many bytes, contents lost; false if there is not that much.
  bool reserve(std::size_t bytes);
  void release();
  void* data() const { return data_.get(); }
  std::size_t bytes() const { return bytes_; }

 private:
  struct Free {
    void operator()(void* memory) const;
  };
  std::unique_ptr<void, Free> data_;
  std::size_t bytes_ = 0;
};

// What JavaScript sees of it. One call at a time may use it.
class Workspace : public Napi::ObjectWrap<Workspace> {
 public:
  static constexpr napi_type_tag kTag{0x8f1d6f0d2c7b4e5aULL, 0x9b3e51c47a60d8f2ULL};
  static Napi::Function define(Napi::Env env);
  explicit Workspace(const Napi::CallbackInfo& info);
  ~Workspace() override;

  bool busy() const { return busy_; }
  bool begin(Napi::Env env, std::size_t bytes);  // on the host; false: not that much memory
  Stream begin_on_device(std::int32_t device);   // the stream of the last call there, or none
  void put(Stream stream) { streams_.put(std::move(stream)); }
  void end(Napi::Env env);
  Memory& memory() { return memory_; }

 private:
  Napi::Value bytes(const Napi::CallbackInfo& info);
  void dispose(const Napi::CallbackInfo& info);
  void report(Napi::Env env);

  Memory memory_;
  StreamPool streams_{std::numeric_limits<std::size_t>::max()};
  std::size_t reported_ = 0;  // to the garbage collector
  bool busy_ = false;
  bool disposed_ = false;
};

}  // namespace gld

// Streams that GldLoss keeps between calls, with what they work in.
#pragma once

#include <napi.h>

#include <cstddef>
#include <cstdint>
#include <limits>

#include "stream.h"

namespace gld {

// What JavaScript sees of it. One call at a time may use it.
class Workspace : public Napi::ObjectWrap<Workspace> {
 public:
  static constexpr napi_type_tag kTag{0x8f1d6f0d2c7b4e5aULL, 0x9b3e51c47a60d8f2ULL};
  static Napi::Function define(Napi::Env env);
  explicit Workspace(const Napi::CallbackInfo& info);
  ~Workspace() override;

  bool busy() const { return busy_; }
  Stream begin(const Place& place);  // the stream of the last call there, or none
  void put(Stream stream) { streams_.put(std::move(stream)); }
  void end(Napi::Env env);

 private:
  Napi::Value bytes(const Napi::CallbackInfo& info);
  void dispose(const Napi::CallbackInfo& info);
  void report(Napi::Env env);

  static constexpr std::size_t kAll = std::numeric_limits<std::size_t>::max();
  IdleStreams streams_{kAll, kAll};
  std::size_t reported_ = 0;  // to the garbage collector
  bool busy_ = false;
  bool disposed_ = false;
};

}  // namespace gld

// Streams of the engines, owned, and those that wait for their next call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "../engine.h"

namespace gld {

// Where a stream's calls run.
struct Place {
  const gld_engine* engine = nullptr;
  std::int32_t index = 0;

  bool operator==(const Place& other) const { return engine == other.engine && index == other.index; }
};

// A stream at a place, or none.
class Stream {
 public:
  Stream() = default;
  Stream(Stream&& other) noexcept : place_(other.place_), handle_(std::exchange(other.handle_, nullptr)) {}
  Stream& operator=(Stream&& other) noexcept {
    std::swap(place_, other.place_);
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Stream() { close(); }

  gld_status open(const Place& place, char* message);
  void close();  // waits for what was submitted
  explicit operator bool() const { return handle_ != nullptr; }
  gld_stream* handle() const { return handle_; }
  const Place& place() const { return place_; }
  std::size_t bytes() const { return handle_ == nullptr ? 0 : place_.engine->bytes(handle_); }

 private:
  Place place_;
  gld_stream* handle_ = nullptr;
};

// Streams that wait for their next call. One environment's or one Workspace's: used on its JavaScript thread only.
class IdleStreams {
 public:
  // Bytes that idle streams of one place may hold together, in the host's memory or a device's; those that would hold
  // more are closed.
  IdleStreams(std::size_t most_on_host, std::size_t most_on_device)
      : most_on_host_(most_on_host), most_on_device_(most_on_device) {}

  Stream take(const Place& place);  // the last one that was put back, or none
  void put(Stream stream);
  bool drop(const Place& place);  // closes those of a place; false if there were none
  void clear() { idle_.clear(); }
  std::size_t bytes() const;

 private:
  const std::size_t most_on_host_, most_on_device_;
  std::vector<Stream> idle_;
};

}  // namespace gld

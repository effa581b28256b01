// A queue of calls on one device, one call at a time, with what is kept from call to call: workspace, staging memory,
// and the captured work of the last few calls.
//
// A call whose sizes, options and addresses have come before is captured as a graph and from then on replayed by one
// launch; host buffers count by where they are staged, which is the same for every call of a shape. A call that comes
// for the first time is queued kernel by kernel: capturing should cost more than that, and addresses that change every
// time would never get it back.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>

#include "../engine.h"
#include "runtime.h"
#include "staging.h"
#include "work.h"

namespace gld::cuda {

class CallStream {
 public:
  explicit CallStream(int device);
  ~CallStream();  // waits for what was submitted
  CallStream(const CallStream&) = delete;
  CallStream& operator=(const CallStream&) = delete;

  // Throws Error, or LabelOutOfRange; nothing of the call runs then, and done is not called.
  void submit(const gld_call& call, gld_stage stage, gld_done done, void* closure);
  // Waits for the call and writes its results. Throws Error, LabelOutOfRange or Cancelled.
  void finish(gld_result* result);
  void cancel();  // from any thread
  int device() const { return device_; }
  std::size_t bytes() const { return held_.load(std::memory_order_relaxed); }

 private:
  static constexpr std::size_t kKept = 4;  // calls

  struct Kept {
    gld_call call{};  // with addresses on the device
    gld_stage stage = GLD_STAGE_GLD;
    std::uint64_t generation = 0;  // of the memory that it uses
    std::unique_ptr<Work> work;
    Graph teacher, rest;  // if the teacher's inputs come first; else all is in `rest`
    bool captured = false;
    std::uint64_t used = 0;
  };

  Kept& find(const gld_call& call, gld_stage stage);
  // What kernels and the host tell each other, in device and in host memory.
  struct Block {
    Report report;
    char between[256 - sizeof(Report)];  // kernels poll the flag: not in the cache line of what they report
    std::int32_t
        stop;  // not 0: the call is cancelled. On the host what cancel() asks for, on the device what kernels see
    std::int32_t one;  // on the host: what cancel() copies to the device's `stop`
  };
  Block* on_device() const { return reinterpret_cast<Block*>(block_.data()); }  // an address, for kernels and copies
  Block* on_host() const { return reinterpret_cast<Block*>(pinned_.data()); }
  void place(Kept& kept);
  void run(Kept& kept);
  void fail() noexcept;
  void note_bytes();

  int device_;
  Launch launch_{};
  OwnStream compute_, copies_, cancels_;
  DeviceMemory block_;  // a Block each
  PinnedMemory pinned_;
  DeviceMemory workspace_;
  std::uint64_t workspace_generation_ = 0;
  Staging staging_;
  std::array<Kept, kKept> kept_;
  std::uint64_t uses_ = 0;
  Event done_;

  bool busy_ = false;
  gld_call call_{};  // that was submitted, for its result
  gld_stage stage_ = GLD_STAGE_GLD;
  gld_method method_ = GLD_METHOD_AUTO;
  std::atomic<std::size_t> held_{0};
};

}  // namespace gld::cuda

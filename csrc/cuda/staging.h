// Buffers of a call that are in host memory: copied to device memory before the call's kernels and back behind them.
//
// Inputs go through a ring of pinned chunks: while the copy engine moves one to the device, the CPU fills the next, and
// kernels that need only what has arrived already run. A view whose elements fill most of the memory that it spans is
// copied as it lies, strides kept; others are packed. Outputs come back in pieces too, each written to the caller's
// memory while the next ones are on their way.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "../engine.h"
#include "../shared/call_views.h"
#include "runtime.h"

namespace gld::cuda {

class Staging {
 public:
  // Finds the host buffers of a call, and replaces them in it by where they will be on the device. May take memory,
  // which changes what calls before had (see generation()).
  void plan(gld_call& call, gld_stage stage);

  bool has_inputs() const { return !inputs_.empty(); }
  bool has_outputs() const { return !outputs_.empty(); }
  // Whether the inputs of the teacher are a part of their own, worth to begin with.
  bool in_parts() const { return teacher_bytes_ > kChunk; }

  // Copies inputs: those of the teacher, or the others (all, unless in_parts()). Returns when they have been read; what
  // is queued on `compute` from then on has them. `copies` is a stream of its own.
  void upload_teacher(Stream copies, Stream compute);
  void upload(Stream copies, Stream compute);

  // Queues the outputs' way to pinned memory; then, when the caller wants them, waits for it and writes them.
  void download(Stream compute);
  void deliver() const;

  void release();
  std::size_t bytes() const { return device_.bytes() + ring_.bytes() + results_.bytes(); }
  // Changes whenever buffers of an earlier call have moved.
  std::uint64_t generation() const { return generation_; }

 private:
  static constexpr std::int64_t kChunk = 4 << 20;  // meant to be large enough for the bus's full speed
  static constexpr int kSlots = 3;                 // of the ring
  static constexpr int kPieces = 8;                // most that outputs come back in

  struct Buffer {
    gld_view host;
    ViewShape shape;
    std::int64_t offset, bytes;  // in the staging memory
    bool packed;                 // element by element, in row-major order; else as it lies
    std::int64_t low;            // as it lies: the first element
  };

  static Buffer describe(const gld_view& view, const ViewShape& shape);
  template <class Byte, class F>
  static void each_line(const Buffer& buffer, std::int64_t begin, std::int64_t end, Byte* staged, F&& move);
  static char* as_it_lies(const Buffer& buffer, std::int64_t begin);
  static void read(const Buffer& buffer, std::int64_t begin, std::int64_t end, char* to);
  static void write(const Buffer& buffer, std::int64_t begin, std::int64_t end, const char* from);
  template <class F>
  static void each_part(const std::vector<Buffer>& buffers, std::int64_t begin, std::int64_t end, F&& use);
  void upload(std::int64_t begin, std::int64_t end, Stream copies, Stream compute);
  std::int64_t piece() const;

  std::vector<Buffer> inputs_, outputs_;
  std::int64_t teacher_bytes_ = 0, input_bytes_ = 0, output_bytes_ = 0;
  DeviceMemory device_;  // inputs, then outputs
  PinnedMemory ring_, results_;
  std::vector<Event> filled_;  // of the ring's slots: their copy is done
  std::vector<Event> pieces_;  // of the outputs
  Event arrived_;
  int next_slot_ = 0;
  std::uint64_t generation_ = 0;
};

}  // namespace gld::cuda

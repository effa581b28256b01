#include "staging.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <new>
#include <type_traits>

#include "convert.cuh"

namespace gld::cuda {
namespace {

constexpr std::int64_t kAlignment = 256;

std::int64_t aligned(std::int64_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

std::int64_t count_of(const ViewShape& shape) {
  std::int64_t count = 1;
  for (const std::int64_t size : shape) count *= size;
  return count;
}

// Sizes are checked by the engine; that what they amount to fits memory is found out by asking for it.
std::int64_t sum(std::int64_t a, std::int64_t b) {
  std::int64_t total = 0;
  if (__builtin_add_overflow(a, b, &total)) throw std::bad_alloc();
  return total;
}

// Elements [first, first + count) in row-major order, line by line: use(host element offset, place in that order,
// length, stride).
template <class F>
void lines(const ViewShape& shape, const std::int64_t* stride, std::int64_t first, std::int64_t count, F&& use) {
  // The last axis that has more than one element is the lines'.
  int axis = GLD_AXES - 1;
  while (axis > 0 && shape[static_cast<std::size_t>(axis)] == 1) --axis;
  const std::int64_t width = shape[static_cast<std::size_t>(axis)];
  for (std::int64_t at = first; at < first + count;) {
    std::int64_t rest = at / width;
    std::int64_t offset = at % width * stride[axis];
    for (int a = axis - 1; a >= 0; --a) {
      const std::int64_t size = shape[static_cast<std::size_t>(a)];
      offset += rest % size * stride[a];
      rest /= size;
    }
    const std::int64_t length = std::min(width - at % width, first + count - at);
    use(offset, at, length, stride[axis]);
    at += length;
  }
}

// Row-major strides.
void settle(gld_view& view, const ViewShape& shape) {
  std::int64_t size = 1;
  for (int axis = GLD_AXES - 1; axis >= 0; --axis) {
    view.stride[axis] = size;
    size *= shape[static_cast<std::size_t>(axis)];
  }
}

}  // namespace

Staging::Buffer Staging::describe(const gld_view& view, const ViewShape& shape) {
  Buffer buffer{view, shape, 0, 0, true, 0};
  std::int64_t low = 0;
  std::int64_t high = 0;
  bool within = true;
  for (int axis = 0; axis < GLD_AXES; ++axis) {
    std::int64_t extent = 0;
    within = within && !__builtin_mul_overflow(shape[static_cast<std::size_t>(axis)] - 1, view.stride[axis], &extent) &&
             !__builtin_add_overflow(extent < 0 ? low : high, extent, extent < 0 ? &low : &high);
  }
  const std::int64_t count = count_of(shape);
  const std::int64_t span = within ? high - low + 1 : std::numeric_limits<std::int64_t>::max();
  buffer.packed = span > count + count / 4;
  buffer.low = buffer.packed ? 0 : low;
  buffer.bytes = (buffer.packed ? count : span) * bytes_of(view.dtype);
  return buffer;
}

void Staging::plan(gld_call& call, gld_stage stage) {
  inputs_.clear();
  outputs_.clear();
  input_bytes_ = output_bytes_ = 0;
  std::vector<gld_view*> views;
  const auto add = [&](std::vector<Buffer>& list, std::int64_t& total, gld_view& view, const ViewShape& shape) {
    if (view.memory != GLD_HOST) return;
    Buffer buffer = describe(view, shape);
    buffer.offset = total;
    total = sum(total, aligned(sum(buffer.bytes, kAlignment)));
    list.push_back(buffer);
    views.push_back(&view);
  };
  const auto add_input = [&](gld_view& view, const ViewShape& shape) { add(inputs_, input_bytes_, view, shape); };
  for_each_view(call, stage, {ViewKind::teacher}, add_input);
  teacher_bytes_ = input_bytes_;
  for_each_view(call, stage, {ViewKind::student, ViewKind::input}, add_input);
  for_each_view(call, stage, {ViewKind::output},
                [&](gld_view& view, const ViewShape& shape) { add(outputs_, output_bytes_, view, shape); });

  const auto grow = [&](auto& memory, std::int64_t bytes) {
    if (static_cast<std::size_t>(bytes) <= memory.bytes()) return;
    ++generation_;
    memory.grow(static_cast<std::size_t>(bytes));
  };
  grow(device_, sum(input_bytes_, output_bytes_));
  const std::int64_t chunks = (input_bytes_ + kChunk - 1) / kChunk;
  if (!inputs_.empty()) grow(ring_, chunks == 1 ? input_bytes_ : kChunk * std::min<std::int64_t>(chunks, kSlots));
  grow(results_, output_bytes_);
  while (filled_.size() < kSlots) filled_.emplace_back();

  std::size_t next = 0;
  const auto place = [&](std::vector<Buffer>& list, char* base) {
    for (const Buffer& buffer : list) {
      gld_view& view = *views[next++];
      const std::int64_t element = bytes_of(view.dtype);
      view.data = base + buffer.offset - buffer.low * element;
      view.memory = GLD_DEVICE;
      if (buffer.packed) settle(view, buffer.shape);
    }
  };
  place(inputs_, device_.data());
  place(outputs_, device_.data() + input_bytes_);
}

// Bytes [begin, end) of what a packed buffer is on the device, which lie at `staged` in pinned memory: move(host,
// staged, count, host stride) for every line of its elements.
template <class Byte, class F>
void Staging::each_line(const Buffer& buffer, std::int64_t begin, std::int64_t end, Byte* staged, F&& move) {
  const gld_view& view = buffer.host;
  const auto run = [&](auto bits) {
    using Host = decltype(bits);
    using Staged = std::conditional_t<std::is_const_v<Byte>, const Host, Host>;
    constexpr std::int64_t element = sizeof(Host);
    const std::int64_t first = begin / element;
    lines(buffer.shape, view.stride, first, end / element - first,
          [&](std::int64_t offset, std::int64_t at, std::int64_t length, std::int64_t stride) {
            move(static_cast<Host*>(view.data) + offset, reinterpret_cast<Staged*>(staged) + (at - first), length,
                 stride);
          });
  };
  if (bytes_of(view.dtype) == sizeof(std::uint16_t)) return run(std::uint16_t{});
  run(std::uint32_t{});
}

// Where byte `begin` of an unpacked buffer is in the caller's memory.
char* Staging::as_it_lies(const Buffer& buffer, std::int64_t begin) {
  return static_cast<char*>(buffer.host.data) + buffer.low * bytes_of(buffer.host.dtype) + begin;
}

void Staging::read(const Buffer& buffer, std::int64_t begin, std::int64_t end, char* to) {
  if (!buffer.packed) {
    std::memcpy(to, as_it_lies(buffer, begin), static_cast<std::size_t>(end - begin));
    return;
  }
  each_line(buffer, begin, end, to, [](const auto* host, auto* staged, std::int64_t count, std::int64_t stride) {
    for (std::int64_t i = 0; i < count; ++i) staged[i] = host[i * stride];
  });
}

void Staging::write(const Buffer& buffer, std::int64_t begin, std::int64_t end, const char* from) {
  if (!buffer.packed) {
    std::memcpy(as_it_lies(buffer, begin), from, static_cast<std::size_t>(end - begin));
    return;
  }
  each_line(buffer, begin, end, from, [](auto* host, const auto* staged, std::int64_t count, std::int64_t stride) {
    for (std::int64_t i = 0; i < count; ++i) host[i * stride] = staged[i];
  });
}

// use(buffer, low, high) for what buffers hold of the bytes [begin, end) of the staging memory.
template <class F>
void Staging::each_part(const std::vector<Buffer>& buffers, std::int64_t begin, std::int64_t end, F&& use) {
  for (const Buffer& buffer : buffers) {
    const std::int64_t low = std::max(begin, buffer.offset);
    const std::int64_t high = std::min(end, buffer.offset + buffer.bytes);
    if (low < high) use(buffer, low, high);
  }
}

void Staging::upload(std::int64_t begin, std::int64_t end, Stream copies, Stream compute) {
  for (std::int64_t at = begin; at < end; at += kChunk) {
    const std::int64_t stop = std::min(at + kChunk, end);
    char* const slot = ring_.data() + next_slot_ * kChunk;
    Event& event = filled_[static_cast<std::size_t>(next_slot_)];
    event.wait();  // until what was last in this slot is on the device
    // Only what the buffers hold: between them there is nothing to copy, but it is cheaper to move with the rest.
    each_part(inputs_, at, stop, [&](const Buffer& buffer, std::int64_t low, std::int64_t high) {
      read(buffer, low - buffer.offset, high - buffer.offset, slot + (low - at));
    });
    copy_to_device(copies, device_.data() + at, slot, static_cast<std::size_t>(stop - at));
    event.record(copies);
    next_slot_ = (next_slot_ + 1) % kSlots;
    // A ring of a small call is no larger than its inputs: one chunk.
    if (static_cast<std::size_t>((next_slot_ + 1) * kChunk) > ring_.bytes()) next_slot_ = 0;
  }
  arrived_.record(copies);
  arrived_.hold(compute);
}

void Staging::upload_teacher(Stream copies, Stream compute) { upload(0, teacher_bytes_, copies, compute); }
void Staging::upload(Stream copies, Stream compute) {
  upload(in_parts() ? teacher_bytes_ : 0, input_bytes_, copies, compute);
}

std::int64_t Staging::piece() const { return std::max(aligned((output_bytes_ + kPieces - 1) / kPieces), kChunk); }

void Staging::download(Stream compute) {
  std::size_t number = 0;
  for (std::int64_t at = 0; at < output_bytes_; at += piece()) {
    const std::int64_t stop = std::min(at + piece(), output_bytes_);
    // Only what the buffers hold: nothing has written what lies between them.
    each_part(outputs_, at, stop, [&](const Buffer&, std::int64_t low, std::int64_t high) {
      copy_to_host(compute, results_.data() + low, device_.data() + input_bytes_ + low,
                   static_cast<std::size_t>(high - low));
    });
    if (pieces_.size() == number) pieces_.emplace_back();
    pieces_[number++].record(compute);
  }
}

void Staging::deliver() const {
  std::size_t number = 0;
  for (std::int64_t at = 0; at < output_bytes_; at += piece()) {
    const std::int64_t stop = std::min(at + piece(), output_bytes_);
    pieces_[number++].wait();
    each_part(outputs_, at, stop, [&](const Buffer& buffer, std::int64_t low, std::int64_t high) {
      write(buffer, low - buffer.offset, high - buffer.offset, results_.data() + low);
    });
  }
}

void Staging::release() {
  device_.release();
  ring_.release();
  results_.release();
  next_slot_ = 0;
  ++generation_;
}

}  // namespace gld::cuda

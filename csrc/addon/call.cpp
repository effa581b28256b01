#include "call.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string>
#include <type_traits>
#include <utility>

#include "../shared/call_views.h"
#include "engines.h"

namespace gld {
namespace {

// Where each number of the descriptor is; those of the views follow one another behind them.
enum Number {
#define GLD_EACH_NUMBER(id, type, path, name) kNumber_##id,
#define GLD_GRID(type, member, name, levels, axes) \
  kNumber_##member, kNumber_last_of_##member = kNumber_##member + (levels) * (axes)-1,
#define GLD_ADDON_OPTION(id, name) kNumber_##id,
#define GLD_ADDON_NUMBER(id, name) kNumber_##id,
#include "../call.def"
  kNumbersOfCall
};

enum ViewNumber {
#define GLD_VIEW_NUMBERS(id, name, count) kView_##id, kView_last_of_##id = kView_##id + (count)-1,
#include "../call.def"
  kNumbersOfView
};

constexpr std::size_t kNumbers = kNumbersOfCall + kViewCount * kNumbersOfView;

[[noreturn]] void refuse(Napi::Env env, ErrorClass kind, const char* code, const std::string& argument,
                         const std::string& expected, const std::string& received) {
  throw make_error(env, kind, code, argument, expected, received);
}

struct Buffer {
  char* data;
  std::size_t length;    // in elements
  std::int64_t element;  // bytes
};

// Where a view lies, whatever the value was that said so.
struct Place {
  char* data;
  std::int64_t length;  // in elements; less than 0: the engine knows
  std::int32_t memory;  // gld_memory
};

bool is_typed_array(Napi::Env env, napi_value value) {
  bool is_array = false;
  if (value != nullptr) napi_is_typedarray(env, value, &is_array);
  return is_array;
}

// Of a value that is a typed array.
Buffer buffer_of(Napi::Env env, napi_value value) {
  // Left as it is for kinds that this Node-API does not name: Float16Array is the one that lib lets through.
  auto type = static_cast<napi_typedarray_type>(-1);
  std::size_t length = 0;
  void* data = nullptr;
  if (napi_get_typedarray_info(env, value, &type, &length, &data, nullptr, nullptr) != napi_ok) {
    throw Napi::Error::New(env);
  }
  std::int64_t element = 2;
  switch (type) {
    case napi_float32_array:
    case napi_int32_array:
    case napi_uint32_array: element = 4; break;
    case napi_float64_array:
    case napi_bigint64_array:
    case napi_biguint64_array: element = 8; break;
    case napi_int8_array:
    case napi_uint8_array:
    case napi_uint8_clamped_array: element = 1; break;
    default: break;
  }
  return {static_cast<char*>(data), length, element};
}

// The descriptor's numbers, each an integer that a double holds exactly.
class Numbers {
 public:
  Numbers(Napi::Env env, napi_value descriptor) : env_(env) {
    if (!is_typed_array(env, descriptor)) {
      refuse(env, ErrorClass::kType, "ERR_GLD_ARG_TYPE", "descriptor", "a typed array", "another value");
    }
    const Buffer raw = buffer_of(env, descriptor);
    if (raw.element != sizeof(double) || raw.length != kNumbers) {
      refuse(env, ErrorClass::kType, "ERR_GLD_ARG_TYPE", "descriptor", "a Float64Array of " + std::to_string(kNumbers),
             std::to_string(raw.length) + " elements of " + std::to_string(raw.element) + " bytes");
    }
    data_ = reinterpret_cast<const double*>(raw.data);
  }

  std::int64_t integer(int index, const char* name) const {
    constexpr double kExact = 9007199254740991.0;
    const double value = data_[index];
    if (!(std::abs(value) <= kExact) || value != std::floor(value)) {
      refuse(env_, ErrorClass::kRange, "ERR_GLD_OVERFLOW", name, "an integer below 2^53", std::to_string(value));
    }
    return static_cast<std::int64_t>(value);
  }

  // Of a member of gld_call; what is beyond its type becomes the nearest number that is not, for engines to refuse.
  template <class T>
  void read(int index, const char* name, T* member) const {
    if constexpr (std::is_floating_point_v<T>) {
      *member = data_[index];
    } else {
      using Limits = std::numeric_limits<T>;
      *member = static_cast<T>(std::clamp<std::int64_t>(integer(index, name), Limits::min(), Limits::max()));
    }
  }

 private:
  Napi::Env env_;
  const double* data_ = nullptr;
};

// Which bytes a view reaches, as addresses: a view that reaches too far has no pointers.
struct Span {
  std::uintptr_t begin = 0;
  std::uintptr_t end = 0;
};

// First and last element that the view reaches, or false if that does not fit 64 bits.
bool reach(const ViewShape& shape, const std::int64_t* stride, std::int64_t offset, std::int64_t* low,
           std::int64_t* high) {
  *low = *high = offset;
  for (int axis = 0; axis < GLD_AXES; ++axis) {
    std::int64_t extent = 0;
    if (__builtin_mul_overflow(shape[axis] - 1, stride[axis], &extent)) return false;
    std::int64_t* side = extent < 0 ? low : high;
    if (__builtin_add_overflow(*side, extent, side)) return false;
  }
  return true;
}

// Whether the strides are those of a dense block with its axes in that order; they become exactly those, also where an
// axis of size 1 makes its stride meaningless.
bool settle(const ViewInfo& info, const axis::Axes& order, const ViewShape& shape, std::int64_t* stride) {
  ViewShape dense;
  dense.fill(1);
  std::int64_t size = 1;
  for (int place = order.count - 1; place >= 0; --place) {
    const auto at = static_cast<std::size_t>(info.axes.find(order.list[static_cast<std::size_t>(place)]));
    dense[at] = size;
    if (shape[at] != 1 && stride[at] != size) return false;
    if (__builtin_mul_overflow(size, shape[at], &size)) return false;
  }
  std::copy(dense.begin(), dense.end(), stride);
  return true;
}

// A BigInt's address, or a DeviceMemory's block, which the call keeps from then on.
Place place_on_device(Napi::Env env, Napi::Value value, const char* role, std::int64_t element, DecodedCall& decoded) {
  if (decoded.device == kHost)
    refuse(env, ErrorClass::kRange, "ERR_GLD_DEVICE", role, "host memory", "memory on a device");
  char* data = nullptr;
  std::int64_t length = -1;
  if (value.IsBigInt()) {
    bool lossless = false;
    data = reinterpret_cast<char*>(static_cast<std::uintptr_t>(value.As<Napi::BigInt>().Uint64Value(&lossless)));
    if (!lossless || data == nullptr)
      refuse(env, ErrorClass::kRange, "ERR_GLD_DEVICE", role, "a device address", "none");
  } else {
    auto block = DeviceMemory::block_of(value, role);
    if (block->device() != decoded.device) {
      refuse(env, ErrorClass::kRange, "ERR_GLD_DEVICE", role, "memory on cuda:" + std::to_string(decoded.device),
             "memory on cuda:" + std::to_string(block->device()));
    }
    data = block->data();
    length = static_cast<std::int64_t>(block->bytes()) / element;
    decoded.blocks.push_back(std::move(block));
  }
  if (reinterpret_cast<std::uintptr_t>(data) % static_cast<std::uintptr_t>(element) != 0) {
    refuse(env, ErrorClass::kRange, "ERR_GLD_DEVICE", role, "an address that is a multiple of the element size",
           "another");
  }
  return {data, length, GLD_DEVICE};
}

// Checks that all bytes are the device's.
void check_reach(Napi::Env env, std::int32_t device, const char* role, const Span& span) {
  char message[GLD_MESSAGE_BYTES] = {};
  const std::size_t bytes = span.end - span.begin;
  const auto* begin = reinterpret_cast<const void*>(span.begin);
  const gld_status status = opened_device_engine().check(device, begin, bytes, message);
  if (status == GLD_OK) return;
  if (status != GLD_INVALID) throw status_error(env, status, message, device);
  refuse(env, ErrorClass::kRange, "ERR_GLD_DEVICE", role,
         std::to_string(bytes) + " bytes of one allocation on cuda:" + std::to_string(device), message);
}

// The address of an element that is so many elements from a base, or false if there is no such address.
bool at(std::uintptr_t base, std::int64_t index, std::int64_t element, std::uintptr_t* address) {
  std::int64_t bytes = 0;
  if (__builtin_mul_overflow(index, element, &bytes)) return false;
  const auto forward = static_cast<std::uintptr_t>(bytes);
  const std::uintptr_t distance = bytes < 0 ? -forward : forward;
  return bytes < 0 ? !__builtin_sub_overflow(base, distance, address)
                   : !__builtin_add_overflow(base, distance, address);
}

Span decode_view(Napi::Env env, const Numbers& numbers, int index, napi_value value, DecodedCall& decoded) {
  const ViewInfo& info = kViews[index];
  const char* name = info.name;
  const ViewShape shape = info.shape(decoded.call, decoded.stage);
  gld_view& view = info.in(decoded.call);
  const int base = kNumbersOfCall + index * kNumbersOfView;
  const std::int64_t dtype = numbers.integer(base + kView_dtype, name);
  const std::int64_t offset = numbers.integer(base + kView_offset, name);
  for (int axis = 0; axis < GLD_AXES; ++axis) view.stride[axis] = numbers.integer(base + kView_stride + axis, name);

  const std::int64_t element = bytes_of(dtype);
  const bool on_device = !is_typed_array(env, value);
  if (on_device) {
    napi_valuetype type = napi_undefined;
    napi_typeof(env, value, &type);
    if (type != napi_bigint && type != napi_object) {
      refuse(env, ErrorClass::kType, "ERR_GLD_ARG_TYPE", name, "a typed array", "another value");
    }
  }
  const Buffer buffer = on_device ? Buffer{} : buffer_of(env, value);
  const std::int64_t given = on_device ? element : buffer.element;
  if (given != element || !info.types.has(dtype)) {
    refuse(env, ErrorClass::kType, "ERR_GLD_DTYPE", name, info.types.array,
           "elements of " + std::to_string(given) + " bytes");
  }
  for (const std::int64_t size : shape) {
    if (size < 1) refuse(env, ErrorClass::kRange, "ERR_GLD_SHAPE", name, "sizes of at least 1", std::to_string(size));
  }
  const Place place = on_device ? place_on_device(env, Napi::Value(env, value), name, element, decoded)
                                : Place{buffer.data, static_cast<std::int64_t>(buffer.length), GLD_HOST};

  if (place.length == 0) {
    refuse(env, ErrorClass::kType, "ERR_GLD_DETACHED", name, "memory that is still there",
           "a detached or empty buffer");
  }

  std::int64_t low = 0;
  std::int64_t high = 0;
  Span span;
  const auto origin = reinterpret_cast<std::uintptr_t>(place.data);
  if (!reach(shape, view.stride, offset, &low, &high) || !at(origin, low, element, &span.begin) ||
      !at(origin, high, element, &span.end) ||
      __builtin_add_overflow(span.end, static_cast<std::uintptr_t>(element), &span.end)) {
    refuse(env, ErrorClass::kRange, "ERR_GLD_OVERFLOW", name, "a view within 64 bits", "larger strides or sizes");
  }
  if (place.length < 0) {
    check_reach(env, decoded.device, name, span);
  } else if (low < 0 || high >= place.length) {
    refuse(env, ErrorClass::kRange, "ERR_GLD_SHORT", name,
           "a buffer that holds elements " + std::to_string(low) + " to " + std::to_string(high),
           std::to_string(place.length) + " elements");
  }
  if (info.kind == ViewKind::output && !settle(info, info.axes, shape, view.stride) &&
      !settle(info, info.other, shape, view.stride)) {
    refuse(env, ErrorClass::kRange, "ERR_GLD_STRIDE", name, "a dense output", "other strides");
  }
  view.dtype = static_cast<std::int32_t>(dtype);
  view.memory = place.memory;
  view.data = place.data + offset * element;
  return span;
}

// By address, so that two objects over the same shared memory are found out too.
void refuse_overlap(Napi::Env env, const std::array<Span, kViewCount>& spans) {
  for (std::size_t output = 0; output < kViewCount; ++output) {
    if (kViews[output].kind != ViewKind::output) continue;
    for (std::size_t other = 0; other < kViewCount; ++other) {
      if (other >= output && kViews[other].kind == ViewKind::output) continue;  // each pair of outputs once
      if (spans[output].begin < spans[other].end && spans[other].begin < spans[output].end) {
        refuse(env, ErrorClass::kRange, "ERR_GLD_OVERLAP", kViews[output].name, "memory of its own",
               std::string("a buffer that overlaps ") + kViews[other].name);
      }
    }
  }
}

}  // namespace

DecodedCall decode_call(Napi::Env env, Napi::Value stage_value, Napi::Value descriptor, Napi::Value buffers,
                        std::int32_t (*devices)()) {
  const std::int64_t stage = stage_value.IsNumber() ? stage_value.As<Napi::Number>().Int64Value() : -1;
  if (stage < 0 || stage >= gld_stage_count) {
    refuse(env, ErrorClass::kRange, "ERR_GLD_ARG_TYPE", "stage", "a stage number", std::to_string(stage));
  }
  if (!buffers.IsArray()) refuse(env, ErrorClass::kType, "ERR_GLD_ARG_TYPE", "buffers", "an array", "another value");
  // All values first: an element of the array may be a getter, and no JavaScript may run once addresses are taken.
  const std::int64_t present = Numbers(env, descriptor).integer(kNumber_present, "present");
  std::array<napi_value, kViewCount> values{};
  for (std::uint32_t index = 0; index < kViewCount; ++index) {
    if ((present >> index & 1) == 0) continue;
    if (napi_get_element(env, buffers, index, &values[index]) != napi_ok) throw Napi::Error::New(env);
  }
  const Numbers numbers(env, descriptor);

  DecodedCall decoded{};
  decoded.stage = static_cast<gld_stage>(stage);
  gld_call& call = decoded.call;
#define GLD_EACH_NUMBER(id, type, path, name) numbers.read(kNumber_##id, name, &call.path);
#define GLD_GRID(type, member, name, levels, axes) \
  for (int i = 0; i < (levels) * (axes); ++i) numbers.read(kNumber_##member + i, name, &call.member[0][0] + i);
#include "../call.def"
  decoded.threads =
      static_cast<std::int32_t>(std::clamp<std::int64_t>(numbers.integer(kNumber_threads, "threads"), 1, 1 << 16));

  // 0: the host; i + 1: device i
  const std::int64_t device = numbers.integer(kNumber_device, "device") - 1;
  if (device != kHost && (device < 0 || device >= devices())) {
    refuse(env, ErrorClass::kRange, "ERR_GLD_DEVICE", "device", "one of " + std::to_string(devices()),
           "cuda:" + std::to_string(device));
  }
  decoded.device = static_cast<std::int32_t>(device);

  std::array<Span, kViewCount> spans{};
  for (std::size_t index = 0; index < kViewCount; ++index) {
    if (values[index] == nullptr) continue;
    spans[index] = decode_view(env, numbers, static_cast<int>(index), values[index], decoded);
  }
  refuse_overlap(env, spans);
  return decoded;
}

}  // namespace gld

#include "call.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <utility>

#include "engines.h"

namespace gld {
namespace {

constexpr std::array<const char*, GLD_STAGE_COUNT> kStages{"pool",          "classifier", "cross_entropy",
                                                           "normalized_kd", "relation",   "gld"};

// Each list is written once: the enum and the exported names come from it.
#define GLD_LEVEL(X, level) X(grid##level##Depth) X(grid##level##Height) X(grid##level##Width)
// clang-format off
#define GLD_FIELDS(X)                                                                                           \
  X(n) X(classes) X(rows) X(levels) GLD_LEVEL(X, 0) GLD_LEVEL(X, 1) GLD_LEVEL(X, 2) GLD_LEVEL(X, 3)             \
  GLD_LEVEL(X, 4) GLD_LEVEL(X, 5) GLD_LEVEL(X, 6) GLD_LEVEL(X, 7)                                               \
  X(teacherChannels) X(teacherDepth) X(teacherHeight) X(teacherWidth)                                           \
  X(studentChannels) X(studentDepth) X(studentHeight) X(studentWidth) X(compute) X(alpha) X(beta)               \
  X(localWeight) X(normalization) X(unbiased) X(temperature) X(method) X(metric) X(precision)                   \
  X(unlabelled) X(labelSmoothing) X(relationRows) X(threads) X(device) X(present)
// clang-format on
#define GLD_ENUM(name) kField_##name,
#define GLD_NAME(name) #name,
enum Field { GLD_FIELDS(GLD_ENUM) kFields };
constexpr std::array<const char*, kFields> kFieldNames{GLD_FIELDS(GLD_NAME)};
#undef GLD_NAME
#undef GLD_ENUM
#undef GLD_FIELDS
#undef GLD_LEVEL
// Cells of a level over depth, height and width.
constexpr int kAxesOfMap = 3;
static_assert(kField_grid7Width == kField_grid0Depth + kAxesOfMap * GLD_MAX_LEVELS - 1);

enum Role {
  kTeacherFeatures,
  kTeacherMask,
  kTeacherWeight,
  kTeacherBias,
  kTeacherLogits,
  kStudentFeatures,
  kStudentMask,
  kStudentWeight,
  kStudentBias,
  kStudentLogits,
  kLabels,
  kSoftLabels,
  kWeights,
  kPooled,
  kUpstream,
  kOutFeatures,
  kOutWeight,
  kOutBias,
  kOutLogits,
  kOutPooled,
  kRoles
};
constexpr Role kFirstOutput = kOutFeatures;
constexpr std::array<const char*, kRoles> kRoleNames{
    "teacher.features", "teacher.mask", "teacher.weight", "teacher.bias", "teacher.logits",
    "student.features", "student.mask", "student.weight", "student.bias", "student.logits",
    "labels",           "softLabels",   "weights",        "pooled",       "upstream",
    "out.features",     "out.weight",   "out.bias",       "out.logits",   "out.pooled"};

enum RoleField { kDtype, kOffset, kStride0, kStride1, kStride2, kStride3, kStride4, kRoleFields };
constexpr std::array<const char*, kRoleFields> kRoleFieldNames{"dtype",   "offset",  "stride0", "stride1",
                                                               "stride2", "stride3", "stride4"};
constexpr int kAxes = kRoleFields - kStride0;

constexpr std::size_t kNumbers = kFields + kRoles * kRoleFields;

template <std::size_t N>
Napi::Array names(Napi::Env env, const std::array<const char*, N>& list) {
  Napi::Array array = Napi::Array::New(env, N);
  for (std::size_t i = 0; i < N; ++i) array.Set(static_cast<std::uint32_t>(i), list[i]);
  return array;
}

[[noreturn]] void refuse(Napi::Env env, ErrorClass kind, const char* code, const std::string& argument,
                         const std::string& expected, const std::string& received) {
  throw make_error(env, kind, code, argument, expected, received);
}

struct Buffer {
  char* data;
  std::size_t length;   // in elements
  std::size_t element;  // bytes
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
  std::size_t element = 2;
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

  double real(int index) const { return data_[index]; }

  std::int64_t integer(int index, const char* name) const {
    constexpr double kExact = 9007199254740991.0;
    const double value = data_[index];
    if (!(std::abs(value) <= kExact) || value != std::floor(value)) {
      refuse(env_, ErrorClass::kRange, "ERR_GLD_OVERFLOW", name, "an integer below 2^53", std::to_string(value));
    }
    return static_cast<std::int64_t>(value);
  }

  std::int64_t field(Field index) const { return integer(index, kFieldNames[index]); }

 private:
  Napi::Env env_;
  const double* data_ = nullptr;
};

std::size_t bytes_of(std::int64_t dtype) {
  switch (dtype) {
    case GLD_F32:
    case GLD_I32: return 4;
    case GLD_F64: return 8;
    case GLD_F16:
    case GLD_BF16: return 2;
    case GLD_U8: return 1;
    default: return 0;
  }
}

// What a role's elements may be, and what to call an array of them.
bool suits(Role role, std::int64_t dtype) {
  switch (role) {
    case kLabels: return dtype == GLD_I32;
    case kTeacherMask:
    case kStudentMask: return dtype == GLD_U8;
    case kWeights: return dtype == GLD_F32 || dtype == GLD_F64;
    default: return dtype >= GLD_F32 && dtype <= GLD_BF16;
  }
}

const char* array_for(Role role) {
  switch (role) {
    case kLabels: return "an Int32Array";
    case kTeacherMask:
    case kStudentMask: return "a Uint8Array";
    case kWeights: return "a Float32Array or Float64Array";
    default: return "a typed array of its dtype";
  }
}

using Shape = std::array<std::int64_t, kAxes>;

// Which bytes a view reaches, as addresses: a view that reaches too far has no pointers.
struct Span {
  std::uintptr_t begin = 0;
  std::uintptr_t end = 0;
};

// First and last element that the view reaches, or false if that does not fit 64 bits.
bool reach(const Shape& shape, const std::int64_t* stride, std::int64_t offset, std::int64_t* low, std::int64_t* high) {
  *low = *high = offset;
  for (int axis = 0; axis < kAxes; ++axis) {
    std::int64_t extent = 0;
    if (__builtin_mul_overflow(shape[axis] - 1, stride[axis], &extent)) return false;
    std::int64_t* side = extent < 0 ? low : high;
    if (__builtin_add_overflow(*side, extent, side)) return false;
  }
  return true;
}

// Axis orders that an output may have, outermost first: row-major, features with their channels last, weights with
// their classes last.
using Order = std::array<int, kAxes>;
constexpr Order kRowMajor{0, 1, 2, 3, 4};
constexpr Order kChannelsLast{0, 2, 3, 4, 1};
constexpr Order kClassesLast{1, 0, 2, 3, 4};

// Whether the strides are those of a dense block in that order; they become exactly those, also where an axis of size 1
// makes its stride meaningless.
bool settle(const Shape& shape, const Order& order, std::int64_t* stride) {
  Shape dense{};
  std::int64_t size = 1;
  for (auto axis = order.rbegin(); axis != order.rend(); ++axis) {
    dense[*axis] = size;
    if (shape[*axis] != 1 && stride[*axis] != size) return false;
    if (__builtin_mul_overflow(size, shape[*axis], &size)) return false;
  }
  std::copy(dense.begin(), dense.end(), stride);
  return true;
}

bool settle_output(Role role, const Shape& shape, std::int64_t* stride) {
  return settle(shape, kRowMajor, stride) || (role == kOutFeatures && settle(shape, kChannelsLast, stride)) ||
         (role == kOutWeight && settle(shape, kClassesLast, stride));
}

Shape shape_of(Role role, const gld_call& call, gld_stage stage) {
  const auto& t = call.teacher;
  const auto& s = call.student;
  switch (role) {
    case kTeacherFeatures: return {call.n, t.channels, t.depth, t.height, t.width};
    case kTeacherMask: return {call.n, t.depth, t.height, t.width, 1};
    case kTeacherWeight: return {call.classes, t.channels, 1, 1, 1};
    case kTeacherBias:
    case kStudentBias:
    case kOutBias: return {call.classes, 1, 1, 1, 1};
    case kTeacherLogits:
    case kStudentLogits:
    case kOutLogits: return {call.n, call.rows, call.classes, 1, 1};
    case kStudentFeatures:
    case kOutFeatures: return {call.n, s.channels, s.depth, s.height, s.width};
    case kStudentMask: return {call.n, s.depth, s.height, s.width, 1};
    case kStudentWeight:
    case kOutWeight: return {call.classes, s.channels, 1, 1, 1};
    case kLabels: return {call.n, 1, 1, 1, 1};
    case kSoftLabels: return {call.n, call.classes, 1, 1, 1};
    case kWeights: return {call.n, call.rows, 1, 1, 1};
    case kUpstream: return {call.n, call.rows, stage == GLD_STAGE_POOL ? s.channels : call.classes, 1, 1};
    default: return {call.n, call.rows, s.channels, 1, 1};
  }
}

gld_view* view_of(Role role, gld_call& call) {
  switch (role) {
    case kTeacherFeatures: return &call.teacher.features;
    case kTeacherMask: return &call.teacher.mask;
    case kTeacherWeight: return &call.teacher.weight;
    case kTeacherBias: return &call.teacher.bias;
    case kTeacherLogits: return &call.teacher.logits;
    case kStudentFeatures: return &call.student.features;
    case kStudentMask: return &call.student.mask;
    case kStudentWeight: return &call.student.weight;
    case kStudentBias: return &call.student.bias;
    case kStudentLogits: return &call.student.logits;
    case kLabels: return &call.labels;
    case kSoftLabels: return &call.soft_labels;
    case kWeights: return &call.weights;
    case kPooled: return &call.in_pooled;
    case kUpstream: return &call.upstream;
    case kOutFeatures: return &call.out_features;
    case kOutWeight: return &call.out_weight;
    case kOutBias: return &call.out_bias;
    case kOutLogits: return &call.out_logits;
    default: return &call.out_pooled;
  }
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

Span decode_view(Napi::Env env, const Numbers& numbers, Role role, const Shape& shape, napi_value value,
                 DecodedCall& decoded) {
  const char* name = kRoleNames[role];
  gld_view& view = *view_of(role, decoded.call);
  const int base = kFields + role * kRoleFields;
  const std::int64_t dtype = numbers.integer(base + kDtype, name);
  const std::int64_t offset = numbers.integer(base + kOffset, name);
  for (int axis = 0; axis < kAxes; ++axis) view.stride[axis] = numbers.integer(base + kStride0 + axis, name);

  const auto element = static_cast<std::int64_t>(bytes_of(dtype));
  const bool on_device = !is_typed_array(env, value);
  if (on_device) {
    napi_valuetype type = napi_undefined;
    napi_typeof(env, value, &type);
    if (type != napi_bigint && type != napi_object) {
      refuse(env, ErrorClass::kType, "ERR_GLD_ARG_TYPE", name, "a typed array", "another value");
    }
  }
  const Buffer buffer = on_device ? Buffer{} : buffer_of(env, value);
  if (element == 0 || (!on_device && bytes_of(dtype) != buffer.element) || !suits(role, dtype)) {
    refuse(env, ErrorClass::kType, "ERR_GLD_DTYPE", name, array_for(role),
           "elements of " + std::to_string(on_device ? bytes_of(dtype) : buffer.element) + " bytes");
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
  if (role >= kFirstOutput && !settle_output(role, shape, view.stride)) {
    refuse(env, ErrorClass::kRange, "ERR_GLD_STRIDE", name, "a dense output", "other strides");
  }
  view.dtype = static_cast<std::int32_t>(dtype);
  view.memory = place.memory;
  view.data = place.data + offset * element;
  return span;
}

}  // namespace

Napi::Array stage_names(Napi::Env env) { return names(env, kStages); }
Napi::Array field_names(Napi::Env env) { return names(env, kFieldNames); }
Napi::Array role_names(Napi::Env env) { return names(env, kRoleNames); }
Napi::Array role_field_names(Napi::Env env) { return names(env, kRoleFieldNames); }

DecodedCall decode_call(Napi::Env env, Napi::Value stage_value, Napi::Value descriptor, Napi::Value buffers,
                        std::int32_t (*devices)()) {
  const std::int64_t stage = stage_value.IsNumber() ? stage_value.As<Napi::Number>().Int64Value() : -1;
  if (stage < 0 || stage >= GLD_STAGE_COUNT) {
    refuse(env, ErrorClass::kRange, "ERR_GLD_ARG_TYPE", "stage", "a stage number", std::to_string(stage));
  }
  if (!buffers.IsArray()) refuse(env, ErrorClass::kType, "ERR_GLD_ARG_TYPE", "buffers", "an array", "another value");
  // All values first: an element of the array may be a getter, and no JavaScript may run once addresses are taken.
  const std::int64_t present = Numbers(env, descriptor).field(kField_present);
  std::array<napi_value, kRoles> values{};
  for (std::uint32_t role = 0; role < kRoles; ++role) {
    if ((present >> role & 1) == 0) continue;
    if (napi_get_element(env, buffers, role, &values[role]) != napi_ok) throw Napi::Error::New(env);
  }
  const Numbers numbers(env, descriptor);

  DecodedCall decoded{};
  decoded.stage = static_cast<gld_stage>(stage);
  gld_call& call = decoded.call;
  call.n = numbers.field(kField_n);
  call.classes = numbers.field(kField_classes);
  call.rows = numbers.field(kField_rows);
  call.levels =
      static_cast<std::int32_t>(std::clamp<std::int64_t>(numbers.field(kField_levels), 0, GLD_MAX_LEVELS + 1));
  for (int i = 0; i < kAxesOfMap * GLD_MAX_LEVELS; ++i) {
    call.grid[i / kAxesOfMap][i % kAxesOfMap] = numbers.field(static_cast<Field>(kField_grid0Depth + i));
  }
  call.teacher.channels = numbers.field(kField_teacherChannels);
  call.teacher.depth = numbers.field(kField_teacherDepth);
  call.teacher.height = numbers.field(kField_teacherHeight);
  call.teacher.width = numbers.field(kField_teacherWidth);
  call.student.channels = numbers.field(kField_studentChannels);
  call.student.depth = numbers.field(kField_studentDepth);
  call.student.height = numbers.field(kField_studentHeight);
  call.student.width = numbers.field(kField_studentWidth);
  call.compute = static_cast<std::int32_t>(numbers.field(kField_compute));
  call.normalization = static_cast<std::int32_t>(numbers.field(kField_normalization));
  call.unbiased = static_cast<std::int32_t>(numbers.field(kField_unbiased));
  call.method = static_cast<std::int32_t>(numbers.field(kField_method));
  call.metric = static_cast<std::int32_t>(numbers.field(kField_metric));
  call.precision = static_cast<std::int32_t>(numbers.field(kField_precision));
  call.unlabelled = static_cast<std::int32_t>(numbers.field(kField_unlabelled));
  call.alpha = numbers.real(kField_alpha);
  call.beta = numbers.real(kField_beta);
  call.local_weight = numbers.real(kField_localWeight);
  call.temperature = numbers.real(kField_temperature);
  call.label_smoothing = numbers.real(kField_labelSmoothing);
  call.relation_rows = numbers.real(kField_relationRows);
  decoded.threads = static_cast<std::int32_t>(std::clamp<std::int64_t>(numbers.field(kField_threads), 1, 1 << 16));

  // 0: the host; i + 1: device i
  const std::int64_t device = numbers.field(kField_device) - 1;
  if (device != kHost && (device < 0 || device >= devices())) {
    refuse(env, ErrorClass::kRange, "ERR_GLD_DEVICE", "device", "one of " + std::to_string(devices()),
           "cuda:" + std::to_string(device));
  }
  decoded.device = static_cast<std::int32_t>(device);

  std::array<Span, kRoles> spans{};
  for (int index = 0; index < kRoles; ++index) {
    const auto role = static_cast<Role>(index);
    if (values[role] == nullptr) continue;
    spans[role] = decode_view(env, numbers, role, shape_of(role, call, decoded.stage), values[role], decoded);
  }
  // By address, so that two objects over the same shared memory are found out too.
  for (int output = kFirstOutput; output < kRoles; ++output) {
    for (int other = 0; other < kRoles; ++other) {
      if (other >= output && other >= kFirstOutput) continue;  // each pair of outputs once
      if (spans[output].begin < spans[other].end && spans[other].begin < spans[output].end) {
        refuse(env, ErrorClass::kRange, "ERR_GLD_OVERLAP", kRoleNames[output], "memory of its own",
               std::string("a buffer that overlaps ") + kRoleNames[other]);
      }
    }
  }
  return decoded;
}

}  // namespace gld

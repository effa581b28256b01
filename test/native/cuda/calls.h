// Random calls of compare.cpp: every stage, with any layout, strides, element types and memory.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "engine.h"

namespace random_calls {

using Shape = std::vector<std::int64_t>;
inline std::mt19937_64 engine_random;
inline const gld_engine* device = nullptr;
inline char message[GLD_MESSAGE_BYTES];

inline std::int64_t pick(std::int64_t low, std::int64_t high) {
  return std::uniform_int_distribution<std::int64_t>(low, high)(engine_random);
}
template <class T>
T one_of(std::initializer_list<T> list) {
  return *(list.begin() + pick(0, static_cast<std::int64_t>(list.size()) - 1));
}
inline bool chance(double p) { return std::uniform_real_distribution<double>()(engine_random) < p; }

[[noreturn]] inline void die(const std::string& text) {
  std::printf("%s: %s\n", text.c_str(), message);
  std::exit(1);
}

inline std::int64_t bytes_of(std::int32_t dtype) {
  return dtype == GLD_F64 ? 8 : dtype == GLD_F16 || dtype == GLD_BF16 ? 2 : 4;
}
using Orders = std::vector<std::vector<int>>;  // of a tensor's axes, from the outermost in
inline const std::vector<int>& one_order(const Orders& of) {
  return of[static_cast<std::size_t>(pick(0, static_cast<std::int64_t>(of.size()) - 1))];
}

inline std::uint16_t to_half(float x) {
  _Float16 half = static_cast<_Float16>(x);
  std::uint16_t bits;
  std::memcpy(&bits, &half, 2);
  return bits;
}
inline float from_half(std::uint16_t bits) {
  _Float16 half;
  std::memcpy(&half, &bits, 2);
  return static_cast<float>(half);
}
inline std::uint16_t to_bfloat(float x) {
  std::uint32_t bits;
  std::memcpy(&bits, &x, 4);
  return static_cast<std::uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}
inline float from_bfloat(std::uint16_t half) {
  const std::uint32_t bits = static_cast<std::uint32_t>(half) << 16;
  float x;
  std::memcpy(&x, &bits, 4);
  return x;
}

inline double load(const char* at, std::int32_t dtype) {
  switch (dtype) {
    case GLD_F32: {
      float x;
      std::memcpy(&x, at, 4);
      return x;
    }
    case GLD_F64: {
      double x;
      std::memcpy(&x, at, 8);
      return x;
    }
    case GLD_I32: {
      std::int32_t x;
      std::memcpy(&x, at, 4);
      return x;
    }
    default: {
      std::uint16_t x;
      std::memcpy(&x, at, 2);
      return dtype == GLD_F16 ? from_half(x) : from_bfloat(x);
    }
  }
}
inline void store(char* at, std::int32_t dtype, double value) {
  if (dtype == GLD_F64) std::memcpy(at, &value, 8);
  const auto x = static_cast<float>(value);
  if (dtype == GLD_F32) std::memcpy(at, &x, 4);
  if (dtype == GLD_F16 || dtype == GLD_BF16) {
    const std::uint16_t bits = dtype == GLD_F16 ? to_half(x) : to_bfloat(x);
    std::memcpy(at, &bits, 2);
  }
  if (dtype == GLD_I32) {
    const auto label = static_cast<std::int32_t>(value);
    std::memcpy(at, &label, 4);
  }
}

// A tensor with a copy in host memory and, if it is the device's, one there of exactly its size.
struct Tensor {
  Shape shape;
  std::int32_t dtype = GLD_F32;
  std::vector<std::int64_t> stride;
  std::int64_t origin = 0, span = 0;
  std::vector<char> host;
  void* memory = nullptr;

  template <class F>
  void each(F&& use) const {
    std::vector<std::int64_t> at(shape.size());
    for (;;) {
      std::int64_t offset = origin;
      for (std::size_t a = 0; a < shape.size(); ++a) offset += at[a] * stride[a];
      use(offset);
      std::size_t a = shape.size();
      while (a > 0 && ++at[a - 1] == shape[a - 1]) at[--a] = 0;
      if (a == 0) return;
    }
  }

  // order: axes from the outermost in. Padded: with gaps, and some axes backwards.
  void lay_out(const std::vector<int>& order, bool padded) {
    stride.assign(shape.size(), 0);
    std::int64_t size = 1;
    origin = padded ? pick(0, 5) : 0;
    for (auto axis = order.rbegin(); axis != order.rend(); ++axis) {
      const auto a = static_cast<std::size_t>(*axis);
      stride[a] = size;
      size = size * shape[a] + (padded ? pick(0, 3) : 0);
      if (padded && chance(0.2)) {
        origin += stride[a] * (shape[a] - 1);
        stride[a] = -stride[a];
      }
    }
    span = size + (padded ? 6 : 0);
    host.assign(static_cast<std::size_t>(span * bytes_of(dtype)), 0);
  }

  void to_device(bool wanted) {
    if (!wanted) return;
    if (device->allocate(0, host.size(), &memory, message) != GLD_OK) die("allocate");
    if (device->copy(0, memory, GLD_DEVICE, host.data(), GLD_HOST, host.size(), message) != GLD_OK)
      die("copy to device");
  }
  void from_device() {
    if (memory == nullptr) return;
    if (device->copy(0, host.data(), GLD_HOST, memory, GLD_DEVICE, host.size(), message) != GLD_OK) die("copy to host");
  }
  gld_view view(bool on_device) {
    gld_view view{};
    char* const base = on_device && memory != nullptr ? static_cast<char*>(memory) : host.data();
    view.data = base + origin * bytes_of(dtype);
    view.dtype = dtype;
    view.memory = on_device && memory != nullptr ? GLD_DEVICE : GLD_HOST;
    for (std::size_t a = 0; a < shape.size(); ++a) view.stride[a] = stride[a];
    return view;
  }
  std::vector<double> values() const {
    std::vector<double> all;
    each([&](std::int64_t at) { all.push_back(load(host.data() + at * bytes_of(dtype), dtype)); });
    return all;
  }
  ~Tensor() {
    if (memory != nullptr) device->release(0, memory, message);
  }
};

// Where an input or output of the call is, for both engines.
struct Slot {
  gld_view gld_call::*direct;
  gld_view gld_side::*of_side;
  gld_side gld_call::*side;

  gld_view& of(gld_call& call) const { return direct != nullptr ? call.*direct : call.*side.*of_side; }
};
inline Slot direct(gld_view gld_call::*view) { return {view, nullptr, nullptr}; }
inline Slot of(gld_side gld_call::*side, gld_view gld_side::*view) { return {nullptr, view, side}; }

struct Case {
  gld_call call{};
  gld_stage stage = GLD_STAGE_POOL;
  struct Entry {
    Slot slot;
    std::unique_ptr<Tensor> tensor, reference;  // of the device; of the CPU in float64
    bool output;
    const char* name;
  };
  std::vector<Entry> entries;
  double device_share = chance(0.3) ? 1 : chance(0.3) ? 0 : 0.5;
  bool plain = chance(0.4);  // dense float32, as most callers have it

  void input(Slot slot, const char* name, Shape shape, const Orders& orders, double scale, double offset = 0) {
    auto tensor = std::make_unique<Tensor>();
    tensor->shape = shape;
    tensor->dtype = plain ? GLD_F32 : one_of({GLD_F32, GLD_F32, GLD_F16, GLD_BF16});
    tensor->lay_out(one_order(orders), !plain && chance(0.3));
    std::normal_distribution<double> normal(offset, scale);
    tensor->each([&](std::int64_t at) {
      store(tensor->host.data() + at * bytes_of(tensor->dtype), tensor->dtype, normal(engine_random));
    });
    tensor->to_device(chance(device_share));
    entries.push_back({slot, std::move(tensor), nullptr, false, name});
  }
  void output(Slot slot, const char* name, Shape shape, const Orders& orders) {
    const auto& order = one_order(orders);
    auto tensor = std::make_unique<Tensor>();
    tensor->shape = shape;
    tensor->dtype = plain ? GLD_F32 : one_of({GLD_F32, GLD_F16, GLD_BF16});
    tensor->lay_out(order, false);
    std::memset(tensor->host.data(), 0x5a, tensor->host.size());
    tensor->to_device(chance(device_share));
    auto reference = std::make_unique<Tensor>();
    reference->shape = shape;
    reference->dtype = GLD_F64;
    reference->lay_out(order, false);
    entries.push_back({slot, std::move(tensor), std::move(reference), true, name});
  }
};

inline const Orders kMaps{{0, 1, 2, 3, 4}, {0, 2, 3, 4, 1}, {0, 1, 2, 3, 4}, {0, 2, 3, 4, 1}, {4, 1, 2, 0, 3}};
inline const Orders kDenseMaps{{0, 1, 2, 3, 4}, {0, 2, 3, 4, 1}};
inline const Orders kMatrix{{0, 1}, {1, 0}};
inline const Orders kRows{{0, 1, 2}, {0, 1, 2}, {2, 1, 0}};
inline const Orders kDenseRows{{0, 1, 2}};
inline const Orders kVector{{0}};

inline std::int64_t odd_size(std::int64_t most) {
  return std::min(most, one_of<std::int64_t>({1, 2, 3, 4, 5, 7, 8, 14, 16, 31, 33, 65, 127}));
}
inline std::int64_t class_count(bool many) {
  return many && chance(0.2) ? one_of<std::int64_t>({257, 1000, 1030, 2100, 5000})
                             : one_of<std::int64_t>({1, 2, 3, 10, 31, 32, 33, 100, 127, 128, 129, 200});
}

inline void features(Case& c, gld_side gld_call::*which, const char* name, bool classifier) {
  gld_side& side = c.call.*which;
  side.channels = one_of<std::int64_t>({1, 2, 3, 8, 16, 24, 33, 64, 130});
  side.depth = 1;
  side.height = std::max(c.call.grid[0][1], odd_size(33));
  side.width = std::max(c.call.grid[0][2], odd_size(33));
  c.input(of(which, &gld_side::features), name, {c.call.n, side.channels, side.depth, side.height, side.width}, kMaps,
          1);
  if (!classifier) return;
  c.input(of(which, &gld_side::weight), "weight", {c.call.classes, side.channels}, kMatrix, 1);
  if (chance(0.7)) c.input(of(which, &gld_side::bias), "bias", {c.call.classes}, kVector, 1);
}

inline void logits(Case& c, gld_side gld_call::*which, const char* name) {
  const double scale = chance(0.8) ? 2 : 20;
  const double offset = chance(0.8) ? 0 : 100;
  c.input(of(which, &gld_side::logits), name, {c.call.n, c.call.rows, c.call.classes}, kRows, scale, offset);
}

inline void labels(Case& c) {
  c.call.label_smoothing = one_of({0.0, 0.0, 0.1, 0.5});
  if (chance(0.5)) {
    auto tensor = std::make_unique<Tensor>();
    tensor->shape = {c.call.n};
    tensor->dtype = GLD_I32;
    tensor->lay_out({0}, chance(0.3));
    tensor->each([&](std::int64_t at) {
      store(tensor->host.data() + at * 4, GLD_I32, static_cast<double>(pick(0, c.call.classes - 1)));
    });
    tensor->to_device(chance(c.device_share));
    c.entries.push_back({direct(&gld_call::labels), std::move(tensor), nullptr, false, "labels"});
  } else {
    const double share = 1.0 / static_cast<double>(c.call.classes);
    c.input(direct(&gld_call::soft_labels), "soft labels", {c.call.n, c.call.classes}, kMatrix, 0.1, share);
  }
}

inline Case random_case(gld_stage stage) {
  Case c;
  c.stage = stage;
  gld_call& call = c.call;
  call.n = one_of<std::int64_t>({1, 2, 3, 5, 8, 17});
  call.levels = 1;
  auto& grid = call.grid[0];
  grid[0] = 1;
  grid[1] = one_of<std::int64_t>({1, 2, 2, 2, 3, 4, 7});
  grid[2] = chance(0.7) ? grid[1] : one_of<std::int64_t>({1, 2, 3, 5});
  call.rows = 1 + grid[1] * grid[2];
  call.classes = class_count(stage == GLD_STAGE_CROSS_ENTROPY || stage == GLD_STAGE_NORMALIZED_KD);
  if (stage == GLD_STAGE_RELATION) call.n = std::min<std::int64_t>(call.n, 5);
  call.compute = GLD_F32;
  call.normalization = chance(0.75) ? GLD_NORMALIZE_STD : GLD_NORMALIZE_TEMPERATURE;
  call.unbiased = call.classes > 1 && chance(0.6);
  call.temperature = one_of({0.5, 1.0, 4.0});
  call.compensated = chance(0.3);
  call.metric = chance(0.75) ? GLD_METRIC_SQEUCLIDEAN : GLD_METRIC_EUCLIDEAN;
  call.method = call.metric == GLD_METRIC_EUCLIDEAN
                    ? one_of({GLD_METHOD_AUTO, GLD_METHOD_PAIRWISE})
                    : one_of({GLD_METHOD_AUTO, GLD_METHOD_PAIRWISE, GLD_METHOD_MOMENTS});
  call.relation_rows = one_of({0.0, 1.0, 320.0});
  call.precision = GLD_PRECISION_FLOAT32;
  call.alpha = one_of({0.7, 0.3, 0.0, 1.0});
  call.beta = one_of({500.0, 1.0, 0.0});
  call.local_weight = one_of({1.0, 0.5, 0.0});
  gld_side& student = call.student;
  const auto map = [&] { return Shape{call.n, student.channels, student.depth, student.height, student.width}; };
  const auto rows = [&](std::int64_t columns) { return Shape{call.n, call.rows, columns}; };
  switch (stage) {
    case GLD_STAGE_POOL:
      features(c, &gld_call::student, "features", false);
      if (chance(0.8)) c.output(direct(&gld_call::out_pooled), "pooled", rows(student.channels), kDenseRows);
      if (chance(0.8)) {
        c.input(direct(&gld_call::upstream), "upstream", rows(student.channels), kRows, 1);
        c.output(direct(&gld_call::out_features), "out.features", map(), kDenseMaps);
      }
      break;
    case GLD_STAGE_CLASSIFIER:
      student.channels = one_of<std::int64_t>({1, 3, 8, 33, 64, 130});
      c.input(direct(&gld_call::in_pooled), "pooled", rows(student.channels), kRows, 1);
      c.input(of(&gld_call::student, &gld_side::weight), "weight", {call.classes, student.channels}, kMatrix, 1);
      if (chance(0.7)) c.input(of(&gld_call::student, &gld_side::bias), "bias", {call.classes}, kVector, 1);
      if (chance(0.8)) c.output(direct(&gld_call::out_logits), "logits", rows(call.classes), kDenseRows);
      if (chance(0.8)) {
        c.input(direct(&gld_call::upstream), "upstream", rows(call.classes), kRows, 1);
        if (chance(0.8)) c.output(direct(&gld_call::out_pooled), "out.pooled", rows(student.channels), kDenseRows);
        if (chance(0.8))
          c.output(direct(&gld_call::out_weight), "out.weight", {call.classes, student.channels}, kMatrix);
        if (chance(0.8)) c.output(direct(&gld_call::out_bias), "out.bias", {call.classes}, kVector);
      }
      break;
    case GLD_STAGE_CROSS_ENTROPY:
      logits(c, &gld_call::student, "logits");
      labels(c);
      break;
    case GLD_STAGE_NORMALIZED_KD:
    case GLD_STAGE_RELATION:
      logits(c, &gld_call::teacher, "teacher logits");
      logits(c, &gld_call::student, "student logits");
      break;
    default:
      if (chance(0.7)) {
        features(c, &gld_call::teacher, "teacher features", true);
      } else {
        logits(c, &gld_call::teacher, "teacher logits");
      }
      if (chance(0.7)) {
        features(c, &gld_call::student, "student features", true);
        if (chance(0.8)) c.output(direct(&gld_call::out_features), "out.features", map(), kDenseMaps);
        if (chance(0.8))
          c.output(direct(&gld_call::out_weight), "out.weight", {call.classes, student.channels}, kMatrix);
        if (chance(0.8)) c.output(direct(&gld_call::out_bias), "out.bias", {call.classes}, kVector);
      } else {
        logits(c, &gld_call::student, "student logits");
        if (chance(0.8)) c.output(direct(&gld_call::out_logits), "out.logits", rows(call.classes), kDenseRows);
      }
      if (chance(0.8)) labels(c);
      break;
  }
  if (stage >= GLD_STAGE_CROSS_ENTROPY && stage <= GLD_STAGE_RELATION && chance(0.8)) {
    c.output(direct(&gld_call::out_logits), "out.logits", rows(call.classes), kDenseRows);
  }
  return c;
}

}  // namespace random_calls

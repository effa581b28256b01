// Compares a device engine with a CPU engine that computes the same calls in float64: random calls of every stage, with any
// layout, strides, element types and memory, each submitted three times to one stream (queued, captured, replayed), whose
// results must be equal bit for bit.
//
//   compare <device engine .so> <CPU engine .so> [stage or 'all'] [calls] [seed]
//
// Prints one line per stage with the largest errors; exit code 1 if one is too large or a call fails.
#include <dlfcn.h>

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

namespace {

using Shape = std::vector<std::int64_t>;
std::mt19937_64 engine_random;
const gld_device_engine* device = nullptr;
const gld_engine* cpu = nullptr;
char message[GLD_MESSAGE_BYTES];

std::int64_t pick(std::int64_t low, std::int64_t high) { return std::uniform_int_distribution<std::int64_t>(low, high)(engine_random); }
template <class T>
T one_of(std::initializer_list<T> list) {
  return *(list.begin() + pick(0, static_cast<std::int64_t>(list.size()) - 1));
}
bool chance(double p) { return std::uniform_real_distribution<double>()(engine_random) < p; }

[[noreturn]] void die(const std::string& text) {
  std::printf("%s: %s\n", text.c_str(), message);
  std::exit(1);
}

std::int64_t bytes_of(std::int32_t dtype) { return dtype == GLD_F64 ? 8 : dtype == GLD_F16 || dtype == GLD_BF16 ? 2 : 4; }

std::uint16_t to_half(float x) {
  _Float16 half = static_cast<_Float16>(x);
  std::uint16_t bits;
  std::memcpy(&bits, &half, 2);
  return bits;
}
float from_half(std::uint16_t bits) {
  _Float16 half;
  std::memcpy(&half, &bits, 2);
  return static_cast<float>(half);
}
std::uint16_t to_bfloat(float x) {
  std::uint32_t bits;
  std::memcpy(&bits, &x, 4);
  return static_cast<std::uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}
float from_bfloat(std::uint16_t half) {
  const std::uint32_t bits = static_cast<std::uint32_t>(half) << 16;
  float x;
  std::memcpy(&x, &bits, 4);
  return x;
}

double load(const char* at, std::int32_t dtype) {
  switch (dtype) {
    case GLD_F32: { float x; std::memcpy(&x, at, 4); return x; }
    case GLD_F64: { double x; std::memcpy(&x, at, 8); return x; }
    default: { std::uint16_t x; std::memcpy(&x, at, 2); return dtype == GLD_F16 ? from_half(x) : from_bfloat(x); }
  }
}
void store(char* at, std::int32_t dtype, double value) {
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
    if (device->copy(0, memory, GLD_DEVICE, host.data(), GLD_HOST, host.size(), message) != GLD_OK) die("copy to device");
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
Slot direct(gld_view gld_call::*view) { return {view, nullptr, nullptr}; }
Slot of(gld_side gld_call::*side, gld_view gld_side::*view) { return {nullptr, view, side}; }

struct Case {
  gld_call call{};
  gld_stage stage = GLD_STAGE_POOL;
  struct Entry {
    Slot slot;
    std::unique_ptr<Tensor> tensor, reference, single;  // of the device; of the CPU in float64 and in float32
    bool output;
    const char* name;
  };
  std::vector<Entry> entries;
  double device_share = chance(0.3) ? 1 : chance(0.3) ? 0 : 0.5;
  bool plain = chance(0.4);  // dense float32, as most callers have it

  void input(Slot slot, const char* name, Shape shape, std::vector<std::vector<int>> orders, double scale, double offset = 0) {
    auto tensor = std::make_unique<Tensor>();
    tensor->shape = shape;
    tensor->dtype = plain ? GLD_F32 : one_of({GLD_F32, GLD_F32, GLD_F16, GLD_BF16});
    tensor->lay_out(orders[static_cast<std::size_t>(pick(0, static_cast<std::int64_t>(orders.size()) - 1))], !plain && chance(0.3));
    std::normal_distribution<double> normal(offset, scale);
    tensor->each([&](std::int64_t at) { store(tensor->host.data() + at * bytes_of(tensor->dtype), tensor->dtype, normal(engine_random)); });
    tensor->to_device(chance(device_share));
    entries.push_back({slot, std::move(tensor), nullptr, nullptr, false, name});
  }
  void output(Slot slot, const char* name, Shape shape, std::vector<std::vector<int>> orders) {
    const auto& order = orders[static_cast<std::size_t>(pick(0, static_cast<std::int64_t>(orders.size()) - 1))];
    auto tensor = std::make_unique<Tensor>();
    tensor->shape = shape;
    const bool on_device = chance(device_share);
    tensor->dtype = plain ? GLD_F32 : on_device ? one_of({GLD_F32, GLD_F16, GLD_BF16}) : one_of({GLD_F32, GLD_F64});
    tensor->lay_out(order, false);
    std::memset(tensor->host.data(), 0x5a, tensor->host.size());
    tensor->to_device(on_device);
    auto reference = std::make_unique<Tensor>();
    reference->shape = shape;
    reference->dtype = GLD_F64;
    reference->lay_out(order, false);
    auto single = std::make_unique<Tensor>();
    single->shape = shape;
    single->lay_out(order, false);
    entries.push_back({slot, std::move(tensor), std::move(reference), std::move(single), true, name});
  }
};

const std::vector<std::vector<int>> kMaps{{0, 1, 2, 3}, {0, 2, 3, 1}, {0, 1, 2, 3}, {0, 2, 3, 1}, {3, 1, 0, 2}};
const std::vector<std::vector<int>> kDenseMaps{{0, 1, 2, 3}, {0, 2, 3, 1}};
const std::vector<std::vector<int>> kMatrix{{0, 1}, {1, 0}};
const std::vector<std::vector<int>> kRows{{0, 1, 2}, {0, 1, 2}, {2, 1, 0}};
const std::vector<std::vector<int>> kDenseRows{{0, 1, 2}};
const std::vector<std::vector<int>> kVector{{0}};

std::int64_t odd_size(std::int64_t most) { return std::min(most, one_of<std::int64_t>({1, 2, 3, 4, 5, 7, 8, 14, 16, 31, 33, 65, 127})); }
std::int64_t class_count(bool many) {
  return many && chance(0.2) ? one_of<std::int64_t>({257, 1000, 1030, 2100, 5000}) : one_of<std::int64_t>({1, 2, 3, 10, 31, 32, 33, 100, 127, 128, 129, 200});
}

void features(Case& c, gld_side gld_call::*which, const char* name, bool classifier) {
  gld_side& side = c.call.*which;
  side.channels = one_of<std::int64_t>({1, 2, 3, 8, 16, 24, 33, 64, 130});
  side.height = std::max(c.call.grid_rows, odd_size(33));
  side.width = std::max(c.call.grid_cols, odd_size(33));
  c.input(of(which, &gld_side::features), name, {c.call.n, side.channels, side.height, side.width}, kMaps, 1);
  if (!classifier) return;
  c.input(of(which, &gld_side::weight), "weight", {c.call.classes, side.channels}, kMatrix, 1);
  if (chance(0.7)) c.input(of(which, &gld_side::bias), "bias", {c.call.classes}, kVector, 1);
}

void logits(Case& c, gld_side gld_call::*which, const char* name) {
  c.input(of(which, &gld_side::logits), name, {c.call.n, c.call.rows, c.call.classes}, kRows, chance(0.8) ? 2 : 20, chance(0.8) ? 0 : 100);
}

void labels(Case& c) {
  if (chance(0.5)) {
    auto tensor = std::make_unique<Tensor>();
    tensor->shape = {c.call.n};
    tensor->dtype = GLD_I32;
    tensor->lay_out({0}, chance(0.3));
    tensor->each([&](std::int64_t at) { store(tensor->host.data() + at * 4, GLD_I32, static_cast<double>(pick(0, c.call.classes - 1))); });
    tensor->to_device(chance(c.device_share));
    c.entries.push_back({direct(&gld_call::labels), std::move(tensor), nullptr, nullptr, false, "labels"});
  } else {
    c.input(direct(&gld_call::soft_labels), "soft labels", {c.call.n, c.call.classes}, kMatrix, 0.1, 1.0 / static_cast<double>(c.call.classes));
  }
}

Case random_case(gld_stage stage) {
  Case c;
  c.stage = stage;
  gld_call& call = c.call;
  call.n = one_of<std::int64_t>({1, 2, 3, 5, 8, 17});
  call.grid_rows = one_of<std::int64_t>({1, 2, 2, 2, 3, 4, 7});
  call.grid_cols = chance(0.7) ? call.grid_rows : one_of<std::int64_t>({1, 2, 3, 5});
  call.rows = 1 + call.grid_rows * call.grid_cols;
  call.classes = class_count(stage == GLD_STAGE_CROSS_ENTROPY || stage == GLD_STAGE_NORMALIZED_KD);
  if (stage == GLD_STAGE_RELATION) call.n = std::min<std::int64_t>(call.n, 5);
  call.compute = GLD_F32;
  call.normalization = chance(0.75) ? GLD_NORMALIZE_STD : GLD_NORMALIZE_TEMPERATURE;
  call.unbiased = call.classes > 1 && chance(0.6);
  call.temperature = one_of({0.5, 1.0, 4.0});
  call.metric = chance(0.75) ? GLD_METRIC_SQEUCLIDEAN : GLD_METRIC_EUCLIDEAN;
  call.method = call.metric == GLD_METRIC_EUCLIDEAN ? one_of({GLD_METHOD_AUTO, GLD_METHOD_PAIRWISE})
                                                    : one_of({GLD_METHOD_AUTO, GLD_METHOD_PAIRWISE, GLD_METHOD_MOMENTS});
  call.reduction = chance(0.5) ? GLD_REDUCE_MATRIX : GLD_REDUCE_ROW;
  call.precision = GLD_PRECISION_FLOAT32;
  call.alpha = one_of({0.7, 0.3, 0.0, 1.0});
  call.beta = one_of({500.0, 1.0, 0.0});
  call.local_weight = one_of({1.0, 0.5, 0.0});
  gld_side& student = call.student;
  switch (stage) {
    case GLD_STAGE_POOL:
      features(c, &gld_call::student, "features", false);
      if (chance(0.8)) c.output(direct(&gld_call::out_pooled), "pooled", {call.n, call.rows, student.channels}, kDenseRows);
      if (chance(0.8)) {
        c.input(direct(&gld_call::upstream), "upstream", {call.n, call.rows, student.channels}, kRows, 1);
        c.output(direct(&gld_call::out_features), "out.features", {call.n, student.channels, student.height, student.width}, kDenseMaps);
      }
      break;
    case GLD_STAGE_CLASSIFIER:
      student.channels = one_of<std::int64_t>({1, 3, 8, 33, 64, 130});
      c.input(direct(&gld_call::in_pooled), "pooled", {call.n, call.rows, student.channels}, kRows, 1);
      c.input(of(&gld_call::student, &gld_side::weight), "weight", {call.classes, student.channels}, kMatrix, 1);
      if (chance(0.7)) c.input(of(&gld_call::student, &gld_side::bias), "bias", {call.classes}, kVector, 1);
      if (chance(0.8)) c.output(direct(&gld_call::out_logits), "logits", {call.n, call.rows, call.classes}, kDenseRows);
      if (chance(0.8)) {
        c.input(direct(&gld_call::upstream), "upstream", {call.n, call.rows, call.classes}, kRows, 1);
        if (chance(0.8)) c.output(direct(&gld_call::out_pooled), "out.pooled", {call.n, call.rows, student.channels}, kDenseRows);
        if (chance(0.8)) c.output(direct(&gld_call::out_weight), "out.weight", {call.classes, student.channels}, kMatrix);
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
        if (chance(0.8)) c.output(direct(&gld_call::out_features), "out.features", {call.n, student.channels, student.height, student.width}, kDenseMaps);
        if (chance(0.8)) c.output(direct(&gld_call::out_weight), "out.weight", {call.classes, student.channels}, kMatrix);
        if (chance(0.8)) c.output(direct(&gld_call::out_bias), "out.bias", {call.classes}, kVector);
      } else {
        logits(c, &gld_call::student, "student logits");
        if (chance(0.8)) c.output(direct(&gld_call::out_logits), "out.logits", {call.n, call.rows, call.classes}, kDenseRows);
      }
      if (chance(0.8)) labels(c);
      break;
  }
  if (stage >= GLD_STAGE_CROSS_ENTROPY && stage <= GLD_STAGE_RELATION && chance(0.8)) {
    c.output(direct(&gld_call::out_logits), "out.logits", {call.n, call.rows, call.classes}, kDenseRows);
  }
  return c;
}

gld_result run_on_cpu(Case& c, gld_dtype compute) {
  gld_call call = c.call;
  call.compute = compute;
  for (auto& entry : c.entries) {
    entry.slot.of(call) = (!entry.output ? entry.tensor : compute == GLD_F64 ? entry.reference : entry.single)->view(false);
  }
  gld_executor executor{};
  executor.threads = 1;
  executor.parallel = [](void*, std::int64_t tasks, gld_task run, void* closure) {
    for (std::int64_t task = 0; task < tasks; ++task) run(closure, task, 0);
  };
  executor.stopped = [](void*) -> std::int32_t { return 0; };
  std::size_t bytes = 0;
  if (cpu->workspace(&call, c.stage, 1, &bytes, message) != GLD_OK) die("reference");
  std::vector<char> workspace(bytes + 64);
  void* base = workspace.data() + (64 - reinterpret_cast<std::uintptr_t>(workspace.data()) % 64);
  gld_result result{};
  if (cpu->run(&call, c.stage, &executor, base, bytes, &result, message) != GLD_OK) die("reference");
  return result;
}

constexpr double kNoWorse = 10;

struct Errors {
  double loss = 0, output = 0, half = 0;
  std::int64_t calls = 0, bad = 0;
};

void compare(Case& c, gld_stream* stream, Errors& errors, std::int64_t number) {
  const gld_result expected = run_on_cpu(c, GLD_F64);
  const gld_result single = run_on_cpu(c, GLD_F32);
  gld_call call = c.call;
  for (auto& entry : c.entries) entry.slot.of(call) = entry.tensor->view(true);
  std::vector<std::vector<char>> first;
  gld_result result{};
  for (int repetition = 0; repetition < 3; ++repetition) {
    if (device->submit(stream, &call, c.stage, nullptr, nullptr, message) != GLD_OK) die("submit, call " + std::to_string(number));
    gld_result again{};
    if (device->finish(stream, &again, message) != GLD_OK) die("finish, call " + std::to_string(number));
    if (repetition > 0 && std::memcmp(&again, &result, sizeof result) != 0) {
      std::printf("call %lld: another loss on repetition %d\n", static_cast<long long>(number), repetition);
      ++errors.bad;
    }
    result = again;
    std::size_t output = 0;
    for (auto& entry : c.entries) {
      if (!entry.output) continue;
      entry.tensor->from_device();
      if (repetition == 0) first.push_back(entry.tensor->host);
      if (first[output++] != entry.tensor->host) {
        std::printf("call %lld: another %s on repetition %d\n", static_cast<long long>(number), entry.name, repetition);
        ++errors.bad;
      }
    }
  }
  ++errors.calls;
  // As accurate as the bounds say, or as the CPU engine in float32 where the input makes even that worse.
  const auto near = [&](double got, double want, double in_float, const char* name) {
    const double size = std::max(std::abs(want), 1e-2);
    const double error = std::abs(got - want) / size;
    errors.loss = std::max(errors.loss, error);
    if (!(error <= std::max(5e-6, kNoWorse * std::abs(in_float - want) / size))) {
      std::printf("call %lld: %s %.9g, not %.9g (%.9g in float32 on the CPU)\n", static_cast<long long>(number), name, got, want, in_float);
      ++errors.bad;
    }
  };
  near(result.loss, expected.loss, single.loss, "loss");
  near(result.task, expected.task, single.task, "task");
  near(result.global, expected.global, single.global, "global");
  near(result.local, expected.local, single.local, "local");
  near(result.relation, expected.relation, single.relation, "relation");
  double largest = 0;
  for (auto& entry : c.entries) {
    if (!entry.output) continue;
    for (const double x : entry.reference->values()) largest = std::max(largest, std::abs(x));
  }
  for (auto& entry : c.entries) {
    if (!entry.output) continue;
    const std::vector<double> got = entry.tensor->values();
    const std::vector<double> want = entry.reference->values();
    const std::vector<double> in_float = entry.single->values();
    // A gradient that is 0 but for rounding (the bias of a relation, two classes) is compared with the others.
    double scale = std::max(1e-2 * largest, 1e-6);
    for (const double x : want) scale = std::max(scale, std::abs(x));
    double error = 0;
    double usual = 0;
    for (std::size_t i = 0; i < got.size(); ++i) {
      error = std::max(error, std::abs(got[i] - want[i]) / scale);
      usual = std::max(usual, std::abs(in_float[i] - want[i]) / scale);
    }
    for (const double x : got) error = std::isfinite(x) ? error : 1e9;
    const std::int32_t dtype = entry.tensor->dtype;
    double& most = dtype == GLD_F16 || dtype == GLD_BF16 ? errors.half : errors.output;
    most = std::max(most, error);
    const double limit = dtype == GLD_F16 ? 2e-3 : dtype == GLD_BF16 ? 5e-3 : 1e-5;
    const double finest = dtype == GLD_F16 ? 0x1p-25 / scale : 0;  // half of what subnormal float16 resolves
    if (!(error <= std::max(limit, kNoWorse * usual) + finest)) {
      std::printf("call %lld: %s (dtype %d) is off by %.3g of its largest, %.3g (%.3g in float32 on the CPU)\n",
                  static_cast<long long>(number), entry.name, dtype, error, scale, usual);
      const gld_call& k = c.call;
      std::printf("  n %lld classes %lld grid %lldx%lld map %lldx%lldx%lld normalization %d unbiased %d metric %d method %d\n",
                  static_cast<long long>(k.n), static_cast<long long>(k.classes), static_cast<long long>(k.grid_rows),
                  static_cast<long long>(k.grid_cols), static_cast<long long>(k.student.channels),
                  static_cast<long long>(k.student.height), static_cast<long long>(k.student.width), k.normalization, k.unbiased,
                  k.metric, k.method);
      ++errors.bad;
    }
  }
}

template <class Query>
Query symbol(const char* path, const char* name) {
  void* library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    std::printf("%s\n", dlerror());
    std::exit(1);
  }
  return reinterpret_cast<Query>(dlsym(library, name));
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 3) return std::printf("compare <device engine> <CPU engine> [stage] [calls] [seed]\n"), 1;
  device = symbol<gld_device_engine_query_fn>(arguments[1], "gld_device_engine_query")();
  cpu = symbol<gld_engine_query_fn>(arguments[2], "gld_engine_query")();
  const char* names[] = {"pool", "classifier", "cross_entropy", "normalized_kd", "relation", "gld"};
  const std::string wanted = count > 3 ? arguments[3] : "all";
  const std::int64_t calls = count > 4 ? std::atoll(arguments[4]) : 50;
  const auto seed = static_cast<std::uint64_t>(count > 5 ? std::atoll(arguments[5]) : 1);
  std::int32_t devices = 0;
  if (device->count(&devices, message) != GLD_OK) die("no device");
  std::int64_t bad = 0;
  for (int stage = 0; stage < GLD_STAGE_COUNT; ++stage) {
    if (wanted != "all" && wanted != names[stage]) continue;
    gld_stream* stream = nullptr;
    if (device->open(0, &stream, message) != GLD_OK) die("open");
    Errors errors;
    for (std::int64_t i = 0; i < calls; ++i) {
      engine_random.seed(seed * 1000003 + static_cast<std::uint64_t>(i) * 101 + static_cast<std::uint64_t>(stage));
      Case c = random_case(static_cast<gld_stage>(stage));
      compare(c, stream, errors, i);
    }
    device->close(stream);
    std::printf("%-14s %4lld calls: loss %.1e, float32 outputs %.1e, 16-bit outputs %.1e, %lld wrong\n", names[stage],
                static_cast<long long>(errors.calls), errors.loss, errors.output, errors.half, static_cast<long long>(errors.bad));
    bad += errors.bad;
  }
  return bad == 0 ? 0 : 1;
}

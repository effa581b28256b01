// A stand-in for the CUDA engine, for tests of what lies in front of it: memory that is its own, streams with a thread
// that plays the driver's, and failures on demand. The CPU engine beside it computes. What the tests want to know is in
// the names of its devices. The environment steers it, at any time:
//   GLD_STAND_IN_DEVICES  how many devices there are (default 2; read once)
//   GLD_STAND_IN_DELAY    milliseconds that every call takes at least
//   GLD_STAND_IN_MEMORY   bytes of memory of a device (default 1 GiB)
//   GLD_STAND_IN_FAULT   what a faulty kernel may do: "value" is off, "beyond" writes past an output, "input" into an
//   input,
//                        "random" gives other bits every time, "crash" ends the process. For the tests of the GPU
//                        checks.
//   GLD_STAND_IN_FAIL     "<function> <how> <times>": open, submit, finish, allocate or copy; "memory" or "error"
#include <dlfcn.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "../../../csrc/engine.h"

namespace {

using Bytes = std::vector<char>;

constexpr const char* kFull = "cudaErrorMemoryAllocation: out of memory in cudaMalloc";
constexpr const char* kNone = "cudaErrorNoDevice: no CUDA-capable device is detected in cudaGetDeviceCount";

gld_status say(char* message, gld_status status, const char* text) {
  std::snprintf(message, GLD_MESSAGE_BYTES, "%s", text);
  return status;
}

long long number(const char* name, long long fallback) {
  const char* text = std::getenv(name);
  return text == nullptr || *text == 0 ? fallback : std::atoll(text);
}

// Whether this call of a function is one that is to fail, and how.
gld_status failure(const char* function, char* message) {
  static std::mutex mutex;
  static std::string last;
  static int left = 0;
  const std::lock_guard<std::mutex> lock(mutex);
  const char* set = std::getenv("GLD_STAND_IN_FAIL");
  const std::string text = set == nullptr ? "" : set;
  char name[32] = {};
  char how[32] = {};
  int times = 0;
  if (std::sscanf(text.c_str(), "%31s %31s %d", name, how, &times) != 3) {
    last.clear();
    return GLD_OK;
  }
  if (text != last) {
    last = text;
    left = times;
  }
  if (std::strcmp(name, function) != 0 || left == 0) return GLD_OK;
  --left;
  if (std::strcmp(how, "memory") == 0) return say(message, GLD_OUT_OF_MEMORY, kFull);
  return say(message, GLD_FAILED,
             "cudaErrorIllegalAddress: an illegal memory access was encountered in cudaStreamSynchronize");
}

struct Device {
  std::mutex mutex;
  std::map<char*, std::size_t> blocks;
  std::size_t used = 0;
  std::atomic<int> streams{0};
  std::atomic<int> submits{0};
  std::atomic<int> first_shapes{0};  // submits that a stream could not replay

  static std::size_t capacity() { return static_cast<std::size_t>(number("GLD_STAND_IN_MEMORY", 1ll << 30)); }

  bool holds(const char* memory, std::size_t bytes) {
    const std::lock_guard<std::mutex> lock(mutex);
    auto next = blocks.upper_bound(const_cast<char*>(memory));
    if (next == blocks.begin()) return false;
    --next;
    const auto offset = static_cast<std::size_t>(memory - next->first);
    return offset <= next->second && bytes <= next->second - offset;
  }
};

std::vector<std::unique_ptr<Device>>& devices() {
  static auto* const list = [] {
    auto* made = new std::vector<std::unique_ptr<Device>>;
    for (long long i = number("GLD_STAND_IN_DEVICES", 2); i > 0; --i) made->push_back(std::make_unique<Device>());
    return made;
  }();
  return *list;
}

Device& device(std::int32_t index) { return *devices()[static_cast<std::size_t>(index)]; }

const gld_engine& cpu() {
  static const gld_engine* const engine = [] {
    Dl_info info{};
    dladdr(reinterpret_cast<void*>(&failure), &info);
    std::string path = info.dli_fname;
    path = path.substr(0, path.rfind('/') + 1);
#if defined(__aarch64__)
    path += "libgld_cpu_neon.so";
#else
    path += "libgld_cpu_x86_64_v2.so";
#endif
    void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) std::abort();
    return reinterpret_cast<gld_engine_query_fn>(dlsym(library, "gld_engine_query"))();
  }();
  return *engine;
}

std::size_t element_bytes(std::int32_t dtype) {
  return dtype == GLD_F64 ? 8 : dtype == GLD_F16 || dtype == GLD_BF16 ? 2 : dtype == GLD_U8 ? 1 : 4;
}

std::uint16_t to_bfloat16(float value) {
  std::uint32_t bits = 0;
  std::memcpy(&bits, &value, 4);
  return static_cast<std::uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

std::uint16_t to_float16(float value) {
#if defined(__FLT16_MANT_DIG__)
  const auto half = static_cast<_Float16>(value);
  std::uint16_t bits = 0;
  std::memcpy(&bits, &half, 2);
  return bits;
#else
  return to_bfloat16(value);
#endif
}

// Whether this is a stream's thread, which stands for the driver's: the engine must not be called from there.
thread_local bool in_driver = false;

void expect_not_in_driver() {
  if (in_driver) std::abort();
}

// A view of a call with the sizes of its axes.
struct Sized {
  gld_view* view;
  std::int64_t shape[5];

  std::size_t count() const { return static_cast<std::size_t>(shape[0] * shape[1] * shape[2] * shape[3] * shape[4]); }
};

std::vector<Sized> inputs_of(gld_call& c, gld_stage stage) {
  std::vector<Sized> list;
  for (gld_side* side : {&c.teacher, &c.student}) {
    list.push_back({&side->features, {c.n, side->channels, side->depth, side->height, side->width}});
    list.push_back({&side->mask, {c.n, side->depth, side->height, side->width, 1}});
    list.push_back({&side->weight, {c.classes, side->channels, 1, 1, 1}});
    list.push_back({&side->bias, {c.classes, 1, 1, 1, 1}});
    list.push_back({&side->logits, {c.n, c.rows, c.classes, 1, 1}});
  }
  list.push_back({&c.labels, {c.n, 1, 1, 1, 1}});
  list.push_back({&c.soft_labels, {c.n, c.classes, 1, 1, 1}});
  list.push_back({&c.weights, {c.n, c.rows, 1, 1, 1}});
  list.push_back({&c.in_pooled, {c.n, c.rows, c.student.channels, 1, 1}});
  list.push_back({&c.upstream, {c.n, c.rows, stage == GLD_STAGE_POOL ? c.student.channels : c.classes, 1, 1}});
  return list;
}

std::vector<Sized> outputs_of(gld_call& c) {
  return {{&c.out_features, {c.n, c.student.channels, c.student.depth, c.student.height, c.student.width}},
          {&c.out_weight, {c.classes, c.student.channels, 1, 1, 1}},
          {&c.out_bias, {c.classes, 1, 1, 1, 1}},
          {&c.out_logits, {c.n, c.rows, c.classes, 1, 1}},
          {&c.out_pooled, {c.n, c.rows, c.student.channels, 1, 1}}};
}

}  // namespace

struct gld_stream {
  explicit gld_stream(std::int32_t on) : index(on), thread([this] { serve(); }) { ++device(index).streams; }

  ~gld_stream() {
    {
      const std::lock_guard<std::mutex> lock(mutex);
      ending = true;
    }
    wake.notify_all();
    thread.join();
    --device(index).streams;
  }

  void submit(const gld_call& given, gld_stage which, gld_done callback, void* with) {
    call = given;
    stage = which;
    done = callback;
    closure = with;
    stop.store(false);
    staged.clear();
    // What is on the host is read now; outputs are written to memory of our own.
    for (const Sized& in : inputs_of(call, stage)) {
      if (in.view->data == nullptr || in.view->memory == GLD_DEVICE) continue;
      std::int64_t low = 0;
      std::int64_t high = 0;
      for (int axis = 0; axis < 5; ++axis) {
        const std::int64_t extent = (in.shape[axis] - 1) * in.view->stride[axis];
        (extent < 0 ? low : high) += extent;
      }
      const auto element = static_cast<std::int64_t>(element_bytes(in.view->dtype));
      const char* from = static_cast<const char*>(in.view->data) + low * element;
      staged.emplace_back(from, from + (high - low + 1) * element);
      in.view->data = staged.back().data() - low * element;
    }
    results.clear();
    for (const Sized& out : outputs_of(call)) {
      if (out.view->data == nullptr) continue;
      results.push_back({*out.view, out.count(), Bytes(out.count() * 4)});
      out.view->data = results.back().floats.data();
      out.view->dtype = GLD_F32;
    }
    const auto key = std::to_string(stage) + ":" + std::to_string(call.n) + "x" + std::to_string(call.rows) + "x" +
                     std::to_string(call.classes) + "x" + std::to_string(call.student.channels);
    ++device(index).submits;
    if (key != shape) ++device(index).first_shapes;
    shape = key;
    {
      const std::lock_guard<std::mutex> lock(mutex);
      pending = true;
      finished = false;
    }
    wake.notify_all();
  }

  gld_status finish(gld_result* into, char* text) {
    std::unique_lock<std::mutex> lock(mutex);
    idle.wait(lock, [this] { return finished; });
    if (status != GLD_OK) return say(text, status, message);
    for (const Result& one : results) {
      const auto* from = reinterpret_cast<const float*>(one.floats.data());
      for (std::size_t i = 0; i < one.count; ++i) {
        if (one.to.dtype == GLD_F32) static_cast<float*>(one.to.data)[i] = from[i];
        if (one.to.dtype == GLD_F16) static_cast<std::uint16_t*>(one.to.data)[i] = to_float16(from[i]);
        if (one.to.dtype == GLD_BF16) static_cast<std::uint16_t*>(one.to.data)[i] = to_bfloat16(from[i]);
      }
    }
    *into = result;
    spoil(into);
    return GLD_OK;
  }

  void spoil(gld_result* into) {
    static int calls = 0;
    ++calls;
    const char* set = std::getenv("GLD_STAND_IN_FAULT");
    const std::string fault = set == nullptr ? "" : set;
    if (fault == "crash") std::abort();
    if (fault == "random") into->loss *= 1 + 1e-9 * calls;
    if (fault == "input" && call.student.logits.data != nullptr)
      *static_cast<unsigned char*>(call.student.logits.data) ^= 1;
    for (const Result& one : results) {
      if (one.to.dtype != GLD_F32) continue;
      auto* to = static_cast<float*>(one.to.data);
      if (fault == "value") to[one.count - 1] += 1;
      if (fault == "beyond") to[one.count] = 1;
    }
  }

  std::size_t held() const { return workspace.size(); }

  std::atomic<bool> stop{false};
  const std::int32_t index;

 private:
  struct Result {
    gld_view to;
    std::size_t count;
    Bytes floats;
  };

  void serve() {
    in_driver = true;
    std::unique_lock<std::mutex> lock(mutex);
    for (;;) {
      wake.wait(lock, [this] { return pending || ending; });
      if (!pending) return;
      lock.unlock();
      compute();
      lock.lock();
      pending = false;
      finished = true;
      // Once finish() has returned, the next call may be submitted.
      const auto [tell, with] = std::pair(done, closure);
      idle.notify_all();
      lock.unlock();
      if (tell != nullptr) tell(with);
      lock.lock();
    }
  }

  void compute() {
    using Clock = std::chrono::steady_clock;
    const auto end = Clock::now() + std::chrono::milliseconds(number("GLD_STAND_IN_DELAY", 0));
    while (Clock::now() < end && !stop) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    const auto all = [](void* self, std::int64_t tasks, gld_task run, void* with) {
      for (std::int64_t task = 0; task < tasks && !static_cast<gld_stream*>(self)->stop; ++task) run(with, task, 0);
    };
    const auto stopped = [](void* self) -> std::int32_t { return static_cast<gld_stream*>(self)->stop; };
    const gld_executor executor{this, 1, all, stopped};
    std::size_t bytes = 0;
    status = cpu().workspace(&call, stage, 1, &bytes, message);
    if (status != GLD_OK) return;
    if (workspace.size() < bytes + 64) workspace.assign(bytes + 64, 0x7f);
    const auto aligned = (reinterpret_cast<std::uintptr_t>(workspace.data()) + 63) / 64 * 64;
    status = stop ? say(message, GLD_CANCELLED, "cancelled")
                  : cpu().run(&call, stage, &executor, reinterpret_cast<void*>(aligned), bytes, &result, message);
    if (status == GLD_OK && stop) status = say(message, GLD_CANCELLED, "cancelled");
  }

  std::mutex mutex;
  std::condition_variable wake;
  std::condition_variable idle;
  bool pending = false;
  bool finished = false;
  bool ending = false;
  gld_call call{};
  gld_stage stage = GLD_STAGE_GLD;
  gld_done done = nullptr;
  void* closure = nullptr;
  std::vector<Bytes> staged;
  std::vector<Result> results;
  std::string shape;
  Bytes workspace;
  gld_status status = GLD_OK;
  gld_result result{};
  char message[GLD_MESSAGE_BYTES] = {};
  std::thread thread;  // last: it begins when everything else is there
};

namespace {

gld_status count(std::int32_t* found, char* message) {
  *found = static_cast<std::int32_t>(devices().size());
  return *found == 0 ? say(message, GLD_UNAVAILABLE, kNone) : GLD_OK;
}

gld_status describe(std::int32_t index, gld_device* out, char*) {
  Device& one = device(index);
  const std::lock_guard<std::mutex> lock(one.mutex);
  *out = gld_device{};
  std::snprintf(out->name, sizeof out->name, "stand-in %d: streams %d, submits %d, first shapes %d, blocks %zu", index,
                one.streams.load(), one.submits.load(), one.first_shapes.load(), one.blocks.size());
  out->major = 9;
  out->driver = 13020;
  out->runtime = 13000;
  out->memory_bytes = Device::capacity();
  out->free_bytes = Device::capacity() - one.used;
  return GLD_OK;
}

gld_status allocate(std::int32_t index, std::size_t bytes, void** memory, char* message) {
  if (const gld_status failed = failure("allocate", message); failed != GLD_OK) return failed;
  Device& one = device(index);
  const std::lock_guard<std::mutex> lock(one.mutex);
  if (bytes > Device::capacity() - one.used) {
    return say(message, GLD_OUT_OF_MEMORY, kFull);
  }
  *memory = std::aligned_alloc(256, (bytes + 255) / 256 * 256);
  std::memset(*memory, 0xff, bytes);
  one.blocks[static_cast<char*>(*memory)] = bytes;
  one.used += bytes;
  return GLD_OK;
}

gld_status release(std::int32_t index, void* memory, char*) {
  expect_not_in_driver();
  Device& one = device(index);
  const std::lock_guard<std::mutex> lock(one.mutex);
  const auto found = one.blocks.find(static_cast<char*>(memory));
  if (found == one.blocks.end()) std::abort();
  one.used -= found->second;
  one.blocks.erase(found);
  std::free(memory);
  return GLD_OK;
}

gld_status check(std::int32_t index, const void* memory, std::size_t bytes, char* message) {
  if (device(index).holds(static_cast<const char*>(memory), bytes)) return GLD_OK;
  return say(message, GLD_INVALID, "memory that is not in one allocation there");
}

gld_status copy(std::int32_t index, void* to, gld_memory to_memory, const void* from, gld_memory from_memory,
                std::size_t bytes, char* message) {
  if (const gld_status failed = failure("copy", message); failed != GLD_OK) return failed;
  if (to_memory == GLD_DEVICE && check(index, to, bytes, message) != GLD_OK) return GLD_INVALID;
  if (from_memory == GLD_DEVICE && check(index, from, bytes, message) != GLD_OK) return GLD_INVALID;
  std::memcpy(to, from, bytes);
  return GLD_OK;
}

gld_status open(std::int32_t index, gld_stream** stream, char* message) {
  if (const gld_status failed = failure("open", message); failed != GLD_OK) return failed;
  *stream = new gld_stream(index);
  return GLD_OK;
}

void close(gld_stream* stream) {
  expect_not_in_driver();
  delete stream;
}

std::size_t bytes(const gld_stream* stream) { return stream->held(); }

gld_status submit(gld_stream* stream, const gld_call* call, gld_stage stage, gld_done done, void* closure,
                  char* message) {
  if (const gld_status failed = failure("submit", message); failed != GLD_OK) return failed;
  if (call->compute != GLD_F32) return say(message, GLD_INVALID, "float64 on a device");
  gld_call mine = *call;
  auto views = inputs_of(mine, stage);
  for (const Sized& out : outputs_of(mine)) views.push_back(out);
  for (const Sized& one : views) {
    if (one.view->data == nullptr || one.view->memory != GLD_DEVICE) continue;
    if (!device(stream->index).holds(static_cast<const char*>(one.view->data), element_bytes(one.view->dtype))) {
      return say(message, GLD_INVALID, "a view of other memory");
    }
  }
  stream->submit(*call, stage, done, closure);
  return GLD_OK;
}

gld_status finish(gld_stream* stream, gld_result* result, char* message) {
  const gld_status status = stream->finish(result, message);
  const gld_status failed = failure("finish", message);
  return failed != GLD_OK ? failed : status;
}

void cancel(gld_stream* stream) { stream->stop.store(true); }

constexpr gld_device_engine kEngine{GLD_ENGINE_ABI, &count, &describe, &allocate, &release, &copy,  &check,
                                    &open,          &close, &bytes,    &submit,   &finish,  &cancel};

}  // namespace

extern "C" __attribute__((visibility("default"))) const gld_device_engine* gld_device_engine_query(void) {
  return &kEngine;
}

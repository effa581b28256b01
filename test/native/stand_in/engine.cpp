// A stand-in for the CUDA engine, for tests of what lies in front of it and cannot be shown with that engine emulated:
// failures and delays on demand, faulty kernels, and counts of what is there, in the names of its devices. It is the
// CPU engine beside it, with devices that have memory of their own and streams with a thread that plays the driver's.
// The environment steers it, at any time:
//   GLD_STAND_IN_DEVICES  how many devices there are (default 2; read once)
//   GLD_STAND_IN_DELAY    milliseconds that every call takes at least
//   GLD_STAND_IN_MEMORY   bytes of memory of a device (default 1 GiB)
//   GLD_STAND_IN_FAULT    what a faulty kernel may do, for the tests of the GPU checks: "value" is off, "beyond" writes
//                         past an output, "input" into an input, "random" gives other bits every time, "crash" ends the
//                         process
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

#include "../../../csrc/cuda/supports.h"
#include "../../../csrc/engine.h"
#include "../../../csrc/shared/call_hash.h"
#include "../../../csrc/shared/call_views.h"

namespace {

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

}  // namespace

// The CPU engine computes within submit(), into memory of the stream; what a device would be busy with until done() is
// called is a delay.
struct gld_stream {
  explicit gld_stream(std::int32_t on) : index(on) {
    char message[GLD_MESSAGE_BYTES];
    if (cpu().open(0, &of_cpu, message) != GLD_OK) std::abort();
    ++device(index).streams;
  }

  ~gld_stream() {
    if (driver.joinable()) driver.join();
    cpu().close(of_cpu);
    --device(index).streams;
  }

  gld_status submit(const gld_call& given, gld_stage stage, gld_done done, void* closure, char* message) {
    if (driver.joinable()) driver.join();
    stop.store(false);
    call = given;
    results.clear();
    gld::for_each_view(call, stage, {gld::ViewKind::output}, [&](gld_view& view, const gld::ViewShape& shape) {
      std::size_t count = 1;
      for (const std::int64_t size : shape) count *= static_cast<std::size_t>(size);
      results.push_back({view, std::vector<float>(count)});
      view.data = results.back().floats.data();
      view.dtype = GLD_F32;
    });
    call.precision = GLD_PRECISION_FLOAT32;
    const auto all = [](void*, std::int64_t tasks, gld_task run, void* with) {
      for (std::int64_t task = 0; task < tasks; ++task) run(with, task, 0);
    };
    const gld_executor executor{nullptr, 1, all, [](void*) -> std::int32_t { return 0; }};
    const gld_status status = cpu().submit(of_cpu, &call, stage, &executor, nullptr, nullptr, message);
    if (status != GLD_OK) return status;
    count_submit(stage);
    driver = std::thread([this, done, closure] {
      in_driver = true;
      wait();
      if (done != nullptr) done(closure);
    });
    return GLD_OK;
  }

  gld_status finish(gld_result* result, char* message) {
    std::unique_lock<std::mutex> lock(mutex);
    idle.wait(lock, [this] { return finished; });
    finished = false;
    if (stop) return say(message, GLD_CANCELLED, "cancelled");
    for (const Result& one : results) {
      for (std::size_t i = 0; i < one.floats.size(); ++i) {
        if (one.to.dtype == GLD_F32) static_cast<float*>(one.to.data)[i] = one.floats[i];
        if (one.to.dtype == GLD_F16) static_cast<std::uint16_t*>(one.to.data)[i] = to_float16(one.floats[i]);
        if (one.to.dtype == GLD_BF16) static_cast<std::uint16_t*>(one.to.data)[i] = to_bfloat16(one.floats[i]);
      }
    }
    cpu().finish(of_cpu, result, message);
    spoil(result);
    return GLD_OK;
  }

  std::size_t held() const { return cpu().bytes(of_cpu); }

  std::atomic<bool> stop{false};
  const std::int32_t index;

 private:
  struct Result {
    gld_view to;
    std::vector<float> floats;
  };

  void wait() {
    using Clock = std::chrono::steady_clock;
    const auto end = Clock::now() + std::chrono::milliseconds(number("GLD_STAND_IN_DELAY", 0));
    while (Clock::now() < end && !stop) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    const std::lock_guard<std::mutex> lock(mutex);
    finished = true;
    idle.notify_all();
  }

  void count_submit(gld_stage stage) {
    const auto key = std::to_string(stage) + ":" + std::to_string(call.n) + "x" + std::to_string(call.rows) + "x" +
                     std::to_string(call.classes) + "x" + std::to_string(call.student.channels);
    ++device(index).submits;
    if (key != shape) ++device(index).first_shapes;
    shape = key;
  }

  void spoil(gld_result* result) {
    static int calls = 0;
    ++calls;
    const char* set = std::getenv("GLD_STAND_IN_FAULT");
    const std::string fault = set == nullptr ? "" : set;
    if (fault == "crash") std::abort();
    if (fault == "random") result->loss *= 1 + 1e-9 * calls;
    if (fault == "input" && call.student.logits.data != nullptr)
      *static_cast<unsigned char*>(call.student.logits.data) ^= 1;
    for (const Result& one : results) {
      if (one.to.dtype != GLD_F32) continue;
      auto* to = static_cast<float*>(one.to.data);
      if (fault == "value") to[one.floats.size() - 1] += 1;
      // A kernel reaches the device's memory alone; beyond an array of the host's lies what the heap keeps.
      if (fault == "beyond" && one.to.memory == GLD_DEVICE) to[one.floats.size()] = 1;
    }
  }

  gld_stream* of_cpu = nullptr;
  gld_call call{};
  std::vector<Result> results;
  std::string shape;
  std::mutex mutex;
  std::condition_variable idle;
  bool finished = false;
  std::thread driver;
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
  // Leaves room behind, so that the fault that writes beyond is found by the checks and not by the heap.
  *memory = std::aligned_alloc(256, (bytes / 256 + 1) * 256);
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

gld_status submit(gld_stream* stream, const gld_call* call, gld_stage stage, const gld_executor*, gld_done done,
                  void* closure, char* message) {
  if (const gld_status failed = failure("submit", message); failed != GLD_OK) return failed;
  gld_refusal refusal;
  if (gld::cuda::supports(call, stage, stream->index, &refusal) == 0) return say(message, GLD_UNSUPPORTED, "refused");
  const auto is_foreign = [&](const gld::ViewInfo&, const gld_view& view) {
    return view.memory == GLD_DEVICE && !device(stream->index).holds(static_cast<const char*>(view.data), 1);
  };
  if (gld::find_view(*call, is_foreign) != nullptr) return say(message, GLD_INVALID, "a view of other memory");
  return stream->submit(*call, stage, done, closure, message);
}

gld_status finish(gld_stream* stream, gld_result* result, char* message) {
  const gld_status status = stream->finish(result, message);
  const gld_status failed = failure("finish", message);
  return failed != GLD_OK ? failed : status;
}

void cancel(gld_stream* stream) { stream->stop.store(true); }

constexpr gld_engine make_engine() {
  gld_engine engine{};
  engine.abi = GLD_ENGINE_ABI;
  engine.call_hash = gld::kCallHash;
  engine.name = "stand-in";
  engine.level = "";
  engine.count = &count;
  engine.describe = &describe;
  engine.allocate = &allocate;
  engine.release = &release;
  engine.copy = &copy;
  engine.check = &check;
  engine.supports = &gld::cuda::supports;
  engine.open = &open;
  engine.close = &close;
  engine.bytes = &bytes;
  engine.submit = &submit;
  engine.finish = &finish;
  engine.cancel = &cancel;
  return engine;
}

constexpr gld_engine kEngine = make_engine();

}  // namespace

extern "C" __attribute__((visibility("default"))) const gld_engine* gld_engine_query(void) { return &kEngine; }

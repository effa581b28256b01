// A stand-in for the CUDA engine, for tests of what lies in front of it and cannot be shown with that engine emulated:
// failures and delays on demand, faulty kernels, and counts of what is there, in the names of its devices. It is the
// CPU engine beside it, with devices that have memory of their own and streams with a thread that plays the driver's.
// What it supports, and how it writes 16 bits, is csrc/cuda's. The environment steers it, at any time:
//   GLD_STAND_IN_DEVICES  how many devices there are (default 2; read once)
//   GLD_STAND_IN_DELAY    milliseconds that every call takes at least
//   GLD_STAND_IN_FAULT    what a faulty kernel may do, for the tests of the GPU checks: "value" is off, "beyond" writes
//                         past an output, "input" into an input, "random" gives other bits every time, "crash" ends the
//                         process
//   GLD_STAND_IN_FAIL     "<function> <how> <times>": open, submit, finish or copy; "memory" or "error"
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

#include "../../../csrc/cuda/convert.cuh"
#include "../../../csrc/cuda/supports.h"
#include "../../../csrc/shared/call_hash.h"
#include "../engines.h"

namespace {

using gld::Error;
using gld::guarded;

constexpr std::size_t kMemory = std::size_t{1} << 30;  // of a device

std::string setting(const char* name) {
  const char* text = std::getenv(name);
  return text == nullptr ? "" : text;
}

Error full() { return {GLD_OUT_OF_MEMORY, "cudaErrorMemoryAllocation: out of memory in cudaMalloc"}; }

// Throws if this call of a function is one that is to fail.
void fail_as_told(const char* function) {
  static std::mutex mutex;
  static std::string last;
  static int left = 0;
  const std::lock_guard<std::mutex> lock(mutex);
  const std::string told = setting("GLD_STAND_IN_FAIL");
  char name[32] = "";
  char how[32] = "";
  int times = 0;
  std::sscanf(told.c_str(), "%31s %31s %d", name, how, &times);
  if (told != last) left = times;
  last = told;
  if (left == 0 || std::strcmp(name, function) != 0) return;
  --left;
  if (std::strcmp(how, "memory") == 0) throw full();
  throw Error(GLD_FAILED, "cudaErrorIllegalAddress: an illegal memory access was encountered in cudaStreamSynchronize");
}

struct Device {
  std::mutex mutex;
  std::map<const char*, std::size_t> blocks;
  std::size_t used = 0;
  std::atomic<int> streams{0};
  std::atomic<int> submits{0};

  void require(const void* memory, std::size_t bytes) {
    const std::lock_guard<std::mutex> lock(mutex);
    const auto* at = static_cast<const char*>(memory);
    const auto next = blocks.upper_bound(at);
    if (next != blocks.begin()) {
      const auto& [begin, size] = *std::prev(next);
      const auto offset = static_cast<std::size_t>(at - begin);
      if (offset <= size && bytes <= size - offset) return;
    }
    throw Error(GLD_INVALID, "memory that is not in one allocation there");
  }
};

std::vector<Device>& devices() {
  static auto* const all = [] {
    const std::string number = setting("GLD_STAND_IN_DEVICES");
    return new std::vector<Device>(number.empty() ? 2 : std::stoul(number));
  }();
  return *all;
}
Device& device(std::int32_t index) { return devices()[static_cast<std::size_t>(index)]; }

const gld_engine& cpu() {
  static const gld_engine* const engine = [] {
    Dl_info info{};
    dladdr(reinterpret_cast<void*>(&fail_as_told), &info);
    const std::string path = info.dli_fname;
    return engines::load((path.substr(0, path.rfind('/') + 1) + GLD_CPU_ENGINE).c_str());
  }();
  return *engine;
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
    stop = false;
    call = given;
    call.precision = GLD_PRECISION_FLOAT32;
    results.clear();
    gld::for_each_view(call, stage, {gld::ViewKind::output}, [&](gld_view& view, const gld::ViewShape& shape) {
      std::size_t count = 1;
      for (const std::int64_t size : shape) count *= static_cast<std::size_t>(size);
      results.push_back({view, std::vector<float>(count)});
      view.data = results.back().floats.data();
      view.dtype = GLD_F32;
    });
    const gld_status status = engines::compute(cpu(), of_cpu, call, stage, message);
    if (status != GLD_OK) return status;
    ++device(index).submits;
    driver = std::thread([this, done, closure] {
      in_driver = true;
      using Clock = std::chrono::steady_clock;
      const auto end = Clock::now() + std::chrono::milliseconds(std::atoll(setting("GLD_STAND_IN_DELAY").c_str()));
      while (Clock::now() < end && !stop) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      if (done != nullptr) done(closure);
    });
    return GLD_OK;
  }

  void finish(gld_result* result) {
    driver.join();
    if (stop) throw gld::Cancelled{};
    for (const Result& one : results) {
      gld::cuda::visit(one.to, [&](auto* to) {
        using Element = std::remove_pointer_t<decltype(to)>;
        std::transform(one.floats.begin(), one.floats.end(), to, gld::cuda::from_float<Element>);
      });
    }
    cpu().finish(of_cpu, result, nullptr);
    spoil(result);
  }

  std::size_t held() const { return cpu().bytes(of_cpu); }

  std::atomic<bool> stop{false};
  const std::int32_t index;

 private:
  struct Result {
    gld_view to;
    std::vector<float> floats;
  };

  void spoil(gld_result* result) const {
    static int calls = 0;
    ++calls;
    const std::string fault = setting("GLD_STAND_IN_FAULT");
    if (fault == "crash") std::abort();
    if (fault == "random") result->loss *= 1 + 1e-9 * calls;
    if (fault == "input" && call.student.logits.data != nullptr) {
      *static_cast<unsigned char*>(call.student.logits.data) ^= 1;
    }
    for (const Result& one : results) {
      if (one.to.dtype != GLD_F32) continue;
      auto* const end = static_cast<float*>(one.to.data) + one.floats.size();
      if (fault == "value") end[-1] += 1;
      // A kernel reaches the device's memory alone; beyond an array of the host's lies what the heap keeps.
      if (fault == "beyond" && one.to.memory == GLD_DEVICE) *end = 1;
    }
  }

  gld_stream* of_cpu = nullptr;
  gld_call call{};
  std::vector<Result> results;
  std::thread driver;
};

namespace {

gld_status count(std::int32_t* found, char* message) {
  *found = static_cast<std::int32_t>(devices().size());
  return guarded(message, [&] {
    if (*found != 0) return;
    throw Error(GLD_UNAVAILABLE, "cudaErrorNoDevice: no CUDA-capable device is detected in cudaGetDeviceCount");
  });
}

gld_status describe(std::int32_t index, gld_device* out, char*) {
  Device& one = device(index);
  const std::lock_guard<std::mutex> lock(one.mutex);
  *out = gld_device{"", 9, 0, 13020, 13000, kMemory, kMemory - one.used};
  std::snprintf(out->name, sizeof out->name, "stand-in %d: streams %d, submits %d, blocks %zu", index,
                one.streams.load(), one.submits.load(), one.blocks.size());
  return GLD_OK;
}

gld_status allocate(std::int32_t index, std::size_t bytes, void** memory, char* message) {
  return guarded(message, [&] {
    Device& one = device(index);
    const std::lock_guard<std::mutex> lock(one.mutex);
    if (bytes > kMemory - one.used) throw full();
    // Leaves room behind, so that the fault that writes beyond is found by the checks and not by the heap.
    *memory = std::aligned_alloc(256, (bytes / 256 + 1) * 256);
    std::memset(*memory, 0xff, bytes);
    one.blocks[static_cast<char*>(*memory)] = bytes;
    one.used += bytes;
  });
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

gld_status copy(std::int32_t index, void* to, gld_memory to_memory, const void* from, gld_memory from_memory,
                std::size_t bytes, char* message) {
  return guarded(message, [&] {
    fail_as_told("copy");
    if (to_memory == GLD_DEVICE) device(index).require(to, bytes);
    if (from_memory == GLD_DEVICE) device(index).require(from, bytes);
    std::memcpy(to, from, bytes);
  });
}

gld_status check(std::int32_t index, const void* memory, std::size_t bytes, char* message) {
  return guarded(message, [&] { device(index).require(memory, bytes); });
}

gld_status open(std::int32_t index, gld_stream** stream, char* message) {
  return guarded(message, [&] {
    fail_as_told("open");
    *stream = new gld_stream(index);
  });
}

void close(gld_stream* stream) {
  expect_not_in_driver();
  delete stream;
}

std::size_t bytes(const gld_stream* stream) { return stream->held(); }

gld_status submit(gld_stream* stream, const gld_call* call, gld_stage stage, const gld_executor*, gld_done done,
                  void* closure, char* message) {
  const gld_status refused = guarded(message, [&] {
    fail_as_told("submit");
    gld::require_computable(*call, stage, stream->index, gld::cuda::supports);
    gld::find_view(*call, [&](const gld::ViewInfo&, const gld_view& view) {
      if (view.memory == GLD_DEVICE) device(stream->index).require(view.data, 1);
      return false;
    });
  });
  return refused != GLD_OK ? refused : stream->submit(*call, stage, done, closure, message);
}

gld_status finish(gld_stream* stream, gld_result* result, char* message) {
  return guarded(message, [&] {
    stream->finish(result);
    fail_as_told("finish");
  });
}

void cancel(gld_stream* stream) { stream->stop = true; }

constexpr gld_engine kEngine{GLD_ENGINE_ABI, gld::kCallHash, "stand-in", "",     0,      count,
                             describe,       allocate,       release,    copy,   check,  gld::cuda::supports,
                             open,           close,          bytes,      submit, finish, cancel};

}  // namespace

extern "C" __attribute__((visibility("default"))) const gld_engine* gld_engine_query(void) { return &kEngine; }

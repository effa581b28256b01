#include "engines.h"

#include <dlfcn.h>
#include <unistd.h>

#include <algorithm>
#include <limits>
#include <map>
#include <mutex>

#include "../shared/call_hash.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace gld {
namespace {

struct Level {
  const char* name;
  const char* library;
  bool (*supported)();
};

#if defined(__x86_64__)

struct Features {
  unsigned leaf1_ecx = 0, leaf7_ebx = 0, extended_ecx = 0;
  unsigned long long saved = 0;  // XCR0: the register sets that the system saves on a context switch

  Features() {
    unsigned a = 0, b = 0, c = 0, d = 0;
    if (__get_cpuid(1, &a, &b, &c, &d)) leaf1_ecx = c;
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d)) leaf7_ebx = b;
    if (__get_cpuid(0x80000001, &a, &b, &c, &d)) extended_ecx = c;
    if (leaf1_ecx & bit_OSXSAVE) {  // without it, XGETBV itself is an illegal instruction
      unsigned low = 0, high = 0;
      __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
      saved = (static_cast<unsigned long long>(high) << 32) | low;
    }
  }

  static bool all(unsigned long long set, unsigned long long bits) { return (set & bits) == bits; }
};

const Features& features() {
  static const Features found;
  return found;
}

// The levels of the x86-64 psABI, with what the operating system must save for each.
bool has_v2() {
  constexpr unsigned kLahf = 1;
  return Features::all(features().leaf1_ecx,
                       bit_SSE3 | bit_SSSE3 | bit_CMPXCHG16B | bit_SSE4_1 | bit_SSE4_2 | bit_POPCNT) &&
         Features::all(features().extended_ecx, kLahf);
}

bool has_v3() {
  constexpr unsigned long long kSseAvx = 0x6;
  constexpr unsigned kLzcnt = 1 << 5;
  return has_v2() && Features::all(features().saved, kSseAvx) &&
         Features::all(features().leaf1_ecx, bit_FMA | bit_MOVBE | bit_AVX | bit_F16C) &&
         Features::all(features().leaf7_ebx, bit_BMI | bit_AVX2 | bit_BMI2) &&
         Features::all(features().extended_ecx, kLzcnt);
}

bool has_v4() {
  constexpr unsigned long long kSseAvxAvx512 = 0xe6;
  return has_v3() && Features::all(features().saved, kSseAvxAvx512) &&
         Features::all(features().leaf7_ebx, bit_AVX512F | bit_AVX512DQ | bit_AVX512CD | bit_AVX512BW | bit_AVX512VL);
}

constexpr Level kLevels[] = {{"x86-64-v4", "libgld_cpu_x86_64_v4.so", has_v4},
                             {"x86-64-v3", "libgld_cpu_x86_64_v3.so", has_v3},
                             {"x86-64-v2", "libgld_cpu_x86_64_v2.so", has_v2}};

#elif defined(__aarch64__)

constexpr Level kLevels[] = {{"neon", "libgld_cpu_neon.so", [] { return true; }}};

#else
#error "gld-loss knows no engine for this processor"
#endif

constexpr const char* kDeviceLibrary = "libgld_cuda.so";

// The folder this addon was loaded from.
std::string folder() {
  Dl_info info{};
  if (dladdr(reinterpret_cast<void*>(&open_engine), &info) == 0 || info.dli_fname == nullptr) return "";
  const std::string file = info.dli_fname;
  const std::size_t slash = file.rfind('/');
  return slash == std::string::npos ? "." : file.substr(0, slash);
}

std::string path_of(const Level& level) { return folder() + "/" + level.library; }

// What the library's one exported function returns, if it is of this addon's version. Never closed: its code may still
// run on other threads when an environment ends.
const gld_engine* open_library(const std::string& path, std::string* reason) {
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    const char* text = dlerror();
    *reason = text == nullptr ? "cannot be opened" : text;
    return nullptr;
  }
  const auto query = reinterpret_cast<gld_engine_query_fn>(dlsym(library, "gld_engine_query"));
  const gld_engine* engine = query == nullptr ? nullptr : query();
  if (engine == nullptr || engine->abi != GLD_ENGINE_ABI || engine->call_hash != kCallHash) {
    *reason = "it is of another version than this addon";
    return nullptr;
  }
  return engine;
}

// The engine for devices, once somebody asked, and how many of them it can use or why it is none.
struct Devices {
  const gld_engine* library = nullptr;
  std::int32_t count = 0;
  std::string reason;

  Devices() {
    const std::string path = folder() + "/" + kDeviceLibrary;
    if (access(path.c_str(), R_OK) != 0) {
      reason = std::string("this build of gld-loss has no CUDA engine (") + kDeviceLibrary + " beside gld_loss.node)";
      return;
    }
    library = open_library(path, &reason);
    if (library == nullptr) {
      reason = std::string(kDeviceLibrary) + " does not load: " + reason;
      return;
    }
    char message[GLD_MESSAGE_BYTES] = {};
    if (library->count(&count, message) == GLD_OK && count >= 1) return;
    count = 0;
    reason = message[0] == 0 ? "no device was found" : message;
  }
};

const Devices& devices() {
  static const Devices found;
  return found;
}

template <class F>
std::vector<std::string> names_where(F&& keep) {
  std::vector<std::string> names;
  for (const Level& level : kLevels) {
    if (access(path_of(level).c_str(), R_OK) == 0 && keep(level)) names.emplace_back(level.name);
  }
  return names;
}

}  // namespace

std::vector<std::string> built_levels() {
  return names_where([](const Level&) { return true; });
}

std::vector<std::string> available_levels() {
  return names_where([](const Level& level) { return level.supported(); });
}

const gld_engine* open_engine(const std::string& name, std::string* reason) {
  static std::mutex mutex;
  static std::map<std::string, const gld_engine*> open;
  const std::lock_guard<std::mutex> lock(mutex);
  if (const auto found = open.find(name); found != open.end()) return found->second;

  const auto* level =
      std::find_if(std::begin(kLevels), std::end(kLevels), [&](const Level& l) { return name == l.name; });
  if (level == std::end(kLevels) || !level->supported()) {
    *reason = "this machine cannot run it";
    return nullptr;
  }
  const auto* engine = open_library(path_of(*level), reason);
  if (engine == nullptr) return nullptr;
  open[name] = engine;
  return engine;
}

const gld_engine* device_engine(std::string* reason) {
  if (devices().count > 0) return devices().library;
  *reason = devices().reason;
  return nullptr;
}

std::int32_t device_count() { return devices().count; }

std::int32_t nameable_devices() { return devices().library == nullptr ? 0 : std::numeric_limits<std::int32_t>::max(); }

const gld_engine& opened_device_engine() { return *devices().library; }

}  // namespace gld

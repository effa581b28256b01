// The CPU engine's side of engine.h. Compiled once per instruction-set level; GLD_LEVEL_NAME is its name.
#include "../engine.h"

#include <cstdio>
#include <exception>
#include <new>

#include "../call_check.h"
#include "arena.h"
#include "cross_entropy.h"
#include "gld.h"
#include "parallel.h"
#include "stages.h"

namespace gld {
namespace {

void say(char* message, const char* text) { std::snprintf(message, GLD_MESSAGE_BYTES, "%s", text); }

// Buffers that this engine reads, and those that it writes.
struct HostBuffers {
  static bool readable(const gld_view& view) {
    return view.data != nullptr && view.dtype >= GLD_F32 && view.dtype <= GLD_BF16;
  }
  static bool writable(const gld_view& view) { return view.dtype == GLD_F32 || view.dtype == GLD_F64; }
  static constexpr const char* kNotWritable = "an output is neither float32 nor float64";
};

template <class T>
void run_stage(const gld_call& call, gld_stage stage, Arena& arena, const gld_executor* executor, int threads,
               gld_result* result) {
  const auto go = [&](auto&& planned) {
    if (executor == nullptr) return;  // only the plan was asked for
    planned.run(Parallel(*executor), *result);
  };
  if (stage == GLD_STAGE_POOL) return go(PoolStage<T>(call, arena, threads));
  if (stage == GLD_STAGE_CLASSIFIER) return go(ClassifierStage<T>(call, arena, threads));
  go(Gld<T>(call, stage, arena, threads));
}

template <class F>
gld_status guarded(char* message, F&& run) {
  try {
    return run();
  } catch (const Cancelled&) {
    say(message, "cancelled");
    return GLD_CANCELLED;
  } catch (const LabelOutOfRange& wrong) {
    std::snprintf(message, GLD_MESSAGE_BYTES, "label %lld of sample %lld", static_cast<long long>(wrong.label),
                  static_cast<long long>(wrong.sample));
    return GLD_LABEL_RANGE;
  } catch (const std::bad_alloc&) {
    say(message, "out of memory");
    return GLD_OUT_OF_MEMORY;
  } catch (const std::exception& error) {
    say(message, error.what());
    return GLD_FAILED;
  } catch (...) {
    say(message, "unknown failure");
    return GLD_FAILED;
  }
}

gld_status dispatch(const gld_call* call, gld_stage stage, Arena& arena, const gld_executor* executor, int threads,
                    gld_result* result, char* message) {
  if (!fits(*call)) {
    say(message, "larger ones");
    return GLD_TOO_LARGE;
  }
  if (const char* wrong = fault<HostBuffers>(*call, stage)) {
    say(message, wrong);
    return GLD_INVALID;
  }
  if (call->compute == GLD_F64) {
    run_stage<double>(*call, stage, arena, executor, threads, result);
  } else {
    run_stage<float>(*call, stage, arena, executor, threads, result);
  }
  return GLD_OK;
}

gld_status workspace(const gld_call* call, gld_stage stage, std::int32_t threads, std::size_t* bytes, char* message) {
  return guarded(message, [&] {
    Arena counting;
    const gld_status status = dispatch(call, stage, counting, nullptr, threads, nullptr, message);
    *bytes = counting.peak();
    return status;
  });
}

gld_status run(const gld_call* call, gld_stage stage, const gld_executor* executor, void* memory, std::size_t bytes,
               gld_result* result, char* message) {
  return guarded(message, [&] {
    *result = gld_result{};
    Arena arena(memory, bytes);
    return dispatch(call, stage, arena, executor, executor->threads, result, message);
  });
}

constexpr gld_engine kEngine{GLD_ENGINE_ABI, GLD_LEVEL_NAME, &workspace, &run};

}  // namespace
}  // namespace gld

extern "C" __attribute__((visibility("default"))) const gld_engine* gld_engine_query(void) { return &gld::kEngine; }

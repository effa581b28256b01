// The CPU engine's side of engine.h. Compiled once per instruction-set level; GLD_LEVEL_NAME is its name.
#include "../engine.h"

#include "../shared/call_check.h"
#include "../shared/status.h"
#include "arena.h"
#include "gld.h"
#include "parallel.h"
#include "stages.h"

namespace gld {
namespace {

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

void dispatch(const gld_call& call, gld_stage stage, Arena& arena, const gld_executor* executor, int threads,
              gld_result* result) {
  if (!fits(call)) throw Error(GLD_TOO_LARGE, "larger ones");
  if (const char* wrong = fault<HostBuffers>(call, stage)) throw Error(GLD_INVALID, wrong);
  if (call.compute == GLD_F64) {
    run_stage<double>(call, stage, arena, executor, threads, result);
  } else {
    run_stage<float>(call, stage, arena, executor, threads, result);
  }
}

gld_status workspace(const gld_call* call, gld_stage stage, std::int32_t threads, std::size_t* bytes, char* message) {
  return guarded(message, [&] {
    Arena counting;
    dispatch(*call, stage, counting, nullptr, threads, nullptr);
    *bytes = counting.used();
  });
}

gld_status run(const gld_call* call, gld_stage stage, const gld_executor* executor, void* memory, std::size_t bytes,
               gld_result* result, char* message) {
  return guarded(message, [&] {
    *result = gld_result{};
    Arena arena(memory, bytes);
    dispatch(*call, stage, arena, executor, executor->threads, result);
  });
}

constexpr gld_engine kEngine{GLD_ENGINE_ABI, GLD_LEVEL_NAME, &workspace, &run};

}  // namespace
}  // namespace gld

extern "C" __attribute__((visibility("default"))) const gld_engine* gld_engine_query(void) { return &gld::kEngine; }

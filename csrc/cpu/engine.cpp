// The CPU engine's side of engine.h. Compiled once per instruction-set level; GLD_LEVEL_NAME is its name.
#include "../engine.h"

#include "../shared/call_check.h"
#include "../shared/call_hash.h"
#include "../shared/status.h"
#include "gld.h"
#include "parallel.h"
#include "stages.h"
#include "views.h"
#include "workspace.h"

struct gld_stream {
  gld::Workspace workspace;
  gld_result result{};  // of the last call
};

namespace gld {
namespace {

template <class T>
void run_stage(const gld_call& call, gld_stage stage, Arena& arena, const gld_executor& executor, gld_result* result) {
  const auto go = [&](auto&& planned) {
    if (result == nullptr) return;  // only the plan was asked for
    planned.run(Parallel(executor), *result);
  };
  if (stage == GLD_STAGE_POOL) return go(PoolStage<T>(call, arena, executor.threads));
  if (stage == GLD_STAGE_CLASSIFIER) return go(ClassifierStage<T>(call, arena, executor.threads));
  go(Gld<T>(call, stage, arena, executor.threads));
}

// Plans a stage in the arena and, if there is a place for its result, computes it.
void dispatch(const gld_call& call, gld_stage stage, Arena& arena, const gld_executor& executor, gld_result* result) {
  if (call.compute == GLD_F64) {
    run_stage<double>(call, stage, arena, executor, result);
  } else {
    run_stage<float>(call, stage, arena, executor, result);
  }
}

gld_status count(std::int32_t* places, char*) {
  *places = 1;
  return GLD_OK;
}

std::int32_t supports(const gld_call* call, gld_stage, std::int32_t, gld_refusal* refusal) {
  if (call->precision != GLD_PRECISION_FLOAT32) {
    return refuse(refusal, GLD_REFUSED_OPTION, "precision", "'float32' on the CPU, which always computes so",
                  call->precision == GLD_PRECISION_TF32 ? "'tf32'" : "'bf16'");
  }
  const ViewInfo* half = find_view(*call, [](const ViewInfo& info, const gld_view& view) {
    return info.kind == ViewKind::output && (view.dtype == GLD_F16 || view.dtype == GLD_BF16);
  });
  if (half != nullptr) {
    return refuse(refusal, GLD_REFUSED_DTYPE, half->name, "float32 or float64 elements on the CPU", "16 bits");
  }
  return 1;
}

gld_status open(std::int32_t, gld_stream** stream, char* message) {
  return guarded(message, [&] { *stream = new gld_stream; });
}

void close(gld_stream* stream) { delete stream; }

std::size_t bytes(const gld_stream* stream) { return stream->workspace.bytes(); }

gld_status submit(gld_stream* stream, const gld_call* call, gld_stage stage, const gld_executor* executor, gld_done,
                  void*, char* message) {
  return guarded(message, [&] {
    require_computable(*call, stage, 0, supports);
    Arena counting;
    dispatch(*call, stage, counting, *executor, nullptr);
    stream->workspace.reserve(counting.used());
    stream->result = gld_result{};
    Arena arena(stream->workspace.data(), stream->workspace.bytes());
    dispatch(*call, stage, arena, *executor, &stream->result);
  });
}

gld_status finish(gld_stream* stream, gld_result* result, char*) {
  *result = stream->result;
  return GLD_OK;
}

// Without devices and their memory, and without cancel().
constexpr gld_engine kEngine{GLD_ENGINE_ABI, kCallHash, "cpu",   GLD_LEVEL_NAME, 1,       count,
                             nullptr,        nullptr,   nullptr, nullptr,        nullptr, supports,
                             open,           close,     bytes,   submit,         finish,  nullptr};

}  // namespace
}  // namespace gld

extern "C" __attribute__((visibility("default"))) const gld_engine* gld_engine_query(void) { return &gld::kEngine; }

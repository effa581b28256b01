// The CPU engine's side of engine.h. Compiled once per instruction-set level; GLD_LEVEL_NAME is its name.
#include "../engine.h"

#include <cstdio>
#include <exception>
#include <new>

#include "arena.h"
#include "cross_entropy.h"
#include "gld.h"
#include "parallel.h"
#include "stages.h"

namespace gld {
namespace {

void say(char* message, const char* text) { std::snprintf(message, GLD_MESSAGE_BYTES, "%s", text); }

// Whether every product of sizes that the engine forms stays within 64 bits, with room for padding and element sizes.
bool fits(const gld_call& call) {
  constexpr std::int64_t kLimit = std::int64_t{1} << 48;
  constexpr std::int64_t kPadding = 64;
  const auto small = [](std::int64_t a, std::int64_t b, std::int64_t c) {
    std::int64_t product = 0;
    return a <= kLimit && b <= kLimit && c <= kLimit && !__builtin_mul_overflow(a, b, &product) &&
           !__builtin_mul_overflow(product, c, &product) && product <= kLimit;
  };
  const std::int64_t classes = call.classes + kPadding;
  const auto net_fits = [&](const gld_side& side) {
    const std::int64_t channels = side.channels + kPadding;
    return small(call.n, call.rows, channels) && small(channels, side.height + 1, side.width + 1) &&
           small(classes, channels, 1);
  };
  return small(call.n, call.rows, classes) && small(classes, classes, 1) && net_fits(call.teacher) && net_fits(call.student);
}

// What is wrong with a call, or null. Shapes against buffers are the caller's business (it knows the buffers); this
// keeps the engine from reading a view that is not there and from sizes whose products overflow.
const char* fault(const gld_call& call, gld_stage stage) {
  const auto readable = [](const gld_view& view) {
    return view.data != nullptr && view.dtype >= GLD_F32 && view.dtype <= GLD_BF16;
  };
  const auto writable = [](const gld_view& view) {
    return view.data == nullptr || view.dtype == GLD_F32 || view.dtype == GLD_F64;
  };
  const auto side = [&](const gld_side& side) {
    if (!readable(side.features)) return readable(side.logits);
    return readable(side.weight) && (side.bias.data == nullptr || readable(side.bias)) && side.channels >= 1 &&
           side.height >= call.grid_rows && side.width >= call.grid_cols;
  };
  if (call.n < 1 || call.rows < 1 || call.classes < (stage == GLD_STAGE_POOL ? 0 : 1)) return "sizes below 1";
  for (const gld_side* net : {&call.teacher, &call.student}) {
    if (net->channels < 0 || net->height < 0 || net->width < 0) return "sizes below 0";
  }
  if (call.compute != GLD_F32 && call.compute != GLD_F64) return "unknown compute type";
  for (const gld_view* view : {&call.out_features, &call.out_weight, &call.out_bias, &call.out_logits, &call.out_pooled}) {
    if (!writable(*view)) return "an output is neither float32 nor float64";
  }

  if (call.method < GLD_METHOD_AUTO || call.method > GLD_METHOD_MOMENTS || call.metric < GLD_METRIC_SQEUCLIDEAN ||
      call.metric > GLD_METRIC_EUCLIDEAN || call.reduction < GLD_REDUCE_MATRIX || call.reduction > GLD_REDUCE_ROW ||
      call.normalization < GLD_NORMALIZE_STD || call.normalization > GLD_NORMALIZE_TEMPERATURE) {
    return "unknown option";
  }
  if (call.method == GLD_METHOD_MOMENTS && call.metric == GLD_METRIC_EUCLIDEAN) return "moments of plain distances";
  const bool features = call.teacher.features.data != nullptr || call.student.features.data != nullptr;
  if (features && stage != GLD_STAGE_POOL && stage != GLD_STAGE_GLD) return "features are for the stages pool and gld";
  std::int64_t cells = 0;
  if (features && (call.grid_rows < 1 || call.grid_cols < 1 || 
                   __builtin_mul_overflow(call.grid_rows, call.grid_cols, &cells) || call.rows - 1 != cells)) {
    return "rows do not match the grid";
  }
  const bool labels = (call.labels.data != nullptr && call.labels.dtype == GLD_I32) ||
                      (call.soft_labels.data != nullptr && readable(call.soft_labels));
  const gld_side& student = call.student;
  switch (stage) {
    case GLD_STAGE_POOL:
      return readable(student.features) && student.height >= call.grid_rows && student.width >= call.grid_cols &&
                     (call.out_features.data == nullptr || readable(call.upstream))
                 ? nullptr
                 : "pool: a buffer is missing";
    case GLD_STAGE_CLASSIFIER:
      return readable(call.in_pooled) && readable(student.weight) && (call.upstream.data == nullptr || readable(call.upstream))
                 ? nullptr
                 : "classifier: a buffer is missing";
    case GLD_STAGE_CROSS_ENTROPY:
      return readable(student.logits) && labels ? nullptr : "cross_entropy: a buffer is missing";
    case GLD_STAGE_NORMALIZED_KD:
    case GLD_STAGE_RELATION:
      return readable(student.logits) && readable(call.teacher.logits) ? nullptr : "logits are missing";
    case GLD_STAGE_GLD:
      return side(call.teacher) && side(student) ? nullptr : "gld: a side has neither features nor logits";
    default:
      return "unknown stage";
  }
}

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
  if (const char* wrong = fault(*call, stage)) {
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

// What every engine checks of a call before it starts.
#pragma once

#include <cfloat>
#include <cstdint>
#include <cstdio>
#include <initializer_list>
#include <string>

#include "../engine.h"
#include "call_views.h"
#include "status.h"

namespace gld {

// Whether every product of sizes that the engine forms stays within 64 bits, with room for padding and element sizes.
inline bool fits(const gld_call& call) {
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
    std::int64_t slice = 0;
    return small(side.depth + 1, side.height + 1, 1) &&
           !__builtin_mul_overflow(side.depth + 1, side.height + 1, &slice) && small(channels, slice, side.width + 1) &&
           small(call.n, call.rows, channels) && small(classes, channels, 1);
  };
  return small(call.n, call.rows, classes) && small(classes, classes, 1) && net_fits(call.teacher) &&
         net_fits(call.student);
}

// Whether the levels of the pyramid have as many cells as there are rows for them.
inline bool rows_match_grid(const gld_call& call) {
  if (call.levels < 1 || call.levels > GLD_MAX_LEVELS) return false;
  std::int64_t rows = 1;
  for (std::int32_t level = 0; level < call.levels; ++level) {
    std::int64_t cells = 1;
    for (const std::int64_t size : call.grid[level]) {
      if (size < 1 || __builtin_mul_overflow(cells, size, &cells)) return false;
    }
    if (__builtin_add_overflow(rows, cells, &rows)) return false;
  }
  return rows == call.rows;
}

// Whether a map has positions for all cells of every level.
inline bool holds_grid(const gld_side& side, const gld_call& call) {
  for (std::int32_t level = 0; level < call.levels; ++level) {
    const auto& cells = call.grid[level];
    if (cells[0] > side.depth || cells[1] > side.height || cells[2] > side.width) return false;
  }
  return true;
}

inline bool is_float(const gld_view& view) { return view.dtype >= GLD_F32 && view.dtype <= GLD_BF16; }

// Which option has a value that no engine takes, and what was expected; or null.
inline const char* unsound_option(const gld_call& call) {
#define GLD_OPTION(type, member, name, sound)        \
  {                                                  \
    [[maybe_unused]] const type value = call.member; \
    if (!(sound)) return name ": expected " #sound;  \
  }
#define GLD_CHOICE(type, member, name) \
  if (call.member < 0 || call.member >= type##_count) return name ": expected a " #type;
#include "../call.def"
  return nullptr;
}

// Which gradient a loss has a buffer for that does not follow from the student's inputs; or null.
inline const char* stray_gradient(const gld_call& call) {
  const bool classifier = call.out_weight.data != nullptr || call.out_bias.data != nullptr;
  if (classifier && call.student.weight.data == nullptr) return "gradients of a classifier that is not there";
  const bool logits = call.student.features.data == nullptr;
  if (logits && (classifier || call.out_features.data != nullptr)) return "gradients of a map that is not there";
  return !logits && call.out_logits.data != nullptr ? "gradients of logits that are not given" : nullptr;
}

// What is wrong with a call, or null. Shapes against buffers are the caller's business (it knows the buffers); this
// keeps the engine from reading a view that is not there.
inline const char* fault(const gld_call& call, gld_stage stage) {
  const auto readable = [](const gld_view& view) { return view.data != nullptr && is_float(view); };
  const auto side = [&](const gld_side& side) {
    if (!readable(side.features)) return readable(side.logits);
    if (side.weight.data == nullptr) return side.bias.data == nullptr && side.channels == call.classes;
    return readable(side.weight) && (side.bias.data == nullptr || readable(side.bias)) && side.channels >= 1;
  };
  if (call.n < 1 || call.rows < 1 || call.classes < (stage == GLD_STAGE_POOL ? 0 : 1)) return "sizes below 1";
  for (const gld_side* net : {&call.teacher, &call.student}) {
    if (net->channels < 0 || net->depth < 0 || net->height < 0 || net->width < 0) return "sizes below 0";
    if (net->mask.data != nullptr && net->mask.dtype != GLD_U8) return "a mask is not of bytes";
    if (net->mask.data != nullptr && net->features.data == nullptr) return "a mask without a map";
  }
  if (call.compute != GLD_F32 && call.compute != GLD_F64) return "unknown compute type";
  for (const gld_view* view :
       {&call.out_features, &call.out_weight, &call.out_bias, &call.out_logits, &call.out_pooled}) {
    if (view->data != nullptr && !is_float(*view)) return "an output of integers";
  }

  if (const char* wrong = unsound_option(call)) return wrong;
  for (const gld_view* view : {&call.weights, &call.class_weights}) {
    if (view->data != nullptr && view->dtype != GLD_F32 && view->dtype != GLD_F64) {
      return "weights are neither float32 nor float64";
    }
  }
  if (call.method == GLD_METHOD_MOMENTS && call.metric == GLD_METRIC_EUCLIDEAN) return "moments of plain distances";
  const bool features = call.teacher.features.data != nullptr || call.student.features.data != nullptr;
  if (features && stage != GLD_STAGE_POOL && stage != GLD_STAGE_GLD) return "features are for the stages pool and gld";
  if (features && !rows_match_grid(call)) return "rows do not match the grid";
  for (const gld_side* net : {&call.teacher, &call.student}) {
    if (net->features.data != nullptr && !holds_grid(*net, call)) return "more cells than a map has positions";
  }
  const bool labels = (call.labels.data != nullptr && call.labels.dtype == GLD_I32) ||
                      (call.soft_labels.data != nullptr && readable(call.soft_labels));
  const gld_side& student = call.student;
  switch (stage) {
    case GLD_STAGE_POOL:
      return readable(student.features) && (call.out_features.data == nullptr || readable(call.upstream))
                 ? nullptr
                 : "pool: a buffer is missing";
    case GLD_STAGE_CLASSIFIER:
      return readable(call.in_pooled) && readable(student.weight) &&
                     (call.upstream.data == nullptr || readable(call.upstream))
                 ? nullptr
                 : "classifier: a buffer is missing";
    case GLD_STAGE_CROSS_ENTROPY:
      return readable(student.logits) && labels ? stray_gradient(call) : "cross_entropy: a buffer is missing";
    case GLD_STAGE_NORMALIZED_KD:
    case GLD_STAGE_RELATION:
      return readable(student.logits) && readable(call.teacher.logits) ? stray_gradient(call) : "logits are missing";
    case GLD_STAGE_GLD:
      if (!side(call.teacher) || !side(student)) return "gld: a side has neither features nor logits";
      return stray_gradient(call);
    default: return "unknown stage";
  }
}

// Fills in why a call is not computed; what supports() returns then.
inline std::int32_t refuse(gld_refusal* refusal, gld_refusal_kind kind, const char* argument,
                           const std::string& expected, const char* received) {
  refusal->kind = kind;
  std::snprintf(refusal->argument, sizeof refusal->argument, "%s", argument);
  std::snprintf(refusal->expected, sizeof refusal->expected, "%s", expected.c_str());
  std::snprintf(refusal->received, sizeof refusal->received, "%s", received);
  return 0;
}

// Throws unless a call is sound and the engine's supports() has nothing against it: what submit() begins with.
template <class Supports>
void require_computable(const gld_call& call, gld_stage stage, std::int32_t place, const Supports& supports) {
  if (!fits(call)) throw Error(GLD_TOO_LARGE, "larger ones");
  if (const char* wrong = fault(call, stage)) throw Error(GLD_INVALID, wrong);
  gld_refusal why;
  if (supports(&call, stage, place, &why) != 0) return;
  throw Error(GLD_UNSUPPORTED, std::string(why.argument) + ": expected " + why.expected + ", got " + why.received);
}

}  // namespace gld

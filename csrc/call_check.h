// What every engine checks of a call before it starts.
#pragma once

#include <cstdint>

#include "engine.h"

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
    return small(call.n, call.rows, channels) && small(channels, side.height + 1, side.width + 1) &&
           small(classes, channels, 1);
  };
  return small(call.n, call.rows, classes) && small(classes, classes, 1) && net_fits(call.teacher) && net_fits(call.student);
}

// What is wrong with a call, or null. Shapes against buffers are the caller's business (it knows the buffers); this
// keeps the engine from reading a view that is not there. Buffers: which ones the engine reads, readable(view), and which it
// writes, writable(view), with the message kNotWritable.
template <class Buffers>
const char* fault(const gld_call& call, gld_stage stage) {
  const auto readable = [](const gld_view& view) { return Buffers::readable(view); };
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
    if (view->data != nullptr && !Buffers::writable(*view)) return Buffers::kNotWritable;
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
      return readable(call.in_pooled) && readable(student.weight) &&
                     (call.upstream.data == nullptr || readable(call.upstream))
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

}  // namespace gld

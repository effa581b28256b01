// What compare.cpp measures by: results in float64 of a CPU engine, and the sizes of the terms of every output.
#pragma once

#include <cstring>

#include "../engines.h"
#include "../yardstick.h"
#include "calls.h"
#include "shared/cross_entropy.h"

namespace random_calls {

inline const gld_engine* cpu = nullptr;

// In float64, on one thread.
inline gld_result run_on_cpu(gld_call call, gld_stage stage) {
  call.compute = GLD_F64;
  call.precision = GLD_PRECISION_FLOAT32;
  gld_stream* stream = nullptr;
  gld_result result{};
  if (cpu->open(0, &stream, message) != GLD_OK || engines::compute(*cpu, stream, call, stage, message) != GLD_OK ||
      cpu->finish(stream, &result, message) != GLD_OK) {
    die("reference");
  }
  cpu->close(stream);
  return result;
}

using yardstick::Logits;
using yardstick::Numbers;

inline Numbers absolute(Numbers of) {
  for (double& x : of) x = std::abs(x);
  return of;
}

// A dense array that a call reads or writes; an absent view where there is none.
inline gld_view dense(Numbers& of, const Shape& shape) {
  gld_view view{};
  if (of.empty()) return view;
  view.data = of.data();
  view.dtype = GLD_F64;
  std::int64_t size = 1;
  for (std::size_t a = shape.size(); a-- > 0; size *= shape[a]) view.stride[a] = size;
  return view;
}

// The sizes of the terms of each element of the outputs: pool and classifier are linear, with the same signs forth and
// back, so that they add up the sizes of terms if all they are given is positive.
class Sizes {
 public:
  Sizes(const Case& c, const gld_call& call, std::int32_t method) : case_(c), call_(call) {
    const bool of_rows = c.stage != GLD_STAGE_POOL && c.stage != GLD_STAGE_CLASSIFIER;
    const Logits student = of_rows ? logits(&gld_call::student) : Logits{};
    if (of_rows) {
      const Logits teacher = c.stage == GLD_STAGE_CROSS_ENTROPY ? Logits{} : logits(&gld_call::teacher);
      of_logits = yardstick::logit_gradient(call, c.stage, method, teacher, student, targets());
      if (!given(&gld_side::weight).empty()) back(of_logits);
      return;
    }
    Numbers upstream = absolute(given(&gld_call::upstream));
    if (c.stage == GLD_STAGE_POOL) {
      of_pooled = pool(call_.student, absolute(given(&gld_side::features)));
      if (!upstream.empty()) pool_back(upstream);
    } else {
      pooled_ = absolute(given(&gld_call::in_pooled));
      of_logits =
          classify(call_.student, pooled_, absolute(given(&gld_side::weight)), absolute(given(&gld_side::bias)));
      if (!upstream.empty()) classify_back(upstream);
    }
  }

  const Numbers& of(const Slot& output) const {
    return output.direct == &gld_call::out_features ? of_features
           : output.direct == &gld_call::out_weight ? of_weight
           : output.direct == &gld_call::out_bias   ? of_bias
           : output.direct == &gld_call::out_logits ? of_logits
                                                    : of_pooled;
  }

 private:
  Numbers given(gld_view gld_call::*view) const {
    for (const auto& entry : case_.entries) {
      if (!entry.output && entry.slot.direct == view) return entry.tensor->values();
    }
    return {};
  }
  Numbers given(gld_view gld_side::*view, gld_side gld_call::*side = &gld_call::student) const {
    for (const auto& entry : case_.entries) {
      if (entry.slot.of_side == view && entry.slot.side == side) return entry.tensor->values();
    }
    return {};
  }
  Numbers targets() const {
    Numbers soft = given(&gld_call::soft_labels);
    const Numbers labels = given(&gld_call::labels);
    const auto classes = static_cast<std::size_t>(call_.classes);
    const auto of_call = gld::Targets::of(call_);
    for (const double label : labels) {
      for (std::int64_t k = 0; k < call_.classes; ++k) {
        soft.push_back(gld::Targets::of_label<double>(static_cast<std::int32_t>(label), k));
      }
    }
    for (std::size_t i = 0; i < soft.size(); i += classes) {
      double mass = 0;
      for (std::size_t k = 0; k < classes; ++k) mass += soft[i + k];
      for (std::size_t k = 0; k < classes; ++k) soft[i + k] = of_call.smoothed(soft[i + k], mass);
    }
    return soft;
  }
  Shape map(const gld_side& side) const { return {call_.n, side.channels, side.depth, side.height, side.width}; }
  Shape rows_of(std::int64_t columns) const { return {call_.n, call_.rows, columns}; }
  static Numbers space(const Shape& shape) {
    std::int64_t size = 1;
    for (const std::int64_t extent : shape) size *= extent;
    return Numbers(static_cast<std::size_t>(size));
  }
  // The sizes and options, without a buffer.
  gld_call blank(const gld_side& side) const {
    gld_call call{};
    call.n = call_.n;
    call.classes = call_.classes;
    call.rows = call_.rows;
    call.levels = call_.levels;
    std::memcpy(call.grid, call_.grid, sizeof call.grid);
    call.student.channels = side.channels;
    call.student.depth = side.depth;
    call.student.height = side.height;
    call.student.width = side.width;
    return call;
  }

  Numbers pool(const gld_side& side, Numbers features) const {
    gld_call call = blank(side);
    Numbers pooled = space(rows_of(side.channels));
    call.student.features = dense(features, map(side));
    call.out_pooled = dense(pooled, rows_of(side.channels));
    run_on_cpu(call, GLD_STAGE_POOL);
    return pooled;
  }
  Numbers classify(const gld_side& side, Numbers pooled, Numbers weight, Numbers bias) const {
    gld_call call = blank(side);
    Numbers logits = space(rows_of(call_.classes));
    call.in_pooled = dense(pooled, rows_of(side.channels));
    call.student.weight = dense(weight, {call_.classes, side.channels});
    call.student.bias = dense(bias, {call_.classes});
    call.out_logits = dense(logits, rows_of(call_.classes));
    run_on_cpu(call, GLD_STAGE_CLASSIFIER);
    return logits;
  }
  Logits logits(gld_side gld_call::*which) const {
    const gld_side& side = call_.*which;
    const Numbers there = given(&gld_side::logits, which);
    if (!there.empty()) return {there, Numbers(there.size())};
    const Numbers features = given(&gld_side::features, which);
    const Numbers weight = given(&gld_side::weight, which);
    const Numbers bias = given(&gld_side::bias, which);
    return {classify(side, pool(side, features), weight, bias),
            classify(side, pool(side, absolute(features)), absolute(weight), absolute(bias))};
  }

  void back(Numbers& upstream) {
    pooled_ = pool(call_.student, absolute(given(&gld_side::features)));
    classify_back(upstream);
    pool_back(of_pooled);
  }
  void classify_back(Numbers& upstream) {
    const std::int64_t channels = call_.student.channels;
    gld_call call = blank(call_.student);
    Numbers weight = absolute(given(&gld_side::weight));
    call.in_pooled = dense(pooled_, rows_of(channels));
    call.student.weight = dense(weight, {call_.classes, channels});
    call.upstream = dense(upstream, rows_of(call_.classes));
    of_pooled = space(rows_of(channels));
    of_weight = weight;
    of_bias = space({call_.classes});
    call.out_pooled = dense(of_pooled, rows_of(channels));
    call.out_weight = dense(of_weight, {call_.classes, channels});
    call.out_bias = dense(of_bias, {call_.classes});
    run_on_cpu(call, GLD_STAGE_CLASSIFIER);
  }
  void pool_back(Numbers& upstream) {
    gld_call call = blank(call_.student);
    Numbers features = given(&gld_side::features);
    call.student.features = dense(features, map(call_.student));
    of_features = space(map(call_.student));
    call.upstream = dense(upstream, rows_of(call_.student.channels));
    call.out_features = dense(of_features, map(call_.student));
    run_on_cpu(call, GLD_STAGE_POOL);
  }

  const Case& case_;
  const gld_call& call_;
  Numbers pooled_;
  Numbers of_features, of_weight, of_bias, of_logits, of_pooled;
};

}  // namespace random_calls

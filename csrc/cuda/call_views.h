// The buffers of a call with their shapes, in the order in which they are wanted on the device.
#pragma once

#include <array>
#include <cstdint>

#include "../engine.h"

namespace gld::cuda {

using Shape = std::array<std::int64_t, 4>;

// use(view, shape) for every buffer that is there.
template <class F>
void for_each_input_of_teacher(gld_call& call, F&& use) {
  const auto visit = [&](gld_view& view, const Shape& shape) {
    if (view.data != nullptr) use(view, shape);
  };
  gld_side& side = call.teacher;
  visit(side.features, {call.n, side.channels, side.height, side.width});
  visit(side.weight, {call.classes, side.channels, 1, 1});
  visit(side.bias, {call.classes, 1, 1, 1});
  visit(side.logits, {call.n, call.rows, call.classes, 1});
}

template <class F>
void for_each_other_input(gld_call& call, gld_stage stage, F&& use) {
  const auto visit = [&](gld_view& view, const Shape& shape) {
    if (view.data != nullptr) use(view, shape);
  };
  gld_side& side = call.student;
  visit(side.features, {call.n, side.channels, side.height, side.width});
  visit(side.weight, {call.classes, side.channels, 1, 1});
  visit(side.bias, {call.classes, 1, 1, 1});
  visit(side.logits, {call.n, call.rows, call.classes, 1});
  visit(call.labels, {call.n, 1, 1, 1});
  visit(call.soft_labels, {call.n, call.classes, 1, 1});
  visit(call.in_pooled, {call.n, call.rows, side.channels, 1});
  visit(call.upstream, {call.n, call.rows, stage == GLD_STAGE_POOL ? side.channels : call.classes, 1});
}

template <class F>
void for_each_output(gld_call& call, F&& use) {
  const auto visit = [&](gld_view& view, const Shape& shape) {
    if (view.data != nullptr) use(view, shape);
  };
  const gld_side& side = call.student;
  visit(call.out_features, {call.n, side.channels, side.height, side.width});
  visit(call.out_weight, {call.classes, side.channels, 1, 1});
  visit(call.out_bias, {call.classes, 1, 1, 1});
  visit(call.out_logits, {call.n, call.rows, call.classes, 1});
  visit(call.out_pooled, {call.n, call.rows, side.channels, 1});
}

}  // namespace gld::cuda

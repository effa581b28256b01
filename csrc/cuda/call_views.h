// The buffers of a call with their shapes, in the order in which they are wanted on the device.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <utility>

#include "../engine.h"

namespace gld::cuda {

using Shape = std::array<std::int64_t, 5>;

// use(view, shape) for every buffer that is there.
template <class F>
void for_each_there(std::initializer_list<std::pair<gld_view*, Shape>> views, F&& use) {
  for (const auto& [view, shape] : views) {
    if (view->data != nullptr) use(*view, shape);
  }
}

template <class F>
void for_each_input_of_side(const gld_call& call, gld_side& side, F&& use) {
  for_each_there({{&side.features, {call.n, side.channels, side.depth, side.height, side.width}},
                  {&side.weight, {call.classes, side.channels, 1, 1, 1}},
                  {&side.bias, {call.classes, 1, 1, 1, 1}},
                  {&side.logits, {call.n, call.rows, call.classes, 1, 1}}},
                 use);
}

template <class F>
void for_each_input_of_teacher(gld_call& call, F&& use) {
  for_each_input_of_side(call, call.teacher, use);
}

template <class F>
void for_each_other_input(gld_call& call, gld_stage stage, F&& use) {
  const std::int64_t channels = call.student.channels;
  for_each_input_of_side(call, call.student, use);
  for_each_there({{&call.labels, {call.n, 1, 1, 1, 1}},
                  {&call.soft_labels, {call.n, call.classes, 1, 1, 1}},
                  {&call.in_pooled, {call.n, call.rows, channels, 1, 1}},
                  {&call.upstream, {call.n, call.rows, stage == GLD_STAGE_POOL ? channels : call.classes, 1, 1}}},
                 use);
}

template <class F>
void for_each_output(gld_call& call, F&& use) {
  const gld_side& side = call.student;
  for_each_there({{&call.out_features, {call.n, side.channels, side.depth, side.height, side.width}},
                  {&call.out_weight, {call.classes, side.channels, 1, 1, 1}},
                  {&call.out_bias, {call.classes, 1, 1, 1, 1}},
                  {&call.out_logits, {call.n, call.rows, call.classes, 1, 1}},
                  {&call.out_pooled, {call.n, call.rows, side.channels, 1, 1}}},
                 use);
}

}  // namespace gld::cuda

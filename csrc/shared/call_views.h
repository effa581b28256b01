// The views of a call as a table: where each lies in a gld_call, over which axes, and of which elements.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iterator>

#include "../engine.h"

namespace gld {

using ViewShape = std::array<std::int64_t, GLD_AXES>;

enum class ViewKind : std::uint8_t { teacher, student, input, output };

struct ElementTypes {
  const char* array;  // what an array of them is called
  std::uint32_t bits;

  template <class... Types>
  constexpr explicit ElementTypes(const char* name, Types... types) : array(name), bits((... | (1U << types))) {}
  constexpr bool has(std::int64_t dtype) const { return dtype >= 0 && dtype < gld_dtype_count && (bits >> dtype & 1); }
};

namespace element_types {
#define GLD_TYPES(id, array, ...) inline constexpr ElementTypes id{array, __VA_ARGS__};
#include "../call.def"
}  // namespace element_types

// Bytes of an element, or 0 for what is no gld_dtype.
constexpr std::int64_t bytes_of(std::int64_t dtype) {
#define GLD_DTYPE(id, word, bytes) \
  if (dtype == (id)) return bytes;
#include "../call.def"
  return 0;
}

namespace axis {
enum Axis : std::uint8_t {
#define GLD_AXIS(id, size) id,
#include "../call.def"
};

// Some axes in an order, outermost first.
struct Axes {
  std::array<Axis, GLD_AXES> list{};
  int count = 0;

  template <class... Some>
  constexpr explicit Axes(Some... some) : list{some...}, count(sizeof...(some)) {}
  constexpr int find(Axis axis) const {
    int at = 0;
    while (list[static_cast<std::size_t>(at)] != axis) ++at;
    return at;
  }
};

inline std::int64_t size_of(Axis axis, const gld_call& call, const gld_side& side, gld_stage stage) {
#define GLD_AXIS(id, size) \
  if (axis == (id)) return size;
#include "../call.def"
  return 1;
}
}  // namespace axis

struct ViewInfo {
  const char* name;  // JavaScript's
  std::size_t offset;
  axis::Axes axes, other;  // `other`: the order in which an output may lie besides that of its axes
  ElementTypes types;
  ViewKind kind;

  gld_view& in(gld_call& call) const { return *reinterpret_cast<gld_view*>(reinterpret_cast<char*>(&call) + offset); }
  const gld_view& in(const gld_call& call) const {
    return *reinterpret_cast<const gld_view*>(reinterpret_cast<const char*>(&call) + offset);
  }

  // Sizes of the axes; those that it does not have are 1.
  ViewShape shape(const gld_call& call, gld_stage stage) const {
    const gld_side& side = kind == ViewKind::teacher ? call.teacher : call.student;
    ViewShape sizes;
    for (int axis = 0; axis < GLD_AXES; ++axis) {
      const auto at = static_cast<std::size_t>(axis);
      sizes[at] = axis < axes.count ? axis::size_of(axes.list[at], call, side, stage) : 1;
    }
    return sizes;
  }
};

namespace axis {
inline constexpr ViewInfo kViews[] = {
#define GLD_EACH_VIEW(id, path, name, axes, other, types, kind) \
  {name, offsetof(gld_call, path), Axes axes, Axes other, element_types::types, ViewKind::kind},
#include "../call.def"
};
}  // namespace axis
using axis::kViews;
inline constexpr int kViewCount = static_cast<int>(std::size(kViews));

// use(view, shape) for every buffer that is there and of one of those kinds.
template <class Call, class F>
void for_each_view(Call& call, gld_stage stage, std::initializer_list<ViewKind> kinds, F&& use) {
  for (const ViewKind kind : kinds) {
    for (const ViewInfo& info : kViews) {
      if (info.kind == kind && info.in(call).data != nullptr) use(info.in(call), info.shape(call, stage));
    }
  }
}

// The first buffer that is there and of which is(info, view) is true, or null.
template <class F>
const ViewInfo* find_view(const gld_call& call, F&& is) {
  for (const ViewInfo& info : kViews) {
    const gld_view& view = info.in(call);
    if (view.data != nullptr && is(info, view)) return &info;
  }
  return nullptr;
}

}  // namespace gld

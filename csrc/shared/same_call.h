// Whether two calls are the same, member by member: what lies between members may differ.
#pragma once

#include <cstring>
#include <type_traits>

#include "../engine.h"

namespace gld {

template <class T>
bool same_bits(const T& a, const T& b) {
  static_assert(std::has_unique_object_representations_v<T> || std::is_floating_point_v<T>);
  return std::memcmp(&a, &b, sizeof(T)) == 0;
}

inline bool same_call(const gld_call& a, const gld_call& b) {
  bool same = true;
#define GLD_EACH_NUMBER(id, type, path, name) same = same && same_bits(a.path, b.path);
#define GLD_GRID(type, member, name, levels, axes) same = same && same_bits(a.member, b.member);
#define GLD_EACH_VIEW(id, path, name, axes, other, types, kind) same = same && same_bits(a.path, b.path);
#include "../call.def"
  return same;
}

}  // namespace gld

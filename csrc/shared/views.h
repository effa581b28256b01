// The strided views of a call as engines read and write them: their element types and layouts.
#pragma once

#include <cstdint>
#include <utility>

#include "call_views.h"

namespace gld {

// The type that an engine has for the elements of a dtype.
template <std::int32_t kDtype, class T>
struct Element {
  static constexpr std::int32_t dtype = kDtype;
  using type = T;
};

// Calls use(pointer) with the view's data as a pointer to its own element type, if that is one of the elements.
template <class... Elements, class F>
void visit_as(const gld_view& view, F&& use) {
  const auto matches = [&](auto element) {
    using Its = decltype(element);
    if (view.dtype != Its::dtype) return false;
    use(static_cast<typename Its::type*>(view.data));
    return true;
  };
  (void)(matches(Elements{}) || ...);
}

// The view with its origin moved by a number of elements.
inline gld_view moved(gld_view view, std::int64_t elements) {
  view.data = static_cast<char*>(view.data) + elements * bytes_of(view.dtype);
  return view;
}

// The view with its first two axes exchanged.
inline gld_view swapped(gld_view view) {
  std::swap(view.stride[0], view.stride[1]);
  return view;
}

// Whether a weight [classes, channels] lies with its classes last, or its channels, as is usual.
inline bool classes_last(const gld_view& weight) { return weight.stride[0] == 1 && weight.stride[1] != 1; }

}  // namespace gld

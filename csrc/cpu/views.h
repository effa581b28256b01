// Reading and writing the strided views of a call: any dtype on the way in, the compute type T inside.
#pragma once

#include <Eigen/Core>
#include <cstdint>

#include "../engine.h"
#include "arena.h"

namespace gld {

// Calls use(pointer) with the view's data as a pointer to its own element type.
template <class F>
void visit(const gld_view& view, F&& use) {
  switch (view.dtype) {
    case GLD_F32: return use(static_cast<float*>(view.data));
    case GLD_F64: return use(static_cast<double*>(view.data));
    case GLD_F16: return use(static_cast<Eigen::half*>(view.data));
    case GLD_BF16: return use(static_cast<Eigen::bfloat16*>(view.data));
    default: return;  // engine.cpp refuses anything else before a stage starts
  }
}

inline std::int64_t element_bytes(std::int32_t dtype) {
  return dtype == GLD_F64 ? 8 : dtype == GLD_F16 || dtype == GLD_BF16 ? 2 : 4;
}

// The same view, its origin moved by a number of elements.
inline gld_view moved(gld_view view, std::int64_t elements) {
  view.data = static_cast<char*>(view.data) + elements * element_bytes(view.dtype);
  return view;
}

template <class T>
constexpr gld_dtype dtype_of();
template <>
constexpr gld_dtype dtype_of<float>() { return GLD_F32; }
template <>
constexpr gld_dtype dtype_of<double>() { return GLD_F64; }

template <class T, class S>
void read_line(T* to, const S* from, std::int64_t count, std::int64_t stride) {
  if (stride == 1) {
    Eigen::Map<Eigen::Array<T, Eigen::Dynamic, 1>>(to, count) =
        Eigen::Map<const Eigen::Array<S, Eigen::Dynamic, 1>>(from, count).template cast<T>();
  } else {
    for (std::int64_t i = 0; i < count; ++i) to[i] = static_cast<T>(from[i * stride]);
  }
}

// A matrix [rows, columns] over two axes of a view, copied to dense rows `pitch` apart.
template <class T>
void read_matrix(const gld_view& view, std::int64_t rows, std::int64_t columns, T* to, std::int64_t pitch) {
  visit(view, [&](const auto* from) {
    for (std::int64_t r = 0; r < rows; ++r) {
      read_line(to + r * pitch, from + r * view.stride[0], columns, view.stride[1]);
    }
  });
}

// The way back; outputs are float or double.
template <class T>
void write_matrix(const gld_view& view, std::int64_t rows, std::int64_t columns, const T* from, std::int64_t pitch) {
  const auto write = [&](auto* to) {
    for (std::int64_t r = 0; r < rows; ++r) {
      for (std::int64_t c = 0; c < columns; ++c) {
        to[r * view.stride[0] + c * view.stride[1]] =
            static_cast<std::remove_reference_t<decltype(*to)>>(from[r * pitch + c]);
      }
    }
  };
  if (view.dtype == GLD_F64) {
    write(static_cast<double*>(view.data));
  } else {
    write(static_cast<float*>(view.data));
  }
}

// Logit or pooled rows [n, rows, columns] read as m = n * rows lines in sample-major order, a block at a time, so that
// no stage needs its own copy of them.
template <class T>
class Lines {
 public:
  Lines(const gld_view& view, std::int64_t rows, std::int64_t columns) : view_(view), rows_(rows), columns_(columns) {}

  std::int64_t columns() const { return columns_; }

  void load(std::int64_t first, std::int64_t count, T* to, std::int64_t pitch) const {
    visit(view_, [&](const auto* from) {
      for (std::int64_t i = 0; i < count; ++i) {
        const std::int64_t sample = (first + i) / rows_;
        const std::int64_t row = (first + i) % rows_;
        read_line(to + i * pitch, from + sample * view_.stride[0] + row * view_.stride[1], columns_, view_.stride[2]);
      }
    });
  }

 private:
  gld_view view_;
  std::int64_t rows_;
  std::int64_t columns_;
};

// A dense matrix [m, columns] in the compute type, rows `pitch` apart: in the workspace, or the caller's own buffer.
template <class T>
struct Rows {
  T* data = nullptr;
  std::int64_t pitch = 0;

  T* operator[](std::int64_t row) const { return data + row * pitch; }
  explicit operator bool() const { return data != nullptr; }

  // The same memory as a view [n, rows, columns].
  gld_view view(std::int64_t rows) const { return {data, dtype_of<T>(), {rows * pitch, pitch, 1, 0}}; }
};

template <class T>
Rows<T> take_rows(Arena& arena, std::int64_t rows, std::int64_t columns) {
  return {arena.take<T>(rows * padded<T>(columns)), padded<T>(columns)};
}

template <class T>
using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
template <class T>
using MatrixMap = Eigen::Map<Matrix<T>, Eigen::Unaligned, Eigen::OuterStride<>>;
template <class T>
using ConstMatrixMap = Eigen::Map<const Matrix<T>, Eigen::Unaligned, Eigen::OuterStride<>>;

template <class T>
MatrixMap<T> matrix(T* data, std::int64_t rows, std::int64_t columns, std::int64_t pitch) {
  return {data, rows, columns, Eigen::OuterStride<>(pitch)};
}
template <class T>
ConstMatrixMap<T> matrix(const T* data, std::int64_t rows, std::int64_t columns, std::int64_t pitch) {
  return {data, rows, columns, Eigen::OuterStride<>(pitch)};
}

}  // namespace gld

// Reading and writing the strided views of a call: any dtype on the way in, the compute type T inside.
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <cstdint>
#include <type_traits>

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
constexpr gld_dtype dtype_of<float>() {
  return GLD_F32;
}
template <>
constexpr gld_dtype dtype_of<double>() {
  return GLD_F64;
}

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

// A dense matrix [m, columns] in the compute type, rows `pitch` apart: in the workspace, or the caller's own buffer.
template <class T>
struct Rows {
  T* data = nullptr;
  std::int64_t pitch = 0;

  T* operator[](std::int64_t row) const { return data + row * pitch; }
  explicit operator bool() const { return data != nullptr; }
};

template <class T>
Rows<T> take_rows(Arena& arena, std::int64_t rows, std::int64_t columns) {
  return {arena.take<T>(rows * padded<T>(columns)), padded<T>(columns)};
}

// The rows of samples, the global one and those of the cells, in the order of samples; row r of all is row r % rows of
// sample r / rows. They lie in that order too, or with all cells first and then all globals, so that a product can
// take all cells as one matrix.
template <class T>
struct SampleRows {
  std::int64_t rows = 1;
  T* global = nullptr;
  T* cells = nullptr;
  std::int64_t global_stride = 0;  // from sample to sample
  std::int64_t cells_stride = 0;
  std::int64_t pitch = 0;  // from cell to cell

  static SampleRows in_order(Rows<T> all, std::int64_t rows) {
    return {rows, all.data, all.data + all.pitch, rows * all.pitch, rows * all.pitch, all.pitch};
  }
  static SampleRows cells_first(Rows<T> all, std::int64_t samples, std::int64_t rows) {
    const std::int64_t cells = (rows - 1) * all.pitch;
    return {rows, all.data + samples * cells, all.data, all.pitch, cells, all.pitch};
  }

  explicit operator bool() const { return global != nullptr; }
  T* at(std::int64_t sample, std::int64_t row) const {
    return row == 0 ? global + sample * global_stride : cells + sample * cells_stride + (row - 1) * pitch;
  }
  T* operator[](std::int64_t r) const { return at(r / rows, r % rows); }
};

// Logit rows of either kind read as m = n * rows lines in the order of samples, a block at a time, so that no stage
// needs its own copy of them.
template <class T>
class Lines {
 public:
  // A view [n, rows, columns].
  Lines(const gld_view& view, std::int64_t rows, std::int64_t columns) : view_(view), rows_{}, columns_(columns) {
    rows_.rows = rows;
  }
  // means: each global row is the mean of its sample's cells.
  Lines(const SampleRows<T>& rows, std::int64_t columns, bool means)
      : view_{}, rows_(rows), columns_(columns), means_(means) {}

  std::int64_t columns() const { return columns_; }
  bool means() const { return means_; }

  void load(std::int64_t first, std::int64_t count, T* to, std::int64_t pitch) const {
    if (view_.data == nullptr) {
      for (std::int64_t i = 0; i < count; ++i) std::copy_n(rows_[first + i], columns_, to + i * pitch);
      return;
    }
    visit(view_, [&](const auto* from) {
      for (std::int64_t i = 0; i < count; ++i) {
        const std::int64_t sample = (first + i) / rows_.rows;
        const std::int64_t row = (first + i) % rows_.rows;
        read_line(to + i * pitch, from + sample * view_.stride[0] + row * view_.stride[1], columns_, view_.stride[2]);
      }
    });
  }

  // Line r where it lies, or read into `buffer`.
  const T* line(std::int64_t r, T* buffer) const {
    if (view_.data == nullptr) return rows_[r];
    if (view_.dtype == dtype_of<T>() && view_.stride[2] == 1) {
      return static_cast<const T*>(view_.data) + r / rows_.rows * view_.stride[0] + r % rows_.rows * view_.stride[1];
    }
    load(r, 1, buffer, columns_);
    return buffer;
  }

 private:
  gld_view view_;
  SampleRows<T> rows_;
  std::int64_t columns_;
  bool means_ = false;
};

}  // namespace gld

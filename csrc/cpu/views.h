// Rows in the workspace, in the compute type T, and the strided views of a call, of any dtype on the way in.
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "../shared/arena.h"
#include "../shared/views.h"

namespace gld {

// Workspace in pieces that begin on a cache line. Rows of its matrices do too: with whole vectors per row, an element
// meets the same instructions wherever its row lies, which keeps results independent of addresses. As many elements for
// every T, so that rows of double are whole Lanes too.
using Arena = AlignedArena<64, 16>;

constexpr std::int64_t padded(std::int64_t count) { return Arena::pitch(count); }

// Calls use(pointer) with the data of an input as a pointer to its own element type; engine.cpp refuses any other
// before a stage starts.
template <class F>
void visit(const gld_view& view, F&& use) {
  visit_as<Element<GLD_F32, float>, Element<GLD_F64, double>, Element<GLD_F16, Eigen::half>,
           Element<GLD_BF16, Eigen::bfloat16>>(view, use);
}
// Outputs are float or double.
template <class F>
void visit_output(const gld_view& view, F&& use) {
  visit_as<Element<GLD_F32, float>, Element<GLD_F64, double>>(view, use);
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

// The way back.
template <class T>
void write_matrix(const gld_view& view, std::int64_t rows, std::int64_t columns, const T* from, std::int64_t pitch) {
  visit_output(view, [&](auto* to) {
    using Out = std::remove_pointer_t<decltype(to)>;
    for (std::int64_t r = 0; r < rows; ++r) {
      for (std::int64_t c = 0; c < columns; ++c) {
        to[r * view.stride[0] + c * view.stride[1]] = static_cast<Out>(from[r * pitch + c]);
      }
    }
  });
}

// Logit rows, of a view or of the workspace, read as m = n * rows lines in the order of samples, a block at a time, so
// that no stage needs its own copy of them.
template <class T>
class LogitRows {
 public:
  // A view [n, rows, columns].
  LogitRows(const gld_view& view, std::int64_t rows, std::int64_t columns) : view_(view), rows_{}, columns_(columns) {
    rows_.rows = rows;
  }
  // means: each global row is the mean of its sample's cells.
  LogitRows(const SampleRows<T>& rows, std::int64_t columns, bool means)
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

#include "pool.h"

#include <algorithm>

namespace gld {
namespace {

// One sample's map in the compute type with one axis of unit stride; the other strides are free.
template <class T>
struct Map {
  T* data;
  std::int64_t channel, row, column;  // strides

  bool channels_last() const { return channel == 1; }
};

template <class T>
void add(T* to, const T* from, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) to[i] += from[i];
}

// pooled[0] = global mean, pooled[1 + cell] = cell means; rows of `channels` values, `pitch` apart.
template <class T>
void pool_channels_last(const Map<const T>& map, std::int64_t channels, const Axis& vertical, const Axis& horizontal,
                        T* line, T* pooled, std::int64_t pitch) {
  const bool even = vertical.even() && horizontal.even();
  const auto mean = [&](std::int64_t top, std::int64_t bottom, std::int64_t left, std::int64_t right, T* to) {
    std::fill_n(to, channels, T(0));
    for (std::int64_t h = top; h < bottom; ++h) {
      // Row by row, then the rows: two short chains of float sums instead of one long.
      const T* first = map.data + h * map.row + left * map.column;
      std::copy_n(first, channels, line);
      for (std::int64_t w = left + 1; w < right; ++w) add(line, first + (w - left) * map.column, channels);
      add(to, line, channels);
    }
    const T area = static_cast<T>((bottom - top) * (right - left));
    for (std::int64_t c = 0; c < channels; ++c) to[c] /= area;
  };
  T* cell = pooled + pitch;
  for (std::int64_t i = 0; i < vertical.cells; ++i) {
    for (std::int64_t j = 0; j < horizontal.cells; ++j, cell += pitch) {
      mean(vertical.begin(i), vertical.end(i), horizontal.begin(j), horizontal.end(j), cell);
    }
  }
  if (!even) return mean(0, vertical.length, 0, horizontal.length, pooled);
  // Equal cells: the global mean is the mean of their means, no second pass over the map.
  const std::int64_t cells = vertical.cells * horizontal.cells;
  std::copy_n(pooled + pitch, channels, pooled);
  for (std::int64_t l = 2; l <= cells; ++l) add(pooled, pooled + l * pitch, channels);
  for (std::int64_t c = 0; c < channels; ++c) pooled[c] /= static_cast<T>(cells);
}

template <class T>
void pool_plane(const T* plane, std::int64_t row_stride, const Axis& vertical, const Axis& horizontal, T* columns,
                T* pooled, std::int64_t pitch) {
  const std::int64_t width = horizontal.length;
  const auto sum_rows = [&](std::int64_t top, std::int64_t bottom) {
    std::copy_n(plane + top * row_stride, width, columns);
    for (std::int64_t h = top + 1; h < bottom; ++h) add(columns, plane + h * row_stride, width);
  };
  const auto mean = [&](std::int64_t left, std::int64_t right, std::int64_t height) {
    T total = 0;
    for (std::int64_t w = left; w < right; ++w) total += columns[w];
    return total / static_cast<T>(height * (right - left));
  };
  T* cell = pooled + pitch;
  T cells_total = 0;
  for (std::int64_t i = 0; i < vertical.cells; ++i) {
    const std::int64_t top = vertical.begin(i);
    const std::int64_t bottom = vertical.end(i);
    sum_rows(top, bottom);
    for (std::int64_t j = 0; j < horizontal.cells; ++j, cell += pitch) {
      *cell = mean(horizontal.begin(j), horizontal.end(j), bottom - top);
      cells_total += *cell;
    }
  }
  if (vertical.even() && horizontal.even()) {
    *pooled = cells_total / static_cast<T>(vertical.cells * horizontal.cells);
  } else {
    sum_rows(0, vertical.length);
    *pooled = mean(0, width, vertical.length);
  }
}

// Every position is the sum of the scaled gradients of the windows that hold it.
template <class T>
void spread_channels_last(const T* scaled, std::int64_t pitch, std::int64_t channels, const Axis& vertical,
                          const Axis& horizontal, const Map<T>& map) {
  for (std::int64_t h = 0; h < vertical.length; ++h) {
    for (std::int64_t w = 0; w < horizontal.length; ++w) {
      T* to = map.data + h * map.row + w * map.column;
      std::copy_n(scaled, channels, to);
      for (std::int64_t i = vertical.first_cell(h); i <= vertical.last_cell(h); ++i) {
        for (std::int64_t j = horizontal.first_cell(w); j <= horizontal.last_cell(w); ++j) {
          add(to, scaled + (1 + i * horizontal.cells + j) * pitch, channels);
        }
      }
    }
  }
}

template <class T>
void spread_plane(const T* scaled, std::int64_t pitch, const Axis& vertical, const Axis& horizontal, T* columns,
                  T* plane, std::int64_t row_stride) {
  const std::int64_t width = horizontal.length;
  for (std::int64_t h = 0; h < vertical.length; ++h) std::fill_n(plane + h * row_stride, width, scaled[0]);
  for (std::int64_t i = 0; i < vertical.cells; ++i) {
    const T* cells = scaled + (1 + i * horizontal.cells) * pitch;
    for (std::int64_t w = 0; w < width; ++w) {
      columns[w] = cells[horizontal.first_cell(w) * pitch];
      for (std::int64_t j = horizontal.first_cell(w) + 1; j <= horizontal.last_cell(w); ++j) columns[w] += cells[j * pitch];
    }
    for (std::int64_t h = vertical.begin(i); h < vertical.end(i); ++h) add(plane + h * row_stride, columns, width);
  }
}

}  // namespace

template <class T>
Pool<T>::Pool(const gld_call& call, const gld_side& side, Arena& arena, int threads)
    : samples_(call.n),
      rows_(call.rows),
      channels_(side.channels),
      vertical_{side.height, call.grid_rows},
      horizontal_{side.width, call.grid_cols},
      features_(side.features) {
  // A product of three user sizes: counted in the arena's overflow-checked way, one factor at a time.
  std::int64_t map = 0;
  if (__builtin_mul_overflow(side.height, side.width, &map) || __builtin_mul_overflow(map, channels_, &map)) {
    throw std::bad_alloc();
  }
  scratch_pitch_ = padded<T>(map) + rows_ * padded<T>(channels_) + padded<T>(std::max(side.width, channels_));
  scratch_ = arena.take<T>(scratch_pitch_ * threads);
}

template <class T>
void Pool<T>::forward(const Parallel& parallel, Rows<T> pooled) const {
  const std::int64_t height = vertical_.length;
  const std::int64_t width = horizontal_.length;
  const bool direct = features_.dtype == dtype_of<T>() && (features_.stride[1] == 1 || features_.stride[3] == 1);
  parallel(samples_, [&](std::int64_t sample, int slot) {
    T* staging = scratch_ + slot * scratch_pitch_;
    T* line = staging + padded<T>(channels_ * height * width);
    Map<const T> map{staging, height * width, width, 1};
    if (direct) {
      map = {static_cast<const T*>(features_.data) + sample * features_.stride[0], features_.stride[1],
             features_.stride[2], features_.stride[3]};
    } else {
      visit(features_, [&](const auto* from) {
        from += sample * features_.stride[0];
        for (std::int64_t c = 0; c < channels_; ++c) {
          for (std::int64_t h = 0; h < height; ++h) {
            read_line(staging + (c * height + h) * width, from + c * features_.stride[1] + h * features_.stride[2], width,
                      features_.stride[3]);
          }
        }
      });
    }
    T* to = pooled[sample * rows_];
    if (map.channels_last()) {
      pool_channels_last(map, channels_, vertical_, horizontal_, line, to, pooled.pitch);
    } else {
      for (std::int64_t c = 0; c < channels_; ++c) {
        pool_plane(map.data + c * map.channel, map.row, vertical_, horizontal_, line, to + c, pooled.pitch);
      }
    }
  });
}

template <class T>
void Pool<T>::backward(const Parallel& parallel, Rows<T> grad_pooled, const gld_view& grad) const {
  const std::int64_t height = vertical_.length;
  const std::int64_t width = horizontal_.length;
  const bool direct = grad.dtype == dtype_of<T>();
  parallel(samples_, [&](std::int64_t sample, int slot) {
    T* staging = scratch_ + slot * scratch_pitch_;
    T* scaled = staging + padded<T>(channels_ * height * width);
    const std::int64_t pitch = padded<T>(channels_);
    T* columns = scaled + rows_ * pitch;

    const auto scale = [&](std::int64_t row, std::int64_t area) {
      const T* from = grad_pooled[sample * rows_ + row];
      for (std::int64_t c = 0; c < channels_; ++c) scaled[row * pitch + c] = from[c] / static_cast<T>(area);
    };
    scale(0, height * width);
    for (std::int64_t i = 0; i < vertical_.cells; ++i) {
      for (std::int64_t j = 0; j < horizontal_.cells; ++j) {
        scale(1 + i * horizontal_.cells + j,
              (vertical_.end(i) - vertical_.begin(i)) * (horizontal_.end(j) - horizontal_.begin(j)));
      }
    }

    // The output is dense, NCHW or NHWC; in another dtype it is staged in the same order.
    Map<T> map{staging, grad.stride[1], grad.stride[2], grad.stride[3]};
    if (direct) map.data = static_cast<T*>(grad.data) + sample * grad.stride[0];
    if (map.channels_last()) {
      spread_channels_last(scaled, pitch, channels_, vertical_, horizontal_, map);
    } else {
      for (std::int64_t c = 0; c < channels_; ++c) {
        spread_plane(scaled + c, pitch, vertical_, horizontal_, columns, map.data + c * map.channel, map.row);
      }
    }
    if (!direct) {
      const std::int64_t size = channels_ * height * width;
      gld_view line = moved(grad, sample * grad.stride[0]);
      line.stride[1] = 1;
      write_matrix(line, 1, size, staging, size);
    }
  });
}

template class Pool<float>;
template class Pool<double>;

}  // namespace gld

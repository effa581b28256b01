#include "pool.h"

#include <algorithm>

#include "packets.h"

namespace gld {
namespace {

constexpr std::int64_t kChannels = 512;         // channels of one task
constexpr std::int64_t kBandPositions = 4096;   // positions of a map that are worked on at a time, if a row has no more
constexpr std::int64_t kStreamBytes = 8 << 20;  // gradients larger than this do not go through the caches

// Down a packet's worth of planes, one after the other as they lie in memory: the sum of the rows of each run. Where rows
// are shorter than a packet, what lies behind them is read too, as long as that is before `end`; `to` has room for it.
// Of the planes `count` are there, the last one stands in for others. Out of line: inlined, it would lack registers.
template <class T, class Run>
[[gnu::noinline]] void sum_rows(const T* from, std::int64_t of_plane, std::int64_t count, const T* end, const Run* first,
                                const Run* last, std::int64_t row, std::int64_t size, T* to, std::int64_t pitch) {
  constexpr std::int64_t width = kPacket<T>;
  for (std::int64_t lane = 0; lane < width; ++lane, to += pitch) {
    const T* plane = from + std::min(lane, count - 1) * of_plane;
    for (std::int64_t next = 0; next < size; next += width) {
      const std::int64_t at = std::max(std::min(next, size - width), std::int64_t{0});
      T* sum = to + at;
      for (const Run* run = first; run != last; ++run, sum += width * pitch) {
        const T* line = plane + run->begin * row + at;
        const T* bottom = plane + (run->end - 1) * row + at;
        Packet<T> total;
        if (end - bottom >= width) {
          total = load_packet(bottom);
        } else {
          T rest[width] = {};
          std::copy(bottom, end, rest);
          total = load_packet(static_cast<const T*>(rest));
        }
        for (; line != bottom; line += row) total = Eigen::internal::padd(total, load_packet(line));
        store_packet(sum, total);
      }
    }
  }
}

// to += the sum over columns of `count` channels. Along the columns first, so that no chain of additions is long.
template <class T>
void add_columns(const T* from, std::int64_t columns, std::int64_t column, std::int64_t count, T* line, T* to) {
  if (count == kPacket<T>) {
    Packet<T> total = load_packet(from);
    for (std::int64_t w = 1; w < columns; ++w) total = Eigen::internal::padd(total, load_packet(from + w * column));
    store_packet(to, Eigen::internal::padd(load_packet(to), total));
    return;
  }
  // Columns in the order in which they lie in memory: anything else reads it at half the speed.
  std::copy_n(from, count, line);
  for (std::int64_t w = 1; w < columns; ++w) add(line, from + w * column, count);
  add(to, line, count);
}

template <class T>
void emit(const gld_view& output, std::int64_t at, const T* from, std::int64_t count, bool streams) {
  const auto write = [&](auto* to) {
    using Out = std::remove_reference_t<decltype(*to)>;
    if constexpr (std::is_same_v<Out, T>) {
      if (streams) return stream(to + at, from, count);
    }
    for (std::int64_t i = 0; i < count; ++i) to[at + i] = static_cast<Out>(from[i]);
  };
  if (output.dtype == GLD_F64) {
    write(static_cast<double*>(output.data));
  } else {
    write(static_cast<float*>(output.data));
  }
}

}  // namespace

template <class T>
Pool<T>::Pool(const gld_call& call, const gld_side& side, Arena& arena, int threads)
    : samples_(call.n),
      channels_(side.channels),
      positions_(side.height * side.width),
      vertical_{side.height, call.grid_rows},
      horizontal_{side.width, call.grid_cols},
      band_rows_(std::clamp(kBandPositions / side.width, std::int64_t{1}, side.height)),
      features_(side.features),
      vertical_runs_(find_runs(vertical_, band_rows_, arena)),
      horizontal_runs_(find_runs(horizontal_, side.width, arena)) {
  // Forward: a line of channels per column, as many for the regions beside each other, and one more; a row of as many planes as a
  // packet has elements, and room behind it. Backward: such planes, and a line per region of a band, which has no more of
  // them than positions.
  const std::int64_t block = padded<T>(std::min(channels_, kChannels));
  const std::int64_t positions = band_rows_ * side.width;
  scratch_size_ = padded<T>(std::max((2 * padded<T>(side.width) + 1) * block + padded<T>(side.width) * kPacket<T> * std::min(side.height, 2 * call.grid_rows + side.height / band_rows_),
                                     positions * (block + kPacket<T>)));
  scratch_ = arena.take<T>(scratch_size_ * threads);
  lines_ = arena.take<const T*>(positions * threads);
}

template <class T>
typename Pool<T>::Runs Pool<T>::find_runs(const Axis& axis, std::int64_t longest, Arena& arena) {
  // Own and shared positions of the cells take turns, and each of them may be cut.
  const std::int64_t most = std::min(axis.length, 2 * axis.cells + axis.length / longest);
  Run* const runs = arena.take<Run>(most);
  if (runs == nullptr) return {nullptr, nullptr};
  Run* end = runs;
  for (std::int64_t position = 0; position < axis.length; ++position) {
    const std::int64_t first = axis.first_cell(position);
    const std::int64_t last = axis.last_cell(position);
    if (end != runs && end[-1].first_cell == first && end[-1].last_cell == last && position - end[-1].begin < longest) {
      end[-1].end = position + 1;
    } else {
      *end++ = {position, position + 1, first, last};
    }
  }
  return {runs, end};
}

template <class T>
template <class F>
void Pool<T>::blocks(const Parallel& parallel, F&& run) const {
  const std::int64_t across = block_count(channels_, kChannels);
  parallel(samples_ * across, [&](std::int64_t task, int slot) {
    const std::int64_t first = task % across * kChannels;
    run(Block{task / across, first, std::min(kChannels, channels_ - first)}, slot);
  });
}

template <class T>
template <class F>
void Pool<T>::bands(F&& run) const {
  for (const Run* begin = vertical_runs_.begin; begin != vertical_runs_.end;) {
    const Run* end = begin + 1;
    while (end != vertical_runs_.end && end->end - begin->begin <= band_rows_) ++end;
    run(Band{begin, end, begin->begin, end[-1].end - begin->begin});
    begin = end;
  }
}

// Sums over the windows of `count` channels that lie side by side, or of a packet's worth of planes.
template <class T>
template <class S>
void Pool<T>::sum_windows(const Block& block, const S* from, T* scratch, const SampleRows<T>& pooled) const {
  const std::int64_t width = horizontal_.length;
  const std::int64_t of_channel = features_.stride[1];
  const std::int64_t of_row = features_.stride[2];
  const std::int64_t of_column = features_.stride[3];
  constexpr bool own = std::is_same_v<S, T>;
  const std::int64_t count = block.count;
  const std::int64_t size = padded<T>(count);
  const std::int64_t pitch = padded<T>(width);
  const std::int64_t regions = horizontal_runs_.end - horizontal_runs_.begin;
  T* const region = scratch;               // a line per horizontal run
  T* const line = region + regions * size;
  T* const lines = line + size;            // a line per column
  T* const staged = lines + pitch * size;  // planes

  const auto add_lines = [&](const T* at, std::int64_t column) {
    for (std::int64_t h = 0; h < regions; ++h) {
      const Run& run = horizontal_runs_.begin[h];
      add_columns(at + run.begin * column, run.end - run.begin, column, count, line, region + h * size);
    }
  };
  if (of_channel != 1) {
    // Down the planes first: then there is less to interleave.
    // Reading on behind a short row is for planes and rows that follow one another, half a packet long at least.
    const std::int64_t height = vertical_.length;
    const bool in_order = of_column == 1 && 2 * width >= kPacket<T> && (height == 1 || of_row >= width) &&
                          of_channel >= (height - 1) * of_row + width;
    if (own && in_order) {
      const S* end = from + (count - 1) * of_channel + (height - 1) * of_row + width;
      sum_rows(reinterpret_cast<const T*>(from), of_channel, count, reinterpret_cast<const T*>(end), vertical_runs_.begin,
               vertical_runs_.end, of_row, width, staged, pitch);
    } else {
      for (std::int64_t lane = 0; lane < kPacket<T>; ++lane) {
        const S* plane = from + std::min(lane, count - 1) * of_channel;
        T* to = staged + lane * pitch;
        for (const Run* v = vertical_runs_.begin; v != vertical_runs_.end; ++v, to += kPacket<T> * pitch) {
          read_line(to, plane + v->begin * of_row, width, of_column);
          for (std::int64_t y = v->begin + 1; y < v->end; ++y) {
            read_line(line, plane + y * of_row, width, of_column);
            add(to, line, width);
          }
        }
      }
    }
  }
  for (const Run* v = vertical_runs_.begin; v != vertical_runs_.end; ++v) {
    std::fill_n(region, regions * size, T(0));
    const S* top = from + v->begin * of_row;
    if (of_channel != 1) {
      interleave(static_cast<const T*>(staged + (v - vertical_runs_.begin) * kPacket<T> * pitch), pitch, lines);
      add_lines(lines, kPacket<T>);
    } else {
      for (std::int64_t y = 0; y < v->end - v->begin; ++y) {
        if constexpr (own) {
          add_lines(top + y * of_row, of_column);
        } else {
          for (std::int64_t w = 0; w < width; ++w) read_line(lines + w * size, top + y * of_row + w * of_column, count, 1);
          add_lines(lines, size);
        }
      }
    }
    for (std::int64_t h = 0; h < regions; ++h) {
      const Run& run = horizontal_runs_.begin[h];
      for (std::int64_t i = v->first_cell; i <= v->last_cell; ++i) {
        for (std::int64_t j = run.first_cell; j <= run.last_cell; ++j) {
          add(pooled.at(block.sample, 1 + i * horizontal_.cells + j) + block.first, region + h * size, count);
        }
      }
      if (pooled.global != nullptr) add(pooled.at(block.sample, 0) + block.first, region + h * size, count);
    }
  }
}

template <class T>
void Pool<T>::divide(const Block& block, const SampleRows<T>& pooled) const {
  const auto by = [&](std::int64_t row, std::int64_t area) {
    T* to = pooled.at(block.sample, row) + block.first;
    for (std::int64_t c = 0; c < block.count; ++c) to[c] /= static_cast<T>(area);
  };
  if (pooled.global != nullptr) by(0, positions_);
  for (std::int64_t i = 0; i < vertical_.cells; ++i) {
    for (std::int64_t j = 0; j < horizontal_.cells; ++j) {
      by(1 + i * horizontal_.cells + j, vertical_.window(i) * horizontal_.window(j));
    }
  }
}

template <class T>
void Pool<T>::forward(const Parallel& parallel, const SampleRows<T>& pooled) const {
  const std::int64_t step = features_.stride[1] == 1 ? kChannels : kPacket<T>;
  const std::int64_t cells = vertical_.cells * horizontal_.cells;
  blocks(parallel, [&](const Block& block, int slot) {
    for (std::int64_t row = pooled.global != nullptr ? 0 : 1; row <= cells; ++row) {
      std::fill_n(pooled.at(block.sample, row) + block.first, block.count, T(0));
    }
    visit(features_, [&](const auto* data) {
      for (std::int64_t c = 0; c < block.count; c += step) {
        const Block part{block.sample, block.first + c, std::min(step, block.count - c)};
        const auto* from = data + part.sample * features_.stride[0] + part.first * features_.stride[1];
        if (step == kPacket<T>) prefetch(from + step * features_.stride[1], step * features_.stride[1]);
        sum_windows(part, from, scratch_ + slot * scratch_size_, pooled);
      }
    });
    divide(block, pooled);
  });
}

// The gradient at a position is the sum over the windows that hold it of the window's gradient / its area: the same for
// all positions of a region. Writes one line of channels per region, and where to find each position's.
template <class T>
void Pool<T>::spread_lines(const Band& band, const Block& block, const SampleRows<T>& grad_pooled, T* values,
                           const T** lines) const {
  const std::int64_t width = horizontal_.length;
  const auto add_row = [&](std::int64_t row, std::int64_t area) {
    const T* from = grad_pooled.at(block.sample, row) + block.first;
    for (std::int64_t c = 0; c < block.count; ++c) values[c] += from[c] / static_cast<T>(area);
  };
  for (const Run* v = band.begin; v != band.end; ++v) {
    for (const Run* h = horizontal_runs_.begin; h != horizontal_runs_.end; ++h) {
      std::fill_n(values, block.count, T(0));
      if (grad_pooled.global != nullptr) add_row(0, positions_);
      for (std::int64_t i = v->first_cell; i <= v->last_cell; ++i) {
        for (std::int64_t j = h->first_cell; j <= h->last_cell; ++j) {
          add_row(1 + i * horizontal_.cells + j, vertical_.window(i) * horizontal_.window(j));
        }
      }
      for (std::int64_t y = v->begin - band.top; y < v->end - band.top; ++y) {
        std::fill(lines + y * width + h->begin, lines + y * width + h->end, values);
      }
      values += padded<T>(block.count);
    }
  }
}

template <class T>
void Pool<T>::backward(const Parallel& parallel, const SampleRows<T>& grad_pooled, const gld_view& grad) const {
  const std::int64_t width = horizontal_.length;
  const bool streams = element_bytes(grad.dtype) * samples_ * channels_ * positions_ > kStreamBytes;
  blocks(parallel, [&](const Block& block, int slot) {
    T* const planes = scratch_ + slot * scratch_size_;
    const T** const lines = lines_ + slot * band_rows_ * width;
    bands([&](const Band& band) {
      const std::int64_t positions = band.rows * width;
      spread_lines(band, block, grad_pooled, planes + positions * kPacket<T>, lines);
      const auto emit_at = [&](std::int64_t channel, std::int64_t position, const T* from, std::int64_t count) {
        const std::int64_t at = block.sample * grad.stride[0] + (block.first + channel) * grad.stride[1];
        emit(grad, at + band.top * grad.stride[2] + position * grad.stride[3], from, count, streams);
      };
      // The output is dense, its channels last or its planes whole.
      if (grad.stride[1] == 1) {
        for (std::int64_t p = 0; p < positions; ++p) emit_at(0, p, lines[p], block.count);
        return;
      }
      for (std::int64_t c = 0; c < block.count; c += kPacket<T>) {
        const std::int64_t count = std::min(kPacket<T>, block.count - c);
        deinterleave([&](std::int64_t p) { return lines[p] + c; }, count, positions, planes);
        if (band.rows == vertical_.length) {
          emit_at(c, 0, planes, count * positions);
          continue;
        }
        for (std::int64_t lane = 0; lane < count; ++lane) emit_at(c + lane, 0, planes + lane * positions, positions);
      }
    });
    if (streams) stream_end();
  });
}

template class Pool<float>;
template class Pool<double>;

}  // namespace gld

#include "pool.h"

#include <algorithm>

#include "packets.h"

namespace gld {
namespace {

constexpr std::int64_t kChannels = 512;         // channels of one task
constexpr std::int64_t kBandPositions = 4096;   // positions of a map that are worked on at a time, if a row has no more
constexpr std::int64_t kStreamBytes = 8 << 20;  // gradients larger than this do not go through the caches

// to = the sum of columns of `count` channels, in the order in which they lie in memory: anything else reads it at half the
// speed, as it does without asking for what comes two columns later.
template <class T>
void sum_columns(const T* from, std::int64_t columns, std::int64_t column, std::int64_t count, T* to) {
  prefetch(from + 2 * column, count);
  std::copy_n(from, count, to);
  for (std::int64_t w = 1; w < columns; ++w) {
    prefetch(from + (w + 2) * column, count);
    add(to, from + w * column, count);
  }
}

// Sums of `rows` rows of a packet's worth of planes, interleaved: a line of one element per plane for each of `size` columns,
// rounded up to whole packets. Reads whole packets.
template <class T>
void sum_rows(const T* const* planes, std::int64_t rows, std::int64_t row, std::int64_t size, T* lines) {
  constexpr std::int64_t width = kPacket<T>;
  for (std::int64_t next = 0; next < size; next += width) {
    const std::int64_t at = std::max(std::min(next, size - width), std::int64_t{0});  // the last packet overlaps the one before
    Square<T> square;
    for (std::int64_t lane = 0; lane < width; ++lane) square.packet[lane] = load_packet(planes[lane] + at);
    for (std::int64_t y = 1; y < rows; ++y) {
      for (std::int64_t lane = 0; lane < width; ++lane) {
        square.packet[lane] = Eigen::internal::padd(square.packet[lane], load_packet(planes[lane] + at + y * row));
      }
    }
    Eigen::internal::ptranspose(square);
    for (std::int64_t i = 0; i < width; ++i) store_packet(lines + (at + i) * width, square.packet[i]);
  }
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
      vertical_{side.height, call.grid[0][1]},
      horizontal_{side.width, call.grid[0][2]},
      band_rows_(std::clamp(kBandPositions / side.width, std::int64_t{1}, side.height)),
      features_(side.features),
      vertical_runs_(find_runs(vertical_, band_rows_, arena)),
      horizontal_runs_(find_runs(horizontal_, side.width, arena)) {
  const std::int64_t block = padded<T>(std::min(channels_, kChannels));
  const std::int64_t positions = band_rows_ * side.width;
  const std::int64_t row = padded<T>(side.width);
  // Forward: a line per region, then one for every column and one more, or a row of as many planes as a packet has elements
  // and its columns. Backward: such planes of a band, and a line per region of it, of which it has no more than positions.
  region_limit_ = limit(vertical_, band_rows_) * limit(horizontal_, side.width) * block;
  scratch_size_ = padded<T>(std::max(region_limit_ + (side.width + 1) * block + 2 * row * kPacket<T>,
                                     positions * (block + kPacket<T>)));
  scratch_ = arena.take<T>(scratch_size_, threads);
  lines_ = arena.take<const T*>(positions, threads);
}

// Own and shared positions of the cells take turns, and each of them may be cut.
template <class T>
std::int64_t Pool<T>::limit(const Axis& axis, std::int64_t longest) {
  return std::min(axis.length, 2 * axis.cells + axis.length / longest);
}

template <class T>
typename Pool<T>::Runs Pool<T>::find_runs(const Axis& axis, std::int64_t longest, Arena& arena) {
  Runs runs{arena.take<Run>(limit(axis, longest)), 0, arena.take<Span>(axis.cells)};
  if (runs.data == nullptr) return runs;
  for (std::int64_t position = 0; position < axis.length; ++position) {
    const std::int64_t first = axis.first_cell(position);
    const std::int64_t last = axis.last_cell(position);
    Run* open = runs.end() - 1;
    if (runs.count > 0 && open->first_cell == first && open->last_cell == last && position - open->begin < longest) {
      open->end = position + 1;
      continue;
    }
    runs.data[runs.count] = {position, position + 1, first, last};
    for (std::int64_t cell = first; cell <= last; ++cell) {
      if (axis.begin(cell) == position) runs.windows[cell] = {runs.count, 0, axis.window(cell)};
      runs.windows[cell].end = runs.count + 1;
    }
    ++runs.count;
  }
  return runs;
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
  const auto bottom = [&](std::int64_t last) { return vertical_runs_.data[last].end; };
  for (std::int64_t begin = 0, end = 0; begin < vertical_runs_.count; begin = end) {
    const std::int64_t top = vertical_runs_.data[begin].begin;
    for (end = begin + 1; end < vertical_runs_.count && bottom(end) - top <= band_rows_;) ++end;
    run(Band{begin, end, top, bottom(end - 1) - top});
  }
}

// Sums over the regions of channels that lie side by side. Along a row first, so that no chain of additions is long.
template <class T>
template <class S>
void Pool<T>::sum_lines(const Block& block, const S* from, T* regions, T* spare) const {
  const std::int64_t of_row = features_.stride[3];
  const std::int64_t of_column = features_.stride[4];
  const std::int64_t pitch = padded<T>(block.count);
  T* const line = spare;
  T* const staged = line + pitch;
  for (const Run& v : vertical_runs_) {
    for (std::int64_t y = v.begin; y < v.end; ++y) {
      const T* row = staged;
      std::int64_t column = pitch;
      if constexpr (std::is_same_v<S, T>) {
        row = from + y * of_row;
        column = of_column;
      } else {
        for (std::int64_t w = 0; w < horizontal_.length; ++w) {
          read_line(staged + w * pitch, from + y * of_row + w * of_column, block.count, 1);
        }
      }
      T* region = regions;
      for (const Run& h : horizontal_runs_) {
        sum_columns(row + h.begin * column, h.end - h.begin, column, block.count, y == v.begin ? region : line);
        if (y != v.begin) add(region, line, block.count);
        region += pitch;
      }
    }
    regions += horizontal_runs_.count * pitch;
  }
}

// The same of a packet's worth of planes. Down the planes first: then there is less to interleave.
template <class T>
template <class S>
void Pool<T>::sum_planes(const Block& block, const S* from, T* regions, std::int64_t pitch, T* spare) const {
  constexpr std::int64_t lanes = kPacket<T>;
  const std::int64_t width = horizontal_.length;
  const std::int64_t row = padded<T>(width);
  const std::int64_t of_sample = features_.stride[0];
  const std::int64_t of_channel = features_.stride[1];
  const std::int64_t of_row = features_.stride[3];
  const std::int64_t of_column = features_.stride[4];
  T* const lines = spare;
  T* const staged = lines + row * lanes;

  // Where the map's elements follow one another, packets may read on behind a row, but not behind the last element.
  const bool in_order = std::is_same_v<S, T> && of_column == 1 && of_row >= width &&
                        of_channel >= vertical_.length * of_row && of_sample >= channels_ * of_channel;
  const S* const end = in_order ? static_cast<const S*>(features_.data) + (samples_ - 1) * of_sample +
                                      (channels_ - 1) * of_channel + (vertical_.length - 1) * of_row + width
                                : nullptr;
  for (const Run& v : vertical_runs_) {
    const T* planes[lanes];
    std::int64_t rows = v.end - v.begin;
    const auto plane = [&](std::int64_t lane) { return from + std::min(lane, block.count - 1) * of_channel + v.begin * of_row; };
    if (in_order && end - (plane(lanes) + (rows - 1) * of_row) >= row) {
      for (std::int64_t lane = 0; lane < lanes; ++lane) planes[lane] = reinterpret_cast<const T*>(plane(lane));
    } else {
      for (std::int64_t lane = 0; lane < lanes; ++lane) {
        T* const to = staged + lane * row;
        planes[lane] = to;
        read_line(to, plane(lane), width, of_column);
        for (std::int64_t y = 1; y < rows; ++y) {
          read_line(lines, plane(lane) + y * of_row, width, of_column);
          add(to, static_cast<const T*>(lines), width);
        }
      }
      rows = 1;
    }
    sum_rows(planes, rows, of_row, width, lines);
    for (const Run& h : horizontal_runs_) {
      Packet<T> total = load_packet(lines + h.begin * lanes);
      for (std::int64_t w = h.begin + 1; w < h.end; ++w) total = Eigen::internal::padd(total, load_packet(lines + w * lanes));
      store_packet(regions, total);
      regions += pitch;
    }
  }
}

// The mean over a window from the sums over its regions.
template <class T>
void Pool<T>::mean(const T* regions, std::int64_t pitch, const Span& vertical, const Span& horizontal, std::int64_t count,
                   T* to) const {
  namespace packet = Eigen::internal;
  const std::int64_t across = horizontal_runs_.count * pitch;
  const T* const first = regions + vertical.begin * across + horizontal.begin * pitch;
  const std::int64_t rows = vertical.end - vertical.begin;
  const std::int64_t columns = horizontal.end - horizontal.begin;
  const Packet<T> divisor = packet::pset1<Packet<T>>(static_cast<T>(vertical.length * horizontal.length));
  const auto whole = [&](std::int64_t k) {
    Packet<T> total = load_packet(first + k);
    for (std::int64_t h = 1; h < columns; ++h) total = packet::padd(total, load_packet(first + h * pitch + k));
    for (std::int64_t v = 1; v < rows; ++v) {
      const T* row = first + v * across + k;
      Packet<T> line = load_packet(row);
      for (std::int64_t h = 1; h < columns; ++h) line = packet::padd(line, load_packet(row + h * pitch));
      total = packet::padd(total, line);
    }
    return packet::pdiv(total, divisor);
  };
  std::int64_t k = 0;
  for (; k + kPacket<T> <= count; k += kPacket<T>) store_packet(to + k, whole(k));
  if (k == count) return;
  T rest[kPacket<T>];
  store_packet(static_cast<T*>(rest), whole(k));  // regions are whole packets
  std::copy_n(rest, count - k, to + k);
}

template <class T>
void Pool<T>::forward(const Parallel& parallel, const SampleRows<T>& pooled) const {
  const std::int64_t of_sample = features_.stride[0];
  const std::int64_t of_channel = features_.stride[1];
  blocks(parallel, [&](const Block& block, int slot) {
    T* const regions = scratch_ + slot * scratch_size_;
    T* const spare = regions + region_limit_;
    const std::int64_t pitch = padded<T>(block.count);
    visit(features_, [&](const auto* data) {
      const auto* from = data + block.sample * of_sample + block.first * of_channel;
      if (of_channel == 1) return sum_lines(block, from, regions, spare);
      constexpr std::int64_t step = kPacket<T>;
      for (std::int64_t c = 0; c < block.count; c += step, from += step * of_channel) {
        if (of_channel == positions_) prefetch(from + step * positions_, step * positions_);
        sum_planes({block.sample, block.first + c, std::min(step, block.count - c)}, from, regions + c, pitch, spare);
      }
    });
    const auto mean_of = [&](std::int64_t row, const Span& v, const Span& h) {
      mean(regions, pitch, v, h, block.count, pooled.at(block.sample, row) + block.first);
    };
    if (pooled.global != nullptr) mean_of(0, vertical_runs_.all(), horizontal_runs_.all());
    for (std::int64_t i = 0; i < vertical_.cells; ++i) {
      for (std::int64_t j = 0; j < horizontal_.cells; ++j) {
        mean_of(1 + i * horizontal_.cells + j, vertical_runs_.windows[i], horizontal_runs_.windows[j]);
      }
    }
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
  for (std::int64_t run = band.begin; run < band.end; ++run) {
    const Run& v = vertical_runs_.data[run];
    for (const Run& h : horizontal_runs_) {
      std::fill_n(values, block.count, T(0));
      if (grad_pooled.global != nullptr) add_row(0, positions_);
      for (std::int64_t i = v.first_cell; i <= v.last_cell; ++i) {
        for (std::int64_t j = h.first_cell; j <= h.last_cell; ++j) {
          add_row(1 + i * horizontal_.cells + j, vertical_runs_.windows[i].length * horizontal_runs_.windows[j].length);
        }
      }
      for (std::int64_t y = v.begin - band.top; y < v.end - band.top; ++y) {
        std::fill(lines + y * width + h.begin, lines + y * width + h.end, values);
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
        emit(grad, at + band.top * grad.stride[3] + position * grad.stride[4], from, count, streams);
      };
      // The output is dense, its channels last or its planes whole.
      const bool whole = band.rows == vertical_.length;
      const bool direct = whole && !streams && grad.dtype == dtype_of<T>();
      if (grad.stride[1] == 1) {
        for (std::int64_t p = 0; p < positions; ++p) emit_at(0, p, lines[p], block.count);
        return;
      }
      for (std::int64_t c = 0; c < block.count; c += kPacket<T>) {
        const std::int64_t count = std::min(kPacket<T>, block.count - c);
        const auto line = [&](std::int64_t p) { return lines[p] + c; };
        if (direct) {
          deinterleave(line, count, positions,
                       static_cast<T*>(grad.data) + block.sample * grad.stride[0] + (block.first + c) * grad.stride[1]);
          continue;
        }
        deinterleave(line, count, positions, planes);
        if (whole) {
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

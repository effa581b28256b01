#include "pool.h"

#include <algorithm>

#include "packets.h"

namespace gld {
namespace {

constexpr std::int64_t kChannels = 512;        // channels of one task
constexpr std::int64_t kBandPositions = 4096;  // positions of a map that are worked on at a time, if a row has no more
// Elements of a gradient's planes that are put together before they are copied, if one packet's worth has fewer: what
// was only just written, in other pieces than it is read in, is read slowly.
constexpr std::int64_t kStaged = 2048;
constexpr std::int64_t kStreamBytes = 8 << 20;  // gradients larger than this do not go through the caches

// to = the sum of columns of `count` channels, in the order in which they lie in memory: anything else reads it at half
// the speed, as it does without asking for what comes two columns later.
template <class T>
void sum_columns(const T* from, std::int64_t columns, std::int64_t column, std::int64_t count, T* to) {
  prefetch(from + 2 * column, count);
  std::copy_n(from, count, to);
  for (std::int64_t w = 1; w < columns; ++w) {
    prefetch(from + (w + 2) * column, count);
    add(to, from + w * column, count);
  }
}

// Sums of `rows` rows of a packet's worth of planes, interleaved: a line of one element per plane for each of `size`
// columns, rounded up to whole packets. Reads whole packets.
template <class T>
inline void sum_rows(const T* planes, std::int64_t plane, std::int64_t rows, std::int64_t row, std::int64_t size,
                     T* lines) {
  constexpr std::int64_t width = kPacket<T>;
  for (std::int64_t next = 0; next < size; next += width) {
    const std::int64_t at =
        std::max(std::min(next, size - width), std::int64_t{0});  // the last packet overlaps the one before
    const T* from = planes + at;
    Square<T> square;
    for (std::int64_t lane = 0; lane < width; ++lane) square.packet[lane] = load_packet(from + lane * plane);
    for (std::int64_t y = 1; y < rows; ++y) {
      from += row;
      for (std::int64_t lane = 0; lane < width; ++lane) {
        square.packet[lane] = Eigen::internal::padd(square.packet[lane], load_packet(from + lane * plane));
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
      rows_(call.rows),
      positions_(side.depth * side.height * side.width),
      band_rows_(std::clamp(kBandPositions / side.width, std::int64_t{1}, side.height)),
      features_(side.features),
      mask_(side.mask),
      depth_(find_runs(call, 0, side.depth, side.depth, arena)),
      vertical_(find_runs(call, 1, side.height, band_rows_, arena)),
      horizontal_(find_runs(call, 2, side.width, std::min(side.width, kBandPositions), arena)),
      regions_(depth_.limit * vertical_.limit * horizontal_.limit),
      end_(masked() ? nullptr : find_end(features_, {samples_, channels_, side.depth, side.height, side.width})) {
  const std::int64_t block = padded<T>(std::min(channels_, kChannels));
  const std::int64_t positions = band_rows_ * side.width;
  const std::int64_t row = padded<T>(side.width);
  const std::int64_t staged = features_.dtype == dtype_of<T>() ? 1 : side.width;
  // Forward: a line per region, then one for every column that is converted and one more, or a row of as many planes as
  // a packet has elements and its columns. Backward: such planes of a band, a line per region of it, and one of zeros.
  region_limit_ = regions_ * block;
  const std::int64_t of_band = std::min(positions, vertical_.limit * horizontal_.limit);
  planes_size_ = padded<T>(std::max(positions * kPacket<T>, kStaged));
  scratch_size_ = padded<T>(
      std::max(region_limit_ + (staged + 1) * block + 2 * row * kPacket<T>, planes_size_ + (of_band + 1) * block));
  scratch_ = arena.take<T>(scratch_size_, threads);
  lines_size_ = (masked() ? 2 : 1) * positions;
  lines_ = arena.take<const T*>(lines_size_, threads);
  counts_ = masked() ? arena.take<std::int64_t>(samples_ * rows_) : nullptr;
  region_counts_ = masked() ? arena.take<std::int64_t>(regions_, threads) : nullptr;
}

// Behind the last element of a map of T without steps backwards: up to there, packets may read on behind a row, and
// behind the last plane. Else null.
template <class T>
const T* Pool<T>::find_end(const gld_view& view, const std::int64_t (&shape)[5]) {
  if (view.dtype != dtype_of<T>() || view.stride[4] != 1) return nullptr;
  const T* end = static_cast<const T*>(view.data) + 1;
  for (int axis = 0; axis < 5; ++axis) {
    if (shape[axis] == 1) continue;
    if (view.stride[axis] < 0) return nullptr;
    end += (shape[axis] - 1) * view.stride[axis];
  }
  return end;
}

template <class T>
typename Pool<T>::Runs Pool<T>::find_runs(const gld_call& call, int axis, std::int64_t length, std::int64_t longest,
                                          Arena& arena) {
  Runs runs{};
  runs.length = length;
  runs.levels = call.levels;
  // Own and shared positions of the cells take turns, and each of them may be cut.
  runs.limit = length / longest;
  for (std::int64_t level = 0; level < runs.levels; ++level) {
    const std::int64_t cells = call.grid[level][axis];
    runs.grid[level] = {length, cells};
    runs.windows[level] = arena.take<Span>(cells);
    runs.limit = std::min(length, runs.limit + 2 * cells);
  }
  for (std::int64_t level = 0; level < runs.levels; ++level) runs.cells[level] = arena.take<Cells>(runs.limit);
  runs.data = arena.take<Run>(runs.limit);
  if (runs.data == nullptr) return runs;
  for (std::int64_t begin = 0, end = 0; begin < length; begin = end) {
    end = std::min(begin + longest, length);
    for (std::int64_t level = 0; level < runs.levels; ++level) {
      const Axis& grid = runs.grid[level];
      const Cells cells{grid.first_cell(begin), grid.last_cell(begin)};
      runs.cells[level][runs.count] = cells;
      end = std::min(end, grid.end(cells.first));
      if (cells.last + 1 < grid.cells) end = std::min(end, grid.begin(cells.last + 1));
      for (std::int64_t cell = cells.first; cell <= cells.last; ++cell) {
        Span& window = runs.windows[level][cell];
        if (grid.begin(cell) == begin) window = {runs.count, 0, grid.window(cell)};
        window.end = runs.count + 1;
      }
    }
    runs.data[runs.count++] = {begin, end};
  }
  return runs;
}

// use(row, window) for every row of a sample.
template <class T>
template <class F>
void Pool<T>::windows(F&& use) const {
  use(0, Window{depth_.all(), vertical_.all(), horizontal_.all()});
  std::int64_t row = 1;
  for (std::int64_t level = 0; level < depth_.levels; ++level) {
    for (std::int64_t h = 0; h < depth_.grid[level].cells; ++h) {
      for (std::int64_t i = 0; i < vertical_.grid[level].cells; ++i) {
        for (std::int64_t j = 0; j < horizontal_.grid[level].cells; ++j) {
          use(row++, Window{depth_.windows[level][h], vertical_.windows[level][i], horizontal_.windows[level][j]});
        }
      }
    }
  }
}

// How many positions of each window the mask lets count: of its regions.
template <class T>
void Pool<T>::count(const Parallel& parallel) const {
  if (!masked()) return;
  const std::int64_t of_column = mask_.stride[3];
  parallel(samples_, [&](std::int64_t sample, int slot) {
    std::int64_t* const regions = region_counts_ + slot * regions_;
    std::int64_t* region = regions;
    for (const Run& d : depth_) {
      for (const Run& v : vertical_) {
        std::fill_n(region, horizontal_.count, 0);
        for (std::int64_t z = d.begin; z < d.end; ++z) {
          for (std::int64_t y = v.begin; y < v.end; ++y) {
            const std::uint8_t* const row = mask_row(sample, z, y);
            for (std::int64_t h = 0; h < horizontal_.count; ++h) {
              const Run& run = horizontal_.data[h];
              for (std::int64_t x = run.begin; x < run.end; ++x) region[h] += row[x * of_column] != 0 ? 1 : 0;
            }
          }
        }
        region += horizontal_.count;
      }
    }
    windows([&](std::int64_t row, const Window& window) {
      std::int64_t total = 0;
      for (std::int64_t d = window.depth.begin; d < window.depth.end; ++d) {
        for (std::int64_t v = window.vertical.begin; v < window.vertical.end; ++v) {
          const std::int64_t* const line = regions + (d * vertical_.count + v) * horizontal_.count;
          for (std::int64_t h = window.horizontal.begin; h < window.horizontal.end; ++h) total += line[h];
        }
      }
      counts_[sample * rows_ + row] = total;
    });
  });
}

// What the sum over a window of so many positions is divided by: those that count; 1 where none does and the sum is 0.
template <class T>
std::int64_t Pool<T>::area(std::int64_t sample, std::int64_t row, std::int64_t positions) const {
  return masked() ? std::max(counts_[sample * rows_ + row], std::int64_t{1}) : positions;
}

// Positions of a row of the map that do not count are 0, whatever they held.
template <class T>
void Pool<T>::clear(std::int64_t sample, std::int64_t z, std::int64_t y, T* row) const {
  if (!masked()) return;
  const std::uint8_t* const mask = mask_row(sample, z, y);
  const std::int64_t width = horizontal_.length;
  if (mask_.stride[3] == 1) {  // apart, for the compiler to vectorise
    for (std::int64_t x = 0; x < width; ++x) row[x] = mask[x] != 0 ? row[x] : T(0);
  } else {
    for (std::int64_t x = 0; x < width; ++x) row[x] = mask[x * mask_.stride[3]] != 0 ? row[x] : T(0);
  }
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

// Slices in the order in which they lie, with the regions that their sums go to.
template <class T>
template <class F>
void Pool<T>::slices(F&& use) const {
  for (std::int64_t d = 0; d < depth_.count; ++d) {
    const Run& run = depth_.data[d];
    for (std::int64_t z = run.begin; z < run.end; ++z) {
      use(Slice{z, d * vertical_.count * horizontal_.count, z == run.begin});
    }
  }
}

template <class T>
template <class F>
void Pool<T>::bands(F&& run) const {
  const auto bottom = [&](std::int64_t last) { return vertical_.data[last].end; };
  for (std::int64_t begin = 0, end = 0; begin < vertical_.count; begin = end) {
    const std::int64_t top = vertical_.data[begin].begin;
    for (end = begin + 1; end < vertical_.count && bottom(end) - top <= band_rows_;) ++end;
    run(Band{begin, end, top, bottom(end - 1) - top});
  }
}

// Sums over the regions of a slice, added to those of the slices before it in them, of channels that lie side by side.
// Along a row first, so that no chain of additions is long.
template <class T>
template <class S>
void Pool<T>::sum_lines(const Block& block, const Slice& slice, const S* from, T* regions, T* spare) const {
  const std::int64_t of_row = features_.stride[3];
  const std::int64_t of_column = features_.stride[4];
  const std::int64_t pitch = padded<T>(block.count);
  T* const line = spare;
  T* const staged = line + pitch;
  for (const Run& v : vertical_) {
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
      const bool opens = slice.opens && y == v.begin;
      const std::uint8_t* const mask = masked() ? mask_row(block.sample, slice.z, y) : nullptr;
      T* region = regions;
      for (const Run& h : horizontal_) {
        T* const to = opens ? region : line;
        if (mask == nullptr) {
          sum_columns(row + h.begin * column, h.end - h.begin, column, block.count, to);
        } else {
          std::fill_n(to, block.count, T(0));
          for (std::int64_t w = h.begin; w < h.end; ++w) {
            if (mask[w * mask_.stride[3]] != 0) add(to, row + w * column, block.count);
          }
        }
        if (!opens) add(region, static_cast<const T*>(line), block.count);
        region += pitch;
      }
    }
    regions += horizontal_.count * pitch;
  }
}

// The sum of a plane's rows of a run, element by element, for planes that packets cannot read or must not read all of.
template <class T>
template <class S>
void Pool<T>::stage_rows(std::int64_t sample, std::int64_t z, const Run& rows, const S* from, T* to, T* spare) const {
  const std::int64_t width = horizontal_.length;
  for (std::int64_t y = rows.begin; y < rows.end; ++y, from += features_.stride[3]) {
    T* const line = y == rows.begin ? to : spare;
    read_line(line, from, width, features_.stride[4]);
    clear(sample, z, y, line);
    if (line == spare) add(to, static_cast<const T*>(spare), width);
  }
}

// The same of a packet's worth of planes. Down the planes first: then there is less to interleave.
template <class T>
template <class S>
void Pool<T>::sum_planes(const Block& block, const Slice& slice, const S* from, T* regions, std::int64_t pitch,
                         T* spare) const {
  constexpr std::int64_t lanes = kPacket<T>;
  const std::int64_t width = horizontal_.length;
  const std::int64_t row = padded<T>(width);
  const std::int64_t of_channel = channels_ == 1 ? 0 : features_.stride[1];  // which may be anything then
  const std::int64_t of_row = features_.stride[3];
  T* const lines = spare;
  T* const staged = lines + row * lanes;
  const auto* const end = reinterpret_cast<const S*>(end_);  // null unless S is T
  for (const Run& v : vertical_) {
    const std::int64_t rows = v.end - v.begin;
    const S* const planes = from + v.begin * of_row;
    if (end != nullptr && end - (planes + (lanes - 1) * of_channel + (rows - 1) * of_row) >= row) {
      sum_rows(reinterpret_cast<const T*>(planes), of_channel, rows, of_row, width, lines);
    } else {
      for (std::int64_t lane = 0; lane < lanes; ++lane) {
        const S* const plane = planes + std::min(lane, block.count - 1) * of_channel;
        stage_rows(block.sample, slice.z, v, plane, staged + lane * row, lines);
      }
      sum_rows(static_cast<const T*>(staged), row, 1, 0, width, lines);
    }
    const auto sum_across = [&](auto opens) {
      for (const Run& h : horizontal_) {
        Packet<T> total = load_packet(lines + h.begin * lanes);
        for (std::int64_t w = h.begin + 1; w < h.end; ++w) {
          total = Eigen::internal::padd(total, load_packet(lines + w * lanes));
        }
        if constexpr (!opens) total = Eigen::internal::padd(load_packet(regions), total);
        store_packet(regions, total);
        regions += pitch;
      }
    };
    slice.opens ? sum_across(std::true_type{}) : sum_across(std::false_type{});
  }
}

// The mean over a window from the sums over its regions.
template <class T>
void Pool<T>::mean(const T* regions, std::int64_t pitch, const Window& window, std::int64_t area, std::int64_t count,
                   T* to) const {
  namespace packet = Eigen::internal;
  const std::int64_t across = horizontal_.count * pitch;
  const std::int64_t slice = vertical_.count * across;
  const T* const first =
      regions + window.depth.begin * slice + window.vertical.begin * across + window.horizontal.begin * pitch;
  const std::int64_t slices = window.depth.end - window.depth.begin;
  const std::int64_t rows = window.vertical.end - window.vertical.begin;
  const std::int64_t columns = window.horizontal.end - window.horizontal.begin;
  const Packet<T> divisor = packet::pset1<Packet<T>>(static_cast<T>(area));
  const auto of_slice = [&](const T* at) {
    Packet<T> total = load_packet(at);
    for (std::int64_t h = 1; h < columns; ++h) total = packet::padd(total, load_packet(at + h * pitch));
    for (std::int64_t v = 1; v < rows; ++v) {
      const T* row = at + v * across;
      Packet<T> line = load_packet(row);
      for (std::int64_t h = 1; h < columns; ++h) line = packet::padd(line, load_packet(row + h * pitch));
      total = packet::padd(total, line);
    }
    return total;
  };
  const auto whole = [&](std::int64_t k) {
    Packet<T> total = of_slice(first + k);
    for (std::int64_t d = 1; d < slices; ++d) total = packet::padd(total, of_slice(first + d * slice + k));
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
  const std::int64_t of_slice = features_.stride[2];
  const std::int64_t of_whole = vertical_.length * horizontal_.length;
  count(parallel);
  blocks(parallel, [&](const Block& block, int slot) {
    T* const regions = scratch_ + slot * scratch_size_;
    T* const spare = regions + region_limit_;
    const std::int64_t pitch = padded<T>(block.count);
    visit(features_, [&](const auto* data) {
      slices([&](const Slice& slice) {
        const auto* from = data + block.sample * of_sample + block.first * of_channel + slice.z * of_slice;
        T* const to = regions + slice.region * pitch;
        if (of_channel == 1) return sum_lines(block, slice, from, to, spare);
        constexpr std::int64_t step = kPacket<T>;
        for (std::int64_t c = 0; c < block.count; c += step, from += step * of_channel) {
          if (of_channel == of_whole) prefetch(from + 2 * step * of_whole, step * of_whole);
          const Block planes{block.sample, block.first + c, std::min(step, block.count - c)};
          sum_planes(planes, slice, from, to + c, pitch, spare);
        }
      });
    });
    windows([&](std::int64_t row, const Window& window) {
      if (row == 0 && pooled.global == nullptr) return;
      const std::int64_t positions = window.depth.length * window.vertical.length * window.horizontal.length;
      mean(regions, pitch, window, area(block.sample, row, positions), block.count,
           pooled.at(block.sample, row) + block.first);
    });
  });
}

// The gradient at a position is the sum over the windows that hold it of the window's gradient / its area: the same for
// all positions of a region. Writes one line of channels per region, and where to find each position's, of a slice.
template <class T>
void Pool<T>::spread_lines(std::int64_t slices, const Band& band, const Block& block, const SampleRows<T>& grad_pooled,
                           T* values, const T** lines) const {
  const std::int64_t width = horizontal_.length;
  const auto add_row = [&](std::int64_t row, std::int64_t positions) {
    add_scaled(values, grad_pooled.at(block.sample, row) + block.first,
               T(1) / static_cast<T>(area(block.sample, row, positions)), block.count);
  };
  for (std::int64_t down = band.begin; down < band.end; ++down) {
    const Run& v = vertical_.data[down];
    for (std::int64_t across = 0; across < horizontal_.count; ++across) {
      const Run& h = horizontal_.data[across];
      std::fill_n(values, block.count, T(0));
      if (grad_pooled.global != nullptr) add_row(0, positions_);
      std::int64_t first = 1;  // row of the level
      for (std::int64_t level = 0; level < depth_.levels; ++level) {
        const Cells& d_cells = depth_.cells[level][slices];
        const Cells& v_cells = vertical_.cells[level][down];
        const Cells& h_cells = horizontal_.cells[level][across];
        const std::int64_t v_count = vertical_.grid[level].cells;
        const std::int64_t h_count = horizontal_.grid[level].cells;
        for (std::int64_t d = d_cells.first; d <= d_cells.last; ++d) {
          for (std::int64_t i = v_cells.first; i <= v_cells.last; ++i) {
            const std::int64_t row = first + (d * v_count + i) * h_count;
            const std::int64_t face = depth_.windows[level][d].length * vertical_.windows[level][i].length;
            for (std::int64_t j = h_cells.first; j <= h_cells.last; ++j) {
              add_row(row + j, face * horizontal_.windows[level][j].length);
            }
          }
        }
        first += depth_.grid[level].cells * v_count * h_count;
      }
      for (std::int64_t y = v.begin - band.top; y < v.end - band.top; ++y) {
        std::fill(lines + y * width + h.begin, lines + y * width + h.end, values);
      }
      values += padded<T>(block.count);
    }
  }
}

// Positions of a slice of a band that do not count have the line of zeros, the others that of their region.
template <class T>
void Pool<T>::leave_out(std::int64_t sample, std::int64_t z, const Band& band, const T* zeros,
                        const T* const* of_regions, const T** lines) const {
  for (std::int64_t y = band.top; y < band.top + band.rows; ++y) {
    const std::uint8_t* const mask = mask_row(sample, z, y);
    for (std::int64_t x = 0; x < horizontal_.length; ++x, ++lines, ++of_regions) {
      *lines = mask[x * mask_.stride[3]] != 0 ? *of_regions : zeros;
    }
  }
}

template <class T>
void Pool<T>::backward(const Parallel& parallel, const SampleRows<T>& grad_pooled, const gld_view& grad) const {
  const std::int64_t width = horizontal_.length;
  const bool streams = element_bytes(grad.dtype) * samples_ * channels_ * positions_ > kStreamBytes;
  count(parallel);
  blocks(parallel, [&](const Block& block, int slot) {
    T* const zeros = scratch_ + slot * scratch_size_;
    std::fill_n(zeros, padded<T>(block.count), T(0));
    T* const planes = zeros + padded<T>(block.count);
    const T** const lines = lines_ + slot * lines_size_;
    const T** const of_regions = lines + lines_size_ - band_rows_ * width;  // the same without a mask
    // One slice of a band, from the lines of its positions.
    const auto write = [&](std::int64_t z, const Band& band) {
      const std::int64_t positions = band.rows * width;
      const std::int64_t at =
          block.sample * grad.stride[0] + block.first * grad.stride[1] + z * grad.stride[2] + band.top * grad.stride[3];
      // The output is dense, its channels last or its planes whole.
      if (grad.stride[1] == 1) {
        for (std::int64_t p = 0; p < positions; ++p) {
          emit(grad, at + p * grad.stride[4], lines[p], block.count, streams);
        }
        return;
      }
      const bool whole = positions == positions_;
      const bool direct = whole && !streams && grad.dtype == dtype_of<T>();
      const std::int64_t chunk = direct ? block.count : planes_size_ / positions / kPacket<T> * kPacket<T>;
      for (std::int64_t c = 0; c < block.count; c += chunk) {
        const std::int64_t count = std::min(chunk, block.count - c);
        const std::int64_t at_plane = at + c * grad.stride[1];
        T* const to = direct ? static_cast<T*>(grad.data) + at_plane : planes;
        for (std::int64_t k = 0; k < count; k += kPacket<T>) {
          deinterleave([&](std::int64_t p) { return lines[p] + c + k; }, std::min(kPacket<T>, count - k), positions,
                       to + k * positions);
        }
        if (direct) continue;
        if (whole) {
          emit(grad, at_plane, planes, count * positions, streams);
          continue;
        }
        for (std::int64_t k = 0; k < count; ++k) {
          emit(grad, at_plane + k * grad.stride[1], planes + k * positions, positions, streams);
        }
      }
    };
    for (std::int64_t d = 0; d < depth_.count; ++d) {
      const Run& slices = depth_.data[d];
      bands([&](const Band& band) {
        spread_lines(d, band, block, grad_pooled, planes + planes_size_, of_regions);
        for (std::int64_t z = slices.begin; z < slices.end; ++z) {
          if (masked()) leave_out(block.sample, z, band, zeros, of_regions, lines);
          write(z, band);
        }
      });
    }
    if (streams) stream_end();
  });
}

template class Pool<float>;
template class Pool<double>;

}  // namespace gld

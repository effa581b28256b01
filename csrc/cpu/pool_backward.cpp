#include <algorithm>

#include "packets.h"
#include "pool.h"

namespace gld {
namespace {

// Elements of a gradient's planes that are put together before they are copied, if one packet's worth has fewer: what
// was only just written, in other pieces than it is read in, is read slowly.
constexpr std::int64_t kStaged = 2048;
constexpr std::int64_t kCachedBytes = 8 << 20;  // gradients larger than this do not go through the caches

// Elements of the planes of a band that are put together at a time.
template <class T>
std::int64_t planes_size(const PoolPlan& plan) {
  return padded(std::max(plan.band_rows * plan.horizontal.length * kPacket<T>, kStaged));
}

// The way back of one call: the gradient of every region of a band, then where each position finds its own, then the
// positions in the order in which they lie.
template <class T>
class Backward {
 public:
  Backward(const PoolPlan& plan, const PoolMask& mask, const SampleRows<T>& grad_pooled, const gld_view& grad)
      : plan_(plan),
        mask_(mask),
        grad_pooled_(grad_pooled),
        grad_(grad),
        planes_size_(planes_size<T>(plan)),
        past_caches_(bytes_of(grad.dtype) * plan.samples * plan.channels * plan.positions() > kCachedBytes) {}

  // The gradient of some channels. lines: a line of channels for each position of a band; of_regions, which is another
  // place if there is a mask: those of the positions' regions.
  void run(const PoolChannels& channels, T* scratch, const T** lines, const T** of_regions) const;

 private:
  void spread(std::int64_t slices, const PoolBand& band, const PoolChannels& channels, T* values,
              const T** lines) const;
  void leave_out(std::int64_t sample, std::int64_t z, const PoolBand& band, const T* zeros, const T* const* of_regions,
                 const T** lines) const;
  void write(const PoolChannels& channels, std::int64_t z, const PoolBand& band, const T* const* lines,
             T* planes) const;
  void emit(std::int64_t at, const T* from, std::int64_t count) const;

  const PoolPlan& plan_;
  const PoolMask& mask_;
  const SampleRows<T>& grad_pooled_;
  const gld_view& grad_;
  std::int64_t planes_size_;
  bool past_caches_;
};

// The gradient at a position is the sum over the windows that hold it of the window's gradient / its area: the same for
// all positions of a region. Writes one line of channels per region, and where to find each position's, of a slice.
template <class T>
void Backward<T>::spread(std::int64_t slices, const PoolBand& band, const PoolChannels& channels, T* values,
                         const T** lines) const {
  const PoolAxis& depth = plan_.depth;
  const PoolAxis& vertical = plan_.vertical;
  const PoolAxis& horizontal = plan_.horizontal;
  const std::int64_t width = horizontal.length;
  const auto add_row = [&](std::int64_t row, std::int64_t positions) {
    add_scaled(values, grad_pooled_.at(channels.sample, row) + channels.first,
               T(1) / static_cast<T>(mask_.area(channels.sample, row, positions)), channels.count);
  };
  for (std::int64_t down = band.begin; down < band.end; ++down) {
    const Run& v = vertical[down];
    for (std::int64_t across = 0; across < horizontal.count; ++across) {
      const Run& h = horizontal[across];
      std::fill_n(values, channels.count, T(0));
      if (grad_pooled_.global != nullptr) add_row(0, plan_.positions());
      std::int64_t first = 1;  // row of the level
      for (std::int64_t level = 0; level < depth.levels; ++level) {
        const CellRange& d_cells = depth.cells[level][slices];
        const CellRange& v_cells = vertical.cells[level][down];
        const CellRange& h_cells = horizontal.cells[level][across];
        const std::int64_t v_count = vertical.grid[level].cells;
        const std::int64_t h_count = horizontal.grid[level].cells;
        for (std::int64_t d = d_cells.first; d <= d_cells.last; ++d) {
          for (std::int64_t i = v_cells.first; i <= v_cells.last; ++i) {
            const std::int64_t row = first + (d * v_count + i) * h_count;
            const std::int64_t face = depth.windows[level][d].length * vertical.windows[level][i].length;
            for (std::int64_t j = h_cells.first; j <= h_cells.last; ++j) {
              add_row(row + j, face * horizontal.windows[level][j].length);
            }
          }
        }
        first += depth.grid[level].cells * v_count * h_count;
      }
      for (std::int64_t y = v.begin - band.top; y < v.end - band.top; ++y) {
        std::fill(lines + y * width + h.begin, lines + y * width + h.end, values);
      }
      values += padded(channels.count);
    }
  }
}

// Positions of a slice of a band that do not count have the line of zeros, the others that of their region.
template <class T>
void Backward<T>::leave_out(std::int64_t sample, std::int64_t z, const PoolBand& band, const T* zeros,
                            const T* const* of_regions, const T** lines) const {
  for (std::int64_t y = band.top; y < band.top + band.rows; ++y) {
    const std::uint8_t* const mask = mask_.row(sample, z, y);
    for (std::int64_t x = 0; x < plan_.horizontal.length; ++x, ++lines, ++of_regions) {
      *lines = mask[x * mask_.step()] != 0 ? *of_regions : zeros;
    }
  }
}

template <class T>
void Backward<T>::emit(std::int64_t at, const T* from, std::int64_t count) const {
  visit_output(grad_, [&](auto* to) {
    using Out = std::remove_pointer_t<decltype(to)>;
    if constexpr (std::is_same_v<Out, T>) {
      if (past_caches_) return store_past_caches(to + at, from, count);
    }
    for (std::int64_t i = 0; i < count; ++i) to[at + i] = static_cast<Out>(from[i]);
  });
}

// One slice of a band, from the lines of its positions. The output is dense, its channels last or its planes whole.
template <class T>
void Backward<T>::write(const PoolChannels& channels, std::int64_t z, const PoolBand& band, const T* const* lines,
                        T* planes) const {
  const std::int64_t positions = band.rows * plan_.horizontal.length;
  const std::int64_t at = channels.sample * grad_.stride[0] + channels.first * grad_.stride[1] + z * grad_.stride[2] +
                          band.top * grad_.stride[3];
  if (grad_.stride[1] == 1) {
    for (std::int64_t p = 0; p < positions; ++p) emit(at + p * grad_.stride[4], lines[p], channels.count);
    return;
  }
  const bool whole = positions == plan_.positions();
  const bool direct = whole && !past_caches_ && grad_.dtype == dtype_of<T>();
  const std::int64_t chunk = direct ? channels.count : planes_size_ / positions / kPacket<T> * kPacket<T>;
  for (std::int64_t c = 0; c < channels.count; c += chunk) {
    const std::int64_t count = std::min(chunk, channels.count - c);
    const std::int64_t at_plane = at + c * grad_.stride[1];
    T* const to = direct ? static_cast<T*>(grad_.data) + at_plane : planes;
    for (std::int64_t k = 0; k < count; k += kPacket<T>) {
      deinterleave([&](std::int64_t p) { return lines[p] + c + k; }, std::min(kPacket<T>, count - k), positions,
                   to + k * positions);
    }
    if (direct) continue;
    if (whole) {
      emit(at_plane, planes, count * positions);
      continue;
    }
    for (std::int64_t k = 0; k < count; ++k) emit(at_plane + k * grad_.stride[1], planes + k * positions, positions);
  }
}

template <class T>
void Backward<T>::run(const PoolChannels& channels, T* scratch, const T** lines, const T** of_regions) const {
  T* const zeros = scratch;
  std::fill_n(zeros, padded(channels.count), T(0));
  T* const planes = zeros + padded(channels.count);
  for (std::int64_t d = 0; d < plan_.depth.count; ++d) {
    const Run& slices = plan_.depth[d];
    plan_.each_band([&](const PoolBand& band) {
      spread(d, band, channels, planes + planes_size_, of_regions);
      for (std::int64_t z = slices.begin; z < slices.end; ++z) {
        if (mask_) leave_out(channels.sample, z, band, zeros, of_regions, lines);
        write(channels, z, band, lines, planes);
      }
    });
  }
  if (past_caches_) end_store_past_caches();
}

}  // namespace

// A line of zeros, the planes of a band, and a line per region of it.
template <class T>
std::int64_t Pool<T>::backward_scratch() const {
  const std::int64_t of_band =
      std::min(plan_.band_rows * plan_.horizontal.length, plan_.vertical.limit * plan_.horizontal.limit);
  return planes_size<T>(plan_) + (of_band + 1) * padded(std::min(plan_.channels, kPoolChannels));
}

// Where the line of each position of a band lies; with a mask, then that of its region.
template <class T>
std::int64_t Pool<T>::backward_lines() const {
  return (mask_ ? 2 : 1) * plan_.band_rows * plan_.horizontal.length;
}

template <class T>
void Pool<T>::backward(const Parallel& parallel, const SampleRows<T>& grad_pooled, const gld_view& grad) const {
  mask_.count(parallel, plan_);
  const Backward<T> way(plan_, mask_, grad_pooled, grad);
  const std::int64_t positions = plan_.band_rows * plan_.horizontal.length;
  plan_.each_channels(parallel, [&](const PoolChannels& channels, int slot) {
    const T** const lines = lines_ + slot * backward_lines();
    way.run(channels, scratch_ + slot * scratch_size_, lines, lines + backward_lines() - positions);
  });
}

template std::int64_t Pool<float>::backward_scratch() const;
template std::int64_t Pool<double>::backward_scratch() const;
template std::int64_t Pool<float>::backward_lines() const;
template std::int64_t Pool<double>::backward_lines() const;
template void Pool<float>::backward(const Parallel&, const SampleRows<float>&, const gld_view&) const;
template void Pool<double>::backward(const Parallel&, const SampleRows<double>&, const gld_view&) const;

}  // namespace gld

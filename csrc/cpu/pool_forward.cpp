#include <algorithm>

#include "packets.h"
#include "pool.h"

namespace gld {
namespace {

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

// Behind the last element of a map of T without steps backwards: up to there, packets may read on behind a row, and
// behind the last plane. Else null.
template <class T>
const T* find_end(const gld_view& view, const PoolPlan& plan) {
  if (view.dtype != dtype_of<T>() || view.stride[4] != 1) return nullptr;
  const std::int64_t shape[] = {plan.samples, plan.channels, plan.depth.length, plan.vertical.length,
                                plan.horizontal.length};
  const T* end = static_cast<const T*>(view.data) + 1;
  for (int axis = 0; axis < 5; ++axis) {
    if (shape[axis] == 1) continue;
    if (view.stride[axis] < 0) return nullptr;
    end += (shape[axis] - 1) * view.stride[axis];
  }
  return end;
}

// The way of one call: sums over regions, then means over windows.
template <class T>
class Forward {
 public:
  Forward(const PoolPlan& plan, const PoolMask& mask, const gld_view& features)
      : plan_(plan), mask_(mask), features_(features), end_(mask ? nullptr : find_end<T>(features, plan)) {}

  // The means of some channels. scratch has room for the regions, and then for what is spare.
  void run(const PoolChannels& channels, const SampleRows<T>& pooled, T* regions, T* spare) const;

 private:
  template <class S>
  void sum_lines(const PoolChannels& channels, const PoolSlice& slice, const S* from, T* regions, T* spare) const;
  template <class S>
  void stage_rows(std::int64_t sample, std::int64_t z, const Run& rows, const S* from, T* to, T* spare) const;
  template <class S>
  void sum_planes(const PoolChannels& channels, const PoolSlice& slice, const S* from, T* regions, std::int64_t pitch,
                  T* spare) const;
  void mean(const T* regions, std::int64_t pitch, const PoolWindow& window, std::int64_t area, std::int64_t count,
            T* to) const;

  const PoolPlan& plan_;
  const PoolMask& mask_;
  const gld_view& features_;
  const T* end_;  // how far packets may read
};

// Sums over the regions of a slice, added to those of the slices before it in them, of channels that lie side by side.
// Sums go along a row first, so that no chain of additions is long.
template <class T>
template <class S>
void Forward<T>::sum_lines(const PoolChannels& channels, const PoolSlice& slice, const S* from, T* regions,
                           T* spare) const {
  const std::int64_t of_row = features_.stride[3];
  const std::int64_t of_column = features_.stride[4];
  const std::int64_t pitch = padded(channels.count);
  T* const line = spare;
  T* const staged = line + pitch;
  for (const Run& v : plan_.vertical) {
    for (std::int64_t y = v.begin; y < v.end; ++y) {
      const T* row = staged;
      std::int64_t column = pitch;
      if constexpr (std::is_same_v<S, T>) {
        row = from + y * of_row;
        column = of_column;
      } else {
        for (std::int64_t w = 0; w < plan_.horizontal.length; ++w) {
          read_line(staged + w * pitch, from + y * of_row + w * of_column, channels.count, 1);
        }
      }
      const bool opens = slice.opens && y == v.begin;
      const std::uint8_t* const mask = mask_ ? mask_.row(channels.sample, slice.z, y) : nullptr;
      T* region = regions;
      for (const Run& h : plan_.horizontal) {
        T* const to = opens ? region : line;
        if (mask == nullptr) {
          sum_columns(row + h.begin * column, h.end - h.begin, column, channels.count, to);
        } else {
          std::fill_n(to, channels.count, T(0));
          for (std::int64_t w = h.begin; w < h.end; ++w) {
            if (mask[w * mask_.step()] != 0) add(to, row + w * column, channels.count);
          }
        }
        if (!opens) add(region, static_cast<const T*>(line), channels.count);
        region += pitch;
      }
    }
    regions += plan_.horizontal.count * pitch;
  }
}

// The sum of a plane's rows of a run, element by element, for planes that packets cannot read or must not read all of.
template <class T>
template <class S>
void Forward<T>::stage_rows(std::int64_t sample, std::int64_t z, const Run& rows, const S* from, T* to,
                            T* spare) const {
  const std::int64_t width = plan_.horizontal.length;
  for (std::int64_t y = rows.begin; y < rows.end; ++y, from += features_.stride[3]) {
    T* const line = y == rows.begin ? to : spare;
    read_line(line, from, width, features_.stride[4]);
    mask_.zero_left_out(sample, z, y, width, line);
    if (line == spare) add(to, static_cast<const T*>(spare), width);
  }
}

// Sums over the regions of a slice, as above, of a packet's worth of planes. Sums go down the planes first:
// then there is less to interleave.
template <class T>
template <class S>
void Forward<T>::sum_planes(const PoolChannels& channels, const PoolSlice& slice, const S* from, T* regions,
                            std::int64_t pitch, T* spare) const {
  constexpr std::int64_t lanes = kPacket<T>;
  const std::int64_t width = plan_.horizontal.length;
  const std::int64_t row = padded(width);
  const std::int64_t of_channel = plan_.channels == 1 ? 0 : features_.stride[1];  // which may be anything then
  const std::int64_t of_row = features_.stride[3];
  T* const lines = spare;
  T* const staged = lines + row * lanes;
  const auto* const end = reinterpret_cast<const S*>(end_);  // null unless S is T
  for (const Run& v : plan_.vertical) {
    const std::int64_t rows = v.end - v.begin;
    const S* const planes = from + v.begin * of_row;
    if (end != nullptr && end - (planes + (lanes - 1) * of_channel + (rows - 1) * of_row) >= row) {
      sum_rows(reinterpret_cast<const T*>(planes), of_channel, rows, of_row, width, lines);
    } else {
      for (std::int64_t lane = 0; lane < lanes; ++lane) {
        const S* const plane = planes + std::min(lane, channels.count - 1) * of_channel;
        stage_rows(channels.sample, slice.z, v, plane, staged + lane * row, lines);
      }
      sum_rows(static_cast<const T*>(staged), row, 1, 0, width, lines);
    }
    const auto sum_across = [&](auto opens) {
      for (const Run& h : plan_.horizontal) {
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
void Forward<T>::mean(const T* regions, std::int64_t pitch, const PoolWindow& window, std::int64_t area,
                      std::int64_t count, T* to) const {
  namespace packet = Eigen::internal;
  const std::int64_t across = plan_.horizontal.count * pitch;
  const std::int64_t slice = plan_.vertical.count * across;
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
void Forward<T>::run(const PoolChannels& channels, const SampleRows<T>& pooled, T* regions, T* spare) const {
  const std::int64_t of_channel = features_.stride[1];
  const std::int64_t of_whole = plan_.vertical.length * plan_.horizontal.length;
  const std::int64_t pitch = padded(channels.count);
  visit(features_, [&](const auto* data) {
    data += channels.sample * features_.stride[0] + channels.first * of_channel;
    plan_.each_slice([&](const PoolSlice& slice) {
      const auto* from = data + slice.z * features_.stride[2];
      T* const to = regions + slice.region * pitch;
      if (of_channel == 1) return sum_lines(channels, slice, from, to, spare);
      constexpr std::int64_t step = kPacket<T>;
      for (std::int64_t c = 0; c < channels.count; c += step, from += step * of_channel) {
        if (of_channel == of_whole) prefetch(from + 2 * step * of_whole, step * of_whole);
        const PoolChannels planes{channels.sample, channels.first + c, std::min(step, channels.count - c)};
        sum_planes(planes, slice, from, to + c, pitch, spare);
      }
    });
  });
  plan_.each_window([&](std::int64_t row, const PoolWindow& window) {
    if (row == 0 && pooled.global == nullptr) return;
    mean(regions, pitch, window, mask_.area(channels.sample, row, window.positions()), channels.count,
         pooled.at(channels.sample, row) + channels.first);
  });
}

}  // namespace

template <class T>
Pool<T>::Pool(const gld_call& call, const gld_side& side, Arena& arena, int threads)
    : plan_(call, side, arena),
      mask_(side.mask, plan_, arena, threads),
      features_(side.features),
      scratch_size_(padded(std::max(forward_scratch(), backward_scratch()))),
      scratch_(arena.take<T>(scratch_size_, threads)),
      lines_(arena.take<const T*>(backward_lines(), threads)) {}

// A line per region, then one for every column that is converted and one more, or a row of as many planes as a packet
// has elements and its columns.
template <class T>
std::int64_t Pool<T>::forward_scratch() const {
  const std::int64_t pitch = padded(std::min(plan_.channels, kPoolChannels));
  const std::int64_t width = plan_.horizontal.length;
  const std::int64_t staged = features_.dtype == dtype_of<T>() ? 1 : width;
  return (plan_.regions + staged + 1) * pitch + 2 * padded(width) * kPacket<T>;
}

template <class T>
void Pool<T>::forward(const Parallel& parallel, const SampleRows<T>& pooled) const {
  mask_.count(parallel, plan_);
  const Forward<T> way(plan_, mask_, features_);
  const std::int64_t of_regions = plan_.regions * padded(std::min(plan_.channels, kPoolChannels));
  plan_.each_channels(parallel, [&](const PoolChannels& channels, int slot) {
    T* const regions = scratch_ + slot * scratch_size_;
    way.run(channels, pooled, regions, regions + of_regions);
  });
}

template Pool<float>::Pool(const gld_call&, const gld_side&, Arena&, int);
template Pool<double>::Pool(const gld_call&, const gld_side&, Arena&, int);
template void Pool<float>::forward(const Parallel&, const SampleRows<float>&) const;
template void Pool<double>::forward(const Parallel&, const SampleRows<double>&) const;

}  // namespace gld

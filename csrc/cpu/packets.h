// Vectors of the engine's instruction-set level, as Eigen knows them, for loops that the compiler does not vectorise by
// itself, and stores past the caches.
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <type_traits>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace gld {

// At most 256 bits: wider ones gain nothing where memory is the limit, and squares of them take longer to transpose.
template <class T, class Full = typename Eigen::internal::packet_traits<T>::type>
struct PacketOf : std::conditional<(sizeof(Full) > 32), typename Eigen::internal::unpacket_traits<Full>::half, Full> {};
// (gcc points out that alignment attributes of template arguments are ignored; they are for the types' own objects.)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wignored-attributes"
template <class T>
using Packet = typename PacketOf<T>::type;
template <class T>
constexpr std::int64_t kPacket = Eigen::internal::unpacket_traits<Packet<T>>::size;
template <class T>
using Square = Eigen::internal::PacketBlock<Packet<T>, static_cast<int>(kPacket<T>)>;

// As wide as the level has them, for loops that arithmetic limits.
template <class T>
using Vector = typename Eigen::internal::packet_traits<T>::type;
template <class T>
constexpr int kVector = Eigen::internal::unpacket_traits<Vector<T>>::size;
#pragma GCC diagnostic pop

template <class T>
Packet<T> load_packet(const T* from) {
  return Eigen::internal::ploadu<Packet<T>>(from);
}
template <class T>
void store_packet(T* to, const Packet<T>& packet) {
  Eigen::internal::pstoreu(to, packet);
}

// Asks for memory that will be read soon: short rows of several planes are more than the processor foresees.
template <class T>
void prefetch(const T* from, std::int64_t count) {
  for (std::int64_t i = 0; i < count; i += 64 / static_cast<std::int64_t>(sizeof(T))) __builtin_prefetch(from + i);
}

// to += from, by packets: a loop that the compiler vectorises takes longer to begin.
template <class T>
void add(T* to, const T* from, std::int64_t count) {
  std::int64_t i = 0;
  for (; i + kPacket<T> <= count; i += kPacket<T>) {
    store_packet(to + i, Eigen::internal::padd(load_packet(to + i), load_packet(from + i)));
  }
  for (; i < count; ++i) to[i] += from[i];
}

// to += factor * from, rounded twice wherever an element lies.
template <class T>
void add_scaled(T* to, const T* from, T factor, std::int64_t count) {
  const Packet<T> factors = Eigen::internal::pset1<Packet<T>>(factor);
  std::int64_t i = 0;
  for (; i + kPacket<T> <= count; i += kPacket<T>) {
    store_packet(to + i,
                 Eigen::internal::padd(load_packet(to + i), Eigen::internal::pmul(load_packet(from + i), factors)));
  }
  for (; i < count; ++i) to[i] += factor * from[i];
}

// From lines of one element per plane, found by line(p), to `count` dense planes of `size` elements.
template <class T, class F>
void deinterleave(F&& line, std::int64_t count, std::int64_t size, T* planes) {
  constexpr std::int64_t width = kPacket<T>;
  if (size < width) {
    for (std::int64_t lane = 0; lane < count; ++lane) {
      for (std::int64_t p = 0; p < size; ++p) planes[lane * size + p] = line(p)[lane];
    }
    return;
  }
  for (std::int64_t next = 0; next < size; next += width) {
    const std::int64_t p = std::min(next, size - width);
    Square<T> square;
    for (std::int64_t i = 0; i < width; ++i) square.packet[i] = load_packet(line(p + i));
    Eigen::internal::ptranspose(square);
    T* const to = planes + p;
    if (count == width) {  // apart, so that the square stays in registers
      for (std::int64_t lane = 0; lane < width; ++lane) store_packet(to + lane * size, square.packet[lane]);
    } else {
      for (std::int64_t lane = 0; lane < count; ++lane) store_packet(to + lane * size, square.packet[lane]);
    }
  }
}

// to[j][i] = from[i][j], rows `pitch` and `to_pitch` apart.
template <class T>
void transpose(const T* from, std::int64_t pitch, std::int64_t rows, std::int64_t columns, T* to,
               std::int64_t to_pitch) {
  constexpr std::int64_t width = kPacket<T>;
  const std::int64_t whole_rows = rows / width * width;
  const std::int64_t whole_columns = columns / width * width;
  for (std::int64_t i = 0; i < whole_rows; i += width) {
    for (std::int64_t j = 0; j < whole_columns; j += width) {
      Square<T> square;
      for (std::int64_t lane = 0; lane < width; ++lane)
        square.packet[lane] = load_packet(from + (i + lane) * pitch + j);
      Eigen::internal::ptranspose(square);
      for (std::int64_t lane = 0; lane < width; ++lane)
        store_packet(to + (j + lane) * to_pitch + i, square.packet[lane]);
    }
  }
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t j = i < whole_rows ? whole_columns : 0; j < columns; ++j)
      to[j * to_pitch + i] = from[i * pitch + j];
  }
}

// A copy whose target is not read into the caches first, for results too large to stay there. Whoever stored so calls
// end_store_past_caches() before another thread may read.
template <class T>
void store_past_caches(T* to, const T* from, std::int64_t count) {
#if defined(__SSE2__)
  constexpr std::size_t kBytes = sizeof(__m128i);
  auto* target = reinterpret_cast<char*>(to);
  const auto* source = reinterpret_cast<const char*>(from);
  std::size_t left = static_cast<std::size_t>(count) * sizeof(T);
  const std::size_t head = std::min(left, (kBytes - reinterpret_cast<std::uintptr_t>(target) % kBytes) % kBytes);
  std::memcpy(target, source, head);
  for (target += head, source += head, left -= head; left >= kBytes;
       target += kBytes, source += kBytes, left -= kBytes) {
    _mm_stream_si128(reinterpret_cast<__m128i*>(target), _mm_loadu_si128(reinterpret_cast<const __m128i*>(source)));
  }
  std::memcpy(target, source, left);
#else
  std::copy_n(from, count, to);
#endif
}

inline void end_store_past_caches() {
#if defined(__SSE2__)
  _mm_sfence();
#endif
}

}  // namespace gld

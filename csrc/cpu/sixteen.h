// Sixteen elements of a row in vectors of the engine's instruction-set level, and the exponential of softmaxes. Each
// operation is spelt out: of loops over two types with several sums compilers make vectors, or not, as they see fit.
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "../shared/softmax.h"
#include "lanes.h"
#include "packets.h"

namespace gld {

template <class T>
struct Sixteen {
  static constexpr int kParts = kLanes / kVector<T>;
  Vector<T> part[kParts];

  static Sixteen of(T x) {
    Sixteen out;
    for (auto& part : out.part) part = Eigen::internal::pset1<Vector<T>>(x);
    return out;
  }
  static Sixteen at(const T* from) {
    Sixteen out;
    for (int i = 0; i < kParts; ++i) out.part[i] = Eigen::internal::ploadu<Vector<T>>(from + i * kVector<T>);
    return out;
  }
  void store(T* to) const {
    for (int i = 0; i < kParts; ++i) Eigen::internal::pstoreu(to + i * kVector<T>, part[i]);
  }
};

// f of the parts of each.
template <class T, class F, class... Others>
EIGEN_ALWAYS_INLINE Sixteen<T> map(F&& f, const Sixteen<T>& x, const Others&... others) {
  Sixteen<T> out;
  for (int i = 0; i < Sixteen<T>::kParts; ++i) out.part[i] = f(x.part[i], others.part[i]...);
  return out;
}
template <class T>
EIGEN_ALWAYS_INLINE Sixteen<T> operator+(const Sixteen<T>& a, const Sixteen<T>& b) {
  return map([](const auto& x, const auto& y) { return x + y; }, a, b);
}
template <class T>
EIGEN_ALWAYS_INLINE Sixteen<T> operator-(const Sixteen<T>& a, const Sixteen<T>& b) {
  return map([](const auto& x, const auto& y) { return x - y; }, a, b);
}
template <class T>
EIGEN_ALWAYS_INLINE Sixteen<T> operator*(const Sixteen<T>& a, const Sixteen<T>& b) {
  return map([](const auto& x, const auto& y) { return x * y; }, a, b);
}
template <class T>
EIGEN_ALWAYS_INLINE Sixteen<T> operator-(const Sixteen<T>& a) {
  return map([](const auto& x) { return -x; }, a);
}
template <class T>
EIGEN_ALWAYS_INLINE Sixteen<T>& operator+=(Sixteen<T>& a, const Sixteen<T>& b) {
  return a = a + b;
}
// a b + c, rounded once where the level has an instruction for that.
template <class T>
EIGEN_ALWAYS_INLINE Sixteen<T> multiply_add(const Sixteen<T>& a, const Sixteen<T>& b, const Sixteen<T>& c) {
  return map([](const auto& x, const auto& y, const auto& z) { return Eigen::internal::pmadd(x, y, z); }, a, b, c);
}
template <class T>
EIGEN_ALWAYS_INLINE Sixteen<T> smaller(const Sixteen<T>& a, const Sixteen<T>& b) {
  return map([](const auto& x, const auto& y) { return Eigen::internal::pmin(x, y); }, a, b);
}
template <class T>
EIGEN_ALWAYS_INLINE Sixteen<T> larger(const Sixteen<T>& a, const Sixteen<T>& b) {
  return map([](const auto& x, const auto& y) { return Eigen::internal::pmax(x, y); }, a, b);
}

// x where that is larger than `least`, which also stands for NaN.
template <class T>
EIGEN_ALWAYS_INLINE Sixteen<T> or_least(const Sixteen<T>& x, const Sixteen<T>& least) {
  return map([](const Vector<T>& x, const Vector<T>& least) -> Vector<T> { return x > least ? x : least; }, x, least);
}

// x where `of` is not 0, else `other`.
template <class T>
EIGEN_ALWAYS_INLINE Sixteen<T> where_not_zero(const Sixteen<T>& of, const Sixteen<T>& x, const Sixteen<T>& other) {
  const Vector<T> zero = Eigen::internal::pset1<Vector<T>>(0);
  return map([&](const Vector<T>& of, const Vector<T>& x,
                 const Vector<T>& other) -> Vector<T> { return of == zero ? other : x; },
             of, x, other);
}

// Two vectors of double and one of float, as which compilers convert them whole.
using Wide = double __attribute__((vector_size(2 * sizeof(Vector<double>))));
using Narrow = float __attribute__((vector_size(sizeof(Vector<float>))));

inline const Sixteen<double>& widen(const Sixteen<double>& x) { return x; }
EIGEN_ALWAYS_INLINE Sixteen<double> widen(const Sixteen<float>& x) {
  Sixteen<double> out;
  for (int i = 0; i < Sixteen<float>::kParts; ++i) {
    const auto wide = __builtin_convertvector(x.part[i], Wide);
    std::memcpy(out.part + 2 * i, &wide, sizeof wide);
  }
  return out;
}
// In T, rounded.
template <class T>
EIGEN_ALWAYS_INLINE Sixteen<T> narrow(const Sixteen<double>& x) {
  if constexpr (sizeof(T) == sizeof(double)) {
    return x;
  } else {
    Sixteen<T> out;
    for (int i = 0; i < Sixteen<T>::kParts; ++i) {
      Wide wide;
      std::memcpy(&wide, x.part + 2 * i, sizeof wide);
      out.part[i] = __builtin_convertvector(wide, Narrow);
    }
    return out;
  }
}

// All of them by f of two halves, again and again, down to a vector.
template <class T, class F>
EIGEN_ALWAYS_INLINE Vector<T> halved(Sixteen<T> x, F&& f) {
  for (int half = Sixteen<T>::kParts / 2; half > 0; half /= 2) {
    for (int i = 0; i < half; ++i) x.part[i] = f(x.part[i], x.part[i + half]);
  }
  return x.part[0];
}
// The sum, by the same tree as that of Lanes.
EIGEN_ALWAYS_INLINE double fold(const Sixteen<double>& x) {
  return Eigen::internal::predux(halved(x, [](const auto& a, const auto& b) { return a + b; }));
}
template <class T>
EIGEN_ALWAYS_INLINE T least(const Sixteen<T>& x) {
  return Eigen::internal::predux_min(
      halved(x, [](const auto& a, const auto& b) { return Eigen::internal::pmin(a, b); }));
}
template <class T>
EIGEN_ALWAYS_INLINE T largest(const Sixteen<T>& x) {
  return Eigen::internal::predux_max(
      halved(x, [](const auto& a, const auto& b) { return Eigen::internal::pmax(a, b); }));
}

// A row in pieces of sixteen elements, of which the last goes on with `rest` where the row ends.
template <class T>
class Pieces {
 public:
  Pieces(const T* row, std::int64_t count, T rest) : row_(row), whole_(count - count % kLanes) {
    if (whole_ == count) return;
    Sixteen<T>::of(rest).store(last_);
    if (whole_ > 0) {
      Sixteen<T>::at(row + count - kLanes).store(last_ - kLanes + (count - whole_));
    } else {
      for (std::int64_t i = 0; i < count; ++i) last_[i] = row[i];
    }
  }
  Pieces(const Pieces&) = delete;
  Pieces& operator=(const Pieces&) = delete;

  Sixteen<T> operator[](std::int64_t i) const { return Sixteen<T>::at(i < whole_ ? row_ + i : last_); }

 private:
  const T* row_;
  std::int64_t whole_;
  T room_[2 * kLanes];
  T* const last_ = room_ + kLanes;
};

// Adds the sixteen that begin at element i to a row of `count` elements, as many of them as it has.
template <class T>
EIGEN_ALWAYS_INLINE void add_piece(T* row, std::int64_t i, std::int64_t count, const Sixteen<T>& piece) {
  if (i + kLanes <= count) {
    (Sixteen<T>::at(row + i) + piece).store(row + i);
    return;
  }
  T room[2 * kLanes] = {};
  if (i == 0) {
    piece.store(room);
    for (std::int64_t k = 0; k < count; ++k) row[k] += room[k];
    return;
  }
  piece.store(room + (i + kLanes - count));
  T* const last = row + count - kLanes;
  (Sixteen<T>::at(last) + Sixteen<T>::at(room)).store(last);
}

// The least and the largest element, and 0 if every element is finite, NaN otherwise. Extremes and exponentials may
// drop a NaN on the way; adding this to a row's sum keeps the promise that NaN or Inf in means NaN or Inf out.
template <class T>
struct Extent {
  T low, high;
  double poison;
};
template <class T>
Extent<T> extent(const T* row, std::int64_t count) {
  Sixteen<T> low = Sixteen<T>::of(row[0]);
  Sixteen<T> high = low;
  Sixteen<T> poison = Sixteen<T>::of(0);
  const Pieces<T> pieces(row, count, row[0]);
  for (std::int64_t i = 0; i < count; i += kLanes) {
    const Sixteen<T> x = pieces[i];
    low = smaller(low, x);
    high = larger(high, x);
    poison += x - x;
  }
  return {least(low), largest(high), fold(widen(poison))};
}

// Whether a row with this extent excludes classes but is finite otherwise.
template <class T>
bool excludes(const Extent<T>& all, const T* x, std::int64_t count) {
  if (!excluded(all.low) || excluded(all.high)) return false;
  return std::all_of(x, x + count, [](T value) { return excluded(value) || std::isfinite(value); });
}

// What exp(x) = 2^n exp(r) takes in either type: r is x less a multiple n of log 2, at most half of it, and
// exp(r) = 1 + r + r² q(r). The coefficients of q, from the constant on, are those of the least largest error relative
// to exp(r), 3e-9 in float and 4e-18 in double.
template <class T>
struct ExponentialOf;
template <>
struct ExponentialOf<float> {
  using Bits = std::uint32_t __attribute__((vector_size(sizeof(Vector<float>))));
  static constexpr int fraction = 23;          // bits
  static constexpr float round = 0x1.8p23f;    // adding this rounds to an integer, which the lowest bits then are
  static constexpr float least = -0x1.5d4p6f;  // below, 2^n would not be a normal number
  static constexpr float log2[] = {0x1.63p-1f, -0x1.bd0106p-13f};  // in two parts: n times the first is exact
  static constexpr float q[] = {0x1.fffffcp-2f, 0x1.55549p-3f, 0x1.5558f4p-5f, 0x1.123a6ap-7f, 0x1.6a234ap-10f};
};
template <>
struct ExponentialOf<double> {
  using Bits = std::uint64_t __attribute__((vector_size(sizeof(Vector<double>))));
  static constexpr int fraction = 52;
  static constexpr double round = 0x1.8p52;
  static constexpr double least = -0x1.622p9;
  static constexpr double log2[] = {0x1.62e42fefa3p-1, 0x1.3de6af278ece6p-42};
  static constexpr double q[] = {0x1.000000000000ap-1,  0x1.55555555554f9p-3,  0x1.55555555507f1p-5,
                                 0x1.1111111127e5fp-7,  0x1.6c16c1844af0dp-10, 0x1.a01a0129c104ep-13,
                                 0x1.a01999adf729ep-16, 0x1.71df260faf092p-19, 0x1.28adce4e96002p-22,
                                 0x1.ad7f3034114fap-26};
};

// exp(x) for x up to 0: exactly 0 where it would be subnormal, and anything for NaN.
template <class T>
EIGEN_ALWAYS_INLINE Sixteen<T> exponential(const Sixteen<T>& x) {
  using Of = ExponentialOf<T>;
  using Bits = typename Of::Bits;
  using Some = Sixteen<T>;
  const Some rounded =
      multiply_add(x, Some::of(static_cast<T>(0x1.71547652b82fep0)), Some::of(Of::round));  // 1 / log 2
  const Some n = rounded - Some::of(Of::round);
  const Some r = multiply_add(n, Some::of(-Of::log2[1]), multiply_add(n, Some::of(-Of::log2[0]), x));
  constexpr int degree = static_cast<int>(sizeof Of::q / sizeof(T)) - 1;
  Some q = Some::of(Of::q[degree]);
  for (int i = degree - 1; i >= 0; --i) q = multiply_add(q, r, Some::of(Of::q[i]));
  const Some of_rest = multiply_add(r * r, q, r) + Some::of(1);
  return map(
      [](const Vector<T>& x, const Vector<T>& rounded, const Vector<T>& of_rest) -> Vector<T> {
        // 2^n goes to the exponent.
        const Bits result = reinterpret_cast<Bits>(of_rest) + (reinterpret_cast<Bits>(rounded) << Of::fraction);
        const auto all = [](T value) { return Eigen::internal::pset1<Vector<T>>(value); };
        return x < all(Of::least) ? all(0) : reinterpret_cast<Vector<T>>(result);
      },
      x, rounded, of_rest);
}

}  // namespace gld

#include "product.h"

#include "packets.h"

namespace gld {
namespace {

namespace packet = Eigen::internal;

// A tile's sums stay in registers, beside a row of its panel and an element of the left factor. There are enough of
// them to hide how long a multiply-add takes, and vectors enough of a panel to use each element read from the left
// factor.
constexpr int kSums = EIGEN_ARCH_DEFAULT_NUMBER_OF_REGISTERS >= 32 ? 24 : 12;
constexpr int kVectors = 3;

// Elements of a cache line, and lines of a row of a panel.
template <class T>
constexpr std::int64_t kLine = 64 / sizeof(T);
template <class T>
constexpr std::int64_t kPanelLines = ceil_div(kVectors* kVector<T>, kLine<T>);

// For more columns than these a transposed left factor is put straight first, so that its rows are read as they lie.
constexpr std::int64_t kFewColumns = 384;

// Element (i, k) of the left factor is data[i * row + k * depth].
template <class T>
struct Left {
  const T* data;
  std::int64_t row, depth;
};

// A panel's packed rows, and those of the panel of one vector that follows, if that is multiplied along with it.
template <class T>
struct Panel {
  const T* rows;
  const T* following;
  std::int64_t depth, columns;
  const T* ahead;  // memory that will be read soon
};

// to[kRows, columns] = or += left · a panel of kPanelVectors, of which all but the last are whole. Asks for the memory
// ahead, a line for each step.
template <class T, int kRows, int kPanelVectors>
void multiply_tile(Left<T> left, Panel<T> panel, Matrix<T> to, bool add) {
  constexpr int kSpan = 4;  // rows that one pointer reaches by scaled addresses
  constexpr std::int64_t width = kVector<T>;
  Vector<T> sums[kRows][kPanelVectors];
  const T* rows[(kRows + kSpan - 1) / kSpan];
#pragma GCC unroll 24
  for (int i = 0; i < kRows; ++i) {
    if (i % kSpan == 0) rows[i / kSpan] = left.data + i * left.row;
#pragma GCC unroll 4
    for (int v = 0; v < kPanelVectors; ++v) {
      __builtin_prefetch(to[i] + v * width, 1);
      sums[i][v] = packet::pset1<Vector<T>>(T(0));
    }
  }
  for (std::int64_t k = 0; k < panel.depth; ++k) {
    __builtin_prefetch(panel.ahead + k * kLine<T>, 0, 2);
    Vector<T> of_panel[kPanelVectors];
#pragma GCC unroll 4
    for (int v = 0; v < kPanelVectors; ++v) {
      of_panel[v] = packet::pload<Vector<T>>(v < kVectors ? panel.rows + v * width : panel.following);
    }
    panel.rows += std::min(kPanelVectors, kVectors) * width;
    if (kPanelVectors > kVectors) panel.following += width;
#pragma GCC unroll 24
    for (int i = 0; i < kRows; ++i) {
      const Vector<T> element = packet::pset1<Vector<T>>(rows[i / kSpan][(i % kSpan) * left.row]);
#pragma GCC unroll 4
      for (int v = 0; v < kPanelVectors; ++v) sums[i][v] = packet::pmadd(element, of_panel[v], sums[i][v]);
      if (i % kSpan == kSpan - 1 || i == kRows - 1) rows[i / kSpan] += left.depth;
    }
  }
  constexpr int last = kPanelVectors - 1;
  const std::int64_t rest = panel.columns - last * width;  // of the last vector
  alignas(64) T of_last[kRows][width];
#pragma GCC unroll 24
  for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 4
    for (int v = 0; v < kPanelVectors; ++v) {
      T* const at = to[i] + v * width;
      if (v == last && rest < width) {
        packet::pstore(of_last[i], sums[i][v]);
      } else {
        packet::pstoreu(at, add ? packet::padd(packet::ploadu<Vector<T>>(at), sums[i][v]) : sums[i][v]);
      }
    }
  }
  for (int i = 0; rest < width && i < kRows; ++i) {
    T* const at = to[i] + last * width;
    for (std::int64_t j = 0; j < rest; ++j) at[j] = add ? at[j] + of_last[i][j] : of_last[i][j];
  }
}

template <class T, int kPanelVectors, int kRows = kSums / kPanelVectors>
void multiply_panel(Left<T> left, std::int64_t rows, const Panel<T>& panel, Matrix<T> to, bool add) {
  Panel<T> of_tile = panel;
  for (std::int64_t tile = 0; rows >= kRows; ++tile, rows -= kRows) {
    of_tile.ahead = panel.ahead + tile % kPanelLines<T> * panel.depth * kLine<T>;
    multiply_tile<T, kRows, kPanelVectors>(left, of_tile, to, add);
    left.data += kRows * left.row;
    to.data += kRows * to.pitch;
  }
  if constexpr (kRows > 1) {
    if (rows > 0) multiply_panel<T, kPanelVectors, kRows / 2>(left, rows, panel, to, add);
  }
}

template <class T>
std::int64_t whole_vectors(std::int64_t columns) {
  return ceil_div(columns, kVector<T>) * kVector<T>;
}

}  // namespace

template <class T>
const std::int64_t Packed<T>::kPanel = kVectors* kVector<T>;

template <class T>
Packed<T>::Packed(std::int64_t depth, std::int64_t columns, Arena& arena)
    : depth_(depth), columns_(columns), width_(whole_vectors<T>(columns)), data_(arena.take<T>(width_, depth)) {}

template <class T>
void Packed<T>::pack_block(Factor<T> from, const Block& block) const {
  static_assert(kPieceColumns % (kVectors * kVector<T>) == 0, "pieces are whole panels");
  T* to = data_ + block.row * width_ + block.column * block.rows;
  for (std::int64_t first = 0; first < block.columns; first += kPanel) {
    const std::int64_t count = std::min(kPanel, block.columns - first);
    const std::int64_t width = whole_vectors<T>(count);
    const T* source = from.at(0, first);
    if (from.transposed) transpose(source, from.pitch, count, block.rows, to, width);
    for (std::int64_t k = 0; k < block.rows; ++k, to += width) {
      if (!from.transposed) std::copy_n(source + k * from.pitch, count, to);
      std::fill(to + count, to + width, T(0));
    }
  }
}

template <class T>
void Packed<T>::multiply(Factor<T> left, std::int64_t rows, Matrix<T> to, T* scratch, bool add,
                         const Part& part) const {
  const std::int64_t first_depth = part.depths.first;
  const std::int64_t column_count = part.columns.count;
  for (std::int64_t k = first_depth; k < first_depth + part.depths.count; k += kDepth) {
    const std::int64_t stored = std::min(kDepth, depth_ - k);
    const std::int64_t depth = std::min(stored, first_depth + part.depths.count - k);
    const Factor<T> from{left.at(0, k - first_depth), left.pitch, left.transposed};
    Left<T> block = from.transposed ? Left<T>{from.data, 1, from.pitch} : Left<T>{from.data, from.pitch, 1};
    if (from.transposed && column_count > kFewColumns) {
      transpose(from.data, from.pitch, depth, rows, scratch, kDepth);
      block = {scratch, kDepth, 1};
    }
    for (std::int64_t column = 0, width = 0; column < column_count; column += width) {
      const std::int64_t first = part.columns.first + column;
      const std::int64_t left_over = whole_vectors<T>(column_count - column);
      // A last vector goes along with the panel before it: a panel of one vector loads too much for what it computes.
      width = left_over == kPanel + kVector<T> && !part.upper ? left_over : std::min(left_over, kPanel);
      const std::int64_t count = std::min(width, column_count - column);
      const std::int64_t reach = part.upper ? std::min(depth, first + count - k) : depth;
      if (reach <= 0) continue;
      const T* const rows_of = data_ + k * width_ + first * stored;
      const Panel<T> panel{rows_of, rows_of + kPanel * stored, reach, count, rows_of + width * stored};
      const auto run = [&](auto multiply) {
        multiply(block, rows, panel, Matrix<T>{to.data + column, to.pitch}, add || k > first_depth);
      };
      switch (width / kVector<T>) {
        case 1: run(multiply_panel<T, 1>); break;
        case 2: run(multiply_panel<T, 2>); break;
        case 3: run(multiply_panel<T, 3>); break;
        default: run(multiply_panel<T, 4>); break;
      }
    }
  }
}

template class Packed<float>;
template class Packed<double>;

}  // namespace gld

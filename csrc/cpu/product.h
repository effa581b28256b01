// Matrix products. The right factor is packed once, by all threads, and serves every panel of rows. Panels are cut by
// shape alone, so an element's bits depend neither on the number of threads nor on the machine's caches.
#pragma once

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "parallel.h"
#include "views.h"

namespace gld {

// A factor: element (i, j) is data[i * pitch + j], or data[j * pitch + i] where it is transposed.
template <class T>
struct Factor {
  const T* data;
  std::int64_t pitch;
  bool transposed = false;

  const T* at(std::int64_t i, std::int64_t j) const { return transposed ? data + j * pitch + i : data + i * pitch + j; }
};

template <class T>
Factor<T> factor(Matrix<T> rows) {
  return {rows.data, rows.pitch};
}
template <class T>
Factor<T> transposed(Matrix<T> rows) {
  return {rows.data, rows.pitch, true};
}

// Rows of the left factor that a task takes, unless it has reasons for others: whole tiles and whole panels of every
// level.
constexpr std::int64_t kProductRows = 48;

// A right factor [depth, columns], packed in blocks of kDepth rows, and these in panels of at most kPanel columns.
template <class T>
class Packed {
 public:
  static constexpr std::int64_t kDepth = 256;  // of a block; what a block adds up stays in registers
  // Products may begin at multiples of it.
  static const std::int64_t kPanel;
  static constexpr std::int64_t kPieceColumns = 4 * kProductRows;  // a multiple of every level's kPanel
  static constexpr std::int64_t kPieceSize = kDepth * kPieceColumns;

  Packed() = default;
  Packed(std::int64_t depth, std::int64_t columns, Arena& arena);

  // Packs the first `depth` rows of a factor: with all threads, or as pieces of a region's work after set_depth().
  void pack(const Parallel& parallel, Factor<T> from, std::int64_t depth) {
    set_depth(depth);
    parallel(pieces(), [&](std::int64_t piece, int) { pack_piece(piece, from); });
  }
  void set_depth(std::int64_t depth) { depth_ = depth; }
  std::int64_t pieces() const { return ceil_div(depth_, kDepth) * ceil_div(columns_, kPieceColumns); }
  void pack_piece(std::int64_t piece, Factor<T> from) const {
    pack_piece(piece, [&](const Block& block) {
      return Factor<T>{from.at(block.row, block.column), from.pitch, from.transposed};
    });
  }
  // block_at(block) is where a block of the factor can be found.
  struct Block {
    std::int64_t row, rows, column, columns;
  };
  template <class F, class = std::enable_if_t<std::is_invocable_v<F, const Block&>>>
  void pack_piece(std::int64_t piece, F&& block_at) const {
    const std::int64_t across = ceil_div(columns_, kPieceColumns);
    const std::int64_t row = piece / across * kDepth;
    const std::int64_t column = piece % across * kPieceColumns;
    const Block block{row, std::min(kDepth, depth_ - row), column, std::min(kPieceColumns, columns_ - column)};
    pack_block(block_at(block), block);
  }

  // Elements of scratch that products with transposed left factors need for so many rows.
  static std::int64_t scratch(std::int64_t rows) { return rows * kDepth; }

  struct Range {
    std::int64_t first, count;
  };
  struct Part {
    Range columns;       // beginning at a multiple of kPanel, and ending at one or with the last
    Range depths;        // beginning at a multiple of kDepth; the first one is the left factor's column 0
    bool upper = false;  // this is zero below its diagonal, which is left out
  };
  // to = left[rows, depth] · this[depth, columns], added to what is there if `add`. `to` begins at the first of the
  // columns. `scratch` is for transposed left factors.
  void multiply(Factor<T> left, std::int64_t rows, Matrix<T> to, T* scratch, bool add, const Part& part) const;
  void multiply(Factor<T> left, std::int64_t rows, Matrix<T> to, T* scratch, bool add = false) const {
    multiply(left, rows, to, scratch, add, {{0, columns_}, {0, depth_}});
  }

 private:
  void pack_block(Factor<T> from, const Block& block) const;

  std::int64_t depth_ = 0;
  std::int64_t columns_ = 0;
  std::int64_t width_ = 0;  // the columns, filled up to whole vectors by zeros
  T* data_ = nullptr;
};

// to = left[rows, depth] · right[depth, columns], with all threads. done(first, count) is called for each panel of
// `panel` rows when it is complete, while it is in the cache.
template <class T>
class Product {
 public:
  Product(std::int64_t depth, std::int64_t columns, std::int64_t panel, Arena& arena, int threads)
      : depth_(depth),
        panel_(panel),
        right_(std::min(depth, kMaxDepth), columns, arena),
        scratch_size_(Packed<T>::scratch(panel)),
        scratch_(arena.take<T>(scratch_size_, threads)) {}

  template <class F>
  void run(const Parallel& parallel, Factor<T> left, std::int64_t rows, Factor<T> right, Matrix<T> to, F&& done) {
    for (std::int64_t k = 0; k < depth_; k += kMaxDepth) {
      const std::int64_t depth = std::min(kMaxDepth, depth_ - k);
      right_.pack(parallel, {right.at(k, 0), right.pitch, right.transposed}, depth);
      parallel.blocks(rows, panel_, [&](std::int64_t first, std::int64_t count, std::int64_t, int slot) {
        const Factor<T> part{left.at(first, k), left.pitch, left.transposed};
        right_.multiply(part, count, {to[first], to.pitch}, scratch_ + slot * scratch_size_, k > 0);
        if (k + depth == depth_) done(first, count);
      });
    }
  }
  void run(const Parallel& parallel, Factor<T> left, std::int64_t rows, Factor<T> right, Matrix<T> to) {
    run(parallel, left, rows, right, to, [](std::int64_t, std::int64_t) {});
  }

 private:
  static constexpr std::int64_t kMaxDepth = 8192;  // bounds the memory of the packed factor

  std::int64_t depth_, panel_;
  Packed<T> right_;
  std::int64_t scratch_size_;
  T* scratch_;
};

}  // namespace gld

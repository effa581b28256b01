#include "product.h"

namespace gld {
namespace {

namespace kernel = Eigen::internal;
using Index = std::int64_t;

// Eigen's kernel computes column-major products: our row-major to = left · right is its toᵀ = rightᵀ · leftᵀ. So our
// right factor is its "lhs", packed in panels of mr, and our left factor its "rhs", packed in panels of nr.
template <class T>
using Traits = kernel::gebp_traits<T, T>;

template <class T, int Order>
void pack_right(const T* from, Index pitch, Index columns, Index depth, T* to) {
  using Mapper = kernel::const_blas_data_mapper<T, Index, Order>;
  kernel::gemm_pack_lhs<T, Index, Mapper, Traits<T>::mr, Traits<T>::LhsProgress, typename Traits<T>::LhsPacket4Packing,
                        Order>
      pack;
  pack(to, Mapper(from, pitch), depth, columns);
}

template <class T, int Order>
void pack_left(const T* from, Index pitch, Index rows, Index depth, T* to) {
  using Mapper = kernel::const_blas_data_mapper<T, Index, Order>;
  kernel::gemm_pack_rhs<T, Index, Mapper, Traits<T>::nr, Order> pack;
  pack(to, Mapper(from, pitch), depth, rows);
}

}  // namespace

template <class T>
const std::int64_t Packed<T>::kPanel = Traits<T>::mr;

template <class T>
void Packed<T>::pack_block(Factor<T> from, const Block& block) const {
  static_assert(kPieceColumns % Traits<T>::mr == 0, "pieces are whole panels");
  T* const to = data_ + block.row * columns_ + block.column * block.rows;
  if (from.transposed) {
    pack_right<T, Eigen::RowMajor>(from.data, from.pitch, block.columns, block.rows, to);
  } else {
    pack_right<T, Eigen::ColMajor>(from.data, from.pitch, block.columns, block.rows, to);
  }
}

template <class T>
void Packed<T>::multiply(Factor<T> left, std::int64_t rows, Range columns, Range depths, T* to, std::int64_t pitch,
                         T* scratch, bool upper) const {
  using Mapper = kernel::blas_data_mapper<T, Index, Eigen::ColMajor, Eigen::Unaligned, 1>;
  kernel::gebp_kernel<T, T, Index, Mapper, Traits<T>::mr, Traits<T>::nr, false, false> multiply_add;
  const Index end = columns.first + columns.count;
  for (Index k = depths.first; k < depths.first + depths.count; k += kDepth) {
    const Index stored = std::min(kDepth, depth_ - k);
    const Index depth = std::min(stored, depths.first + depths.count - k);
    const Factor<T> from{left.at(0, k - depths.first), left.pitch, left.transposed};
    if (from.transposed) {
      pack_left<T, Eigen::RowMajor>(from.data, from.pitch, rows, depth, scratch);
    } else {
      pack_left<T, Eigen::ColMajor>(from.data, from.pitch, rows, depth, scratch);
    }
    const T* const block = data_ + k * columns_;
    if (!upper) {
      multiply_add(Mapper(to, pitch), block + columns.first * stored, scratch, columns.count, depth, rows, T(1), stored,
                   depth);
      continue;
    }
    // Panel by panel, down to the diagonal.
    for (Index first = columns.first; first < end; first += kPanel) {
      const Index count = std::min(kPanel, end - first);
      const Index reach = std::min(depth, first + count - k);
      if (reach <= 0) continue;
      multiply_add(Mapper(to + (first - columns.first), pitch), block + first * stored, scratch, count, reach, rows,
                   T(1), stored, depth);
    }
  }
}

template class Packed<float>;
template class Packed<double>;

}  // namespace gld

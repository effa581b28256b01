#include "relation_moments.h"

#include <algorithm>

#include "lanes.h"

namespace gld {
namespace {

constexpr std::int64_t kLoadRows = 64;
constexpr std::int64_t kChunkElements = 1 << 19;
constexpr std::int64_t kMaxChunk = 16384;
constexpr std::int64_t kTasks = 32;  // to aim at

// It depends on the shape alone, so that the order of additions does too.
std::int64_t strand_count(std::int64_t chunk, std::int64_t classes) {
  const std::int64_t wanted = kTasks / (kPlainMatrices * ceil_div(classes, kProductRows));
  return std::max(std::min(wanted, ceil_div(chunk, kFloatRows)), std::int64_t{1});
}

// one += row * a, two += row * b
template <class T>
void add_scaled(double* one, double* two, const T* row, double a, double b, std::int64_t count) {
  for (std::int64_t k = 0; k < count; ++k) {
    const double value = static_cast<double>(row[k]);
    one[k] += a * value;
    two[k] += b * value;
  }
}

}  // namespace

template <class T>
RelationMoments<T>::RelationMoments(std::int64_t m, std::int64_t classes, const RowWeights& weights, Arena& arena,
                                    int threads)
    : m_(m),
      classes_(classes),
      pitch_(padded(classes)),
      chunk_(chunk_rows(m, classes, kChunkElements, kMaxChunk)),
      strands_(strand_count(chunk_, classes)),
      plain_(strands_, classes, kPlainMatrices, kPlainVectors, kPlainScalars, arena),
      weighted_(strands_, classes, kWeightedMatrices, kWeightedVectors, kWeightedScalars, arena),
      weights_(weights),
      x_(arena.matrix<T>(chunk_, classes)),
      y_(arena.matrix<T>(chunk_, classes)),
      ay_(arena.matrix<T>(chunk_, classes)),
      by_(arena.matrix<T>(chunk_, classes)),
      t_(arena.take<double>(chunk_)),
      s_(arena.take<double>(chunk_)),
      a_(arena.take<double>(chunk_)),
      b_(arena.take<double>(chunk_)),
      values_(arena.take<double>(ceil_div(chunk_, kProductRows))) {
  for (auto& right : right_) right = Packed<T>(chunk_, classes, arena);
  for (auto& moment : moments_) moment = Packed<T>(classes, classes, arena);
  // Three panels of products and room to pack a left factor, or a block of a moment.
  scratch_size_ = std::max(3 * kProductRows * pitch_ + Packed<T>::scratch(kProductRows), Packed<T>::kPieceSize);
  scratch_ = arena.take<T>(scratch_size_, threads);
}

template <class T>
double RelationMoments<T>::run(const Parallel& parallel, const Centred<T>& teacher, const Centred<T>& student,
                               double slope, const SampleRows<T>& grad) {
  const bool reload = chunk_ < m_;
  plain_.clear();
  for_each_chunk(m_, chunk_, [&](Chunk chunk) {
    load(parallel, teacher, student, chunk);
    accumulate(parallel, chunk);
  });
  combine(parallel, plain_, {MomentForm::kQuadratic, MomentForm::kFull, MomentForm::kSymmetric});

  weighted_.clear();
  double total = 0;
  for_each_chunk(m_, chunk_, [&](Chunk chunk) {
    if (reload) load(parallel, teacher, student, chunk);
    rows(parallel, chunk, slope, grad);
    total += sum(values_, ceil_div(chunk.count, kProductRows));
    if (grad) accumulate_weighted(parallel, chunk);
  });
  if (!grad) return total;
  combine(parallel, weighted_, {MomentForm::kFull, MomentForm::kSymmetric});
  for_each_chunk(m_, chunk_, [&](Chunk chunk) {
    if (reload) load(parallel, teacher, student, chunk);
    finish(parallel, chunk, slope, grad);
  });
  return total;
}

template <class T>
void RelationMoments<T>::load(const Parallel& parallel, const Centred<T>& teacher, const Centred<T>& student,
                              Chunk chunk) {
  parallel.blocks(chunk.count, kLoadRows, [&](std::int64_t first, std::int64_t count, std::int64_t, int) {
    teacher.load(chunk.first + first, count, x_[first], pitch_, t_ + first);
    student.load(chunk.first + first, count, y_[first], pitch_, s_ + first);
  });
}

template <class T>
void RelationMoments<T>::pack(const Parallel& parallel, Matrix<T> first, Matrix<T> second, std::int64_t count) {
  for (auto& right : right_) right.set_depth(count);
  const std::int64_t pieces = right_[0].pieces();
  parallel(2 * pieces, [&](std::int64_t task, int) {
    right_[task / pieces].pack_piece(task % pieces, factor(task < pieces ? first : second));
  });
}

// add_row(i, strand) is called for every row of the chunk besides.
template <class T>
template <std::size_t N, class F>
void RelationMoments<T>::add_moments(const Parallel& parallel, Chunk chunk, const MomentSums<T>& sums,
                                     const Moment (&moments)[N], F&& add_row) const {
  const std::int64_t panels = ceil_div(classes_, kProductRows);
  const std::int64_t share = ceil_div(ceil_div(chunk.count, kFloatRows), strands_) * kFloatRows;
  constexpr auto kinds = static_cast<std::int64_t>(N);
  const std::int64_t of_strand = kinds * panels + 1;
  parallel(strands_ * of_strand, [&](std::int64_t task, int slot) {
    const std::int64_t strand = task / of_strand;
    const std::int64_t begin = std::min(chunk.count, strand * share);
    const std::int64_t end = std::min(chunk.count, begin + share);
    const std::int64_t part = task % of_strand;
    if (part == kinds * panels) {
      for (std::int64_t i = begin; i < end; ++i) add_row(i, strand);
      return;
    }
    const Moment& moment = moments[part % kinds];
    const std::int64_t first = part / kinds * kProductRows;
    const std::int64_t rows = std::min(kProductRows, classes_ - first);
    const std::int64_t left =
        moment.shape == MomentForm::kFull ? 0 : first;  // of a symmetric one, from the diagonal on
    const std::int64_t columns = classes_ - left;
    T* const panel = scratch_ + slot * scratch_size_;
    for (std::int64_t depth = begin; depth < end && !parallel.stopped(); depth += kFloatRows) {
      moment.right->multiply({moment.left[depth] + first, pitch_, true}, rows, {panel, pitch_},
                             panel + kProductRows * pitch_, false,
                             {{left, columns}, {depth, std::min(kFloatRows, end - depth)}});
      for (std::int64_t k = 0; k < rows; ++k) {
        double* to = sums.matrix(strand, moment.which) + (first + k) * classes_ + left;
        const T* from = panel + k * pitch_;
        for (std::int64_t j = 0; j < columns; ++j) to[j] += static_cast<double>(from[j]);
      }
    }
  });
}

// The totals: matrices packed in moments_, vectors and scalars in strand 0.
template <class T>
template <std::size_t N>
void RelationMoments<T>::combine(const Parallel& parallel, const MomentSums<T>& sums, const MomentForm (&shapes)[N]) {
  sums.combine();
  const std::int64_t pieces = moments_[0].pieces();
  parallel(N * pieces, [&](std::int64_t task, int slot) {
    const int which = static_cast<int>(task / pieces);
    T* const block = scratch_ + slot * scratch_size_;
    moments_[which].pack_piece(task % pieces, [&](const typename Packed<T>::Block& at) {
      sums.read(which, shapes[which], at.row, at.rows, at.column, at.columns, block, at.columns);
      return Factor<T>{block, at.columns};
    });
  });
}

template <class T>
void RelationMoments<T>::accumulate(const Parallel& parallel, Chunk chunk) {
  const bool plain = weights_.absent();
  if (!plain) {
    // The slopes' rows are not needed yet: the weighted rows take their place.
    parallel.blocks(chunk.count, kLoadRows, [&](std::int64_t first, std::int64_t count, std::int64_t, int) {
      for (std::int64_t i = first; i < first + count; ++i) {
        const T weight = static_cast<T>(weights_[chunk.first + i]);
        for (std::int64_t k = 0; k < classes_; ++k) {
          ay_[i][k] = weight * x_[i][k];
          by_[i][k] = weight * y_[i][k];
        }
      }
    });
  }
  pack(parallel, plain ? x_ : ay_, plain ? y_ : by_, chunk.count);
  const Moment moments[] = {{kXX, MomentForm::kSymmetric, x_, &right_[0]},
                            {kXY, MomentForm::kFull, x_, &right_[1]},
                            {kYY, MomentForm::kSymmetric, y_, &right_[1]}};
  add_moments(parallel, chunk, plain_, moments, [&](std::int64_t i, std::int64_t strand) {
    const double weight = weights_[chunk.first + i];
    const double t = t_[i];
    const double s = s_[i];
    const double wt = weight * t;
    const double ws = weight * s;
    add_scaled(plain_.vector(strand, kXT), plain_.vector(strand, kXS), x_[i], wt, ws, classes_);
    add_scaled(plain_.vector(strand, kYT), plain_.vector(strand, kYS), y_[i], wt, ws, classes_);
    double* scalar = plain_.scalars(strand);
    scalar[kT] += wt;
    scalar[kS] += ws;
    scalar[kTT] += wt * t;
    scalar[kTS] += wt * s;
    scalar[kSS] += ws * s;
  });
}

// Norms, cosine and slopes of each row from the moments, and the half of its gradient in which the row's own slopes
// count: Σ_c g_rc (y_r - y_c).
template <class T>
void RelationMoments<T>::rows(const Parallel& parallel, Chunk chunk, double slope, const SampleRows<T>& grad) {
  const PlainSums totals = PlainSums::of(plain_.scalars(0));
  const double* xt = plain_.vector(0, kXT);
  const double* xs = plain_.vector(0, kXS);
  const double* yt = plain_.vector(0, kYT);
  const double* ys = plain_.vector(0, kYS);
  const double m = weights_.sum();
  parallel.blocks(chunk.count, kProductRows, [&](std::int64_t first, std::int64_t count, std::int64_t task, int slot) {
    T* const x_xx = scratch_ + slot * scratch_size_;
    T* const x_xy = x_xx + kProductRows * pitch_;
    T* const y_yy = x_xy + kProductRows * pitch_;
    T* const packing = y_yy + kProductRows * pitch_;
    const auto multiply = [&](Matrix<T> left, int which, T* to, bool upper) {
      moments_[which].multiply({left[first], pitch_}, count, {to, pitch_}, packing, false,
                               {{0, classes_}, {0, classes_}, upper});
      for (std::int64_t r = 0; r < count; ++r) std::fill(to + r * pitch_ + classes_, to + (r + 1) * pitch_, T(0));
    };
    multiply(x_, kXX, x_xx, true);
    multiply(x_, kXY, x_xy, false);
    multiply(y_, kYY, y_yy, false);
    double value = 0;
    for (std::int64_t r = 0; r < count; ++r) {
      const std::int64_t i = first + r;
      const T* x = x_[i];
      const T* y = y_[i];
      const double t = t_[i];
      const double s = s_[i];
      const T* through_x = x_xy + r * pitch_;
      const T* through_y = y_yy + r * pitch_;
      const RowMoments moments{dot(x, xt, pitch_),
                               dot(x, xs, pitch_),
                               dot(y, yt, pitch_),
                               dot(y, ys, pitch_),
                               dot(x, x_xx + r * pitch_, pitch_),
                               dot(y, through_x, pitch_),
                               dot(y, through_y, pitch_)};
      const RelationRow row = relation_row_of_moments(m, t, s, totals, moments);
      const double weight = weights_[chunk.first + i];
      value += weight * row.value;
      if (!grad) continue;
      const double a = weight * row.teacher_slope;
      const double b = weight * row.student_slope;
      a_[i] = a;
      b_[i] = b;
      const double own = own_slopes_sum(m, t, s, a, b, totals);
      T* ay = ay_[i];
      T* by = by_[i];
      T* to = grad[chunk.first + i];
      for (std::int64_t k = 0; k < classes_; ++k) {
        const double of_student = static_cast<double>(y[k]);
        const double others = own_slopes_others(a, b, yt[k], ys[k], through_x[k], through_y[k]);
        ay[k] = static_cast<T>(a * of_student);
        by[k] = static_cast<T>(b * of_student);
        to[k] += relation_gradient(slope, own, y[k], others);
      }
    }
    values_[task] = value;
  });
}

template <class T>
void RelationMoments<T>::accumulate_weighted(const Parallel& parallel, Chunk chunk) {
  pack(parallel, ay_, by_, chunk.count);
  const Moment moments[] = {{kAXY, MomentForm::kFull, x_, &right_[0]}, {kBYY, MomentForm::kSymmetric, y_, &right_[1]}};
  add_moments(parallel, chunk, weighted_, moments, [&](std::int64_t i, std::int64_t strand) {
    const double a = a_[i];
    const double b = b_[i];
    const double both = a * t_[i] + b * s_[i];
    double* y_both = weighted_.vector(strand, kYAtBs);
    double* xa = weighted_.vector(strand, kXA);
    add_scaled(weighted_.vector(strand, kYA), weighted_.vector(strand, kYB), y_[i], a, b, classes_);
    for (std::int64_t k = 0; k < classes_; ++k) {
      y_both[k] += both * static_cast<double>(y_[i][k]);
      xa[k] += a * static_cast<double>(x_[i][k]);
    }
    double* scalar = weighted_.scalars(strand);
    scalar[kAtBs] += both;
    scalar[kA] += a;
    scalar[kB] += b;
  });
}

// The other half of the gradient, in which the slopes of the other rows count: Σ_c g_cr (y_r - y_c).
template <class T>
void RelationMoments<T>::finish(const Parallel& parallel, Chunk chunk, double slope, const SampleRows<T>& grad) {
  const WeightedSums totals = WeightedSums::of(weighted_.scalars(0));
  const double* y_both = weighted_.vector(0, kYAtBs);
  const double* ya = weighted_.vector(0, kYA);
  const double* yb = weighted_.vector(0, kYB);
  const double* xa = weighted_.vector(0, kXA);
  parallel.blocks(chunk.count, kProductRows, [&](std::int64_t first, std::int64_t count, std::int64_t, int slot) {
    T* const through = scratch_ + slot * scratch_size_;  // x Σ a x yᵀ + y Σ b y yᵀ
    T* const packing = through + kProductRows * pitch_;
    moments_[kAXY].multiply({x_[first], pitch_}, count, {through, pitch_}, packing);
    moments_[kBYY].multiply({y_[first], pitch_}, count, {through, pitch_}, packing, true);
    for (std::int64_t r = 0; r < count; ++r) {
      const std::int64_t i = first + r;
      const T* x = x_[i];
      const T* y = y_[i];
      const double t = t_[i];
      const double s = s_[i];
      const double own = their_slopes_sum(t, s, totals, dot(x, xa, pitch_), dot(y, yb, pitch_));
      const double of_row = slope * weights_[chunk.first + i];
      const T* others_through = through + r * pitch_;
      T* to = grad[chunk.first + i];
      for (std::int64_t k = 0; k < classes_; ++k) {
        const double others = their_slopes_others(t, s, y_both[k], ya[k], yb[k], others_through[k]);
        to[k] += relation_gradient(of_row, own, y[k], others);
      }
    }
  });
}

template class RelationMoments<float>;
template class RelationMoments<double>;

}  // namespace gld

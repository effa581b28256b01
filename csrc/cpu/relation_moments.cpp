#include "relation_moments.h"

#include "../formulas/relation.h"
#include "lanes.h"

namespace gld {
namespace {

constexpr std::int64_t kBlock = 256;    // rows per product: few enough to sum in float; beyond, sums go on in double
constexpr std::int64_t kPanel = 256;    // columns of a moment that one task accumulates
constexpr std::int64_t kChunk = 16384;  // rows whose slopes are held at a time
constexpr std::int64_t kMaxStrands = 16;
constexpr double kStrandsBytes = 64 << 20;  // limit of the sums of all strands

// The plain moments...
enum PlainMatrix { kXX, kXY, kYY, kPlainMatrices };           // Σ x xᵀ, Σ x yᵀ, Σ y yᵀ
enum PlainVector { kXT, kXS, kYT, kYS, kPlainVectors };       // Σ x t, Σ x s, Σ y t, Σ y s
enum PlainScalar { kT, kS, kTT, kTS, kSS, kPlainScalars };    // Σ t, Σ s, Σ t², Σ t s, Σ s²
// ... and those weighted with the slopes a (teacher) and b (student) of the rows.
enum WeightedMatrix { kAXY, kBYY, kWeightedMatrices };             // Σ a x yᵀ, Σ b y yᵀ
enum WeightedVector { kYAtBs, kYA, kYB, kXA, kWeightedVectors };   // Σ y (a t + b s), Σ y a, Σ y b, Σ x a
enum WeightedScalar { kAtBs, kA, kB, kWeightedScalars };           // Σ a t + b s, Σ a, Σ b

// How many strands depends on the shape alone, so that the order of additions does too.
std::int64_t strand_count(std::int64_t m, std::int64_t classes) {
  const double bytes = (kPlainMatrices + kWeightedMatrices) * sizeof(double) * static_cast<double>(classes) *
                       static_cast<double>(classes);
  const auto affordable = static_cast<std::int64_t>(std::min<double>(kMaxStrands, kStrandsBytes / bytes));
  return std::clamp(block_count(m, kBlock), std::int64_t{1}, std::max(affordable, std::int64_t{1}));
}

template <class T>
void add_scaled(double* to, const T* row, double factor, std::int64_t count) {
  for (std::int64_t k = 0; k < count; ++k) to[k] += factor * static_cast<double>(row[k]);
}

}  // namespace

template <class T>
RelationMoments<T>::RelationMoments(std::int64_t m, std::int64_t classes, Arena& arena, int threads)
    : m_(m),
      classes_(classes),
      pitch_(padded<T>(classes)),
      strands_(strand_count(m, classes)),
      panels_(block_count(classes, kPanel)),
      chunk_(std::min(m, kChunk)),
      plain_(strands_, classes, kPlainMatrices, kPlainVectors, kPlainScalars, arena),
      weighted_(strands_, classes, kWeightedMatrices, kWeightedVectors, kWeightedScalars, arena),
      values_(arena.take<double>(block_count(chunk_, kBlock))),
      teacher_slope_(arena.take<double>(chunk_)),
      student_slope_(arena.take<double>(chunk_)) {
  // Two blocks of rows, then three of weighted rows or products; a panel of a K×K product may need more.
  scratch_size_ = 2 * kBlock * pitch_ + std::max(3 * kBlock * pitch_, 2 * kBlock * pitch_ + classes * kPanel);
  scratch_ = arena.take<T>(scratch_size_ * threads);
  squares_ = arena.take<double>(2 * kBlock * threads);
}

template <class T>
double RelationMoments<T>::run(const Parallel& parallel, const Centred<T>& teacher, const Centred<T>& student,
                               double slope, Rows<T> grad) {
  const Sides sides{teacher, student};
  plain_.clear();
  accumulate(parallel, sides);
  plain_.combine(parallel);

  weighted_.clear();
  double total = 0;
  for (std::int64_t first = 0; first < m_; first += kChunk) {
    const Range chunk{first, std::min(kChunk, m_ - first)};
    rows(parallel, sides, chunk, slope, grad);
    total += sum(values_, block_count(chunk.count, kBlock));
    if (grad) accumulate_weighted(parallel, sides, chunk);
  }
  if (grad) {
    weighted_.combine(parallel);
    finish(parallel, sides, slope, grad);
  }
  return total;
}

template <class T>
void RelationMoments<T>::accumulate(const Parallel& parallel, const Sides& sides) const {
  strands(parallel, sides, {0, m_}, [&](const Block& block, std::int64_t strand, std::int64_t panel) {
    add_product(block, block.x, block.x, panel, plain_.matrix(strand, kXX));
    add_product(block, block.x, block.y, panel, plain_.matrix(strand, kXY));
    add_product(block, block.y, block.y, panel, plain_.matrix(strand, kYY));
    if (panel != 0) return;
    double* scalar = plain_.scalars(strand);
    for (std::int64_t i = 0; i < block.range.count; ++i) {
      const double t = block.t[i];
      const double s = block.s[i];
      add_scaled(plain_.vector(strand, kXT), block.x[i], t, classes_);
      add_scaled(plain_.vector(strand, kXS), block.x[i], s, classes_);
      add_scaled(plain_.vector(strand, kYT), block.y[i], t, classes_);
      add_scaled(plain_.vector(strand, kYS), block.y[i], s, classes_);
      scalar[kT] += t;
      scalar[kS] += s;
      scalar[kTT] += t * t;
      scalar[kTS] += t * s;
      scalar[kSS] += s * s;
    }
  });
}

// Norms, cosine and slopes of each row from the moments, and the half of its gradient in which the row's own slopes
// count: Σ_c g_rc (y_r - y_c).
template <class T>
void RelationMoments<T>::rows(const Parallel& parallel, const Sides& sides, Range chunk, double slope,
                              Rows<T> grad) const {
  const double* scalar = plain_.scalars(0);
  const double* xt = plain_.vector(0, kXT);
  const double* xs = plain_.vector(0, kXS);
  const double* yt = plain_.vector(0, kYT);
  const double* ys = plain_.vector(0, kYS);
  const double m = static_cast<double>(m_);
  parallel.blocks(chunk.count, kBlock, [&](std::int64_t offset, std::int64_t count, std::int64_t task, int slot) {
    const Block block = load(sides, {chunk.first + offset, count}, slot);
    const Rows<T> x_xx = product(block, block.x, plain_.total(kXX), 0);
    const Rows<T> x_xy = product(block, block.x, plain_.total(kXY), 1);
    const Rows<T> y_yy = product(block, block.y, plain_.total(kYY), 2);
    double value = 0;
    for (std::int64_t i = 0; i < count; ++i) {
      const T* x = block.x[i];
      const T* y = block.y[i];
      const double t = block.t[i];
      const double s = block.s[i];
      const double x_dot_xt = dot(x, xt, classes_);
      const double y_dot_ys = dot(y, ys, classes_);
      const RelationRow row = relation_row(
          relation_square(relation_product(m, t, t, scalar[kT], scalar[kT], scalar[kTT], x_dot_xt, x_dot_xt,
                                           dot(x, x_xx[i], classes_))),
          relation_square(relation_product(m, s, s, scalar[kS], scalar[kS], scalar[kSS], y_dot_ys, y_dot_ys,
                                           dot(y, y_yy[i], classes_))),
          relation_product(m, t, s, scalar[kT], scalar[kS], scalar[kTS], dot(x, xs, classes_), dot(y, yt, classes_),
                           dot(y, x_xy[i], classes_)));
      value += row.value;
      const double a = row.teacher_slope;
      const double b = row.student_slope;
      teacher_slope_[offset + i] = a;
      student_slope_[offset + i] = b;
      if (!grad) continue;
      const double own = a * (m * t + scalar[kT]) + b * (m * s + scalar[kS]);
      const T* through_x = x_xy[i];
      const T* through_y = y_yy[i];
      T* to = grad[block.range.first + i];
      for (std::int64_t k = 0; k < classes_; ++k) {
        const double others = a * (yt[k] - 2 * static_cast<double>(through_x[k])) +
                              b * (ys[k] - 2 * static_cast<double>(through_y[k]));
        to[k] += static_cast<T>(2 * slope * (own * static_cast<double>(y[k]) - others));
      }
    }
    values_[task] = value;
  });
}

template <class T>
void RelationMoments<T>::accumulate_weighted(const Parallel& parallel, const Sides& sides, Range chunk) const {
  strands(parallel, sides, chunk, [&](const Block& block, std::int64_t strand, std::int64_t panel) {
    const double* a = teacher_slope_ + (block.range.first - chunk.first);
    const double* b = student_slope_ + (block.range.first - chunk.first);
    add_product(block, weighted(block, block.x, a, 0), block.y, panel, weighted_.matrix(strand, kAXY));
    add_product(block, weighted(block, block.y, b, 1), block.y, panel, weighted_.matrix(strand, kBYY));
    if (panel != 0) return;
    double* scalar = weighted_.scalars(strand);
    for (std::int64_t i = 0; i < block.range.count; ++i) {
      const double both = a[i] * block.t[i] + b[i] * block.s[i];
      add_scaled(weighted_.vector(strand, kYAtBs), block.y[i], both, classes_);
      add_scaled(weighted_.vector(strand, kYA), block.y[i], a[i], classes_);
      add_scaled(weighted_.vector(strand, kYB), block.y[i], b[i], classes_);
      add_scaled(weighted_.vector(strand, kXA), block.x[i], a[i], classes_);
      scalar[kAtBs] += both;
      scalar[kA] += a[i];
      scalar[kB] += b[i];
    }
  });
}

// The other half of the gradient, in which the slopes of the other rows count: Σ_c g_cr (y_r - y_c).
template <class T>
void RelationMoments<T>::finish(const Parallel& parallel, const Sides& sides, double slope, Rows<T> grad) const {
  const double* scalar = weighted_.scalars(0);
  const double* y_both = weighted_.vector(0, kYAtBs);
  const double* ya = weighted_.vector(0, kYA);
  const double* yb = weighted_.vector(0, kYB);
  const double* xa = weighted_.vector(0, kXA);
  parallel.blocks(m_, kBlock, [&](std::int64_t first, std::int64_t count, std::int64_t, int slot) {
    const Block block = load(sides, {first, count}, slot);
    const Rows<T> x_axy = product(block, block.x, weighted_.total(kAXY), 0);
    const Rows<T> y_byy = product(block, block.y, weighted_.total(kBYY), 1);
    for (std::int64_t i = 0; i < count; ++i) {
      const T* x = block.x[i];
      const T* y = block.y[i];
      const double t = block.t[i];
      const double s = block.s[i];
      const double own = scalar[kAtBs] + t * scalar[kA] + s * scalar[kB] -
                         2 * (dot(x, xa, classes_) + dot(y, yb, classes_));
      const T* through_x = x_axy[i];
      const T* through_y = y_byy[i];
      T* to = grad[first + i];
      for (std::int64_t k = 0; k < classes_; ++k) {
        const double others = y_both[k] + t * ya[k] + s * yb[k] -
                              2 * (static_cast<double>(through_x[k]) + static_cast<double>(through_y[k]));
        to[k] += static_cast<T>(2 * slope * (own * static_cast<double>(y[k]) - others));
      }
    }
  });
}

template <class T>
typename RelationMoments<T>::Block RelationMoments<T>::load(const Sides& sides, Range range, int slot) const {
  T* scratch = scratch_ + slot * scratch_size_;
  double* squares = squares_ + slot * 2 * kBlock;
  const Block block{range, {scratch, pitch_}, {scratch + kBlock * pitch_, pitch_}, squares, squares + kBlock,
                    scratch + 2 * kBlock * pitch_};
  sides.teacher.load(range.first, range.count, block.x.data, pitch_, block.t);
  sides.student.load(range.first, range.count, block.y.data, pitch_, block.s);
  return block;
}

template <class T>
template <class F>
void RelationMoments<T>::strands(const Parallel& parallel, const Sides& sides, Range range, F&& run) const {
  const std::int64_t share = block_count(block_count(range.count, kBlock), strands_) * kBlock;
  parallel(strands_ * panels_, [&](std::int64_t task, int slot) {
    const std::int64_t strand = task / panels_;
    const std::int64_t end = std::min(range.count, (strand + 1) * share);
    for (std::int64_t offset = strand * share; offset < end && !parallel.stopped(); offset += kBlock) {
      const Block block = load(sides, {range.first + offset, std::min(kBlock, end - offset)}, slot);
      run(block, strand, task % panels_);
    }
  });
}

template <class T>
void RelationMoments<T>::add_product(const Block& block, Rows<T> left, Rows<T> right, std::int64_t panel,
                                     double* total) const {
  const std::int64_t from = panel * kPanel;
  const std::int64_t columns = std::min(kPanel, classes_ - from);
  T* part = block.spare + 2 * kBlock * pitch_;  // behind the weighted rows
  matrix<T>(part, classes_, columns, columns).noalias() =
      matrix<T>(static_cast<const T*>(left.data), block.range.count, classes_, pitch_).transpose() *
      matrix<T>(static_cast<const T*>(right.data + from), block.range.count, columns, pitch_);
  for (std::int64_t k = 0; k < classes_; ++k) {
    for (std::int64_t j = 0; j < columns; ++j) {
      total[k * classes_ + from + j] += static_cast<double>(part[k * columns + j]);
    }
  }
}

template <class T>
Rows<T> RelationMoments<T>::weighted(const Block& block, Rows<T> rows, const double* factor, int place) const {
  const Rows<T> to{block.spare + place * kBlock * pitch_, pitch_};
  for (std::int64_t i = 0; i < block.range.count; ++i) {
    for (std::int64_t k = 0; k < pitch_; ++k) to[i][k] = static_cast<T>(factor[i] * static_cast<double>(rows[i][k]));
  }
  return to;
}

template <class T>
Rows<T> RelationMoments<T>::product(const Block& block, Rows<T> rows, Rows<T> moment, int place) const {
  const Rows<T> to{block.spare + place * kBlock * pitch_, pitch_};
  matrix<T>(to.data, block.range.count, classes_, pitch_).noalias() =
      matrix<T>(static_cast<const T*>(rows.data), block.range.count, classes_, pitch_) *
      matrix<T>(static_cast<const T*>(moment.data), classes_, classes_, pitch_);
  return to;
}

template class RelationMoments<float>;
template class RelationMoments<double>;

}  // namespace gld

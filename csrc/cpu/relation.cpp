#include "relation.h"

#include "../shared/relation.h"
#include "../shared/terms.h"
#include "relation_cost.h"

namespace gld {
namespace {

// Method 'auto': the one that the cost model expects to be faster.
template <class T>
gld_method choose(const gld_call& call, const Lines<T>& teacher, const Lines<T>& student, const RowWeights& weights) {
  const std::int64_t m = call.n * call.rows;
  const bool gradients = has_gradients(call);
  const auto rows = static_cast<double>(m);
  const auto width = static_cast<double>(call.classes);
  const std::int64_t own_rows =
      RelationPairwise<T>::own_rows(call, teacher, weights) + RelationPairwise<T>::own_rows(call, student, weights);
  const double own = static_cast<double>(own_rows) / 2;
  const double pairwise = pairwise_cost(rows, own, width, gradients, RelationPairwise<T>::keeps(m));
  return pairwise <= moments_cost(rows, width, gradients) ? GLD_METHOD_PAIRWISE : GLD_METHOD_MOMENTS;
}

}  // namespace

template <class T>
Relation<T>::Relation(const gld_call& call, const Lines<T>& teacher, const Lines<T>& student, const RowWeights& weights,
                      Arena& arena, int threads)
    : weights_(weights),
      reduction_rows_(call.relation_rows),
      teacher_(teacher, call.n * call.rows, weights, arena, threads),
      student_(student, call.n * call.rows, weights, arena, threads) {
  auto method = static_cast<gld_method>(call.method);
  if (method == GLD_METHOD_AUTO) {
    method = call.metric == GLD_METRIC_EUCLIDEAN ? GLD_METHOD_PAIRWISE : choose(call, teacher, student, weights);
  }
  if (method == GLD_METHOD_MOMENTS) {
    moments_.emplace(call.n * call.rows, call.classes, weights, arena, threads);
  } else {
    pairwise_.emplace(call, teacher, student, weights, arena, threads);
  }
}

template <class T>
double Relation<T>::reduction() const {
  const double rows = weights_.sum();
  return 1 / rows / (reduction_rows_ == 0 ? rows * weights_.unit() : reduction_rows_);
}

template <class T>
void Relation<T>::fit(const Parallel& parallel) {
  if (weights_.sum() == 0) return;
  teacher_.fit(parallel);
  student_.fit(parallel);
}

template <class T>
double Relation<T>::gradient_unit(double weight) const {
  return weights_.sum() == 0 ? 1 : gld::gradient_unit<T>(weight * reduction() * student_.scale());
}

template <class T>
double Relation<T>::run(const Parallel& parallel, double weight, const SampleRows<T>& grad) {
  if (weights_.sum() == 0) return 0;
  const double slope = weight * reduction() * student_.scale();
  const double total = moments_ ? moments_->run(parallel, teacher_, student_, slope, grad)
                                : pairwise_->run(parallel, teacher_, student_, slope, grad);
  return reduction() * total;
}

template class Relation<float>;
template class Relation<double>;

}  // namespace gld

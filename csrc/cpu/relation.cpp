#include "relation.h"

#include "../shared/relation.h"
#include "../shared/relation_method.h"
#include "../shared/terms.h"
#include "relation_cost.h"

namespace gld {
namespace {

template <class T>
gld_method method_of(const gld_call& call, const LogitRows<T>& teacher, const LogitRows<T>& student,
                     const RowWeights& weights) {
  const std::int64_t m = call.n * call.rows;
  const bool gradients = has_gradients(call);
  const auto rows = static_cast<double>(m);
  const auto width = static_cast<double>(call.classes);
  const std::int64_t own_rows =
      RelationPairwise<T>::own_rows(call, teacher, weights) + RelationPairwise<T>::own_rows(call, student, weights);
  const double own = static_cast<double>(own_rows) / 2;
  return choose_method(call, pairwise_cost(rows, own, width, gradients, RelationPairwise<T>::keeps(m)),
                       moments_cost(rows, width, gradients));
}

}  // namespace

template <class T>
Relation<T>::Relation(const gld_call& call, const LogitRows<T>& teacher, const LogitRows<T>& student,
                      const RowWeights& weights, Arena& arena, int threads)
    : weights_(weights),
      relation_rows_(call.relation_rows),
      teacher_(teacher, call.n * call.rows, weights, arena, threads),
      student_(student, call.n * call.rows, weights, arena, threads) {
  if (method_of(call, teacher, student, weights) == GLD_METHOD_MOMENTS) {
    moments_.emplace(call.n * call.rows, call.classes, weights, arena, threads);
  } else {
    pairwise_.emplace(call, teacher, student, weights, arena, threads);
  }
}

template <class T>
double Relation<T>::reduction() const {
  return relation_reduction(weights_.sum(), weights_.unit(), relation_rows_);
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

#include "relation.h"

#include "../shared/relation_method.h"
#include "../shared/terms.h"
#include "relation_cost.h"

namespace gld::cuda {
namespace {

gld_method method_of(const gld_call& call, std::int64_t m) {
  const auto rows = static_cast<double>(m);
  const auto width = static_cast<double>(call.classes);
  const bool gradients = has_gradients(call);
  return choose_method(call, pairwise_cost(rows, width, gradients, RelationPairwise::keeps(m)),
                       moments_cost(rows, width, gradients));
}

}  // namespace

Relation::Relation(const gld_call& call, std::int64_t m, Matrix teacher, Matrix student, Arena& arena)
    : reduction_(relation_reduction(static_cast<double>(m), 1, call.relation_rows)),
      centred_(m, call.classes, teacher, student, arena) {
  const bool gradients = has_gradients(call);
  if (method_of(call, m) == GLD_METHOD_MOMENTS) {
    moments_.emplace(m, call.classes, gradients, RelationMoments::chunk_rows(m, call.classes), arena);
  } else {
    pairwise_.emplace(m, call.classes, call.metric == GLD_METRIC_EUCLIDEAN, gradients, RelationPairwise::keeps(m),
                      arena);
  }
}

GradientUnit Relation::gradient_unit(double weight) const { return centred_.gradient_unit(weight * reduction_); }

void Relation::run(const Launch& launch, double weight, Matrix grad, double* loss) const {
  if (moments_) {
    moments_->run(launch, centred_, reduction_, weight, grad, loss);
  } else {
    pairwise_->run(launch, centred_, reduction_, weight, grad, loss);
  }
}

}  // namespace gld::cuda

#include "relation.h"

#include "../shared/terms.h"
#include "gradient_unit.cuh"
#include "relation_cost.h"

namespace gld::cuda {
namespace {

// Method 'auto': the one that the cost model expects to be faster.
gld_method choose(const gld_call& call, std::int64_t m) {
  if (call.method != GLD_METHOD_AUTO) return static_cast<gld_method>(call.method);
  if (call.metric == GLD_METRIC_EUCLIDEAN) return GLD_METHOD_PAIRWISE;
  const auto rows = static_cast<double>(m);
  const auto width = static_cast<double>(call.classes);
  const bool gradients = has_gradients(call);
  const double pairwise = pairwise_cost(rows, width, gradients, RelationPairwise::keeps(m));
  return pairwise <= moments_cost(rows, width, gradients) ? GLD_METHOD_PAIRWISE : GLD_METHOD_MOMENTS;
}

}  // namespace

Relation::Relation(const gld_call& call, std::int64_t m, Matrix teacher, Matrix student, Arena& arena)
    : reduction_(1 / static_cast<double>(m) / (call.relation_rows == 0 ? static_cast<double>(m) : call.relation_rows)),
      centred_(m, call.classes, teacher, student, arena) {
  const bool gradients = has_gradients(call);
  if (choose(call, m) == GLD_METHOD_MOMENTS) {
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

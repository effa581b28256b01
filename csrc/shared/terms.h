// Which terms a stage computes, their weights in its loss, and the total. Shared by the engines. docs/mathematics.md
#pragma once

#include "../engine.h"

namespace gld {

// Terms that are sums over rows, as engines keep them while they add up.
enum RowTerm { kTask, kGlobal, kLocal, kRowTerms };

struct Terms {
  bool task = false, divergence = false, relation = false;
  double task_weight = 1, global_weight = 1, local_weight = 1, relation_weight = 1;

  Terms(const gld_call& call, gld_stage stage) {
    switch (stage) {
      case GLD_STAGE_CROSS_ENTROPY: task = true; break;
      case GLD_STAGE_NORMALIZED_KD: divergence = true; break;
      case GLD_STAGE_RELATION: relation = true; break;
      case GLD_STAGE_GLD:
        task = call.labels.data != nullptr || call.soft_labels.data != nullptr;
        divergence = relation = true;
        task_weight = 1 - call.alpha;
        global_weight = call.alpha;
        local_weight = call.local_weight;
        relation_weight = call.beta;
        break;
      default: break;  // the stages pool and classifier have no loss
    }
  }

  double total(const gld_result& result) const {
    // A term without weight must not reach the loss even if it is infinite.
    const auto weighted = [](double weight, double term) { return weight == 0 ? 0 : weight * term; };
    return weighted(task_weight, result.task) + weighted(global_weight, result.global) +
           weighted(local_weight, result.local) + weighted(relation_weight, result.relation);
  }
};

// Whether a call wants anything that follows from the gradient of its logits.
inline bool has_gradients(const gld_call& call) {
  return call.out_logits.data != nullptr || call.out_features.data != nullptr || call.out_weight.data != nullptr ||
         call.out_bias.data != nullptr;
}

}  // namespace gld

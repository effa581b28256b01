// A call as it is compared with others.
#pragma once

#include <cstring>

#include "../engine.h"

namespace gld::cuda {

// Field by field into zeros, so that calls can be compared as bytes.
inline gld_call canonical(const gld_call& call) {
  gld_call copy;
  std::memset(static_cast<void*>(&copy), 0, sizeof copy);
  copy.n = call.n;
  copy.classes = call.classes;
  copy.rows = call.rows;
  copy.levels = call.levels;
  std::memcpy(copy.grid, call.grid, sizeof copy.grid);
  copy.teacher = call.teacher;
  copy.student = call.student;
  copy.labels = call.labels;
  copy.soft_labels = call.soft_labels;
  copy.weights = call.weights;
  copy.in_pooled = call.in_pooled;
  copy.upstream = call.upstream;
  copy.compute = call.compute;
  copy.normalization = call.normalization;
  copy.unbiased = call.unbiased;
  copy.method = call.method;
  copy.metric = call.metric;
  copy.precision = call.precision;
  copy.unlabelled = call.unlabelled;
  copy.alpha = call.alpha;
  copy.beta = call.beta;
  copy.local_weight = call.local_weight;
  copy.temperature = call.temperature;
  copy.label_smoothing = call.label_smoothing;
  copy.relation_rows = call.relation_rows;
  copy.out_features = call.out_features;
  copy.out_weight = call.out_weight;
  copy.out_bias = call.out_bias;
  copy.out_logits = call.out_logits;
  copy.out_pooled = call.out_pooled;
  return copy;
}

}  // namespace gld::cuda

// What both methods of the relation end with: the sum over the rows.
#pragma once

#include <cstdint>

#include "launch.cuh"

namespace gld::cuda {

// *loss = factor * Σ values, in a fixed order. All in device memory.
void relation_total(const Launch& launch, const double* values, std::int64_t count, double factor, double* loss);

}  // namespace gld::cuda

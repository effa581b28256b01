// Device workspace of one call, in pieces that begin where cudaMalloc's do (and whole cache lines).
#pragma once

#include "../shared/arena.h"

namespace gld::cuda {

// Rows of matrices begin on 16 bytes.
using Arena = AlignedArena<256, 4>;
using Matrix = gld::Matrix<float>;
using SampleRows = gld::SampleRows<float>;

}  // namespace gld::cuda

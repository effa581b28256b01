// The first kernel of every call: takes over whether the call was cancelled before it began, and clears what the call's
// kernels report into.
#pragma once

#include "launch.cuh"

namespace gld::cuda {

constexpr long long kNoSample = 0x7fffffffffffffffll;

// What the kernels of a call tell the host, copied to it when they are done: unweighted terms, and wrong labels.
struct Report {
  double task, global, local, relation;
  long long wrong_sample;  // the first sample whose label is outside [0, classes), or kNoSample
  long long wrong_label;
};

// request: mapped host memory that cancel() writes; stop: what kernels look at, on the device, where looking is cheap.
void begin_call(const Launch& to, const std::int32_t* request, std::int32_t* stop, Report* report);

}  // namespace gld::cuda

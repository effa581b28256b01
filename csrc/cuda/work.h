// One call's kernels: planned from the call once, then queued as often as the same call comes; and what they report.
#pragma once

#include <memory>

#include "launch.cuh"
#include "views.h"

namespace gld::cuda {

constexpr long long kNoSample = 0x7fffffffffffffffll;

// What the kernels of a call tell the host, copied to it when they are done: unweighted terms, and wrong labels.
struct Report {
  double task, global, local, relation;
  long long wrong_sample;  // the first sample whose label is outside [0, classes), or kNoSample
  long long wrong_label;
};

static __global__ void begin_kernel(const std::int32_t* request, std::int32_t* stop, Report* report) {
  // Set, never cleared: cancel() may be writing the flag too.
  if (*static_cast<const volatile std::int32_t*>(request) != 0) *stop = 1;
  *report = Report{0, 0, 0, 0, kNoSample, 0};
}

// The first kernel of every call takes over whether the call was cancelled before it began, and clears the report.
// request: mapped host memory that cancel() writes; stop: what kernels look at, on the device, where looking is cheap.
inline void begin_call(const Launch& to, const std::int32_t* request, std::int32_t* stop, Report* report) {
  launch(to, begin_kernel, dim3(1), dim3(1), 0, request, stop, report);
}

class Work {
 public:
  virtual ~Work() = default;
  // First what needs the teacher's inputs alone, while the student's may still be on their way.
  virtual void queue_teacher(const Launch&) {}
  virtual void queue(const Launch&) = 0;
  virtual gld_method method() const { return GLD_METHOD_AUTO; }  // of the relation, if there is one
};

// The call's buffers are on the device. Over an arena without memory the work is only planned.
std::unique_ptr<Work> make_work(const gld_call& call, gld_stage stage, Arena& arena, Report* report);

}  // namespace gld::cuda

#include "begin.h"

namespace gld::cuda {
namespace {

__global__ void begin_kernel(const std::int32_t* request, std::int32_t* stop, Report* report) {
  // Set, never cleared: cancel() may be writing the flag too.
  if (*static_cast<const volatile std::int32_t*>(request) != 0) *stop = 1;
  *report = Report{0, 0, 0, 0, kNoSample, 0};
}

}  // namespace

void begin_call(const Launch& to, const std::int32_t* request, std::int32_t* stop, Report* report) {
  launch(to, begin_kernel, dim3(1), dim3(1), 0, request, stop, report);
}

}  // namespace gld::cuda

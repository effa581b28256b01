// One call's kernels: planned from the call once, then queued as often as the same call comes.
#pragma once

#include <memory>

#include "arena.h"
#include "begin.h"

namespace gld::cuda {

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

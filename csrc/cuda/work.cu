#include "work.h"

#include "stages.h"

namespace gld::cuda {

std::unique_ptr<Work> make_work(const gld_call& call, gld_stage stage, Arena& arena, Report* report) {
  (void)report;
  switch (stage) {
    case GLD_STAGE_POOL: return std::make_unique<PoolStage>(call, arena);
    default: throw Error(GLD_INVALID, "not yet");
  }
}

}  // namespace gld::cuda

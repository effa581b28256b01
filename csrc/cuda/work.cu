#include "work.h"

#include "gld.h"
#include "stages.h"

namespace gld::cuda {

std::unique_ptr<Work> make_work(const gld_call& call, gld_stage stage, Arena& arena, Report* report) {
  if (stage == GLD_STAGE_POOL) return std::make_unique<PoolStage>(call, arena);
  if (stage == GLD_STAGE_CLASSIFIER) return std::make_unique<ClassifierStage>(call, arena);
  return std::make_unique<Gld>(call, stage, arena, report);
}

}  // namespace gld::cuda

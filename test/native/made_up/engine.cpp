// An engine that computes nothing: its loss is the option that test/package/made-up-option.test.ts adds to call.def.
#include "engine.h"

#include <cstddef>
#include <cstdint>

namespace {

gld_status workspace(const gld_call*, gld_stage, std::int32_t, std::size_t* bytes, char*) {
  *bytes = 0;
  return GLD_OK;
}

gld_status run(const gld_call* call, gld_stage, const gld_executor*, void*, std::size_t, gld_result* result, char*) {
  *result = gld_result{};
  result->loss = call->made_up;
  return GLD_OK;
}

constexpr gld_engine kEngine{GLD_ENGINE_ABI, GLD_LEVEL_NAME, &workspace, &run};

}  // namespace

extern "C" __attribute__((visibility("default"))) const gld_engine* gld_engine_query(void) { return &kEngine; }

// An engine that computes nothing: its loss is the option that test/package/schema.test.ts adds to call.def.
#include "engine.h"

#include <cstddef>
#include <cstdint>

#include "shared/call_hash.h"

struct gld_stream {
  double made_up;
};

namespace {

constexpr gld_engine make_engine() {
  gld_engine engine{};
  engine.abi = GLD_ENGINE_ABI;
  engine.call_hash = gld::kCallHash;
  engine.name = "cpu";
  engine.level = GLD_LEVEL_NAME;
  engine.blocking = 1;
  engine.count = [](std::int32_t* places, char*) {
    *places = 1;
    return GLD_OK;
  };
  engine.supports = [](const gld_call*, gld_stage, std::int32_t, gld_refusal*) { return std::int32_t{1}; };
  engine.open = [](std::int32_t, gld_stream** stream, char*) {
    *stream = new gld_stream{};
    return GLD_OK;
  };
  engine.close = [](gld_stream* stream) { delete stream; };
  engine.bytes = [](const gld_stream*) { return std::size_t{0}; };
  engine.submit = [](gld_stream* stream, const gld_call* call, gld_stage, const gld_executor*, gld_done, void*, char*) {
    stream->made_up = call->made_up;
    return GLD_OK;
  };
  engine.finish = [](gld_stream* stream, gld_result* result, char*) {
    *result = gld_result{};
    result->loss = stream->made_up;
    return GLD_OK;
  };
  return engine;
}

constexpr gld_engine kEngine = make_engine();

}  // namespace

extern "C" __attribute__((visibility("default"))) const gld_engine* gld_engine_query(void) { return &kEngine; }

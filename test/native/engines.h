// Engines as the programs of these tests use them: loaded from a library, and computing at once.
#pragma once

#include <dlfcn.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "../../csrc/engine.h"

namespace engines {

// Ends the program if there is none.
inline const gld_engine* load(const char* library) {
  void* loaded = dlopen(library, RTLD_NOW | RTLD_LOCAL);
  if (loaded == nullptr) {
    std::printf("%s\n", dlerror());
    std::exit(1);
  }
  return reinterpret_cast<gld_engine_query_fn>(dlsym(loaded, "gld_engine_query"))();
}

// Submits a call to a blocking engine, whose tasks run one after the other on this thread.
inline gld_status compute(const gld_engine& engine, gld_stream* stream, const gld_call& call, gld_stage stage,
                          char* message) {
  const auto all = [](void*, std::int64_t tasks, gld_task run, void* closure) {
    for (std::int64_t task = 0; task < tasks; ++task) run(closure, task, 0);
  };
  const gld_executor executor{nullptr, 1, all, [](void*) -> std::int32_t { return 0; }};
  return engine.submit(stream, &call, stage, &executor, nullptr, nullptr, message);
}

}  // namespace engines

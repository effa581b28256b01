// Finds, checks and opens the engine libraries beside the addon.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "../engine.h"

namespace gld {

// Levels by preference, best first: "x86-64-v4", "x86-64-v3", "x86-64-v2", or "neon".
std::vector<std::string> built_levels();      // whose library lies beside the addon
std::vector<std::string> available_levels();  // of those, what this processor and its system can run

// Opens a level's engine, once per process. On failure: null, and why in *reason.
const gld_engine* open_engine(const std::string& name, std::string* reason);

// The engine for devices with memory of their own (CUDA). Opened by the first who asks, once per process: loading a
// driver takes time and memory. Without its library or a device that it can use: null, and why in *reason; that stays
// so.
const gld_engine* device_engine(std::string* reason);
std::int32_t device_count();  // 0 without an engine
// How many devices it can be asked about: any that may be, if its library is there, with or without devices.
std::int32_t nameable_devices();
// The engine, whose library is there: for what only exists because it is.
const gld_engine& opened_device_engine();

// Whether an engine computes in the host's memory.
inline bool is_host(const gld_engine& engine) { return engine.allocate == nullptr; }

}  // namespace gld

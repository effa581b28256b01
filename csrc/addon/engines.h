// Finds, checks and opens the engine libraries beside the addon.
#pragma once

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
const gld_device_engine* device_engine(std::string* reason);
std::int32_t device_count();  // 0 without an engine

}  // namespace gld

// A call as JavaScript sends it: one array of numbers and one of buffers, both in the order of call.def; the number
// `present` has bit i set if view i has a buffer. This file checks what memory safety needs; what makes a call sensible
// is checked in lib.
#pragma once

#include <napi.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "../engine.h"
#include "device_memory.h"
#include "errors.h"

namespace gld {

struct DecodedCall {
  gld_stage stage;
  gld_call call;
  std::int32_t device;                               // that runs it, or kHost
  std::int32_t threads;                              // asked for; the caller caps it
  std::vector<std::shared_ptr<DeviceBlock>> blocks;  // of the device's memory that the call uses
};

// A buffer is a typed array, a DeviceMemory, or the address of memory on the device that runs the call, as a BigInt.
// Throws a structured error if a number makes no sense or a view reaches outside its buffer. devices(): how many of
// them a call may name; asked only by one that names one.
DecodedCall decode_call(Napi::Env env, Napi::Value stage, Napi::Value descriptor, Napi::Value buffers,
                        std::int32_t (*devices)());

}  // namespace gld

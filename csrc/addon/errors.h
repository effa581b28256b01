// Errors in the form that lib/errors.ts documents: a class, a code, and which argument, what was expected, what came.
#pragma once

#include <napi.h>

#include <cstdint>
#include <string>

#include "../engine.h"

namespace gld {

enum class ErrorClass { kError, kType, kRange };

Napi::Error make_error(Napi::Env env, ErrorClass kind, const char* code, const std::string& argument,
                       const std::string& expected, const std::string& received);

constexpr std::int32_t kHost = -1;  // where a device's number is expected

// What a status that is not GLD_OK is to a caller.
Napi::Error status_error(Napi::Env env, gld_status status, const char* message, std::int32_t device = kHost);

const char* refusal_code(const gld_refusal& refusal);
Napi::Error refusal_error(Napi::Env env, const gld_refusal& refusal);

}  // namespace gld

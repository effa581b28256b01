// Errors in the form that lib/errors.ts documents: a class, a code, and which argument, what was expected, what came.
#pragma once

#include <napi.h>

#include <string>

namespace gld {

enum class ErrorClass { kError, kType, kRange };

inline Napi::Error make_error(Napi::Env env, ErrorClass kind, const char* code, const std::string& argument,
                              const std::string& expected, const std::string& received) {
  const std::string message = argument + ": expected " + expected + ", got " + received;
  Napi::Error error = kind == ErrorClass::kType    ? static_cast<Napi::Error>(Napi::TypeError::New(env, message))
                      : kind == ErrorClass::kRange ? static_cast<Napi::Error>(Napi::RangeError::New(env, message))
                                                   : Napi::Error::New(env, message);
  Napi::Object object = error.Value();
  object.Set("code", code);
  object.Set("argument", argument);
  object.Set("expected", expected);
  object.Set("received", received);
  return error;
}

}  // namespace gld

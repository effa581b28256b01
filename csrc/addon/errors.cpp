#include "errors.h"

namespace gld {

Napi::Error make_error(Napi::Env env, ErrorClass kind, const char* code, const std::string& argument,
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

Napi::Error status_error(Napi::Env env, gld_status status, const char* message, std::int32_t device) {
  const bool on_device = device != kHost;
  const std::string where = on_device ? "cuda:" + std::to_string(device) : "";
  switch (status) {
    case GLD_CANCELLED: return make_error(env, ErrorClass::kError, "ERR_GLD_CANCELLED", "signal", "no abort", "one");
    case GLD_LABEL_RANGE:
      return make_error(env, ErrorClass::kRange, "ERR_GLD_LABEL", "labels", "class indices below the number of classes",
                        message);
    case GLD_OUT_OF_MEMORY:
      return make_error(env, ErrorClass::kRange, "ERR_GLD_MEMORY", "inputs",
                        on_device ? "sizes that fit the memory of " + where : "sizes that fit the memory", message);
    case GLD_TOO_LARGE:
      return make_error(env, ErrorClass::kRange, "ERR_GLD_OVERFLOW", "inputs", "sizes whose products stay below 2^48",
                        message);
    case GLD_UNAVAILABLE:
      return make_error(env, ErrorClass::kRange, "ERR_GLD_DEVICE", "device", where + " to be usable", message);
    case GLD_FAILED:
      if (on_device)
        return make_error(env, ErrorClass::kError, "ERR_GLD_CUDA", "device", where + " to compute", message);
      [[fallthrough]];
    default: return make_error(env, ErrorClass::kError, "ERR_GLD_NATIVE", "call", "a consistent call", message);
  }
}

const char* refusal_code(const gld_refusal& refusal) {
  switch (refusal.kind) {
    case GLD_REFUSED_DTYPE: return "ERR_GLD_DTYPE";
    case GLD_REFUSED_OPTION: return "ERR_GLD_OPTION";
    default: return "ERR_GLD_DEVICE";
  }
}

Napi::Error refusal_error(Napi::Env env, const gld_refusal& refusal) {
  const ErrorClass kind = refusal.kind == GLD_REFUSED_DTYPE ? ErrorClass::kType : ErrorClass::kRange;
  return make_error(env, kind, refusal_code(refusal), refusal.argument, refusal.expected, refusal.received);
}

}  // namespace gld

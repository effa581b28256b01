// The addon's exports, which lib/native.cts describes.
#include <napi.h>

#include <algorithm>
#include <memory>
#include <string>

#include "../shared/call_hash.h"
#include "call.h"
#include "device_memory.h"
#include "engines.h"
#include "errors.h"
#include "job.h"
#include "stream.h"
#include "submission.h"
#include "thread_pool.h"
#include "workspace.h"

namespace gld {
namespace {

// What streams of one place, idle after calls without a Workspace, may hold: little of the host's memory, where taking
// it anew costs little.
constexpr std::size_t kIdleOnHost = std::size_t{1} << 20;
constexpr std::size_t kIdleOnDevice = std::size_t{256} << 20;

// State of one environment: the main thread, or a worker.
struct Environment {
  const gld_engine* cpu = nullptr;
  std::shared_ptr<Jobs> jobs;
  std::shared_ptr<IdleStreams> idle = std::make_shared<IdleStreams>(kIdleOnHost, kIdleOnDevice);

  const gld_engine& engine_of(const DecodedCall& call) const {
    return call.device == kHost ? *cpu : opened_device_engine();
  }
};

Environment& environment(Napi::Env env) { return *env.GetInstanceData<Environment>(); }

std::string join(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text.empty() ? "none" : text;
}

Napi::Array to_array(Napi::Env env, const std::vector<std::string>& names) {
  Napi::Array array = Napi::Array::New(env, names.size());
  for (std::size_t i = 0; i < names.size(); ++i) array.Set(static_cast<std::uint32_t>(i), names[i]);
  return array;
}

// configure(parallelism, level?)
void configure(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto available = available_levels();
  std::string level = info[1].IsString() ? info[1].As<Napi::String>().Utf8Value() : "";
  if (level.empty()) {
    if (available.empty()) {
      throw make_error(env, ErrorClass::kError, "ERR_GLD_LOAD", "CPU engine",
                       "one of the built levels " + join(built_levels()) + " to run on this processor",
                       "none that does");
    }
    level = available.front();
  }
  std::string reason;
  const gld_engine* engine = open_engine(level, &reason);
  if (engine == nullptr) {
    throw make_error(env, ErrorClass::kError, "ERR_GLD_LOAD", "CPU engine level", "one of " + join(available),
                     "'" + level + "' (" + reason + ")");
  }
  const double threads = info[0].IsNumber() ? info[0].As<Napi::Number>().DoubleValue() : 1;
  thread_pool::configure(threads >= 1 ? static_cast<int>(std::min<double>(threads, kMaxThreads)) : 1);
  environment(env).cpu = engine;
}

Napi::Value information(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Napi::Object object = Napi::Object::New(env);
  object.Set("version", GLD_VERSION);
  const gld_engine* cpu = environment(env).cpu;
  object.Set("level", cpu == nullptr ? "" : cpu->level);
  object.Set("available", to_array(env, available_levels()));
  object.Set("built", to_array(env, built_levels()));
  object.Set("threads", thread_pool::threads());
  return object;
}

// devices() -> [{ name, ... }], or the reason why there is none
Napi::Value devices(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  std::string reason;
  const gld_engine* engine = device_engine(&reason);
  if (engine == nullptr) return Napi::String::New(env, reason);
  Napi::Array list = Napi::Array::New(env);
  for (std::int32_t index = 0; index < device_count(); ++index) {
    gld_device device{};
    char message[GLD_MESSAGE_BYTES] = {};
    const gld_status status = engine->describe(index, &device, message);
    if (status != GLD_OK) throw status_error(env, status, message, index);
    Napi::Object object = Napi::Object::New(env);
    object.Set("name", device.name);
    object.Set("major", device.major);
    object.Set("minor", device.minor);
    object.Set("driver", device.driver);
    object.Set("runtime", device.runtime);
    object.Set("memory", static_cast<double>(device.memory_bytes));
    object.Set("freeMemory", static_cast<double>(device.free_bytes));
    list.Set(static_cast<std::uint32_t>(index), object);
  }
  return list;
}

// countDevices() -> number; opens the engine
Napi::Value count_devices(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), device_count()); }

// trim(device) -> whether idle streams were closed
Napi::Value trim(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const double device = info[0].IsNumber() ? info[0].As<Napi::Number>().DoubleValue() : -1;
  if (!(device >= 0 && device < device_count())) return Napi::Boolean::New(env, false);
  const Place place{&opened_device_engine(), static_cast<std::int32_t>(device)};
  return Napi::Boolean::New(env, environment(env).idle->drop(place));
}

// Null without one. Known by its tag, which unlike instanceof runs no JavaScript.
Workspace* workspace_of(Napi::Value value) {
  if (!value.IsObject()) return nullptr;
  const auto object = value.As<Napi::Object>();
  if (!object.CheckTypeTag(&Workspace::kTag)) {
    throw make_error(value.Env(), ErrorClass::kType, "ERR_GLD_ARG_TYPE", "workspace", "a Workspace", "another object");
  }
  Workspace* workspace = Workspace::Unwrap(object);
  if (workspace->busy()) {
    throw make_error(value.Env(), ErrorClass::kError, "ERR_GLD_NATIVE", "workspace", "one that no other call uses",
                     "one in use");
  }
  return workspace;
}

// What run() and start() are given.
struct Arguments {
  Workspace* workspace;
  DecodedCall decoded;
  double* result;
};

void require_configured(Napi::Env env) {
  if (environment(env).cpu != nullptr) return;
  throw make_error(env, ErrorClass::kError, "ERR_GLD_LOAD", "engine", "configure() to have been called",
                   "a call before it");
}

Arguments decode(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  require_configured(env);
  Arguments given{workspace_of(info[4]), decode_call(env, info[0], info[1], info[2], device_count), nullptr};
  given.decoded.threads = std::min(given.decoded.threads, thread_pool::threads());
  if (!info[3].IsTypedArray() || info[3].As<Napi::TypedArray>().TypedArrayType() != napi_float64_array ||
      info[3].As<Napi::TypedArray>().ElementLength() < kResultNumbers) {
    throw make_error(env, ErrorClass::kType, "ERR_GLD_ARG_TYPE", "result",
                     "a Float64Array of " + std::to_string(kResultNumbers), "another value");
  }
  given.result = info[3].As<Napi::Float64Array>().Data();
  return given;
}

// supports(stage, descriptor, buffers) -> undefined, or { code, argument, expected, received }
Napi::Value supports(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  require_configured(env);
  const DecodedCall decoded = decode_call(env, info[0], info[1], info[2], nameable_devices);
  gld_refusal refusal;
  const std::int32_t place = std::max(decoded.device, 0);
  if (environment(env).engine_of(decoded).supports(&decoded.call, decoded.stage, place, &refusal) != 0) {
    return env.Undefined();
  }
  Napi::Object object = Napi::Object::New(env);
  object.Set("code", refusal_code(refusal));
  object.Set("argument", refusal.argument);
  object.Set("expected", refusal.expected);
  object.Set("received", refusal.received);
  return object;
}

// run(stage, descriptor, buffers, result, workspace)
void run(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Arguments given = decode(info);
  const Environment& state = environment(env);
  const gld_engine& engine = state.engine_of(given.decoded);
  Submission submission(engine, std::move(given.decoded), given.workspace, state.idle);
  gld_result result{};
  char message[GLD_MESSAGE_BYTES] = {};
  gld_status status = submission.submit(nullptr, nullptr, message);
  if (status == GLD_OK) status = submission.finish(&result, message);
  submission.end(env);
  if (status != GLD_OK) throw submission.error(env, status, message);
  write_result(result, given.result);
}

// start(stage, descriptor, buffers, result, workspace, done) -> { cancel() }
Napi::Value start(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!info[5].IsFunction()) {
    throw make_error(env, ErrorClass::kType, "ERR_GLD_ARG_TYPE", "done", "a function", "another value");
  }
  Arguments given = decode(info);
  const Environment& state = environment(env);
  const gld_engine& engine = state.engine_of(given.decoded);
  const auto job = std::make_shared<Job>(state.jobs, engine, std::move(given.decoded), given.workspace, state.idle);
  Napi::Object kept = Napi::Object::New(env);
  kept.Set("buffers", info[2]);
  kept.Set("result", info[3]);
  kept.Set("workspace", info[4]);
  state.jobs->start(env, job, kept, info[5].As<Napi::Function>());
  const std::weak_ptr<Job> started = job;
  Napi::Object handle = Napi::Object::New(env);
  handle.Set("cancel", Napi::Function::New(env, [started](const Napi::CallbackInfo& call) {
               const auto pending = started.lock();
               return Napi::Boolean::New(call.Env(), pending != nullptr && pending->cancel());
             }));
  return handle;
}

Napi::Object initialize(Napi::Env env, Napi::Object exports) {
  auto* state = new Environment;  // deleted with the environment
  env.SetInstanceData(state);
  state->jobs = Jobs::create(env);
  exports.Set("schema", kCallSchema.text);
  exports.Set("Workspace", Workspace::define(env));
  exports.Set("configure", Napi::Function::New<configure>(env, "configure"));
  exports.Set("info", Napi::Function::New<information>(env, "info"));
  exports.Set("supports", Napi::Function::New<supports>(env, "supports"));
  exports.Set("run", Napi::Function::New<run>(env, "run"));
  exports.Set("start", Napi::Function::New<start>(env, "start"));
  exports.Set("devices", Napi::Function::New<devices>(env, "devices"));
  exports.Set("trim", Napi::Function::New<trim>(env, "trim"));
  exports.Set("countDevices", Napi::Function::New<count_devices>(env, "countDevices"));
  exports.Set("DeviceMemory", DeviceMemory::define(env));
  return exports;
}

}  // namespace
}  // namespace gld

using gld::initialize;
NODE_API_MODULE(gld_loss, initialize)

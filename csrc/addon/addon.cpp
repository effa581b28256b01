// The addon's exports: what lib/native.cts loads.
#include <napi.h>

#include <algorithm>
#include <memory>
#include <string>

#include "call.h"
#include "engines.h"
#include "errors.h"
#include "executor.h"
#include "job.h"
#include "workspace.h"

namespace gld {
namespace {

// State of one environment: the main thread, or a worker.
struct Environment {
  const gld_engine* engine = nullptr;
  std::string level;
  std::shared_ptr<Jobs> jobs;
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
  Environment& state = environment(env);
  const auto available = available_levels();
  std::string level = info[1].IsString() ? info[1].As<Napi::String>().Utf8Value() : "";
  if (level.empty()) {
    if (available.empty()) {
      throw make_error(env, ErrorClass::kError, "ERR_GLD_LOAD", "CPU engine",
                       "one of the built levels " + join(built_levels()) + " to run on this processor", "none that does");
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
  configure_pool(threads >= 1 ? static_cast<int>(std::min<double>(threads, kMaxThreads)) : 1);
  state.engine = engine;
  state.level = level;
}

Napi::Value information(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Napi::Object object = Napi::Object::New(env);
  object.Set("version", GLD_VERSION);
  object.Set("level", environment(env).level);
  object.Set("available", to_array(env, available_levels()));
  object.Set("built", to_array(env, built_levels()));
  object.Set("threads", pool_threads());
  object.Set("cudaReason", "this version of gld-loss has no CUDA engine");
  return object;
}

// What run() and start() share: the decoded call, and memory for it.
struct Prepared {
  Run run;
  Memory own;
  Workspace* workspace = nullptr;
  double* result = nullptr;
};

// Null without one. Known by its tag, which unlike instanceof runs no JavaScript.
Workspace* workspace_of(Napi::Value value) {
  if (!value.IsObject()) return nullptr;
  const Napi::Object object = value.As<Napi::Object>();
  if (!object.CheckTypeTag(&Workspace::kTag)) {
    throw make_error(value.Env(), ErrorClass::kType, "ERR_GLD_ARG_TYPE", "workspace", "a Workspace", "another object");
  }
  Workspace* workspace = Workspace::Unwrap(object);
  if (workspace->busy()) {
    throw make_error(value.Env(), ErrorClass::kError, "ERR_GLD_NATIVE", "workspace", "one that no other call uses", "one in use");
  }
  return workspace;
}

Prepared prepare(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Environment& state = environment(env);
  if (state.engine == nullptr) {
    throw make_error(env, ErrorClass::kError, "ERR_GLD_LOAD", "engine", "configure() to have been called", "a call before it");
  }
  Workspace* workspace = workspace_of(info[4]);
  Prepared prepared{};
  prepared.run.engine = state.engine;
  prepared.run.decoded = decode_call(env, info[0], info[1], info[2]);
  DecodedCall& decoded = prepared.run.decoded;
  decoded.threads = std::min(decoded.threads, pool_threads());

  if (!info[3].IsTypedArray() || info[3].As<Napi::TypedArray>().TypedArrayType() != napi_float64_array ||
      info[3].As<Napi::TypedArray>().ElementLength() < kResultNumbers) {
    throw make_error(env, ErrorClass::kType, "ERR_GLD_ARG_TYPE", "result",
                     "a Float64Array of " + std::to_string(kResultNumbers), "another value");
  }
  prepared.result = info[3].As<Napi::Float64Array>().Data();

  char message[GLD_MESSAGE_BYTES] = {};
  std::size_t bytes = 0;
  const gld_status status = state.engine->workspace(&decoded.call, decoded.stage, decoded.threads, &bytes, message);
  if (status != GLD_OK) throw status_error(env, status, message);

  bool reserved = false;
  if (workspace != nullptr) {
    reserved = workspace->begin(env, bytes);
    if (reserved) prepared.workspace = workspace;
    prepared.run.memory = workspace->memory().data();
    prepared.run.bytes = workspace->memory().bytes();
  } else {
    reserved = prepared.own.reserve(bytes);
    prepared.run.memory = prepared.own.data();
    prepared.run.bytes = prepared.own.bytes();
  }
  if (!reserved) throw status_error(env, GLD_OUT_OF_MEMORY, (std::to_string(bytes) + " bytes of workspace").c_str());
  return prepared;
}

// run(stage, descriptor, buffers, result, workspace)
void run(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Prepared prepared = prepare(info);
  const Executor executor(prepared.run.decoded.threads, nullptr);
  gld_result result{};
  char message[GLD_MESSAGE_BYTES] = {};
  const gld_status status = prepared.run.engine->run(&prepared.run.decoded.call, prepared.run.decoded.stage, &executor.lent(),
                                                     prepared.run.memory, prepared.run.bytes, &result, message);
  if (prepared.workspace != nullptr) prepared.workspace->end(env);
  if (status != GLD_OK) throw status_error(env, status, message);
  write_result(result, prepared.result);
}

// start(stage, descriptor, buffers, result, workspace, done) -> { cancel() }
Napi::Value start(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!info[5].IsFunction()) {
    throw make_error(env, ErrorClass::kType, "ERR_GLD_ARG_TYPE", "done", "a function", "another value");
  }
  Prepared prepared = prepare(info);
  Napi::Object kept = Napi::Object::New(env);
  kept.Set("buffers", info[2]);
  kept.Set("result", info[3]);
  kept.Set("workspace", info[4]);
  const std::weak_ptr<Job> job = environment(env).jobs->start(env, prepared.run, std::move(prepared.own), prepared.workspace,
                                                              kept, info[5].As<Napi::Function>());
  Napi::Object handle = Napi::Object::New(env);
  handle.Set("cancel", Napi::Function::New(env, [job](const Napi::CallbackInfo& call) {
    const auto pending = job.lock();
    return Napi::Boolean::New(call.Env(), pending != nullptr && pending->cancel());
  }));
  return handle;
}

Napi::Object initialize(Napi::Env env, Napi::Object exports) {
  auto* state = new Environment;  // deleted with the environment
  env.SetInstanceData(state);
  state->jobs = Jobs::create(env);
  exports.Set("stages", stage_names(env));
  exports.Set("fields", field_names(env));
  exports.Set("roles", role_names(env));
  exports.Set("roleFields", role_field_names(env));
  exports.Set("Workspace", Workspace::define(env));
  exports.Set("configure", Napi::Function::New<configure>(env, "configure"));
  exports.Set("info", Napi::Function::New<information>(env, "info"));
  exports.Set("run", Napi::Function::New<run>(env, "run"));
  exports.Set("start", Napi::Function::New<start>(env, "start"));
  return exports;
}

}  // namespace
}  // namespace gld

using gld::initialize;
NODE_API_MODULE(gld_loss, initialize)

#include "workspace.h"

namespace gld {

Napi::Function Workspace::define(Napi::Env env) {
  return DefineClass(env, "Workspace",
                     {InstanceAccessor<&Workspace::bytes>("bytes"), InstanceMethod<&Workspace::dispose>("dispose")});
}

Workspace::Workspace(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Workspace>(info) {
  info.This().As<Napi::Object>().TypeTag(&kTag);
}

Workspace::~Workspace() {
  streams_.clear();
  report(Env());
}

Stream Workspace::begin(const Place& place) {
  busy_ = true;
  return streams_.take(place);
}

void Workspace::end(Napi::Env env) {
  busy_ = false;
  if (disposed_) streams_.clear();
  report(env);
}

Napi::Value Workspace::bytes(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(streams_.bytes()));
}

void Workspace::dispose(const Napi::CallbackInfo& info) {
  disposed_ = true;
  if (!busy_) end(info.Env());
}

// The only place that tells the garbage collector about this memory, so that what is added is also taken off.
void Workspace::report(Napi::Env env) {
  const std::size_t bytes = streams_.bytes();
  if (bytes == reported_) return;
  Napi::MemoryManagement::AdjustExternalMemory(env,
                                               static_cast<std::int64_t>(bytes) - static_cast<std::int64_t>(reported_));
  reported_ = bytes;
}

}  // namespace gld

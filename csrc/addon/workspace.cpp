#include "workspace.h"

#include <cstdlib>
#include <limits>

namespace gld {

void Memory::Free::operator()(void* memory) const { std::free(memory); }

bool Memory::reserve(std::size_t bytes) {
  if (bytes <= bytes_ && data_) return true;
  release();
  constexpr std::size_t kAlignment = 64;
  if (bytes > std::numeric_limits<std::size_t>::max() / 2) return false;
  const std::size_t rounded = (bytes / kAlignment + 1) * kAlignment;
  data_.reset(std::aligned_alloc(kAlignment, rounded));
  if (data_) bytes_ = rounded;
  return static_cast<bool>(data_);
}

void Memory::release() {
  data_.reset();
  bytes_ = 0;
}

Napi::Function Workspace::define(Napi::Env env) {
  return DefineClass(env, "Workspace",
                     {InstanceAccessor<&Workspace::bytes>("bytes"), InstanceMethod<&Workspace::dispose>("dispose")});
}

Workspace::Workspace(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Workspace>(info) {
  info.This().As<Napi::Object>().TypeTag(&kTag);
}

Workspace::~Workspace() {
  memory_.release();
  report(Env());
}

bool Workspace::begin(Napi::Env env, std::size_t bytes) {
  if (!memory_.reserve(bytes)) return false;
  report(env);
  busy_ = true;
  return true;
}

void Workspace::end(Napi::Env env) {
  busy_ = false;
  if (disposed_) memory_.release();
  report(env);
}

Napi::Value Workspace::bytes(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(memory_.bytes()));
}

void Workspace::dispose(const Napi::CallbackInfo& info) {
  disposed_ = true;
  if (!busy_) end(info.Env());
}

// The only place that tells the garbage collector about this memory, so that what is added is also taken off.
void Workspace::report(Napi::Env env) {
  if (memory_.bytes() == reported_) return;
  Napi::MemoryManagement::AdjustExternalMemory(env, static_cast<std::int64_t>(memory_.bytes()) -
                                                        static_cast<std::int64_t>(reported_));
  reported_ = memory_.bytes();
}

}  // namespace gld

#include "workspace.h"

#include <sys/mman.h>

#include <cstdlib>
#include <limits>

namespace gld {

void Memory::Free::operator()(void* memory) const { std::free(memory); }

bool Memory::reserve(std::size_t bytes) {
  if (bytes <= bytes_ && data_) return true;
  release();
  if (bytes > std::numeric_limits<std::size_t>::max() / 2) return false;
  // Where the system has huge pages for those who ask, much memory is touched for the first time in fewer faults.
  constexpr std::size_t kHugePage = std::size_t{2} << 20;
  const bool huge = bytes >= 2 * kHugePage;
  const std::size_t alignment = huge ? kHugePage : 64;
  const std::size_t rounded = (bytes / alignment + 1) * alignment;
  data_.reset(std::aligned_alloc(alignment, rounded));
  if (!data_) return false;
  if (huge) madvise(data_.get(), rounded, MADV_HUGEPAGE);  // a mere wish
  bytes_ = rounded;
  return true;
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
  streams_.clear();
  report(Env());
}

bool Workspace::begin(Napi::Env env, std::size_t bytes) {
  if (!memory_.reserve(bytes)) return false;
  report(env);
  busy_ = true;
  return true;
}

Stream Workspace::begin_on_device(std::int32_t device) {
  busy_ = true;
  return streams_.take(device);
}

void Workspace::end(Napi::Env env) {
  busy_ = false;
  if (disposed_) {
    memory_.release();
    streams_.clear();
  }
  report(env);
}

Napi::Value Workspace::bytes(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(memory_.bytes() + streams_.bytes()));
}

void Workspace::dispose(const Napi::CallbackInfo& info) {
  disposed_ = true;
  if (!busy_) end(info.Env());
}

// The only place that tells the garbage collector about this memory, so that what is added is also taken off.
void Workspace::report(Napi::Env env) {
  const std::size_t bytes = memory_.bytes() + streams_.bytes();
  if (bytes == reported_) return;
  Napi::MemoryManagement::AdjustExternalMemory(env,
                                               static_cast<std::int64_t>(bytes) - static_cast<std::int64_t>(reported_));
  reported_ = bytes;
}

}  // namespace gld

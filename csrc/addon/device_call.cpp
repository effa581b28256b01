#include "device_call.h"

#include <utility>

namespace gld {
namespace {

// Whether a stream is as before after a call that ended so. Where the device failed or memory ran out, it is closed,
// which frees what was taken, and the next call opens another.
bool is_sound(gld_status status) { return status != GLD_FAILED && status != GLD_OUT_OF_MEMORY; }

}  // namespace

DeviceCall::DeviceCall(DecodedCall&& decoded, Workspace* workspace, std::shared_ptr<StreamPool> pool)
    : decoded_(std::move(decoded)), workspace_(workspace), pool_(std::move(pool)) {
  stream_ = workspace_ != nullptr ? workspace_->begin_on_device(decoded_.device) : pool_->take(decoded_.device);
}

gld_status DeviceCall::try_submit(gld_done done, void* closure, char* message) {
  if (!stream_) {
    const gld_status status = stream_.open(decoded_.device, message);
    if (status != GLD_OK) return status;
  }
  return opened_device_engine().submit(stream_.handle(), &decoded_.call, decoded_.stage, done, closure, message);
}

gld_status DeviceCall::submit(gld_done done, void* closure, char* message) {
  gld_status status = try_submit(done, closure, message);
  if (status == GLD_OUT_OF_MEMORY) {
    // The stream's own memory is of another shape, and in the way too.
    stream_.close();
    pool_->drop(decoded_.device);
    status = try_submit(done, closure, message);
  }
  sound_ = status != GLD_OK && is_sound(status);  // until it is finished, it is not
  return status;
}

gld_status DeviceCall::finish(gld_result* result, char* message) {
  const gld_status status = opened_device_engine().finish(stream_.handle(), result, message);
  sound_ = is_sound(status);
  return status;
}

void DeviceCall::cancel() {
  if (stream_) opened_device_engine().cancel(stream_.handle());
}

void DeviceCall::end(Napi::Env env) {
  if (!sound_) stream_.close();
  if (workspace_ != nullptr) {
    workspace_->put(std::move(stream_));
    workspace_->end(env);
    workspace_ = nullptr;
  } else {
    pool_->put(std::move(stream_));
  }
  // All that belongs to the engine goes here, on the JavaScript thread: what is left may be destroyed on the driver's,
  // from which the engine must not be called, and where this could be the last that holds on to the streams.
  pool_.reset();
  decoded_.blocks.clear();
}

gld_status DeviceJob::start(char* message) {
  using Self = std::shared_ptr<DeviceJob>;
  if (!enter()) return GLD_CANCELLED;
  // The driver's thread may still be in leave() when the result has been delivered: it holds on to the job itself.
  auto closure = std::make_unique<Self>(std::static_pointer_cast<DeviceJob>(shared_from_this()));
  const auto done = [](void* own) { (*std::unique_ptr<Self>(static_cast<Self*>(own)))->leave(); };
  const gld_status status = call_.submit(done, closure.get(), message);
  if (status == GLD_OK)
    static_cast<void>(closure.release());  // done() takes it over.
  else
    withdraw();
  return status;
}

void DeviceJob::let_go(Napi::Env env) {
  call_.end(env);
  Job::let_go(env);
}

}  // namespace gld

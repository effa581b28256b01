#include "submission.h"

#include <algorithm>
#include <utility>

#include "errors.h"
#include "thread_pool.h"

namespace gld {
namespace {

// Whether a stream is as before after a call that ended so. Where the device failed or memory ran out, it is closed,
// which frees what was taken, and the next call opens another.
bool is_sound(gld_status status) { return status != GLD_FAILED && status != GLD_OUT_OF_MEMORY; }

}  // namespace

Submission::Submission(const gld_engine& engine, DecodedCall&& decoded, Workspace* workspace,
                       std::shared_ptr<IdleStreams> idle)
    : place_{&engine, std::max(decoded.device, 0)},
      decoded_(std::move(decoded)),
      workspace_(workspace),
      idle_(std::move(idle)),
      stream_(workspace_ != nullptr ? workspace_->begin(place_) : idle_->take(place_)) {}

gld_status Submission::attempt(gld_done done, void* closure, char* message) {
  gld_status status = stream_ ? GLD_OK : stream_.open(place_, message);
  if (status == GLD_OK) {
    const Executor executor(decoded_.threads, stop_);
    status = place_.engine->submit(stream_.handle(), &decoded_.call, decoded_.stage, &executor.lent(), done, closure,
                                   message);
  }
  // An accepted call's stream is in use until finish().
  sound_ = status != GLD_OK && is_sound(status);
  return status;
}

gld_status Submission::submit(gld_done done, void* closure, char* message) {
  const gld_status status = attempt(done, closure, message);
  if (status != GLD_OUT_OF_MEMORY) return status;
  // The stream's own memory is of another shape, and in the way too.
  stream_.close();
  idle_->drop(place_);
  return attempt(done, closure, message);
}

gld_status Submission::finish(gld_result* result, char* message) {
  const gld_status status = place_.engine->finish(stream_.handle(), result, message);
  sound_ = is_sound(status);
  return status;
}

void Submission::cancel() {
  stop_.store(true, std::memory_order_relaxed);
  if (!blocking() && stream_) place_.engine->cancel(stream_.handle());
}

void Submission::end(Napi::Env env) {
  if (!sound_) stream_.close();
  if (workspace_ != nullptr) {
    workspace_->put(std::move(stream_));
    workspace_->end(env);
    workspace_ = nullptr;
  } else {
    idle_->put(std::move(stream_));
  }
  // All that belongs to the engine goes here, on the JavaScript thread: what is left may be destroyed on the driver's,
  // from which the engine must not be called, and where this could be the last that holds on to the streams.
  idle_.reset();
  decoded_.blocks.clear();
}

Napi::Error Submission::error(Napi::Env env, gld_status status, const char* message) const {
  gld_refusal refusal;
  const bool refused =
      status == GLD_UNSUPPORTED && place_.engine->supports(&decoded_.call, decoded_.stage, place_.index, &refusal) == 0;
  return refused ? refusal_error(env, refusal) : status_error(env, status, message, decoded_.device);
}

}  // namespace gld

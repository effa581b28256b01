#include "job.h"

#include <algorithm>
#include <string>
#include <utility>

#include "errors.h"

namespace gld {

void write_result(const gld_result& from, double* to) {
  const double numbers[kResultNumbers] = {
#define GLD_RESULT(type, member, name) static_cast<double>(from.member),
#include "../call.def"
  };
  std::copy(std::begin(numbers), std::end(numbers), to);
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

bool Job::cancel() {
  bool queued = false;
  {
    const std::lock_guard<std::mutex> lock(jobs_->mutex_);
    queued = state_ == State::kQueued;
    if (queued) state_ = State::kCancelled;
  }
  if (!queued) {
    stop();
    return false;
  }
  const Napi::Env env = done_.Env();
  const auto self = shared_from_this();
  let_go(env);
  jobs_->forget(env, self);
  return true;
}

bool Job::enter() {
  const std::lock_guard<std::mutex> lock(jobs_->mutex_);
  if (state_ != State::kQueued || jobs_->closed_) return false;
  state_ = State::kRunning;
  ++jobs_->running_;
  return true;
}

void Job::leave() {
  const std::lock_guard<std::mutex> lock(jobs_->mutex_);
  state_ = State::kFinished;
  // Once closed, the channel is gone or about to go; nobody waits for the result any more.
  if (!jobs_->closed_) jobs_->channel_.NonBlockingCall(this);
  --jobs_->running_;
  jobs_->idle_.notify_all();
}

void Job::withdraw() {
  const std::lock_guard<std::mutex> lock(jobs_->mutex_);
  state_ = State::kCancelled;
  --jobs_->running_;
}

void Job::deliver(Napi::Env env) {
  const Napi::HandleScope scope(env);
  const auto self = shared_from_this();
  const Napi::Function done = done_.Value();
  gld_result result{};
  char message[GLD_MESSAGE_BYTES] = {};
  const gld_status status = finish(&result, message);
  if (status == GLD_OK) {
    auto numbers = kept_.Get("result").As<Napi::Float64Array>();
    if (numbers.ElementLength() >= kResultNumbers) write_result(result, numbers.Data());
  }
  let_go(env);
  jobs_->forget(env, self);
  done.Call({status == GLD_OK ? env.Null() : status_error(env, status, message, device()).Value()});
}

void Job::let_go(Napi::Env) {
  kept_.Reset();
  done_.Reset();
}

std::shared_ptr<Jobs> Jobs::create(Napi::Env env) {
  auto jobs = std::make_shared<Jobs>();
  jobs->channel_ = Channel::New(env, "gld-loss", 0, 1, jobs.get());
  jobs->channel_.Unref(env);
  // Hooks run last in, first out: this one runs while the channel still exists.
  env.AddCleanupHook([jobs, env] { jobs->close(env); });
  return jobs;
}

void Jobs::start(Napi::Env env, const std::shared_ptr<Job>& job, Napi::Object kept, Napi::Function done) {
  job->kept_ = Napi::Persistent(kept);
  job->done_ = Napi::Persistent(done);
  if (jobs_.empty()) channel_.Ref(env);  // a pending job keeps the process alive
  jobs_.insert(job);
  char message[GLD_MESSAGE_BYTES] = {};
  const gld_status status = job->start(message);
  if (status == GLD_OK) return;
  job->let_go(env);
  forget(env, job);
  throw status_error(env, status, message, job->device());
}

void Jobs::forget(Napi::Env env, const std::shared_ptr<Job>& job) {
  jobs_.erase(job);
  if (jobs_.empty()) channel_.Unref(env);
}

void Jobs::close(Napi::Env env) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    closed_ = true;
  }
  for (const auto& job : jobs_) job->stop();
  {
    std::unique_lock<std::mutex> lock(mutex_);
    idle_.wait(lock, [this] { return running_ == 0; });
  }
  for (const auto& job : jobs_) job->let_go(env);
  jobs_.clear();
}

void Jobs::call_js(Napi::Env env, Napi::Function, Jobs* jobs, Job* job) {
  // env is null when the environment goes away with deliveries still queued; close() has let go of those jobs.
  if (env == nullptr || jobs->closed_) return;
  job->deliver(env);
}

}  // namespace gld

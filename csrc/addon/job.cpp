#include "job.h"

#include <algorithm>
#include <utility>

#include "thread_pool.h"

namespace gld {

void write_result(const gld_result& from, double* to) {
  const double numbers[kResultNumbers] = {
#define GLD_RESULT(type, member, name) static_cast<double>(from.member),
#include "../call.def"
  };
  std::copy(std::begin(numbers), std::end(numbers), to);
}

bool Job::cancel() {
  bool queued = false;
  {
    const std::lock_guard<std::mutex> lock(jobs_->mutex_);
    queued = state_ == State::kQueued;
    if (queued) state_ = State::kCancelled;
  }
  if (!queued) {
    submission_.cancel();
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

gld_status Job::start(char* message) {
  const auto self = shared_from_this();
  if (submission_.blocking()) {
    thread_pool::schedule([self] { self->compute(); });
    return GLD_OK;
  }
  using Self = std::shared_ptr<Job>;
  if (!enter()) return GLD_CANCELLED;
  // The driver's thread may still be in leave() when the result has been delivered: it holds on to the job itself.
  auto closure = std::make_unique<Self>(self);
  const auto done = [](void* own) { (*std::unique_ptr<Self>(static_cast<Self*>(own)))->leave(); };
  const gld_status status = submission_.submit(done, closure.get(), message);
  if (status == GLD_OK)
    static_cast<void>(closure.release());  // done() takes it over.
  else
    withdraw();
  return status;
}

void Job::compute() {
  if (!enter()) return;
  status_ = submission_.attempt(nullptr, nullptr, message_);
  leave();
}

void Job::deliver(Napi::Env env) {
  const Napi::HandleScope scope(env);
  const auto self = shared_from_this();
  const Napi::Function done = done_.Value();
  gld_result result{};
  if (status_ == GLD_OK) status_ = submission_.finish(&result, message_);
  if (status_ == GLD_OK) {
    auto numbers = kept_.Get("result").As<Napi::Float64Array>();
    if (numbers.ElementLength() >= kResultNumbers) write_result(result, numbers.Data());
  }
  let_go(env);
  jobs_->forget(env, self);
  done.Call({status_ == GLD_OK ? env.Null() : submission_.error(env, status_, message_).Value()});
}

void Job::let_go(Napi::Env env) {
  submission_.end(env);
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
  throw job->submission_.error(env, status, message);
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
  for (const auto& job : jobs_) job->submission_.cancel();
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

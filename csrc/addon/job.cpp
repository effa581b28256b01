#include "job.h"

#include <algorithm>
#include <utility>

#include "errors.h"
#include "executor.h"

namespace gld {

void write_result(const gld_result& from, double* to) {
  const double numbers[kResultNumbers] = {from.loss,  from.task,     from.global,
                                          from.local, from.relation, static_cast<double>(from.method)};
  std::copy(std::begin(numbers), std::end(numbers), to);
}

Napi::Error status_error(Napi::Env env, gld_status status, const char* message) {
  switch (status) {
    case GLD_CANCELLED: return make_error(env, ErrorClass::kError, "ERR_GLD_CANCELLED", "signal", "no abort", "one");
    case GLD_LABEL_RANGE:
      return make_error(env, ErrorClass::kRange, "ERR_GLD_LABEL", "labels", "class indices below the number of classes", message);
    case GLD_OUT_OF_MEMORY:
      return make_error(env, ErrorClass::kRange, "ERR_GLD_MEMORY", "inputs", "sizes that fit the memory", message);
    case GLD_TOO_LARGE:
      return make_error(env, ErrorClass::kRange, "ERR_GLD_OVERFLOW", "inputs", "sizes whose products stay below 2^48", message);
    default: return make_error(env, ErrorClass::kError, "ERR_GLD_NATIVE", "call", "a consistent call", message);
  }
}

Job::Job(std::shared_ptr<Jobs> jobs, const Run& run, Memory own, Workspace* workspace)
    : jobs_(std::move(jobs)), run_(run), own_(std::move(own)), workspace_(workspace) {}

bool Job::cancel() {
  stop_.store(true, std::memory_order_relaxed);
  {
    const std::lock_guard<std::mutex> lock(jobs_->mutex_);
    if (state_ != State::kQueued) return false;
    state_ = State::kCancelled;
  }
  const Napi::Env env = done_.Env();
  const auto self = shared_from_this();
  let_go(env);
  jobs_->forget(env, self);
  return true;
}

void Job::execute() {
  {
    const std::lock_guard<std::mutex> lock(jobs_->mutex_);
    if (state_ != State::kQueued || jobs_->closed_) return;
    state_ = State::kRunning;
    ++jobs_->running_;
  }
  const Executor executor(run_.decoded.threads, &stop_);
  status_ = run_.engine->run(&run_.decoded.call, run_.decoded.stage, &executor.lent(), run_.memory, run_.bytes, &result_, message_);

  const std::lock_guard<std::mutex> lock(jobs_->mutex_);
  state_ = State::kFinished;
  // Once closed, the channel is gone or about to go; nobody waits for the result any more.
  if (!jobs_->closed_) jobs_->channel_.NonBlockingCall(this);
  --jobs_->running_;
  jobs_->idle_.notify_all();
}

void Job::deliver(Napi::Env env) {
  const Napi::HandleScope scope(env);
  const auto self = shared_from_this();
  const Napi::Function done = done_.Value();
  if (status_ == GLD_OK) {
    auto result = kept_.Get("result").As<Napi::Float64Array>();
    if (result.ElementLength() >= kResultNumbers) write_result(result_, result.Data());
  }
  let_go(env);
  jobs_->forget(env, self);
  done.Call({status_ == GLD_OK ? env.Null() : status_error(env, status_, message_).Value()});
}

// Gives back what belongs to JavaScript; afterwards the job may be destroyed on any thread.
void Job::let_go(Napi::Env env) {
  if (workspace_ != nullptr) workspace_->end(env);
  workspace_ = nullptr;
  own_.release();
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

std::shared_ptr<Job> Jobs::start(Napi::Env env, const Run& run, Memory own, Workspace* workspace, Napi::Object kept,
                                 Napi::Function done) {
  const auto job = std::make_shared<Job>(shared_from_this(), run, std::move(own), workspace);
  job->kept_ = Napi::Persistent(kept);
  job->done_ = Napi::Persistent(done);
  if (jobs_.empty()) channel_.Ref(env);  // a pending job keeps the process alive
  jobs_.insert(job);
  schedule_job([job] { job->execute(); });
  return job;
}

void Jobs::forget(Napi::Env env, const std::shared_ptr<Job>& job) {
  jobs_.erase(job);
  if (jobs_.empty()) channel_.Unref(env);
}

void Jobs::close(Napi::Env env) {
  for (const auto& job : jobs_) job->stop_.store(true, std::memory_order_relaxed);
  {
    std::unique_lock<std::mutex> lock(mutex_);
    closed_ = true;
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

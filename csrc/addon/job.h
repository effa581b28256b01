// Work off the JavaScript thread: jobs that run on the thread pool or on a device, their results brought back, and an
// orderly end when the environment (a worker, or the process) goes away first.
#pragma once

#include <napi.h>

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <utility>

#include "submission.h"

namespace gld {

class Jobs;

// One started call: on the thread pool where its engine computes within submit(), else where the engine queues it.
class Job : public std::enable_shared_from_this<Job> {
 public:
  Job(std::shared_ptr<Jobs> jobs, const gld_engine& engine, DecodedCall&& call, Workspace* workspace,
      std::shared_ptr<IdleStreams> idle)
      : jobs_(std::move(jobs)), submission_(engine, std::move(call), workspace, std::move(idle)) {}

  // On the JavaScript thread: true if the job had not begun and never will.
  bool cancel();

 private:
  friend class Jobs;
  enum class State { kQueued, kRunning, kFinished, kCancelled };

  // On the JavaScript thread:
  gld_status start(char* message);  // not GLD_OK: it was refused, and nothing runs
  void deliver(Napi::Env env);
  void let_go(Napi::Env env);  // of what belongs to JavaScript; afterwards any thread may destroy the job

  // On any thread:
  bool enter();     // whether the work may begin
  void leave();     // it is done
  void withdraw();  // it did not begin after all
  void compute();   // on the thread pool

  const std::shared_ptr<Jobs> jobs_;
  State state_ = State::kQueued;  // guarded by Jobs::mutex_
  Submission submission_;
  gld_status status_ = GLD_OK;  // how the work went, with what there is to say about it
  char message_[GLD_MESSAGE_BYTES] = {};
  Napi::ObjectReference kept_;  // { buffers, result, workspace }
  Napi::FunctionReference done_;
};

// The jobs of one environment. What a job reads and writes on the host must be private to it: Node-API has no way to
// keep the memory of a typed array from being transferred away, so lib hands over copies and new arrays only.
class Jobs : public std::enable_shared_from_this<Jobs> {
 public:
  static std::shared_ptr<Jobs> create(Napi::Env env);

  // Throws if the job is refused.
  void start(Napi::Env env, const std::shared_ptr<Job>& job, Napi::Object kept, Napi::Function done);

 private:
  friend class Job;
  static void call_js(Napi::Env env, Napi::Function callback, Jobs* jobs, Job* job);
  using Channel = Napi::TypedThreadSafeFunction<Jobs, Job, call_js>;

  void forget(Napi::Env env, const std::shared_ptr<Job>& job);
  void close(Napi::Env env);  // stops everything and waits until nothing of it runs

  Channel channel_;
  std::mutex mutex_;
  std::condition_variable idle_;
  int running_ = 0;
  bool closed_ = false;
  std::set<std::shared_ptr<Job>> jobs_;  // JavaScript thread only
};

// Result numbers in the order of call.def.
void write_result(const gld_result& from, double* to);
enum ResultNumber : std::size_t {
#define GLD_RESULT(type, member, name) kResult_##member,
#include "../call.def"
  kResultNumbers
};

}  // namespace gld

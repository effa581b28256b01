// Work off the JavaScript thread: a queue of jobs on the pool, their results brought back, and an orderly end when the
// environment (a worker, or the process) goes away first.
#pragma once

#include <napi.h>

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <set>

#include "call.h"
#include "workspace.h"

namespace gld {

// What a call needs besides its description.
struct Run {
  const gld_engine* engine;
  DecodedCall decoded;
  void* memory;
  std::size_t bytes;
};

class Jobs;

class Job : public std::enable_shared_from_this<Job> {
 public:
  // own: memory to work in, unless a Workspace has it.
  Job(std::shared_ptr<Jobs> jobs, const Run& run, Memory own, Workspace* workspace);

  // On the JavaScript thread: true if the job had not begun and never will.
  bool cancel();

 private:
  friend class Jobs;
  enum class State { kQueued, kRunning, kFinished, kCancelled };

  void execute();                  // on the pool
  void deliver(Napi::Env env);     // on the JavaScript thread
  void let_go(Napi::Env env);

  const std::shared_ptr<Jobs> jobs_;
  Run run_;
  Memory own_;
  Workspace* workspace_;
  State state_ = State::kQueued;   // guarded by Jobs::mutex_
  std::atomic<bool> stop_{false};
  gld_status status_ = GLD_OK;
  gld_result result_{};
  char message_[GLD_MESSAGE_BYTES] = {};
  Napi::ObjectReference kept_;     // { buffers, result, workspace }
  Napi::FunctionReference done_;
};

// The jobs of one environment. What a job reads and writes must be private to it: Node-API has no way to keep the memory
// of a typed array from being transferred away, so lib hands over copies and new arrays only.
class Jobs : public std::enable_shared_from_this<Jobs> {
 public:
  static std::shared_ptr<Jobs> create(Napi::Env env);

  std::shared_ptr<Job> start(Napi::Env env, const Run& run, Memory own, Workspace* workspace, Napi::Object kept,
                             Napi::Function done);

 private:
  friend class Job;
  static void call_js(Napi::Env env, Napi::Function callback, Jobs* jobs, Job* job);
  using Channel = Napi::TypedThreadSafeFunction<Jobs, Job, call_js>;

  void forget(Napi::Env env, const std::shared_ptr<Job>& job);
  void close(Napi::Env env);  // stops everything and waits until no thread of the pool is in a job of ours

  Channel channel_;
  std::mutex mutex_;
  std::condition_variable idle_;
  int running_ = 0;
  bool closed_ = false;
  std::set<std::shared_ptr<Job>> jobs_;  // JavaScript thread only
};

// Result numbers in the order that lib/call.ts reads.
void write_result(const gld_result& from, double* to);
constexpr std::size_t kResultNumbers = 6;
Napi::Error status_error(Napi::Env env, gld_status status, const char* message);

}  // namespace gld
